//! What a comparison comes to: a change, something to remember, or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::compare::Comparison;
use super::index::Index;
use super::resolve::Resolved;
use super::{Adopt, Planner};
use crate::model::address::Identity;
use crate::model::connection_template::SYSTEM;
use crate::model::manifest::{Declared, OnDrift};
use crate::model::plan::{Action, Bookkeeping, Cause, Change, FieldChange, Held, Plan, Source, Step};
use crate::model::recorded::RecordedResource;
use crate::model::schema::Fields;

const FOREIGN_HELD: &str = "it exists already and differs, and versync did not make it: declare it as it is, or set \
                            sync.adopt = \"always\" to take it over";
const FOREIGN_REPORTED: &str = "it exists already and differs, versync did not make it, and sync.adopt is \"never\"";

/// A live resource, once it was compared.
pub(super) struct Judged<'r> {
    /// What is recorded of it.
    pub(super) recorded: Option<&'r RecordedResource>,
    /// How it differs.
    pub(super) comparison: Comparison,
    /// What is to be remembered once it is as declared.
    pub(super) record: RecordedResource,
    /// As what it is recorded, where that is another identity, which is forgotten then.
    pub(super) renamed_from: Option<Identity>,
    /// What would be done about it.
    pub(super) action: Action,
    /// How.
    pub(super) step: Step,
    /// Why not.
    pub(super) refused: Option<Held>,
}

impl<'a> Planner<'a> {
    /// A resource that is declared and not live: new, or deleted by somebody.
    pub(super) fn plan_missing(
        &mut self,
        declared: &Declared,
        resolved: &Resolved<'_>,
        wanted: &Fields,
        step: impl FnOnce(RecordedResource) -> Step,
    ) {
        let was_there = self.recorded.resources.contains_key(&resolved.identity);
        let report_only = was_there && self.on_drift(declared) == OnDrift::Report;
        let cause = if was_there { Cause::Drift } else { Cause::Manifest };
        self.note_missing(declared, wanted, &resolved.identity);
        let mut comparison = Comparison::of_new(wanted, cause);
        self.write_system_as_declared(&mut comparison, resolved);
        let record = record_of(declared, resolved, None, wanted);
        let (action, step) = if report_only { (Action::None, Step::Nothing) } else { (Action::Create, step(record)) };
        self.plan.changes.push(Change {
            address: declared.address.clone(),
            identity: resolved.identity.clone(),
            action,
            causes: BTreeSet::from([cause]),
            source: Some(Source::of(declared)),
            held: report_only.then(|| only_reported(declared, "remove it from the file")),
            fields: comparison.changes,
            step,
        });
    }

    /// Turns the comparison of a live resource into a change, or into nothing.
    pub(super) fn conclude(&mut self, declared: &'a Arc<Declared>, resolved: &Resolved<'_>, judged: Judged<'_>) {
        let Judged { recorded, mut comparison, record, renamed_from, action, step, refused } = judged;
        // Nothing is sent of it, but it has to be applied to count: who looks at a plan has to see it, and a pipeline
        // that asks whether anything is pending must not skip it.
        let protection = recorded.map(|known| (known.prevent_delete, record.prevent_delete));
        let is_lifted = protection == Some((true, false)) && declared.lifecycle.prevent_delete == Some(false);
        let only_reports = comparison.only_reports();
        let protection = protection.filter(|(before, after)| before != after && (!only_reports || is_lifted));
        let is_as_declared = comparison.changes.is_empty();
        if let Some((before, after)) = protection {
            comparison.protect(before, after);
        }
        if is_lifted && action != Action::Replace {
            self.lifted.push(resolved.identity.clone());
        }
        // Also what a create has made whose answer was lost, and what is recorded as another that no file declares.
        let is_new = renamed_from.is_some() || !self.recorded.resources.contains_key(&resolved.identity);
        let (action, step, held) = match recorded {
            _ if is_as_declared && (recorded.is_none() || is_new || protection.is_some()) => {
                (Action::Adopt, Step::Record { record: Box::new(record), renamed_from }, None)
            }
            None => match self.policy.adopt {
                Adopt::Always => (action, step, refused),
                Adopt::Matching => (action, step, Some(Held::because(FOREIGN_HELD))),
                Adopt::Never => (Action::None, Step::Nothing, Some(Held::because(FOREIGN_REPORTED))),
            },
            Some(recorded) if is_as_declared => {
                if *recorded != record {
                    self.plan.bookkeeping.push(Bookkeeping::Record(resolved.identity.clone(), Box::new(record)));
                }
                return self.is_in_sync(declared);
            }
            Some(_) if only_reports => {
                (Action::None, Step::Nothing, Some(only_reported(declared, "write what is live into the file")))
            }
            Some(_) => (action, step, refused),
        };
        self.plan.changes.push(Change {
            address: declared.address.clone(),
            identity: resolved.identity.clone(),
            action,
            causes: comparison.causes(),
            source: Some(Source::of(declared)),
            held,
            fields: comparison.changes,
            step,
        });
    }

