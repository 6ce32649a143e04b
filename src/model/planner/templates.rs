//! Connection templates: which live one a declared one is, and what follows.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::Planner;
use super::compare::{Comparison, compare};
use super::conclude::{Judged, is_recorded_as, record_of};
use super::renames::{Rename, spoken_for};
use super::replacements::{PLACE_IS_TAKEN, refused_replacement};
use super::resolve::Resolved;
use crate::model::address::{Address, Identity, Scope};
use crate::model::connection_template::{AUTH_SCHEME_CONFIGS, DYNAMIC, FIELDS, SYSTEM};
use crate::model::manifest::{Declared, OnDrift};
use crate::model::observed::LiveTemplate;
use crate::model::plan::{Action, Cause, Change, Held, Source, Step, TemplateStep};
use crate::model::recorded::{OldTemplate, RecordedResource};
use crate::model::schema::{Fields, texts};
use crate::model::source::Problem;

/// What is known of a declared template before anything live is looked at.
struct Known<'a, 'd> {
    rename: Rename<'a, 'd>,
    /// The name under which it is looked for.
    name: &'d str,
    /// The identity of that name.
    identity: Identity,
    /// What is recorded of it, or as if it were.
    recorded: Option<Cow<'a, RecordedResource>>,
}

/// A live template, and what is known of it.
struct Found<'t> {
    live: &'t LiveTemplate,
    /// What is recorded of it, or as if it were.
    recorded: Option<&'t RecordedResource>,
    /// The identity that its file renames it from.
    renamed_from: Option<Identity>,
    /// As what it is recorded, where that is another identity that no file speaks for.
    recorded_as: Option<Identity>,
    /// Whether somebody has given it another name.
    strayed: bool,
    /// The template whose place it takes, and that may still be there.
    pending: Option<OldTemplate>,
}

impl<'a> Planner<'a> {
    /// Plans one template of an environment that was read, and that is not settled.
    pub(super) fn plan_template(
        &mut self,
        declared: &'a Arc<Declared>,
        resolved: &Resolved<'_>,
        scope: &Scope,
        name: &str,
    ) {
        let Some(Ok(list)) = self.observed.templates.get(scope) else { return };
        if let Some(protected) = self.unsaid.get(&resolved.identity).cloned() {
            return self.hold_exchange(declared, resolved, &protected);
        }
        if let Err(problem) = self.plan_unsettled(declared, resolved, (scope, name), list) {
            self.give_up(declared, [problem]);
        }
    }

    fn plan_unsettled(
        &mut self,
        declared: &'a Arc<Declared>,
        resolved: &Resolved<'_>,
        (scope, name): (&Scope, &str),
        list: &'a [LiveTemplate],
    ) -> Result<(), Problem> {
        let mut wanted = declared.fields.clone();
        wanted.insert(SYSTEM.name, Value::String(resolved.owner.id.clone()));
        let Known { rename, name: known_as, identity, recorded } = self.known(declared, resolved, (scope, name))?;
        let recorded = recorded.as_deref();
        let pending = self.claim_pending(resolved, recorded);
        let is_other = |template: &&LiveTemplate| pending.as_ref().is_none_or(|old| old.id != template.id);
        let matches: Vec<_> = self.candidates(scope, known_as, &rename).into_iter().filter(is_other).collect();
        if let [first, second, ..] = matches.as_slice() {
            return Err(exists_twice(declared, known_as, [first, second]));
        }
        if let Some((live, record)) = self.left_alone(resolved, scope, recorded) {
            if let [other, ..] = matches.as_slice() {
                return Err(exists_twice(declared, known_as, [live, other]));
            }
            let strayed = live.name != name;
            let found =
                Found { live, recorded: Some(&record), renamed_from: None, recorded_as: None, strayed, pending: None };
            self.plan_found(declared, resolved, (scope, name), &wanted, found);
            return Ok(());
        }
        let left = match recorded {
            None => self.environment_left(declared, scope, [name, known_as])?,
            Some(_) => None,
        };
        let strayed =
            if matches.is_empty() { self.renamed_by_somebody(&identity, scope, list, recorded) } else { None };
        let live = match (matches.first().copied().or(strayed), left) {
            (None, Some(left)) => {
                self.plan_move(declared, resolved, (scope, name), &wanted, left, None);
                self.wait_for_begun(&resolved.identity);
                return Ok(());
            }
            (None, None) => {
                self.plan_new(declared, resolved, (scope, name), &wanted, recorded, pending);
                return Ok(());
            }
            (Some(_), Some(left)) => {
                let taken = Some(Held::because(PLACE_IS_TAKEN));
                self.plan_move(declared, resolved, (scope, name), &wanted, left, taken);
                return Ok(());
            }
            (Some(live), None) => live,
        };
        let renamed_from = rename.open().map(|_| identity);
        self.claim_renamed(declared, resolved, renamed_from.as_ref())?;
        let reverted = pending.as_ref().and_then(|old| self.reverted(resolved, scope, old, live));
        let found = match reverted.as_ref() {
            Some((old, record)) => Found {
                live: old,
                recorded: Some(record),
                renamed_from: None,
                recorded_as: None,
                strayed: false,
                pending: record.replaces.as_deref().cloned(),
            },
            None => {
                let strayed = strayed.is_some();
                // A file may also rename it from the name that somebody has given it.
                let is_open = renamed_from.is_none() || recorded.is_none();
                let before = self.recorded_elsewhere(resolved, live).filter(|_| is_open);
                before.into_iter().for_each(|before| self.remember_protection(declared, before));
                let (recorded, recorded_as) = match before {
                    Some(before) => (self.index.record(before), Some(before.clone())),
                    None => (recorded, None),
                };
                Found { live, recorded, renamed_from, recorded_as, strayed, pending }
            }
        };
        self.plan_found(declared, resolved, (scope, name), &wanted, found);
        Ok(())
    }

