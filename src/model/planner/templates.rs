//! Connection templates: renames, creates whose answer was lost, and what waits for its configs.

use std::collections::BTreeSet;

use serde_json::Value;

use super::compare::{Comparison, compare};
use super::replacements::{refused_replacement, unfinished_replacement};
use super::resolve::Resolved;
use super::{Adopt, FOREIGN_HELD, Planner, record_of};
use crate::model::address::{Identity, Owner, Scope};
use crate::model::connection_template::{AUTH_SCHEME_CONFIGS, DYNAMIC, FIELDS, SYSTEM};
use crate::model::manifest::Declared;
use crate::model::observed::{LiveTemplate, Observed};
use crate::model::plan::{Action, Bookkeeping, Change, Held, OldTemplate, Step, TemplateStep};
use crate::model::recorded::RecordedResource;
use crate::model::schema::{Fields, texts};
use crate::model::source::Problem;

const BEGUN: &str =
    "it was begun before and its answer never came: it is made again if the next pass does not find it either";

impl<'a> Planner<'a> {
    /// Plans one template of an environment that was read.
    pub(super) fn plan_template(&mut self, declared: &Declared, resolved: &Resolved, scope: &Scope, name: &str) {
        let Some(Ok(live)) = self.observed.templates.get(scope) else { return };
        let mut wanted = declared.fields.clone();
        wanted.insert(SYSTEM.name, Value::String(resolved.owner.id.clone()));
        let has = |name: &str| live.iter().any(|template| template.name == name);
        // Once it was renamed, what the file says about its old name is history.
        let pending = declared.lifecycle.renamed_from.as_deref();
        let pending = pending.filter(|_| !self.recorded.resources.contains_key(&resolved.identity));
        let done = pending.and_then(|old| self.finished_rename(scope, old, name, live));
        if let Some((old, record)) = &done {
            // Whatever becomes of the rest, it is known under its new name from now on.
            self.claimed.insert(old.clone());
            let renamed = Bookkeeping::Record(resolved.identity.clone(), Box::new((*record).clone()));
            self.plan.bookkeeping.extend([Bookkeeping::Forget(old.clone()), renamed]);
        }
        if let Some(old) = pending.filter(|old| done.is_none() && has(name) && has(old)) {
            let old_identity = Identity::ConnectionTemplate { scope: scope.clone(), name: old.to_owned() };
            if self.recorded.resources.contains_key(&old_identity) {
                // The file speaks for the old one still, so it is no orphan.
                self.claimed.insert(old_identity);
                let message = format!(
                    "{} cannot be renamed from {old:?}: the platform has another of its new name",
                    declared.address
                );
                let problem = Problem::at(declared.place.clone(), message);
                return self
                    .give_up(declared, [problem.help("choose another name, or delete the one that is not in use")]);
            }
        }
        let old = pending.filter(|_| !has(name));
        let known_as = old.unwrap_or(name);
        let old_identity = Identity::ConnectionTemplate { scope: scope.clone(), name: known_as.to_owned() };
        let matches: Vec<&LiveTemplate> = live.iter().filter(|template| template.name == known_as).collect();
        let begun = self.begun(scope, &old_identity, &matches);
        let before = done.map(|(_, record)| record).or_else(|| self.recorded.resources.get(&old_identity));
        let recorded = before.or(begun.as_ref());
        let unfinished = unfinished_replacement(&matches, declared, resolved, recorded);
        if let (None, [first, second, ..]) = (unfinished, matches.as_slice()) {
            let message =
                format!("{} exists twice on the platform: templates {} and {}", declared.address, first.id, second.id);
            let problem = Problem::at(declared.place.clone(), message);
            let problem = problem.help("versync leaves both alone: delete the one that is not in use");
            return self.give_up(declared, [problem]);
        }
        let strayed = if matches.is_empty() { self.renamed_by_somebody(scope, live, recorded) } else { None };
        let found = unfinished.map(|(new, _)| new).or_else(|| matches.first().copied()).or(strayed);
        let Some(live) = found else {
            match self.environment_left(declared, scope, name) {
                Ok(Some(old)) => self.plan_move(declared, resolved, (scope, name), &wanted, old),
                Ok(None) => self.plan_missing(declared, resolved, &wanted, |record| {
                    Step::CreateTemplate(Box::new(template_step(scope, name, &wanted, None, record)))
                }),
                Err(problem) => return self.give_up(declared, [problem]),
            }
            return self.wait_for_begun(&resolved.identity);
        };
        let renamed = old.is_some();
        if renamed && !self.claimed.insert(old_identity.clone()) {
            let message =
                format!("{} cannot be renamed from {known_as:?}, for which a file speaks already", declared.address);
            let problem = Problem::at(declared.place.clone(), message);
            let help = "remove the other declaration of it, or the other `renamed_from`, or this one";
            return self.give_up(declared, [problem.help(help)]);
        }
        let (mut comparison, moved) = self.compare_template(declared, resolved, &wanted, recorded, live);
        let mut send_name = name;
        if renamed {
            comparison.rename(&live.name, name);
        } else if strayed.is_some() && !comparison.drifted_name(&live.name, name, self.on_drift(declared)) {
            // Sent as it is: an update of another field must not revert this one.
            send_name = &live.name;
        }
        let record = record_of(declared, resolved, Some(&live.id), &comparison.record);
        if let (Some((_, old)), true) = (unfinished, comparison.changes.is_empty()) {
            return self.finish_replacement(declared, resolved, scope, old, record);
        }
        let mut step = Box::new(template_step(scope, send_name, &comparison.send, Some(live), record.clone()));
        let (action, step) = if moved {
            step.existing = vec![live.id.clone()];
            let identity = renamed.then_some(old_identity);
            let old = OldTemplate { scope: scope.clone(), id: live.id.clone(), identity };
            (Action::Replace, Step::ReplaceTemplate { old, step })
        } else {
            let renamed_from = renamed.then_some(old_identity);
            (Action::Update, Step::UpdateTemplate { id: live.id.clone(), renamed_from, step })
        };
        let is_ours = before.is_none_or(|known| known.template_id.as_ref().is_none_or(|ours| *ours == live.id));
        let refused = match moved {
            // Somebody has made it in the place of ours: it is not for us to delete.
            true if !is_ours && self.policy.adopt != Adopt::Always => Some(Held::because(FOREIGN_HELD)),
            true => refused_replacement(declared, recorded),
            false => None,
        };
        self.conclude(declared, resolved, recorded, comparison, record, (action, step), refused);
    }

