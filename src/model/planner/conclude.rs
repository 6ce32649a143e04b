//! What a comparison comes to: a change, something to remember, or nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use super::compare::Comparison;
use super::resolve::Resolved;
use super::{Adopt, Planner};
use crate::model::connection_template::SYSTEM;
use crate::model::manifest::{Declared, OnDrift};
use crate::model::plan::{Action, Bookkeeping, Cause, Change, FieldChange, Held, InSync, Source, Step};
use crate::model::recorded::RecordedResource;
use crate::model::schema::Fields;

const FOREIGN_HELD: &str = "it exists already and differs, and versync did not make it: declare it as it is, or set \
                            sync.adopt = \"always\" to take it over";
const FOREIGN_REPORTED: &str = "it exists already and differs, versync did not make it, and sync.adopt is \"never\"";

impl Planner<'_> {
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
            held: report_only.then(|| Held::because("it was deleted on the platform; drift is only reported here")),
            fields: comparison.changes,
            step,
        });
    }

    /// Turns the comparison of a live resource into a change, or into nothing.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn conclude(
        &mut self,
        declared: &Arc<Declared>,
        resolved: &Resolved<'_>,
        recorded: Option<&RecordedResource>,
        mut comparison: Comparison,
        record: RecordedResource,
        (action, step): (Action, Step),
        refused: Option<Held>,
    ) {
        if let Some(known) = self.recorded.resources.get(&resolved.identity)
            && declared.lifecycle.prevents_delete()
            && !known.prevent_delete
        {
            // Known here and now, whatever becomes of the fields.
            let protected = RecordedResource { prevent_delete: true, ..known.clone() };
            self.plan.bookkeeping.push(Bookkeeping::Record(resolved.identity.clone(), Box::new(protected)));
        }
        // Nothing is sent of it, but it has to be applied to count: who looks at a plan has to see it, and a pipeline
        // that asks whether anything is pending must not skip it.
        let protection = recorded.map(|known| (known.prevent_delete, record.prevent_delete));
        let protection = protection.filter(|(before, after)| before != after && !comparison.only_reports());
        let is_as_declared = comparison.changes.is_empty();
        if let Some((before, after)) = protection {
            comparison.protect(before, after);
        }
        let (action, step, held) = match recorded {
            // Also what a create has made whose answer was lost.
            _ if is_as_declared
                && (recorded.is_none() || !self.recorded.resources.contains_key(&resolved.identity)) =>
            {
                (Action::Adopt, Step::Record(Box::new(record)), None)
            }
            None => match self.policy.adopt {
                Adopt::Always => (action, step, refused),
                Adopt::Matching => (action, step, Some(Held::because(FOREIGN_HELD))),
                Adopt::Never => (Action::None, Step::Nothing, Some(Held::because(FOREIGN_REPORTED))),
            },
            Some(_) if is_as_declared && protection.is_some() => (Action::Adopt, Step::Record(Box::new(record)), None),
            Some(recorded) if is_as_declared => {
                if *recorded != record {
                    self.plan.bookkeeping.push(Bookkeeping::Record(resolved.identity.clone(), Box::new(record)));
                }
                return self.is_in_sync(declared);
            }
            Some(_) if comparison.only_reports() => {
                (Action::None, Step::Nothing, Some(Held::because("drift is only reported here")))
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

    /// Nothing is to be done about it.
    pub(super) fn is_in_sync(&mut self, declared: &Arc<Declared>) {
        self.plan.in_sync.push(InSync::new(declared));
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