    /// Under which name a declared template is known, and what is known of it.
    fn known<'d>(
        &mut self,
        declared: &'d Declared,
        resolved: &Resolved<'_>,
        (scope, name): (&Scope, &'d str),
    ) -> Result<Known<'a, 'd>, Problem> {
        // What a create of this very name has made is not to be renamed to it.
        let made = self.begun(scope, &resolved.identity);
        let rename = match made {
            Some(_) => Rename::None,
            None => self.rename(declared, resolved, (scope, name))?,
        };
        let name = rename.open().unwrap_or(name);
        let identity = Identity::ConnectionTemplate { scope: scope.clone(), name: name.to_owned() };
        let recorded = made.map(Cow::Owned).or_else(|| {
            let before = rename.done().or_else(|| self.index.record(&identity));
            before.map(Cow::Borrowed).or_else(|| self.begun(scope, &identity).map(Cow::Owned))
        });
        Ok(Known { rename, name, identity, recorded })
    }

    /// The template whose place it was recorded to take. What a file declares anew, or renames, is no predecessor of
    /// this one any more.
    fn claim_pending(&mut self, resolved: &Resolved<'_>, recorded: Option<&RecordedResource>) -> Option<OldTemplate> {
        let is_wanted = |old: &Identity| self.claimed.is_wanted(old, &resolved.identity);
        let pending = recorded.and_then(|recorded| recorded.replaces.as_deref().cloned());
        let pending = pending.filter(|old| !old.identity.as_ref().is_some_and(is_wanted))?;
        if let Some(old) = &pending.identity {
            self.claimed.insert(old.clone());
        }
        Some(pending)
    }

    /// The file speaks for the template under its old name as well, if no other does.
    fn claim_renamed(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        renamed_from: Option<&Identity>,
    ) -> Result<(), Problem> {
        let Some(old @ Identity::ConnectionTemplate { name, .. }) = renamed_from else { return Ok(()) };
        if self.claimed.insert(old.clone()) || self.begun_to_replace(&resolved.identity) == Some(old) {
            return Ok(());
        }
        Err(spoken_for(declared, name))
    }

    /// Plans a template of which nothing is live.
    fn plan_new(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        (scope, name): (&Scope, &str),
        wanted: &Fields,
        recorded: Option<&RecordedResource>,
        pending: Option<OldTemplate>,
    ) {
        // What was to be replaced is still there: this is no new template, but another try at replacing it.
        let is_there = pending.as_ref().is_some_and(|old| self.index.template(&old.scope, &old.id).is_some());
        let refused = refused_replacement(declared, recorded).filter(|_| is_there);
        self.plan_missing(declared, resolved, wanted, |record| {
            let record = RecordedResource { replaces: pending.map(Box::new), ..record };
            Step::CreateTemplate(Box::new(template_step(scope, name, wanted, None, record)))
        });
        if let (Some(refused), Some(change)) = (refused, self.plan.changes.last_mut()) {
            change.held.get_or_insert(refused);
        }
        self.wait_for_begun(&resolved.identity);
    }

