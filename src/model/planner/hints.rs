//! What the files may mean otherwise: said as warnings, since nobody but their author can know.

use std::sync::Arc;

use super::Planner;
use super::index::Map;
use super::resolve::Resolved;
use crate::model::address::Identity;
use crate::model::manifest::Declared;
use crate::model::plan::{Action, Cause, Change, Step};
use crate::model::recorded::RecordedResource;
use crate::model::source::{Problem, nearest};

impl Planner<'_> {
    /// Warns where a template would be made that is likely the new name of another one: that would break the connections
    /// made from the other.
    pub(super) fn hint_at_renames(&mut self, resources: &[(&Resolved<'_>, &Arc<Declared>)]) {
        let made = self.plan.changes.iter().filter(|change| change.action == Action::Create && change.is_due());
        let made: Vec<&Change> = made.filter(|change| change.cause() == Cause::Manifest).collect();
        if made.is_empty() {
            return;
        }
        let declared_as = |change: &Change| {
            let at = resources.binary_search_by(|(_, declared)| declared.address.cmp(&change.address)).ok()?;
            Some(&**resources[at].1)
        };
        let lost = self.lost();
        let mut hints = Vec::new();
        for change in made {
            let Some(declared) = declared_as(change) else { continue };
            hints.extend(match &declared.lifecycle.renamed_from {
                Some(old) => self.misspelt(change, declared, old),
                None => looks_renamed(change, declared, &lost),
            });
        }
        self.plan.problems.extend(hints);
    }

    /// What is to be renamed is not there, and something of a similar name is.
    fn misspelt(&self, change: &Change, declared: &Declared, old: &str) -> Option<Problem> {
        let Identity::ConnectionTemplate { scope, .. } = &change.identity else { return None };
        let is_free = |name: &str| {
            !self.claimed.contains(&Identity::ConnectionTemplate { scope: scope.clone(), name: name.to_owned() })
        };
        let names = self.observed.templates.get(scope)?.as_ref().ok()?.iter().map(|template| template.name.as_str());
        let near = nearest(old, &names.filter(|name| is_free(name)).collect::<Vec<_>>())?.to_owned();
        let message = format!("{} is made anew: there is no template {old:?} to be renamed", declared.address);
        Some(Problem::at(declared.place.clone(), message).help(format!("did you mean {near:?}?")).warning())
    }

    /// What no file declares any more, by the file that did.
    fn lost(&self) -> Map<&str, Vec<(&Change, &RecordedResource)>> {
        let mut lost: Map<&str, Vec<_>> = Map::default();
        let changes = self.plan.changes.iter().filter(|it| matches!(it.action, Action::Delete | Action::None));
        for change in changes.filter(|change| !self.claimed.contains(&change.identity)) {
            if let Some(known) = self.index.record(&change.identity) {
                lost.entry(&known.source.file).or_default().push((change, known));
            }
        }
        lost
    }
}

/// Its file has just lost another one that is the same but for its name.
fn looks_renamed(
    change: &Change,
    declared: &Declared,
    lost: &Map<&str, Vec<(&Change, &RecordedResource)>>,
) -> Option<Problem> {
    let Step::CreateTemplate(step) = &change.step else { return None };
    let (other, old) = lost.get(declared.place.file())?.iter().find_map(|(other, known)| match &other.identity {
        Identity::ConnectionTemplate { scope, name } if *scope == step.scope => {
            (known.fields == step.record.fields).then_some((other, name))
        }
        _ => None,
    })?;
    let then = match other.action {
        Action::Delete => "deleted, and with it the connections made from it",
        _ => "left behind",
    };
    let message = format!("{} is made anew, and {} is {then}", declared.address, other.address);
    let help = format!("where it is the same one under a new name, say so: lifecycle = {{ renamed_from = {old:?} }}");
    Some(Problem::at(declared.place.clone(), message).help(help).warning())
}
