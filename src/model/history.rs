//! What was changed, when, why, and by which revision of the files.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::plan::{Action, Cause, Change, FieldChange, Source};

/// One change that was applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it was done.
    pub at: Timestamp,
    /// The command that did it: `run` or `apply`.
    pub command: String,
    /// The git commit of the manifests folder, if it was in a repository.
    pub revision: Option<String>,
    /// Of which resource.
    pub address: String,
    /// What was done.
    pub action: Action,
    /// Why.
    pub causes: Vec<Cause>,
    /// Where it is declared, or was last.
    pub source: Option<Source>,
    /// What differed.
    pub fields: Vec<FieldNote>,
}

impl Event {
    /// A change of a plan that was made from `revision`, as `command` has applied it now.
    pub fn of(change: &Change, revision: Option<&str>, command: &str, now: Timestamp) -> Self {
        Self {
            at: now,
            command: command.to_owned(),
            revision: revision.map(str::to_owned),
            address: change.address.to_string(),
            action: change.action,
            causes: change.causes.iter().copied().collect(),
            source: change.source.clone(),
            fields: change.changed_fields().map(FieldNote::of).collect(),
        }
    }
}

/// A [`FieldChange`] as it is kept: what may not be shown is not kept either.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FieldNote {
    /// The field's name in manifests.
    pub path: String,
    /// The live value before.
    pub before: Value,
    /// The value that the files wanted.
    pub after: Value,
    /// Whose change it was.
    pub cause: Cause,
    /// Whether the values may not be shown; both are `null` then.
    pub sensitive: bool,
}

impl FieldNote {
    /// What may be kept of a difference.
    pub fn of(field: &FieldChange) -> Self {
        let kept = |value: &Value| if field.sensitive { Value::Null } else { value.clone() };
        Self {
            path: field.path.to_owned(),
            before: kept(&field.before),
            after: kept(&field.after),
            cause: field.cause,
            sensitive: field.sensitive,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_not_be_shown_is_not_kept() {
        let secret = Value::String("hunter2".to_owned());
        let field = FieldChange {
            path: "client_secret",
            before: secret.clone(),
            after: secret,
            cause: Cause::Drift,
            sensitive: true,
            kept: false,
            first: false,
        };
        let note = FieldNote::of(&field);
        assert_eq!((note.before, note.after), (Value::Null, Value::Null));
    }
}
