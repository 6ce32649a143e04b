//! Problems as SARIF 2.1.0, with which code hosts mark the lines of a change.

use serde_json::{Map, Value, json};

use super::escape;
use crate::model::rule::Rule;
use crate::model::source::{Place, Problem, Severity};

/// A log with one run. `uri` gives the address of a file by its name, relative to the repository's root where it can
/// be. No line of a file is quoted, so that no secret is.
pub fn log(problems: &[Problem], uri: impl Fn(&str) -> String) -> Value {
    let driver = json!({
        "name": "versync",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": Rule::ALL.map(descriptor),
    });
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "results": problems.iter().map(|problem| result(problem, &uri)).collect::<Vec<_>>(),
        }],
    })
}

fn descriptor(rule: Rule) -> Value {
    json!({
        "id": rule.as_str(),
        "shortDescription": {"text": rule.doc()},
        "fullDescription": {"text": rule.doc()},
        "help": {"text": rule.help()},
    })
}

fn result(problem: &Problem, uri: impl Fn(&str) -> String) -> Value {
    let index = Rule::ALL.iter().position(|rule| *rule == problem.rule);
    let mut text = problem.message.clone();
    if let Some(help) = &problem.help {
        text = format!("{text}: {help}");
    }
    let mut result = json!({
        "ruleId": problem.rule.as_str(),
        "ruleIndex": index,
        "level": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": {"text": escape(&text)},
    });
    if let Some(file) = problem.file_name() {
        let mut location = Map::new();
        location.insert("artifactLocation".to_owned(), json!({"uri": uri(file)}));
        location.extend(problem.place.as_ref().map(|place| ("region".to_owned(), region(place))));
        result["locations"] = json!([{"physicalLocation": location}]);
    }
    result
}

/// Lines and columns from 1; the last column is the one behind.
fn region(place: &Place) -> Value {
    let (end_line, end_column) = place.end();
    json!({
        "startLine": place.line(),
        "startColumn": place.column(),
        "endLine": end_line,
        "endColumn": end_column,
    })
}
