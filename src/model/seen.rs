//! What earlier passes have seen live, and where it is looked at again: after an edit only where something is to be
//! done about it. Nothing is ever sent on the strength of an earlier look.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::address::{Identity, Owner, Scope};
use super::connection_template::SYSTEM;
use super::manifest::{Declared, Target};
use super::observed::{Observed, Wanted};
use super::plan::{Bookkeeping, Plan, Step};
use super::planner::identity_of;
use super::recorded::Recorded;

/// The live world as it was seen last.
#[derive(Debug, Default)]
pub struct Seen {
    observed: Observed,
    /// Where something was changed since.
    stale: Wanted,
}

impl Seen {
    /// What is left to know of a world after a pass that has tried to change these. What is `stale` was not read by it,
    /// and was changed before.
    pub fn after<'a>(mut observed: Observed, mut stale: Wanted, tried: impl IntoIterator<Item = &'a Identity>) -> Self {
        tried.into_iter().for_each(|identity| stale.insert(identity));
        observed.listed_elsewhere = None;
        Self { observed, stale }
    }

    /// Lets go of what an update would have to send back: that is read anew.
    pub fn let_go(&mut self) {
        self.observed.configs.values_mut().flatten().flatten().for_each(|config| config.raw.let_go());
    }

    /// All of it, what was changed since among it.
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// Which of these places are not known as they are now.
    pub(super) fn unknown_of(&self, places: &Wanted) -> Wanted {
        let Observed { templates, configs, .. } = &self.observed;
        let knows = |scope: &&Scope| !self.stale.scopes.contains(scope) && matches!(templates.get(scope), Some(Ok(_)));
        let scopes = places.scopes.iter().filter(|scope| !knows(scope)).cloned().collect();
        let knows = |owner: &&Owner| !self.stale.owners.contains(owner) && matches!(configs.get(owner), Some(Ok(_)));
        let owners = places.owners.iter().filter(|owner| !knows(owner)).cloned().collect();
        Wanted { scopes, owners, ..Wanted::default() }
    }

    /// Takes in what was read just now. False where a config has gone, which templates anywhere may list.
    #[must_use]
    pub fn renew(&mut self, read: Observed) -> bool {
        let mut all_there = true;
        for (owner, list) in read.configs {
            self.stale.owners.remove(&owner);
            if let (Some(Ok(before)), Ok(now)) = (self.observed.configs.get(&owner), &list) {
                let now: HashSet<&str> = now.iter().map(|config| config.id.as_str()).collect();
                all_there &= before.iter().all(|config| now.contains(config.id.as_str()));
            }
            self.observed.configs.insert(owner, list);
        }
        for (scope, list) in read.templates {
            self.stale.scopes.remove(&scope);
            self.observed.templates.insert(scope, list);
        }
        all_there
    }

    /// What references mean, and the lists of these places and of these systems. To be given back.
    pub(super) fn lend(&mut self, places: &Wanted, systems: &BTreeSet<Owner>) -> Observed {
        let Observed { projects, systems: meant, templates, configs, .. } = &mut self.observed;
        let owners = places.owners.union(systems);
        Observed {
            projects: std::mem::take(projects),
            systems: std::mem::take(meant),
            templates: places.scopes.iter().filter_map(|scope| templates.remove_entry(scope)).collect(),
            configs: owners.filter_map(|owner| configs.remove_entry(owner)).collect(),
            listed_elsewhere: None,
        }
    }

    /// Takes back what was lent.
    pub(super) fn take_back(&mut self, lent: Observed) {
        let Observed { projects, systems, templates, configs, .. } = lent;
        (self.observed.projects, self.observed.systems) = (projects, systems);
        self.observed.templates.extend(templates);
        self.observed.configs.extend(configs);
    }

    /// The world and where it was changed since.
    pub fn into_parts(self) -> (Observed, Wanted) {
        (self.observed, self.stale)
    }

    /// The part of it that a pass wants, and what has to be read for the rest. Nothing where it is not known what
    /// the references in the files mean: then everything is read.
    pub fn part_of(self, wanted: &Wanted) -> Option<(Observed, Wanted)> {
        let Self { mut observed, stale } = self;
        observed.templates.retain(|scope, _| !stale.scopes.contains(scope));
        observed.configs.retain(|owner, _| !stale.owners.contains(owner));
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

/// Where these, which files declare anew, differ from what is recorded: something is to be done about that, so it is
/// looked at before anything is planned.
pub fn touched<'d>(news: impl Iterator<Item = &'d Arc<Declared>>, recorded: &Recorded, observed: &Observed) -> Wanted {
    let mut wanted = Wanted::default();
    for declared in news {
        let Ok(identity) = identity_of(&declared.address, observed) else { continue };
        let mut fields = declared.fields.clone();
        if let Target::ConnectionTemplate { system, .. } = &declared.target {
            let Some(Ok(system)) = observed.systems.get(&system.value) else { continue };
            fields.insert(SYSTEM.name, Value::String(system.clone()));
        }
        if recorded.resources.get(&identity).is_none_or(|known| known.fields != fields) {
            // The configs that a template lists have to be there.
            wanted.owners.extend(fields.get(SYSTEM.name).and_then(Value::as_str).map(Owner::system));
            wanted.insert(&identity);
        }
    }
    wanted
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
        wanted.insert(&change.identity);
    }
    Some(wanted)
}