    /// What a file protects is protected here and now, whatever becomes of the rest.
    pub(super) fn remember_protection(&mut self, declared: &Declared, identity: &Identity) {
        if !declared.lifecycle.prevents_delete() {
            return;
        }
        if let Some(known) = self.index.record(identity).filter(|known| !known.prevent_delete) {
            let protected = RecordedResource { prevent_delete: true, ..known.clone() };
            self.plan.bookkeeping.push(Bookkeeping::Record(identity.clone(), Box::new(protected)));
        }
    }

    /// Nothing is to be done about it.
    pub(super) fn is_in_sync(&mut self, declared: &'a Arc<Declared>) {
        self.in_sync.push(declared);
    }

    pub(super) fn on_drift(&self, declared: &Declared) -> OnDrift {
        declared.lifecycle.on_drift.unwrap_or(self.policy.on_drift)
    }

    /// Plans show the system as the file writes it, not its id.
    pub(super) fn write_system_as_declared(&self, comparison: &mut Comparison, resolved: &Resolved<'_>) {
        self.write_systems_by_name(&mut comparison.changes);
        for change in comparison.changes.iter_mut().filter(|change| change.path == SYSTEM.name) {
            change.after = Value::String(resolved.owner_written.to_owned());
        }
    }

    /// Shows systems as some file writes them, where one does or did.
    pub(super) fn write_systems_by_name(&self, changes: &mut [FieldChange]) {
        for change in changes.iter_mut().filter(|change| change.path == SYSTEM.name) {
            if let Some(id) = change.before.as_str() {
                change.before = Value::String(self.system_as_written(id).to_owned());
            }
        }
    }

    /// How some file writes the system of this id, where one does or did.
    pub(super) fn system_as_written<'s>(&'s self, id: &'s str) -> &'s str {
        let now = self.observed.systems.iter().find(|(_, found)| found.as_ref().is_ok_and(|found| found == id));
        let before = || self.recorded.resources.values().find_map(|resource| resource.system_written_as(id));
        now.map(|(written, _)| written.as_str()).or_else(before).unwrap_or(id)
    }
}

/// Protection that a file gives up in so many words ends also where nothing else is done about the resource: that is
/// the way out of being held by it.
pub(super) fn lift_protection(plan: &mut Plan, lifted: Vec<Identity>, index: &Index<'_>) {
    for identity in lifted {
        let is_done = plan.changes.iter().any(|change| change.identity == identity && change.is_due());
        if let Some(known) = index.record(&identity).filter(|_| !is_done) {
            let open = RecordedResource { prevent_delete: false, ..known.clone() };
            plan.bookkeeping.push(Bookkeeping::Record(identity, Box::new(open)));
        }
    }
}

/// That drift is left as it is: what says so, and the ways out, of which accepting it is one.
fn only_reported(declared: &Declared, accept: &str) -> Held {
    let setting = if declared.lifecycle.on_drift.is_some() { "lifecycle.on_drift" } else { "sync.on_drift" };
    Held::because(format!("only reported ({setting}): {accept}, or set {setting} = \"revert\""))
}

/// Whether what is recorded is what would be: then there is nothing to remember.
pub(super) fn is_recorded_as(
    recorded: &RecordedResource,
    declared: &Declared,
    resolved: &Resolved<'_>,
    template_id: Option<&str>,
) -> bool {
    recorded.template_id.as_deref() == template_id
        && recorded.prevent_delete == declared.lifecycle.prevents_delete()
        && recorded.replaces.is_none()
        && recorded.source.line == declared.place.line()
        && recorded.source.file == declared.place.file()
        && recorded.address == declared.address
        && resolved.means_the_same(&recorded.references)
}

pub(super) fn record_of(
    declared: &Declared,
    resolved: &Resolved<'_>,
    template_id: Option<&str>,
    fields: &Fields,
) -> RecordedResource {
    RecordedResource {
        address: declared.address.clone(),
        template_id: template_id.map(str::to_owned),
        fields: fields.clone(),
        references: Arc::new(resolved.references()),
        source: Source::of(declared),
        prevent_delete: declared.lifecycle.prevents_delete(),
        replaces: None,
    }
}
