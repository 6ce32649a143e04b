//! All files together: what is declared, and what is wrong with it before anything is looked up.

mod secrets;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::mem;
use std::sync::Arc;

use rayon::prelude::*;

use super::address::{Address, Identity, Owner, OwnerKind};
use super::manifest::{Declared, Target};
use super::observed::Wanted;
use super::parses::{Edit, Parse, Parses};
use super::recorded::Recorded;
use super::rule::Rule;
use super::source::{Problem, Severity, SourceFile, sort_problems};

use secrets::Referring;

pub use secrets::{NoSecret, SecretHashes, Secrets};

/// A file of the folder: its text, or why it could not be read.
pub type ManifestFile = Result<Arc<SourceFile>, Problem>;

/// Everything that the folder declares.
#[derive(Debug, Clone, Default)]
pub struct Desired {
    /// The resources of every sound file, without those that are declared twice; in the order of their addresses.
    /// Shared with what is kept for the next pass.
    pub resources: Arc<Vec<Arc<Declared>>>,
    /// Every problem of every file.
    pub problems: Vec<Problem>,
    /// Files of which nothing is taken, because something in them is in error. What they declared
    /// last stays as it is.
    pub broken_files: BTreeSet<String>,
    /// Addresses that are declared twice, or whose secrets cannot be read: no resource here, but no orphan
    /// either.
    pub disputed: BTreeSet<Address>,
    /// The name of every file that there is, sound or not. Names that are no text may look the same.
    pub files: Arc<Vec<String>>,
    /// The secrets that they refer to, once they were read.
    pub secrets: Arc<Secrets>,
    /// Who refers to them.
    pub(crate) referring: Referring,
}

impl Desired {
    /// Puts the files together.
    pub fn assemble(files: &[ManifestFile]) -> Self {
        Self::assemble_known(files, &mut Parses::default())
    }

    /// The same, where some files may be known from before.
    pub fn assemble_known(files: &[ManifestFile], parses: &mut Parses) -> Self {
        Self::assemble_sharing(files, parses, &Recorded::default())
    }

    /// The same, without a second copy of fields that are recorded just so.
    pub fn assemble_sharing(files: &[ManifestFile], parses: &mut Parses, recorded: &Recorded) -> Self {
        let (last, known) = (parses.last.take().unwrap_or_default(), parses.known.take());
        let found = parses.take_in(files, &last, recorded);
        // Of what could not be read nothing is known.
        let is_known = !last.is_empty() && last.len() == found.len() && found.iter().all(Option::is_some);
        let patched = known.filter(|_| is_known).and_then(|known| known.patched(parses.edit()));
        let desired = patched.unwrap_or_else(|| Self::put_together(files, &found));
        parses.last = found.into_iter().collect();
        desired
    }

    /// The same where files were edited so that they declare the same resources as before, without problems: nothing of
    /// what holds between files has changed then.
    fn patched(mut self, edit: &Edit) -> Option<Self> {
        // Nobody else has them any more, so nothing is copied.
        let resources = Arc::make_mut(&mut self.resources);
        for (before, after) in edit.pairs()? {
            let mut replaced = HashSet::new();
            if !before.problems.is_empty() || !after.problems.is_empty() {
                return None;
            }
            for declared in &after.resources {
                let at = position(resources, &declared.address)?;
                if resources[at].place.file() != after.file.name() || !replaced.insert(at) {
                    return None;
                }
                let before = mem::replace(&mut resources[at], Arc::clone(declared));
                self.referring.replace(at, &before, declared);
            }
            if replaced.len() != before.resources.len() {
                return None;
            }
        }
        Some(self)
    }

    /// What is declared under an address.
    pub fn find(&self, address: &Address) -> Option<&Arc<Declared>> {
        self.position(address).map(|at| &self.resources[at])
    }

    /// Where what is declared under an address is among all.
    pub(super) fn position(&self, address: &Address) -> Option<usize> {
        position(&self.resources, address)
    }

    fn put_together(files: &[ManifestFile], parses: &[Option<Arc<Parse>>]) -> Self {
        let mut desired = Self::default();
        let (mut resources, mut names) = (Vec::new(), Vec::new());
        for (file, parse) in files.iter().zip(parses) {
            let file = match file {
                Ok(file) => {
                    names.push(file.name().to_owned());
                    file
                }
                Err(problem) => {
                    let name = problem.file_name().map(str::to_owned);
                    names.extend(name.clone());
                    desired.broken_files.extend(name);
                    desired.problems.push(problem.clone());
                    continue;
                }
            };
            let Some(parse) = parse else { continue };
            if parse.problems.iter().any(|problem| problem.severity == Severity::Error) {
                desired.broken_files.insert(file.name().to_owned());
                desired.problems.extend(repeats(&parse.resources).map(|(_, problem)| problem));
            } else {
                resources.extend(parse.resources.iter().cloned());
            }
            desired.problems.extend(parse.problems.iter().cloned());
        }
        resources.par_sort_by(|a, b| a.address.cmp(&b.address));
        desired.drop_repeats(&mut resources);
        desired.referring = Referring::of(&resources);
        (desired.resources, desired.files) = (Arc::new(resources), Arc::new(names));
        sort_problems(&mut desired.problems);
        desired
    }

