//! What is kept of a pass.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{PassError, Report};
use crate::model::address::Address;
use crate::model::pass::{DriftNote, FailureNote, Found, HeldNote, Pass, ProblemNote};

/// What is kept of a pass with this result. The store knows by which command it was made.
pub fn pass_note(
    result: Result<&Report, &PassError>,
    targets: Vec<String>,
    began_at: Timestamp,
    ended_at: Timestamp,
) -> Pass {
    let checked_at = result.ok().map(|report| if report.is_whole() { ended_at } else { report.checked_at });
    let result = match result {
        Ok(report) => Ok(found(report, began_at)),
        Err(error) => Err(error.to_string()),
    };
    Pass { command: String::new(), targets, began_at, ended_at, checked_at, result }
}

fn found(report: &Report, now: Timestamp) -> Found {
    let plan = &report.plan;
    let applied = report.outcomes.iter().flatten().filter(|outcome| outcome.result.is_ok());
    let applied: BTreeSet<&Address> = applied.map(|outcome| &outcome.address).collect();
    Found {
        revision: plan.revision.clone(),
        hash: plan.hash(),
        held_hash: plan.held_hash(),
        summary: plan.summary(),
        applied: report.applied(),
        held: plan.changes.iter().filter_map(|change| HeldNote::of(change, now)).collect(),
        drifted: plan
            .changes
            .iter()
            .filter_map(|change| DriftNote::of(change, applied.contains(&change.address), now))
            .collect(),
        problems: plan.problems.iter().map(ProblemNote::of).collect(),
        failures: report
            .failures()
            .map(|(outcome, failure)| FailureNote { address: outcome.address.to_string(), error: failure.to_string() })
            .collect(),
    }
}
