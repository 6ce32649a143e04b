//! From what a file writes to what it means: names to ids, and the problems of names that mean nothing.

use std::sync::Arc;

use rayon::prelude::*;

use super::index::Set;
use crate::model::address::{Identity, Owner, OwnerKind, Scope};
use crate::model::document::Found;
use crate::model::manifest::{Declared, Target};
use crate::model::observed::{Lookup, Observed, Project, Unread};
use crate::model::recorded::{Reference, References};
use crate::model::source::{Problem, nearest};

/// A declared resource with its references looked up.
pub(super) struct Resolved<'d> {
    /// What it is.
    pub(super) identity: Identity,
    /// The system or connector that it is about.
    pub(super) owner: Owner,
    /// The same as the file writes it.
    pub(super) owner_written: &'d str,
    /// The project and the environment of a template, as the file writes them.
    place_written: Option<(&'d str, &'d str)>,
}

impl Resolved<'_> {
    /// Every reference that was looked up, with what it means.
    pub(super) fn references(&self) -> References {
        let mut references = References::new();
        if let (Identity::ConnectionTemplate { scope, .. }, Some((project, environment))) =
            (&self.identity, self.place_written)
        {
            references.insert(Reference::Project(project.to_owned()), scope.project.clone());
            let written = Reference::Environment(project.to_owned(), environment.to_owned());
            references.insert(written, scope.environment.clone());
        }
        if self.owner.kind == OwnerKind::System {
            references.insert(Reference::System(self.owner_written.to_owned()), self.owner.id.clone());
        }
        references
    }

    /// Whether [`Self::references`] are these.
    pub(super) fn means_the_same(&self, recorded: &References) -> bool {
        let scope = match &self.identity {
            Identity::ConnectionTemplate { scope, .. } => Some(scope),
            Identity::AuthSchemeConfig { .. } => None,
        };
        let is_same = |(reference, meant): (&Reference, &String)| match (reference, scope, self.place_written) {
            (Reference::Project(written), Some(scope), Some((project, _))) => {
                written == project && *meant == scope.project
            }
            (Reference::Environment(within, written), Some(scope), Some((project, environment))) => {
                within == project && written == environment && *meant == scope.environment
            }
            (Reference::System(written), ..) => {
                self.owner.kind == OwnerKind::System && written == self.owner_written && *meant == self.owner.id
            }
            _ => false,
        };
        let count = 2 * usize::from(scope.is_some()) + usize::from(self.owner.kind == OwnerKind::System);
        recorded.len() == count && recorded.iter().all(is_same)
    }
}

/// A declared resource with what it means, or why it means nothing.
pub(super) type LookedUp<'d> = (&'d Arc<Declared>, Result<Resolved<'d>, Vec<Problem>>);

/// So many resources are looked at one after the other: it takes less than a millisecond, of which to wake another core
/// would save little.
pub(super) const FEW: usize = 1024;

/// Looks up the references of all of these, on all cores.
pub(super) fn resolve_all<'d>(resources: &'d [Arc<Declared>], observed: &Observed) -> Vec<LookedUp<'d>> {
    let all = resources.par_iter().with_min_len(FEW);
    all.map(|declared| (declared, resolve(declared, observed))).collect()
}

/// Looks a resource's references up, and makes sure that the place where it lives was read. Every reference that leads
/// nowhere is a problem.
pub(super) fn resolve<'d>(declared: &'d Declared, observed: &Observed) -> Result<Resolved<'d>, Vec<Problem>> {
    match &declared.target {
        Target::ConnectionTemplate { project, environment, system, name, .. } => {
            let (scope, owner) = match (find_scope(project, environment, observed), find_system(system, observed)) {
                (Ok(scope), Ok(owner)) => (scope, owner),
                (scope, owner) => return Err(scope.err().into_iter().chain(owner.err()).collect()),
            };
            let identity = Identity::ConnectionTemplate { scope, name: name.clone() };
            let place_written = Some((project.value.as_str(), environment.value.as_str()));
            Ok(Resolved { identity, owner, owner_written: &system.value, place_written })
        }
        Target::AuthSchemeConfig { kind, owner: written, id } => {
            let owner = find_owner(*kind, written, observed).map_err(|problem| vec![problem])?;
            let identity = Identity::AuthSchemeConfig { owner: owner.clone(), id: id.clone() };
            Ok(Resolved { identity, owner, owner_written: &written.value, place_written: None })
        }
    }
}

/// Where a template lives, if the templates there were read.
fn find_scope(project: &Found<String>, environment: &Found<String>, observed: &Observed) -> Result<Scope, Problem> {
    let found = look_up(observed.projects.get(&project.value), project, "project")?;
    let scope = Scope { project: found.id.clone(), environment: find_environment(found, project, environment)? };
    let what = || format!("the connection templates of {}/{}", project.value, environment.value);
    readable(observed.templates.get(&scope), what)?;
    Ok(scope)
}

fn find_system(written: &Found<String>, observed: &Observed) -> Result<Owner, Problem> {
    let owner = Owner::system(look_up(observed.systems.get(&written.value), written, "system")?.clone());
    match observed.configs.get(&owner) {
        // An id needs no look-up, so only reading the system tells whether there is one.
        Some(Err(Unread::Absent)) => Err(absent(written, "system")),
        _ => Ok(owner),
    }
}

