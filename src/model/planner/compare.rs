//! The comparison of one live resource, field by field.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde_json::Value;

use crate::model::auth_scheme_config::{GRANT_TYPE, TYPE, field_named};
use crate::model::connection_template::NAME;
use crate::model::manifest::{Lifecycle, OnDrift};
use crate::model::plan::{Cause, FieldChange, PROTECTION};
use crate::model::recorded::RecordedResource;
use crate::model::schema::{Field, Fields};
use crate::model::three_way::{Verdict, judge, judge_unseen};

/// What plans call the environment of a template.
pub(super) const ENVIRONMENT: &str = "environment";

/// What differs, and what follows for the request and for the record.
pub(super) struct Comparison {
    /// The fields that differ.
    pub(super) changes: Vec<FieldChange>,
    /// The values to send. Drift that is only reported is not among them.
    pub(super) send: Fields,
    /// The values to remember once it is done.
    pub(super) record: Fields,
    report_only: bool,
}

impl Comparison {
    /// Of something that does not exist: every declared field is new.
    pub(super) fn of_new(wanted: &Fields, cause: Cause) -> Self {
        let changes = wanted
            .iter()
            .map(|(name, value)| {
                let sensitive = field_named(name).is_some_and(Field::is_secret);
                let after = if sensitive { Value::Null } else { value.clone() };
                FieldChange { path: name, before: Value::Null, after, cause, sensitive, kept: false, first: sensitive }
            })
            .collect();
        Self { changes, send: wanted.clone(), record: wanted.clone(), report_only: false }
    }

    /// Adds a change of name that a file asks for.
    pub(super) fn rename(&mut self, from: &str, to: &str) {
        if from == to {
            return;
        }
        self.report_only = false;
        self.changes.push(text_change(NAME.name, from, to, Cause::Manifest));
    }

    /// Adds a change of environment, from and to what the files call it.
    pub(super) fn relocate(&mut self, from: &str, to: &str) {
        self.report_only = false;
        self.changes.push(text_change(ENVIRONMENT, from, to, Cause::Manifest));
    }

    /// Adds a change of name that somebody has made. Whether it is to be reverted.
    pub(super) fn drifted_name(&mut self, from: &str, to: &str, on_drift: OnDrift) -> bool {
        let reverted = on_drift == OnDrift::Revert;
        self.report_only &= !reverted;
        self.changes.push(FieldChange { kept: !reverted, ..text_change(NAME.name, from, to, Cause::Drift) });
        reverted
    }

    /// Adds that the files protect it from now on, or no longer.
    pub(super) fn protect(&mut self, before: bool, after: bool) {
        let (before, after, cause) = (Value::Bool(before), Value::Bool(after), Cause::Manifest);
        let (sensitive, kept, first) = (false, false, false);
        self.changes.push(FieldChange { path: PROTECTION, before, after, cause, sensitive, kept, first });
    }

    /// Sets a field that nobody declared back to its default, where it is not there already.
    pub(super) fn reset(&mut self, field: &'static Field, observed: &Fields) {
        let (before, after) = (live_value(field, observed), field.default_value());
        if before == after || self.changes.iter().any(|change| change.path == field.name) {
            return;
        }
        self.send.insert(field.name, after.clone());
        self.changes.push(field_change(field, before, after, Cause::Manifest));
    }

    /// Whether something differs, and all of it is drift that may only be reported.
    pub(super) fn only_reports(&self) -> bool {
        self.report_only && !self.changes.is_empty()
    }

    /// Why it differs: a conflict is both the files' change and somebody else's.
    pub(super) fn causes(&self) -> BTreeSet<Cause> {
        let mut causes: BTreeSet<_> = self.changes.iter().map(|change| change.cause).collect();
        if causes.remove(&Cause::Conflict) {
            causes.extend([Cause::Manifest, Cause::Drift]);
        }
        if causes.is_empty() {
            causes.insert(Cause::Manifest);
        }
        causes
    }
}