    /// Plans a template that is live, under whatever name.
    fn plan_found(
        &mut self,
        declared: &'a Arc<Declared>,
        resolved: &Resolved<'_>,
        (scope, name): (&Scope, &str),
        wanted: &Fields,
        found: Found<'_>,
    ) {
        let Found { live, recorded, renamed_from, recorded_as, strayed, pending } = found;
        if let Some(protected) = self.protected_as_another(declared, resolved, renamed_from.as_ref(), &live.id) {
            return self.hold_adoption(declared, resolved, protected);
        }
        self.claimed.take(&live.id);
        let (mut comparison, moved) = self.compare_template(declared, resolved, wanted, recorded, live);
        let mut send_name = name;
        if renamed_from.is_some() {
            comparison.rename(&live.name, name);
        } else if strayed {
            // A new template is made under the name that the file gives it.
            let on_drift = if moved { OnDrift::Revert } else { self.on_drift(declared) };
            if !comparison.drifted_name(&live.name, name, on_drift) {
                // Sent as it is: an update of another field must not revert this one.
                send_name = &live.name;
            }
        }
        let (pending, old) = self.still_pending(pending);
        let record = record_of(declared, resolved, Some(&live.id), &comparison.record);
        // What somebody has made in the place of ours is not ours.
        let recorded = recorded.filter(|known| !self.is_foreign(known, live));
        let renamed_from = recorded_as.or(renamed_from);
        if let (Some(pending), Some(old), Some(_)) = (&pending, old, recorded)
            && (moved || comparison.changes.is_empty())
        {
            // One replacement after the other: what this one has made is to be replaced only then.
            let record = if moved { recorded.cloned().unwrap_or(record) } else { record };
            let record = RecordedResource { replaces: None, ..record };
            return self.finish_replacement(declared, resolved, (pending, old), recorded, record);
        }
        let record = RecordedResource { replaces: pending.map(Box::new), ..record };
        let mut step = Box::new(template_step(scope, send_name, &comparison.send, Some(live), record.clone()));
        let (action, step) = if moved {
            let namesakes = self.index.templates(scope, name).iter().map(|template| template.id.clone());
            step.existing = namesakes.chain([live.id.clone()]).collect();
            let old = OldTemplate { scope: scope.clone(), id: live.id.clone(), identity: renamed_from.clone() };
            step.record.replaces = Some(Box::new(old.clone()));
            (Action::Replace, Step::ReplaceTemplate { old, step })
        } else {
            (Action::Update, Step::UpdateTemplate { id: live.id.clone(), renamed_from: renamed_from.clone(), step })
        };
        let refused = refused_replacement(declared, recorded).filter(|_| moved);
        self.conclude(declared, resolved, Judged { recorded, comparison, record, renamed_from, action, step, refused });
    }

    /// As what a live template is recorded, where that is something else than this, and no file speaks for it: somebody
    /// has given it this name, and what is known of it comes with it.
    fn recorded_elsewhere(&self, resolved: &Resolved<'_>, live: &LiveTemplate) -> Option<&'a Identity> {
        let owner = self.index.recorded_as(&live.id)?;
        (*owner != resolved.identity && !self.claimed.contains(owner)).then_some(owner)
    }

    /// Whether a live template is another one than what is recorded, and nothing that versync made.
    fn is_foreign(&self, known: &RecordedResource, live: &LiveTemplate) -> bool {
        let is_other = known.template_id.as_ref().is_some_and(|ours| *ours != live.id);
        is_other && self.index.owner(&live.id).is_none()
    }

    /// As what the template of this id is recorded and protected, where its file is gone and this one would take it
    /// over without a word about that: it would be one edit, and a name that somebody has changed, from being deleted.
    fn protected_as_another(
        &self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        renamed_from: Option<&Identity>,
        id: &str,
    ) -> Option<&'a RecordedResource> {
        let owner = self.index.recorded_as(id).filter(|_| declared.lifecycle.prevent_delete.is_none())?;
        let is_another = *owner != resolved.identity && Some(owner) != renamed_from && !self.claimed.contains(owner);
        self.index.record(owner).filter(|record| is_another && record.prevent_delete)
    }