/// Whose a config is, if the configs there were read.
fn find_owner(kind: OwnerKind, written: &Found<String>, observed: &Observed) -> Result<Owner, Problem> {
    let owner = match kind {
        OwnerKind::System => find_system(written, observed)?,
        OwnerKind::Connector => Owner::connector(written.value.clone()),
    };
    match observed.configs.get(&owner) {
        Some(Err(Unread::Absent)) => Err(absent(written, kind.as_str())),
        lookup => {
            readable(lookup, || format!("the auth scheme configs of {kind} {}", written.value))?;
            Ok(owner)
        }
    }
}

/// Every config that a template lists must be declared on its system, or live on it.
pub(super) fn check_auth_scheme_configs(
    declared: &Declared,
    system: &Owner,
    declared_ids: &Set<(&Owner, &str)>,
    observed: &Observed,
) -> Result<(), Vec<Problem>> {
    let Target::ConnectionTemplate { auth_scheme_configs, system: written, .. } = &declared.target else {
        return Ok(());
    };
    let unknown: Vec<_> =
        auth_scheme_configs.iter().filter(|item| !declared_ids.contains(&(system, item.value.as_str()))).collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let live = match observed.configs.get(system) {
        Some(Ok(live)) => live,
        lookup => {
            let what = || format!("the auth scheme configs of system {}", written.value);
            return readable(lookup, what).map_err(|problem| vec![problem]);
        }
    };
    let problems: Vec<_> = unknown
        .into_iter()
        .filter(|item| live.iter().all(|config| config.id != item.value))
        .map(|item| {
            let message = format!(
                "the auth scheme config {:?} is not on system {}, and no sound file declares it",
                item.value, written.value
            );
            let mut known: Vec<&str> = live
                .iter()
                .map(|config| config.id.as_str())
                .chain(declared_ids.iter().filter(|(owner, _)| *owner == system).map(|(_, id)| *id))
                .collect();
            known.sort_unstable();
            let help = match nearest(&item.value, &known) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("declare it: [auth_scheme_configs.{}] with system = {:?}", item.value, written.value),
            };
            Problem::at(item.place.clone(), message).help(help)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn look_up<'a, T>(lookup: Option<&'a Lookup<T>>, written: &Found<String>, kind: &str) -> Result<&'a T, Problem> {
    match lookup {
        Some(Ok(found)) => Ok(found),
        Some(Err(Unread::Unnamed { near: Some(near) })) => {
            Err(Problem { help: Some(format!("did you mean {near:?}?")), ..absent(written, kind) })
        }
        Some(Err(Unread::Absent | Unread::Unnamed { near: None })) => Err(absent(written, kind)),
        Some(Err(Unread::Ambiguous { ids })) => {
            let message = format!("{} {kind}s are called {:?}: {}", ids.len(), written.value, ids.join(", "));
            Err(Problem::at(written.place.clone(), message).help("write the id in place of the name"))
        }
        Some(Err(Unread::Failed(why))) => Err(Problem::general(format!("cannot read {kind} {}: {why}", written.value))),
        None => Err(Problem::general(format!("{kind} {} was not read", written.value))),
    }
}

fn absent(written: &Found<String>, kind: &str) -> Problem {
    let problem =
        Problem::at(written.place.clone(), format!("there is no {kind} {:?} in the organisation", written.value));
    problem.help(format!("check the {kind}'s name or id on the platform, and api.organisation in the settings"))
}

fn find_environment(
    project: &Project,
    written: &Found<String>,
    environment: &Found<String>,
) -> Result<String, Problem> {
    let matches: Vec<&String> = project
        .environments
        .iter()
        .filter(|(id, name)| *id == environment.value || *name == environment.value)
        .map(|(id, _)| id)
        .collect();
    match matches.as_slice() {
        [id] => Ok((*id).clone()),
        [] => {
            let names: Vec<&str> = project.environments.iter().map(|(_, name)| name.as_str()).collect();
            let message = format!("project {} has no environment {:?}", written.value, environment.value);
            let help = match nearest(&environment.value, &names) {
                Some(near) => format!("did you mean {near:?}?"),
                None if names.is_empty() => "it has none".to_owned(),
                None => format!("it has {}", names.join(", ")),
            };
            Err(Problem::at(environment.place.clone(), message).help(help))
        }
        [..] => {
            let message = format!("project {} has several environments {:?}", written.value, environment.value);
            Err(Problem::at(environment.place.clone(), message).help("write the environment's id in place of its name"))
        }
    }
}

/// A list that was not read is an error of everything in it, said once.
fn readable<T>(lookup: Option<&Lookup<T>>, what: impl FnOnce() -> String) -> Result<(), Problem> {
    match lookup {
        Some(Ok(_)) => Ok(()),
        Some(Err(Unread::Failed(why))) => Err(Problem::general(format!("cannot read {}: {why}", what()))),
        Some(Err(Unread::Absent)) => {
            Err(Problem::general(format!("cannot read {}: the platform has no such place", what())))
        }
        Some(Err(Unread::Unnamed { .. } | Unread::Ambiguous { .. })) | None => {
            Err(Problem::general(format!("{} were not read", what())))
        }
    }
}