    /// Compares a template with what is wanted of it, and tells whether it would have to move to another system.
    pub(super) fn compare_template(
        &self,
        declared: &Declared,
        resolved: &Resolved,
        wanted: &Fields,
        recorded: Option<&RecordedResource>,
        live: &LiveTemplate,
    ) -> (Comparison, bool) {
        let names: Vec<_> = FIELDS.iter().copied().chain([&SYSTEM]).collect();
        let mut comparison =
            compare(&names, wanted, recorded, &live.fields(), &declared.lifecycle, self.policy.on_drift);
        let moved = comparison.changes.iter().any(|change| change.path == SYSTEM.name);
        if moved && !wanted.contains_key(AUTH_SCHEME_CONFIGS.name) {
            // The ids that it lists are the old system's, and mean nothing to the new one.
            comparison.reset(&AUTH_SCHEME_CONFIGS, &live.fields());
        }
        self.write_system_as_declared(&mut comparison, resolved);
        (comparison, moved)
    }

    /// The record of a template under its old name, where it has its new one already: the answer to the rename
    /// was lost.
    fn finished_rename(
        &self,
        scope: &Scope,
        old: &str,
        name: &str,
        live: &[LiveTemplate],
    ) -> Option<(Identity, &'a RecordedResource)> {
        let old = Identity::ConnectionTemplate { scope: scope.clone(), name: old.to_owned() };
        let record = self.recorded.resources.get(&old)?;
        let is_it = |template: &LiveTemplate| Some(&template.id) == record.template_id.as_ref();
        live.iter().any(|template| template.name == name && is_it(template)).then_some((old, record))
    }

    /// What a create that was begun has made, as if it were recorded: of its fields nothing is known.
    fn begun(&self, scope: &Scope, identity: &Identity, matches: &[&LiveTemplate]) -> Option<RecordedResource> {
        let intent = self.recorded.intents.get(identity)?;
        let made = matches.iter().find(|template| intent.has_made(&scope.environment, template))?;
        Some(RecordedResource { template_id: Some(made.id.clone()), fields: Fields::new(), ..intent.record.clone() })
    }