/// Compares every field of a live resource.
pub(super) fn compare(
    fields: &[&'static Field],
    declared: &Fields,
    recorded: Option<&RecordedResource>,
    observed: &Fields,
    lifecycle: &Lifecycle,
    on_drift: OnDrift,
) -> Comparison {
    let on_drift = lifecycle.on_drift.unwrap_or(on_drift);
    let mut comparison =
        Comparison { changes: Vec::new(), send: Fields::new(), record: Fields::new(), report_only: true };
    for Judged { field, wanted, before, live, verdict } in judge_fields(fields, declared, recorded, observed, lifecycle)
    {
        let Some(verdict) = verdict else { continue };
        // What was never declared is not remembered; what is no longer declared is forgotten.
        if let Some(wanted) = wanted {
            comparison.record.insert(field.name, wanted.clone());
        }
        let (after, cause) = match verdict {
            Verdict::NotOurs | Verdict::Forget => continue,
            Verdict::InSync => {
                comparison.send.extend(wanted.map(|wanted| (field.name, wanted.clone())));
                continue;
            }
            Verdict::Differs(cause) => (wanted.cloned().unwrap_or_default(), cause),
            Verdict::Unset => (field.default_value(), Cause::Manifest),
        };
        let kept = cause == Cause::Drift && on_drift == OnDrift::Report;
        if kept {
            // Sent as it is: an update of another field must not revert this one.
            comparison.send.insert(field.name, live.clone().into_owned());
        } else {
            comparison.send.insert(field.name, after.clone());
            comparison.report_only = false;
        }
        let first = field.is_secret() && before.is_none();
        comparison.changes.push(FieldChange { kept, first, ..field_change(field, live.into_owned(), after, cause) });
    }
    comparison
}

/// One field with what is declared, recorded and live, and what the three say.
pub(super) struct Judged<'v> {
    pub(super) field: &'static Field,
    pub(super) wanted: Option<&'v Value>,
    pub(super) before: Option<&'v Value>,
    pub(super) live: Cow<'v, Value>,
    /// Nothing where `lifecycle.ignore` has it left alone.
    pub(super) verdict: Option<Verdict>,
}

/// Judges every field of a live resource.
pub(super) fn judge_fields<'v>(
    fields: &'v [&'static Field],
    declared: &'v Fields,
    recorded: Option<&'v RecordedResource>,
    observed: &'v Fields,
    lifecycle: &'v Lifecycle,
) -> impl Iterator<Item = Judged<'v>> {
    let is_made_anew = is_made_anew(declared, observed);
    fields.iter().map(move |field| {
        let is_there = observed.get(field.name).is_some_and(|value| *value != field.default_value());
        let is_ignored = lifecycle.ignore.contains(&field.name) && (is_there || !is_made_anew);
        let wanted = declared.get(field.name);
        let before = recorded.and_then(|recorded| recorded.fields.get(field.name));
        let (verdict, live) = judge_field(field, wanted, before, recorded.is_some(), observed);
        Judged { field, wanted, before, live, verdict: (!is_ignored).then_some(verdict) }
    })
}

/// Whether a recorded resource is as declared, and was before: then there is nothing more to find out about its
/// fields. What may be left alone takes the long way.
pub(super) fn is_settled<'f>(
    mut fields: impl Iterator<Item = &'f Field>,
    declared: &Fields,
    recorded: &RecordedResource,
    observed: &Fields,
    lifecycle: &Lifecycle,
) -> bool {
    // What is neither declared nor recorded is not ours.
    let is_live = |(name, value): (&&str, &Value)| observed.get(name) == Some(value);
    let in_sync = |field: &Field| {
        let value = declared.get(field.name);
        let (verdict, _) = judge_field(field, value, value, true, observed);
        matches!(verdict, Verdict::InSync | Verdict::NotOurs)
    };
    lifecycle.ignore.is_empty() && recorded.fields == *declared && (declared.iter().all(is_live) || fields.all(in_sync))
}

/// The verdict on one field, and the live value that it is about.
fn judge_field<'v>(
    field: &Field,
    wanted: Option<&Value>,
    before: Option<&'v Value>,
    is_recorded: bool,
    observed: &'v Fields,
) -> (Verdict, Cow<'v, Value>) {
    let live = observed.get(field.name).map_or_else(|| Cow::Owned(field.default_value()), Cow::Borrowed);
    // Also what an older answer does not show: what was sent last is all that is known of it.
    if field.is_secret() || (live.is_null() && wanted.is_some()) {
        let verdict = judge_unseen(wanted, before, is_recorded);
        return (verdict, before.map_or(live, Cow::Borrowed));
    }
    (judge(wanted, before, &live, &field.default_value()), live)
}

/// Whether a config changes its type or its grant's: what it did not hold before is set for the first time then,
/// also where it is left alone afterwards.
fn is_made_anew(declared: &Fields, observed: &Fields) -> bool {
    [&TYPE, &GRANT_TYPE].into_iter().any(|field| {
        declared.get(field.name).is_some_and(|wanted| {
            let live = live_value(field, observed);
            !live.is_null() && live != *wanted
        })
    })
}

/// A change of a text that may be shown.
pub(super) fn text_change(path: &'static str, from: &str, to: &str, cause: Cause) -> FieldChange {
    let (before, after) = (Value::String(from.to_owned()), Value::String(to.to_owned()));
    FieldChange { path, before, after, cause, sensitive: false, kept: false, first: false }
}

fn live_value(field: &Field, observed: &Fields) -> Value {
    observed.get(field.name).cloned().unwrap_or_else(|| field.default_value())
}

/// A change as plans show it: of a secret, not even its hash.
pub(super) fn field_change(field: &Field, before: Value, after: Value, cause: Cause) -> FieldChange {
    let sensitive = field.is_secret();
    let (before, after) =
        if sensitive { (Value::Null, Value::Null) } else { (field.shown(before), field.shown(after)) };
    FieldChange { path: field.name, before, after, cause, sensitive, kept: false, first: false }
}
