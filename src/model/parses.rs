//! What files say, kept from one pass to the next, and what an edit of them has changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::desired::{Desired, ManifestFile};
use super::manifest::{self, Declared};
use super::recorded::{FieldsByAddress, Recorded};
use super::source::{Problem, SourceFile};

/// So many files are parsed one after the other.
const FEW: usize = 4;

/// What files say, kept from one pass to the next: a file that has not changed is not parsed again.
#[derive(Debug, Default)]
pub struct Parses {
    of_files: HashMap<String, Arc<Parse>, foldhash::fast::RandomState>,
    /// What the files of the last pass said, in their order.
    pub(super) last: Option<Vec<Arc<Parse>>>,
    /// What they came to together, where that is to be known again.
    pub(super) known: Option<Desired>,
    /// How many files were parsed, and not known from before.
    pub made: usize,
    /// Whether one core has something else to do while files are parsed.
    pub leaves_a_core: bool,
    edit: Edit,
}

/// The files that are others than at the pass before: what they said, and what they say.
#[derive(Debug, Default)]
pub struct Edit {
    before: Vec<Arc<Parse>>,
    after: Vec<Arc<Parse>>,
}

/// What one text says.
#[derive(Debug)]
pub(super) struct Parse {
    pub(super) file: Arc<SourceFile>,
    pub(super) resources: Vec<Arc<Declared>>,
    pub(super) problems: Vec<Problem>,
}

impl Parse {
    fn of(file: &Arc<SourceFile>, recorded: &FieldsByAddress<'_>) -> Arc<Self> {
        let (mut resources, problems) = manifest::parse(file);
        for declared in &mut resources {
            if let Some(fields) = recorded.get(&declared.address) {
                declared.fields.share_with(fields);
            }
        }
        let mut resources: Vec<_> = resources.into_iter().map(Arc::new).collect();
        // It would keep the room of what it was collected from.
        resources.shrink_to_fit();
        Arc::new(Self { file: Arc::clone(file), resources, problems })
    }
}

impl Parses {
    /// What the files of the last pass declare, those that are in error among them.
    pub fn declared(&self) -> Vec<Arc<Declared>> {
        self.of_files.values().flat_map(|parse| parse.resources.iter().cloned()).collect()
    }

    /// Keeps what the files came to together for the next pass, which changes there what was edited; but no secret.
    pub fn remember(&mut self, desired: &Desired) {
        let known = Desired { secrets: Arc::default(), ..desired.clone() };
        self.known = Some(known).filter(|known| !known.referring.is_lacking);
    }

    /// How the files of the last pass differ from those of the one before.
    pub fn edit(&self) -> &Edit {
        &self.edit
    }

    /// What every file says, in their order; nothing for one that could not be read. What is new is parsed on all cores.
    /// `last` is what the files of the last pass said, in their order.
    pub(super) fn take_in(
        &mut self,
        files: &[ManifestFile],
        last: &[Arc<Parse>],
        recorded: &Recorded,
    ) -> Vec<Option<Arc<Parse>>> {
        let known = |(at, file): (usize, &ManifestFile)| self.known(file.as_ref().ok()?, last.get(at));
        let mut parses: Vec<_> = files.iter().enumerate().map(known).collect();
        let unknown = parses.iter().zip(files).filter(|(parse, _)| parse.is_none());
        let new: Vec<&Arc<SourceFile>> = unknown.filter_map(|(_, file)| file.as_ref().ok()).collect();
        let fields = self.known_fields(&new, recorded);
        let parse = |file: &&Arc<SourceFile>| Parse::of(file, &fields);
        // To wake the other cores takes longer than a few files do.
        let made: Vec<_> = if new.len() > FEW {
            let others = rayon::current_num_threads().saturating_sub(1).max(1);
            let at_least = if self.leaves_a_core { new.len().div_ceil(others) } else { 1 };
            new.par_iter().with_min_len(at_least).map(parse).collect()
        } else {
            new.iter().map(parse).collect()
        };
        self.made += made.len();
        let slots = parses.iter_mut().zip(files).filter(|(parse, file)| parse.is_none() && file.is_ok());
        slots.zip(&made).for_each(|((slot, _), parse)| *slot = Some(Arc::clone(parse)));
        self.note(made, &parses, are_the_same(files, last));
        parses
    }