    /// What a pass has to read to compare all of this, and all that is recorded.
    pub fn wanted(&self, recorded: &Recorded) -> Wanted {
        // Many mean the same few places: what they are is found out before anything is copied.
        let (mut environments, mut systems, mut connectors) = (Few::default(), Few::default(), Few::default());
        for resource in self.resources.iter() {
            match &resource.target {
                Target::ConnectionTemplate { project, environment, system, .. } => {
                    environments.insert((&project.value, &environment.value));
                    systems.insert(&system.value);
                }
                Target::AuthSchemeConfig { kind: OwnerKind::System, owner, .. } => drop(systems.insert(&owner.value)),
                Target::AuthSchemeConfig { kind: OwnerKind::Connector, owner, .. } => {
                    connectors.insert(&owner.value);
                }
            }
        }
        let (mut scopes, mut owners) = (Few::default(), Few::default());
        let records = recorded.resources.values().chain(recorded.intents.values().map(|intent| &intent.record));
        scopes.extend(records.filter_map(|record| Some(&record.replaces.as_ref()?.scope)));
        for identity in recorded.resources.keys().chain(recorded.intents.keys()) {
            match identity {
                Identity::ConnectionTemplate { scope, .. } => scopes.insert(scope),
                Identity::AuthSchemeConfig { owner, .. } => owners.insert(owner),
            };
        }
        let mut wanted = Wanted {
            environments: BTreeMap::new(),
            systems: systems.into_iter().cloned().collect(),
            scopes: scopes.into_iter().cloned().collect(),
            owners: owners.into_iter().cloned().chain(connectors.into_iter().map(Owner::connector)).collect(),
        };
        for (project, environment) in environments {
            wanted.environments.entry(project.clone()).or_default().insert(environment.clone());
        }
        wanted
    }

    /// Of resources with one address none is taken: which one is meant is not ours to guess.
    fn drop_repeats(&mut self, resources: &mut Vec<Arc<Declared>>) {
        for (address, problem) in repeats(resources) {
            self.problems.push(problem);
            self.disputed.insert(address.clone());
        }
        resources.retain(|resource| !self.disputed.contains(&resource.address));
    }
}

/// Where an address is among resources in the order of theirs.
fn position(resources: &[Arc<Declared>], address: &Address) -> Option<usize> {
    resources.binary_search_by(|declared| declared.address.cmp(address)).ok()
}

/// Different ones among many that are mostly the same.
type Few<T> = HashSet<T, foldhash::fast::RandomState>;

/// Every address that is declared more than once.
fn repeats(resources: &[Arc<Declared>]) -> impl Iterator<Item = (&Address, Problem)> {
    let mut sorted: Vec<&Arc<Declared>> = resources.iter().collect();
    // Most often they are sorted already.
    sorted.sort_by(|a, b| a.address.cmp(&b.address));
    let follows = move |at: usize| {
        let (earlier, resource) = (sorted[at - 1], sorted[at]);
        (earlier.address == resource.address).then(|| (&resource.address, declared_twice(earlier, resource)))
    };
    (1..resources.len()).filter_map(follows)
}

/// Says that two declarations mean one thing, and where both are.
pub(super) fn declared_twice(first: &Declared, second: &Declared) -> Problem {
    if let Some(problem) = listed_twice(first, second) {
        return problem;
    }
    let place = &first.place;
    let message = format!(
        "{} is declared twice: here and at {}:{}:{}",
        second.address,
        place.file(),
        place.line(),
        place.column()
    );
    let problem = Problem::at(second.place.clone(), message).of(Rule::DeclaredTwice);
    problem.help("remove one of the two; until then neither is applied")
}

/// The same of two environments that one table lists.
fn listed_twice(first: &Declared, second: &Declared) -> Option<Problem> {
    let environment = |declared: &Declared| match &declared.target {
        Target::ConnectionTemplate { environment, .. } if first.place == second.place => Some(environment.clone()),
        _ => None,
    };
    let mut listed = [environment(first)?, environment(second)?];
    listed.sort_by_key(|environment| (environment.place.line(), environment.place.column()));
    let [first, second] = listed;
    let message = if first.value == second.value {
        format!("{:?} is listed twice", second.value)
    } else {
        format!("{:?} and {:?} are one environment", first.value, second.value)
    };
    let problem = Problem::at(second.place, message).of(Rule::DeclaredTwice);
    Some(problem.help("remove one of the two; until then neither is applied"))
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn file(name: &str, id: &str) -> Arc<SourceFile> {
        let text = format!("[auth_scheme_configs.{id}]\nsystem = \"s\"\ndescription = \"\"\ntype = \"none\"\n");
        SourceFile::new(name, text)
    }

    #[test]
    fn only_what_has_changed_is_parsed_again() {
        let mut parses = Parses::default();
        let mut files: Vec<ManifestFile> = ["a", "b", "c"].map(|id| Ok(file(&format!("{id}.toml"), id))).into();
        Desired::assemble_known(&files, &mut parses);
        // Read again with the same text, or not at all.
        files[0] = Ok(file("a.toml", "a"));
        files[2] = Ok(file("c.toml", "d"));
        let desired = Desired::assemble_known(&files, &mut parses);
        assert_eq!(parses.made, 4);
        let ids = desired.resources.iter().map(|it| it.address.to_string());
        assert_eq!(ids.collect::<Vec<_>>().len(), 3);
        assert!(desired.resources.iter().any(|it| it.address.to_string().ends_with("/d")));
        // A file that has gone is forgotten.
        Desired::assemble_known(&files[..1], &mut parses);
        Desired::assemble_known(&files, &mut parses);
        assert_eq!(parses.made, 6);
    }
}
