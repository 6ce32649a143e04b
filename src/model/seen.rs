//! What earlier passes have seen live, and where it is looked at again: after an edit only where something is to be
//! done about it. Nothing is ever sent on the strength of an earlier look.

use super::address::{Identity, Owner, Scope};
use super::observed::{Observed, Raw, Wanted};
use super::plan::{Bookkeeping, Plan, Step};

/// The live world as it was seen last, without what was changed since and without what an update would have to
/// send back: that is read anew.
#[derive(Debug, Default)]
pub struct Seen {
    observed: Observed,
}

impl Seen {
    /// What is left to know of a world after a pass that has tried to change these.
    pub fn after<'a>(mut observed: Observed, tried: impl IntoIterator<Item = &'a Identity>) -> Self {
        for identity in tried {
            match identity {
                Identity::ConnectionTemplate { scope, .. } => drop(observed.templates.remove(scope)),
                Identity::AuthSchemeConfig { owner, .. } => drop(observed.configs.remove(owner)),
            }
        }
        observed.configs.values_mut().flatten().flatten().for_each(|config| config.raw = Raw::default());
        observed.listed_elsewhere = None;
        Self { observed }
    }

    /// The part of it that a pass wants, and what has to be read for the rest. Nothing where it is not known what
    /// the references in the files mean: then everything is read.
    pub fn part_of(self, wanted: &Wanted) -> Option<(Observed, Wanted)> {
        let mut observed = self.observed;
        let mut scopes = wanted.scopes.clone();
        for (project, names) in &wanted.environments {
            let project = observed.projects.get(project)?.as_ref().ok()?;
            for name in names {
                let mut meant = project.environments.iter().filter(|(id, known)| id == name || known == name);
                let (id, _) = meant.next()?;
                scopes.insert(Scope { project: project.id.clone(), environment: id.clone() });
            }
        }
        let mut owners = wanted.owners.clone();
        for system in &wanted.systems {
            owners.insert(Owner::system(observed.systems.get(system)?.as_ref().ok()?));
        }
        observed.projects.retain(|written, _| wanted.environments.contains_key(written));
        observed.systems.retain(|written, _| wanted.systems.contains(written));
        observed.templates.retain(|scope, list| list.is_ok() && scopes.contains(scope));
        observed.configs.retain(|owner, list| list.is_ok() && owners.contains(owner));
        scopes.retain(|scope| !observed.templates.contains_key(scope));
        owners.retain(|owner| !observed.configs.contains_key(owner));
        Some((observed, Wanted { scopes, owners, ..Wanted::default() }))
    }
}

/// Where a plan that was made of an earlier look has to be looked at before it is carried out. Nothing where a part
/// is not enough: where something would be deleted, or more is noted than that a declaration has moved in its file.
pub fn concerns(plan: &Plan) -> Option<Wanted> {
    let is_note = |entry: &Bookkeeping| matches!(entry, Bookkeeping::Record(..));
    if plan.refused || plan.has_unread() || !plan.bookkeeping.iter().all(is_note) {
        return None;
    }
    let mut wanted = Wanted::default();
    for change in &plan.changes {
        match &change.step {
            Step::DeleteTemplate { .. }
            | Step::DeleteConfig { .. }
            | Step::ReplaceTemplate { .. }
            | Step::FinishReplacement { .. } => return None,
            // The configs that a template lists have to be there.
            Step::CreateTemplate(step) | Step::UpdateTemplate { step, .. } => {
                wanted.owners.insert(Owner::system(&step.system));
            }
            Step::Nothing | Step::Record { .. } | Step::PutConfig(_) => {}
        }
        match &change.identity {
            Identity::ConnectionTemplate { scope, .. } => drop(wanted.scopes.insert(scope.clone())),
            Identity::AuthSchemeConfig { owner, .. } => drop(wanted.owners.insert(owner.clone())),
        }
    }
    Some(wanted)
}

/// Whether all that a plan concerns was looked at.
pub fn is_within(plan: &Plan, looked: &Wanted) -> bool {
    concerns(plan).is_some_and(|it| it.scopes.is_subset(&looked.scopes) && it.owners.is_subset(&looked.owners))
}