    /// Names were exchanged, and what is recorded of each template cannot go with it yet. None of them is an orphan
    /// meanwhile.
    fn hold_exchange(&mut self, declared: &Declared, resolved: &Resolved<'_>, protected: &Address) {
        let owners: Vec<&Identity> = self.unsaid.keys().filter_map(|called| self.recorded_of(called)).collect();
        for owner in owners {
            self.claimed.insert(owner.clone());
        }
        if let Some(owner) = self.recorded_of(&resolved.identity) {
            self.remember_protection(declared, owner);
        }
        let reason = format!(
            "somebody has exchanged the names of templates, and {protected} was declared with lifecycle.prevent_delete: say \
             in the table that has its name now whether it is still to be protected, true or false, or give the \
             templates their own names back"
        );
        self.hold_as_is(declared, resolved, reason);
    }

    /// As what the template is recorded that is called so.
    fn recorded_of(&self, called: &Identity) -> Option<&'a Identity> {
        let Identity::ConnectionTemplate { scope, name } = called else { return None };
        self.index.templates(scope, name).iter().find_map(|live| self.index.recorded_as(&live.id))
    }

    fn hold_adoption(&mut self, declared: &Declared, resolved: &Resolved<'_>, protected: &RecordedResource) {
        let reason = format!(
            "the template of this name is recorded as {}, which was declared with lifecycle.prevent_delete: say here \
             whether it is still to be protected, true or false, or give the template its own name back",
            protected.address
        );
        self.hold_as_is(declared, resolved, reason);
    }

    fn hold_as_is(&mut self, declared: &Declared, resolved: &Resolved<'_>, reason: String) {
        self.plan.changes.push(Change {
            address: declared.address.clone(),
            identity: resolved.identity.clone(),
            action: Action::Adopt,
            causes: BTreeSet::from([Cause::Manifest]),
            source: Some(Source::of(declared)),
            held: Some(Held::because(reason)),
            fields: Vec::new(),
            step: Step::Nothing,
        });
    }

    /// Whether a template is live, recorded and declared all the same; for its few fields, without making the map
    /// that [`compare`] goes by.
    pub(super) fn is_settled_template(
        &self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        scope: &Scope,
        name: &str,
    ) -> bool {
        let recorded = self.index.record(&resolved.identity);
        let ([live], Some(recorded)) = (self.index.templates(scope, name), recorded) else { return false };
        let is_same = |field: &str| match (declared.fields.get(field), recorded.fields.get(field)) {
            (None, None) => true,
            (Some(Value::Bool(wanted)), before) if field == DYNAMIC.name => {
                *wanted == live.dynamic && before == Some(&Value::Bool(*wanted))
            }
            (Some(wanted), before) if field == AUTH_SCHEME_CONFIGS.name => {
                is_list_of(wanted, &live.auth_scheme_configs) && before == Some(wanted)
            }
            _ => false,
        };
        let system = recorded.fields.get(SYSTEM.name).and_then(Value::as_str);
        declared.lifecycle.ignore.is_empty()
            && declared.lifecycle.renamed_from.is_none()
            && system == Some(resolved.owner.id.as_str())
            && live.system == resolved.owner.id
            && FIELDS.iter().all(|field| is_same(field.name))
            && is_recorded_as(recorded, declared, resolved, Some(&live.id))
    }

    /// Compares a template with what is wanted of it, and tells whether it would have to move to another system.
    pub(super) fn compare_template(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        wanted: &Fields,
        recorded: Option<&RecordedResource>,
        live: &LiveTemplate,
    ) -> (Comparison, bool) {
        let names: Vec<_> = FIELDS.iter().copied().chain([&SYSTEM]).collect();
        self.note_comparison(declared, &names, wanted, recorded, (&live.fields(), Some(&live.id)));
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
}

fn exists_twice(declared: &Declared, name: &str, [first, second]: [&LiveTemplate; 2]) -> Problem {
    let what = match &declared.lifecycle.renamed_from {
        Some(old) if old == name => format!("{name:?}, from which {} is to be renamed,", declared.address),
        _ => declared.address.to_string(),
    };
    let message = format!("{what} exists twice on the platform: templates {} and {}", first.id, second.id);
    let problem = Problem::at(declared.place.clone(), message);
    problem.help("versync leaves both alone: delete the one that is not in use")
}

/// Whether a list in the form in which it is compared holds these texts.
fn is_list_of(value: &Value, texts: &[String]) -> bool {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.len() == texts.len() && items.iter().zip(texts).all(|(item, text)| item.as_str() == Some(text))
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