    /// A create whose answer was lost may still be under way: the next one waits until a later pass does not
    /// find it either.
    fn wait_for_begun(&mut self, identity: &Identity) {
        if self.recorded.intents.get(identity).is_none_or(|intent| intent.missed) {
            return;
        }
        let makes = |change: &Change| matches!(change.action, Action::Create | Action::Replace);
        let create = |change: &&mut Change| change.identity == *identity && makes(change) && change.held.is_none();
        if let Some(change) = self.plan.changes.last_mut().filter(create) {
            change.held = Some(Held::for_now(BEGUN));
            self.plan.bookkeeping.push(Bookkeeping::Missed(identity.clone()));
        }
    }

    /// Creates that were begun for what no file declares any more: what they have made is remembered, so that
    /// it is treated like anything else that is no longer declared.
    pub(super) fn settle_intents(&mut self) {
        for (identity, intent) in self.recorded.intents.iter().filter(|(identity, _)| !self.claimed.contains(*identity))
        {
            let made = match identity {
                Identity::ConnectionTemplate { scope, name } => {
                    let Some(Ok(live)) = self.observed.templates.get(scope) else { continue };
                    let matches: Vec<&LiveTemplate> = live.iter().filter(|template| template.name == *name).collect();
                    self.begun(scope, identity, &matches)
                }
                Identity::AuthSchemeConfig { owner, id } => {
                    let Some(Ok(live)) = self.observed.configs.get(owner) else { continue };
                    let found = live.iter().find(|config| config.id == *id);
                    found.and_then(|live| self.begun_config(identity, live))
                }
            };
            self.plan.bookkeeping.push(match made {
                Some(made) => Bookkeeping::Record(identity.clone(), Box::new(made)),
                None if intent.missed => Bookkeeping::Abandon(identity.clone()),
                None => Bookkeeping::Missed(identity.clone()),
            });
        }
    }

    /// A template that is recorded, and that somebody has given another name. Where a file speaks for that
    /// name, it is that file's.
    fn renamed_by_somebody<'t>(
        &mut self,
        scope: &Scope,
        live: &'t [LiveTemplate],
        recorded: Option<&RecordedResource>,
    ) -> Option<&'t LiveTemplate> {
        let ours = recorded?.template_id.as_deref()?;
        let found = live.iter().find(|template| template.id == ours)?;
        let other = Identity::ConnectionTemplate { scope: scope.clone(), name: found.name.clone() };
        self.claimed.insert(other).then_some(found)
    }
}

/// Holds the templates that list a config which does not exist and is not made in this pass either: the
/// platform would refuse the list after it has made the template.
pub(super) fn hold_what_waits_for_others(changes: &mut [Change], observed: &Observed) {
    let made: BTreeSet<(Owner, String)> = changes
        .iter()
        .filter(|change| change.is_due())
        .filter_map(|change| match &change.step {
            Step::PutConfig(step) => Some((step.owner.clone(), step.id.clone())),
            _ => None,
        })
        .collect();
    for change in changes.iter_mut().filter(|change| change.is_due()) {
        let (Step::CreateTemplate(step) | Step::UpdateTemplate { step, .. } | Step::ReplaceTemplate { step, .. }) =
            &change.step
        else {
            continue;
        };
        let owner = Owner::system(&step.system);
        let live = observed.configs.get(&owner).and_then(|configs| configs.as_ref().ok());
        let exists = |id: &String| live.is_some_and(|live| live.iter().any(|config| config.id == *id));
        let waits_for =
            step.auth_scheme_configs.iter().find(|id| !exists(id) && !made.contains(&(owner.clone(), (*id).clone())));
        if let Some(id) = waits_for {
            change.held = Some(Held::because(format!(
                "it lists the auth scheme config {id:?}, which does not exist yet and is not made in this pass"
            )));
        }
    }
}

/// What to send for a template: what is declared, and for the rest what is live.
pub(super) fn template_step(
    scope: &Scope,
    name: &str,
    fields: &Fields,
    live: Option<&LiveTemplate>,
    record: RecordedResource,
) -> TemplateStep {
    TemplateStep {
        scope: scope.clone(),
        name: name.to_owned(),
        system: fields.get(SYSTEM.name).and_then(Value::as_str).unwrap_or_default().to_owned(),
        dynamic: fields
            .get(DYNAMIC.name)
            .and_then(Value::as_bool)
            .unwrap_or_else(|| live.is_some_and(|live| live.dynamic)),
        auth_scheme_configs: match fields.get(AUTH_SCHEME_CONFIGS.name) {
            Some(list) => texts(list),
            None => live.map(|live| live.auth_scheme_configs.clone()).unwrap_or_default(),
        },
        existing: Vec::new(),
        record,
    }
}
