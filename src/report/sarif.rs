//! Problems as SARIF 2.1.0, with which code hosts mark the lines of a change.

use super::escape;
use crate::model::json::{Json, object};
use crate::model::rule::Rule;
use crate::model::source::{Place, Problem, Severity};

/// A log with one run. `uri` gives the address of a file by its name, relative to the repository's root where it can
/// be. No line of a file is quoted, so that no secret is.
pub fn log(problems: &[Problem], uri: impl Fn(&str) -> String) -> Json {
    let driver = object! {
        "name": "versync",
        "semanticVersion": env!("CARGO_PKG_VERSION"),
        "rules": Rule::ALL.map(descriptor),
    };
    object! {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [object! {
            "tool": object! {"driver": driver},
            "columnKind": "unicodeCodePoints",
            "results": problems.iter().map(|problem| result(problem, &uri)).collect::<Vec<_>>(),
        }],
    }
}

fn descriptor(rule: Rule) -> Json {
    object! {
        "id": rule.as_str(),
        "shortDescription": object! {"text": rule.doc()},
        "fullDescription": object! {"text": rule.doc()},
        "help": object! {"text": rule.help()},
    }
}

fn result(problem: &Problem, uri: impl Fn(&str) -> String) -> Json {
    let index = Rule::ALL.iter().position(|rule| *rule == problem.rule);
    let mut text = problem.message.clone();
    if let Some(help) = &problem.help {
        text = format!("{text}: {help}");
    }
    let result = object! {
        "ruleId": problem.rule.as_str(),
        "ruleIndex": index,
        "level": match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": object! {"text": escape(&text)},
    };
    let Some(file) = problem.file_name() else { return result };
    let location = object! {"artifactLocation": object! {"uri": uri(file)}};
    let location = match &problem.place {
        Some(place) => location.with("region", region(place)),
        None => location,
    };
    result.with("locations", [object! {"physicalLocation": location}])
}

/// Lines and columns from 1; the last column is the one behind.
fn region(place: &Place) -> Json {
    let (end_line, end_column) = place.end();
    object! {
        "startLine": place.line(),
        "startColumn": place.column(),
        "endLine": end_line,
        "endColumn": end_column,
    }
}