    /// What a file says, where that is known; `stood` is where it stood most probably.
    fn known(&self, file: &Arc<SourceFile>, stood: Option<&Arc<Parse>>) -> Option<Arc<Parse>> {
        let is_same = |known: &&Arc<Parse>| Arc::ptr_eq(&known.file, file);
        let named =
            || self.of_files.get(file.name()).filter(|known| is_same(known) || known.file.text() == file.text());
        stood.filter(is_same).or_else(named).cloned()
    }

    /// The fields of what was declared in these files: as they said before, or when it was recorded.
    fn known_fields<'r>(&'r self, files: &[&Arc<SourceFile>], recorded: &'r Recorded) -> FieldsByAddress<'r> {
        let files: HashSet<&str> = files.iter().map(|file| file.name()).collect();
        let before = files.iter().filter_map(|name| self.of_files.get(*name)).flat_map(|parse| &parse.resources);
        let mut fields: FieldsByAddress<'_> = before.map(|declared| (&declared.address, &declared.fields)).collect();
        if files.iter().any(|name| !self.of_files.contains_key(*name)) {
            let records = recorded.resources.values().filter(|record| files.contains(record.source.file.as_str()));
            fields.extend(records.map(|record| (&record.address, &record.fields)));
        }
        fields
    }

    /// Notes what has changed: what was parsed, and which files are gone.
    fn note(&mut self, made: Vec<Arc<Parse>>, parses: &[Option<Arc<Parse>>], are_the_same: bool) {
        let mut before = Vec::new();
        for parse in &made {
            before.extend(self.of_files.insert(parse.file.name().to_owned(), Arc::clone(parse)));
        }
        if !are_the_same {
            let there: HashSet<&str> = parses.iter().flatten().map(|parse| parse.file.name()).collect();
            let gone = self.of_files.extract_if(|name, _| !there.contains(name.as_str()));
            before.extend(gone.map(|(_, parse)| parse));
        }
        self.edit = Edit { before, after: made };
    }
}

/// Whether the files are those of the last pass, whatever they say now.
fn are_the_same(files: &[ManifestFile], last: &[Arc<Parse>]) -> bool {
    let is_it = |(file, last): (&ManifestFile, &Arc<Parse>)| {
        file.as_ref().is_ok_and(|file| Arc::ptr_eq(file, &last.file) || file.name() == last.file.name())
    };
    files.len() == last.len() && files.iter().zip(last).all(is_it)
}

impl Edit {
    /// What the edited files declared before, as they were parsed.
    pub fn before(&self) -> impl Iterator<Item = &Arc<Declared>> {
        self.before.iter().flat_map(|parse| &parse.resources)
    }

    /// What the edited files declare now, as far as it is part of what is desired.
    pub fn after<'d>(&self, desired: &'d Desired) -> impl Iterator<Item = &'d Arc<Declared>> {
        let declared = self.after.iter().flat_map(|parse| &parse.resources);
        declared.filter_map(|declared| desired.find(&declared.address))
    }

    /// What each edited file said and says; nothing where files have come or gone.
    pub(super) fn pairs(&self) -> Option<Vec<(&Parse, &Parse)>> {
        let mut before: HashMap<&str, &Arc<Parse>> =
            self.before.iter().map(|parse| (parse.file.name(), parse)).collect();
        if self.before.len() != self.after.len() || before.len() != self.before.len() {
            return None;
        }
        self.after.iter().map(|after| Some((&**before.remove(after.file.name())?, &**after))).collect()
    }
}
