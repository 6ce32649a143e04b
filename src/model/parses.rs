//! What files say, kept from one pass to the next, and what an edit of them has changed.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::address::Address;
use super::desired::{Desired, ManifestFile};
use super::manifest::{self, Declared};
use super::recorded::Recorded;
use super::schema::Fields;
use super::source::{Problem, SourceFile};

/// What files say, kept from one pass to the next: a file that has not changed is not parsed again.
#[derive(Debug, Default)]
pub struct Parses {
    of_files: HashMap<String, Arc<Parse>, foldhash::fast::RandomState>,
    /// What the files of the last pass came to together.
    pub(super) last: Option<(Vec<Arc<Parse>>, Desired)>,
    /// How many files were parsed, and not known from before.
    pub made: usize,
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
    fn of(file: &Arc<SourceFile>, recorded: &KnownFields<'_>) -> Arc<Self> {
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

    /// How the files of the last pass differ from those of the one before.
    pub fn edit(&self) -> &Edit {
        &self.edit
    }

    /// What every file says, in their order; nothing for one that could not be read. Parses on all cores.
    pub(super) fn take_in(&mut self, files: &[ManifestFile], recorded: &Recorded) -> Vec<Option<Arc<Parse>>> {
        let is_same =
            |known: &Parse, file: &Arc<SourceFile>| Arc::ptr_eq(&known.file, file) || known.file.text() == file.text();
        let known = |file: &Arc<SourceFile>| self.of_files.get(file.name()).filter(|known| is_same(known, file));
        let new: HashSet<&str> =
            files.iter().flatten().filter(|file| known(file).is_none()).map(|file| file.name()).collect();
        let fields = self.known_fields(&new, recorded);
        let parse = |file: &ManifestFile| {
            let file = file.as_ref().ok()?;
            Some(known(file).map_or_else(|| Parse::of(file, &fields), Arc::clone))
        };
        let parses: Vec<_> = files.par_iter().map(parse).collect();
        self.made += new.len();
        self.note(&parses);
        parses
    }

    /// The fields of what was declared in these files: as they said before, or when it was recorded.
    fn known_fields<'r>(&'r self, files: &HashSet<&str>, recorded: &'r Recorded) -> KnownFields<'r> {
        let before = files.iter().filter_map(|name| self.of_files.get(*name)).flat_map(|parse| &parse.resources);
        let mut fields: KnownFields<'_> = before.map(|declared| (&declared.address, &declared.fields)).collect();
        if files.iter().any(|name| !self.of_files.contains_key(*name)) {
            let records = recorded.resources.values().filter(|record| files.contains(record.source.file.as_str()));
            fields.extend(records.map(|record| (&record.address, &record.fields)));
        }
        fields
    }

    /// Notes what has changed.
    fn note(&mut self, parses: &[Option<Arc<Parse>>]) {
        let is_known =
            |parse: &Arc<Parse>| self.of_files.get(parse.file.name()).is_some_and(|known| Arc::ptr_eq(known, parse));
        let after: Vec<_> = parses.iter().flatten().filter(|parse| !is_known(parse)).cloned().collect();
        if after.is_empty() && parses.iter().flatten().count() == self.of_files.len() {
            self.edit = Edit::default();
            return;
        }
        let mut before = Vec::new();
        for parse in &after {
            before.extend(self.of_files.insert(parse.file.name().to_owned(), Arc::clone(parse)));
        }
        let there: HashSet<&str> = parses.iter().flatten().map(|parse| parse.file.name()).collect();
        let gone = self.of_files.extract_if(|name, _| !there.contains(name.as_str()));
        before.extend(gone.map(|(_, parse)| parse));
        self.edit = Edit { before, after };
    }
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

/// Fields, by what files call the resources that have them.
type KnownFields<'r> = HashMap<&'r Address, &'r Fields, foldhash::fast::RandomState>;