/// Whether all that a plan concerns was looked at.
pub fn is_within(plan: &Plan, looked: &Wanted) -> bool {
    concerns(plan).is_some_and(|it| it.scopes.is_subset(&looked.scopes) && it.owners.is_subset(&looked.owners))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::desired::{Desired, ManifestFile};
    use crate::model::parses::Parses;
    use crate::model::planner::{Policy, plan};
    use crate::model::source::SourceFile;

    const PAY: &str = "[auth_scheme_configs.pay]\nsystem = \"stripe\"\ndescription = \"\"\ntype = \"none\"\n";
    const SHOP: &str = "[connection_templates.shop]\nproject = \"p\"\nenvironment = \"e\"\nsystem = \"shopify\"\n\
                        dynamic = true\n[connection_templates.erp]\nproject = \"p\"\nenvironment = \"e2\"\nsystem = \"netsuite\"\n";

    #[test]
    fn what_an_edit_touches_is_known_before_anything_is_planned() {
        let mut parses = Parses::default();
        let mut assemble = |shop: &str, pay: &str| {
            let files: [ManifestFile; 2] =
                [Ok(SourceFile::new("shop.toml", shop)), Ok(SourceFile::new("pay.toml", pay))];
            let desired = Desired::assemble_known(&files, &mut parses);
            let news: Vec<_> = parses.edit().after(&desired).cloned().collect();
            (desired, news)
        };
        let (desired, news) = assemble(SHOP, PAY);
        assert_eq!(news.len(), 3, "at first, everything is news");
        let none = Recorded::default();
        let wanted = desired.wanted(&none);
        let empty = Observed::from_recorded(&none, &wanted);
        let planned = plan(&desired, &none, &empty, &Policy::default(), None);
        let record = |step: &Step| match step {
            Step::CreateTemplate(step) => step.record.clone(),
            Step::PutConfig(step) => step.record.clone(),
            step => unreachable!("{step:?}"),
        };
        let resources = planned.changes.iter().map(|change| (change.identity.clone(), record(&change.step)));
        let recorded = Recorded { resources: Arc::new(resources.collect()), ..Recorded::default() };
        let observed = Observed::from_recorded(&recorded, &wanted);
        let mut touched_by = |shop: &str, pay: &str| touched(assemble(shop, pay).1.iter(), &recorded, &observed);
        assert_eq!(touched_by(&format!("# a remark\n{SHOP}"), PAY), Wanted::default());
        let edited = touched_by(&SHOP.replace("true", "false"), PAY);
        let scope = Scope { project: "p".to_owned(), environment: "e".to_owned() };
        assert_eq!((edited.scopes, edited.owners), ([scope].into(), [Owner::system("shopify")].into()));
        // What was just said of the shop is no news any more.
        let edited = touched_by(&SHOP.replace("true", "false"), &PAY.replace("none", "basic-auth"));
        assert_eq!((edited.scopes, edited.owners), ([].into(), [Owner::system("stripe")].into()));
    }
}
