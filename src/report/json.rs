//! The plan as JSON, for programs. Its names and shapes are a contract.

use serde_json::{Value, json};

use crate::model::plan::{Change, FieldChange, Plan, Summary};
use crate::model::source::Problem;

/// The plan as one JSON value. Values that may not be shown are `null`.
pub fn plan(plan: &Plan) -> Value {
    json!({
        "format_version": "1",
        "hash": plan.hash(),
        "revision": plan.revision,
        "summary": summary(&plan.summary()),
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "problems": plan.problems.iter().map(problem).collect::<Vec<_>>(),
    })
}

/// A problem as JSON; `file`, `line` and `column` are `null` where it has no place.
pub fn problem(problem: &Problem) -> Value {
    let position = problem.position();
    let message = match &problem.help {
        Some(help) => format!("{}: {help}", problem.message),
        None => problem.message.clone(),
    };
    json!({
        "severity": problem.severity.as_str(),
        "message": message,
        "file": problem.file_name(),
        "line": position.map(|(line, _)| line),
        "column": position.map(|(_, column)| column),
    })
}

fn summary(summary: &Summary) -> Value {
    json!({
        "create": summary.create,
        "update": summary.update,
        "replace": summary.replace,
        "delete": summary.delete,
        "adopt": summary.adopt,
        "drifted": summary.drifted,
        "held": summary.held,
        "unchanged": summary.unchanged,
        "unmanaged": summary.unmanaged,
        "problems": summary.problems,
    })
}

fn change(change: &Change) -> Value {
    json!({
        "address": change.address.to_string(),
        "action": change.action.as_str(),
        "causes": change.causes.iter().map(|cause| cause.as_str()).collect::<Vec<_>>(),
        "source": change.source.as_ref().map(|source| json!({"file": source.file, "line": source.line})),
        "held": change.held,
        "fields": change.fields.iter().map(field).collect::<Vec<_>>(),
    })
}

fn field(field: &FieldChange) -> Value {
    json!({
        "path": field.path,
        "before": if field.sensitive { &Value::Null } else { &field.before },
        "after": if field.sensitive { &Value::Null } else { &field.after },
        "cause": field.cause.as_str(),
        "sensitive": field.sensitive,
    })
}
