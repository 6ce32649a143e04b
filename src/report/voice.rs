//! What the daemon says in the log: drift, problems and what is held once when they begin and once when
//! they end; changes as they are applied.

use std::collections::BTreeMap;

use super::escape;
use super::text::{in_words, shown};
use crate::model::address::Address;
use crate::model::ledger::Ledger;
use crate::model::plan::{Action, Cause, Change, FieldChange, Plan};
use crate::model::source::{Problem, Severity};
use crate::model::wording::counted;
use crate::reconcile::{Failure, PassError, Report};

/// The target of drift messages, so that they can be filtered and kept apart.
pub const DRIFT: &str = "versync::drift";

/// Remembers what it has said.
#[derive(Debug, Default)]
pub struct Voice {
    drift: Ledger<Address, Drifted>,
    problems: Ledger<String, Severity>,
    held: Ledger<Address, Reason>,
    failures: Ledger<Address, String>,
    down: Ledger<(), String>,
}

#[derive(Debug, Clone, PartialEq)]
struct Drifted {
    fields: String,
    response: &'static str,
    source: String,
}

/// Why something is held. The numbers in it do not count: they change as other changes come and go.
#[derive(Debug, Clone)]
struct Reason(String);

impl PartialEq for Reason {
    fn eq(&self, other: &Self) -> bool {
        let words = |text: &str| text.chars().filter(|c| !c.is_ascii_digit()).collect::<String>();
        words(&self.0) == words(&other.0)
    }
}

impl Voice {
    /// Says what is new about a pass. `writes` is whether it may do something about drift.
    pub fn report(&mut self, report: &Report, writes: bool) {
        let plan = &report.plan;
        self.say_down(None);
        self.say_problems(&plan.problems, true);
        let drifted = plan.changes.iter().filter(|change| change.is_drifted());
        let now: BTreeMap<_, _> = drifted.map(|change| (change.address.clone(), drifted_as(change, writes))).collect();
        let mut still = now.clone();
        report.applied_changes().for_each(|change| drop(still.remove(&change.address)));
        self.say_drift(now, plan);
        if plan.approval.is_some() && plan.summary().delete > 0 {
            tracing::info!("the deletes that were held are approved");
        }
        say_applied(report);
        say_remarks(report);
        self.say_drift(still, plan);
        // Drift that is only reported has its own line.
        let held = plan.changes.iter().filter(|change| change.action != Action::None || !change.is_drifted());
        self.say_held(held.filter_map(|change| Some((change.address.clone(), not_done(change)?))).collect());
        let (stopped, failures): (Vec<_>, Vec<_>) =
            report.failures().partition(|(_, failure)| matches!(failure, Failure::Stopped));
        self.say_failures(
            failures.iter().map(|(outcome, failure)| (outcome.address.clone(), failure.to_string())).collect(),
        );
        if !stopped.is_empty() {
            tracing::info!("told to stop before {} that the next start makes", counted(stopped.len(), "change"));
        }
    }

    /// Says that no plan could be made, once for as long as it stays so.
    pub fn pass_failed(&mut self, error: &PassError) {
        self.say_down(Some(error.to_string()));
        if let PassError::Api { problems, .. } = error {
            // Only the files were looked at: what else was wrong is not known to be mended.
            self.say_problems(problems, false);
        }
    }

    fn say_down(&mut self, reason: Option<String>) {
        let changes = self.down.update(reason.into_iter().map(|reason| ((), reason)).collect());
        for ((), reason) in changes.begun {
            tracing::error!("no pass can be made: {}; trying again with growing pauses", escape(&reason));
        }
        if !changes.ended.is_empty() {
            tracing::info!("passes can be made again");
        }
    }

    fn say_problems(&mut self, problems: &[Problem], all: bool) {
        let now = problems.iter().map(|problem| (in_one_line(problem), problem.severity)).collect();
        let changes = self.problems.update_known(now, |_| all);
        for (text, severity) in changes.begun {
            match severity {
                Severity::Error => tracing::error!("{text}"),
                Severity::Warning => tracing::warn!("{text}"),
            }
        }
        for (text, _) in changes.ended {
            tracing::info!("mended: {text}");
        }
    }

    fn say_drift(&mut self, now: BTreeMap<Address, Drifted>, plan: &Plan) {
        let changes = self.drift.update_known(now, |address| !plan.not_compared.contains(address));
        for (address, drift) in changes.begun {
            tracing::warn!(
                target: DRIFT,
                address = %escape(&address.to_string()),
                fields = %drift.fields,
                response = drift.response,
                source = %escape(&drift.source),
                "drift: changed on the platform, not in the files"
            );
        }
        for (address, _) in changes.ended {
            tracing::info!(target: DRIFT, address = %escape(&address.to_string()), "drift ended: as declared again");
        }
    }

    fn say_held(&mut self, now: BTreeMap<Address, Reason>) {
        for (address, Reason(reason)) in self.held.update(now).begun {
            tracing::warn!(address = %escape(&address.to_string()), "{}", escape(&reason));
        }
    }

    fn say_failures(&mut self, now: BTreeMap<Address, String>) {
        let changes = self.failures.update(now);
        for (address, failure) in changes.begun {
            tracing::error!(address = %escape(&address.to_string()), "not applied: {}", escape(&failure));
        }
        for (address, _) in changes.ended {
            tracing::info!(address = %escape(&address.to_string()), "no longer failing");
        }
    }
}

fn say_applied(report: &Report) {
    for change in report.applied_changes() {
        tracing::info!(
            address = %escape(&change.address.to_string()),
            fields = %fields(&change.fields),
            source = %escape(&source(change)),
            "{}", done(change.action)
        );
    }
}

fn say_remarks(report: &Report) {
    for (change, remark) in report.remarks() {
        let (address, source) = (change.address.to_string(), source(change));
        let text = in_words(remark);
        let text = escape(&text);
        match remark.severity.as_str() {
            "error" => tracing::error!(address = %escape(&address), source = %escape(&source), "{text}"),
            "info" => tracing::info!(address = %escape(&address), source = %escape(&source), "{text}"),
            _ => tracing::warn!(address = %escape(&address), source = %escape(&source), "{text}"),
        }
    }
}

/// Why nothing is done about a change.
fn not_done(change: &Change) -> Option<Reason> {
    let held = change.held.as_ref()?;
    let verb = if change.action == Action::None { "left alone" } else { "held" };
    Some(Reason(format!("{verb}: {}", held.reason)))
}

fn drifted_as(change: &Change, writes: bool) -> Drifted {
    let drifted = change.fields.iter().filter(|field| field.cause != Cause::Manifest);
    let fields = if change.action == Action::Create || change.fields.iter().all(|field| field.before.is_null()) {
        "deleted".to_owned()
    } else {
        drifted.map(drifted_field).collect::<Vec<_>>().join(", ")
    };
    let response = if change.held.is_some() {
        "reported"
    } else if !writes {
        "reported: nothing is written in this mode"
    } else if change.action == Action::Create {
        "created again"
    } else {
        "reverted"
    };
    Drifted { fields, response, source: source(change) }
}

fn fields(fields: &[FieldChange]) -> String {
    fields.iter().map(field).collect::<Vec<_>>().join(", ")
}

fn field(field: &FieldChange) -> String {
    if field.sensitive {
        return format!("{}: (secret changed)", field.path);
    }
    format!("{}: {} → {}", field.path, shown(&field.before), shown(&field.after))
}

/// What somebody made of a field, and what it was to be.
fn drifted_field(field: &FieldChange) -> String {
    format!("{}: {} (declared: {})", field.path, shown(&field.before), shown(&field.after))
}

fn source(change: &Change) -> String {
    change.source.as_ref().map(|source| format!("{}:{}", source.file, source.line)).unwrap_or_default()
}

pub(super) fn done(action: Action) -> &'static str {
    match action {
        Action::Create => "created",
        Action::Update => "updated",
        Action::Replace => "replaced",
        Action::Delete => "deleted",
        Action::Adopt => "adopted",
        Action::None => "left alone",
    }
}

/// A problem with its place and its help, for a log.
pub fn in_one_line(problem: &Problem) -> String {
    let place = match (problem.file_name(), problem.position()) {
        (Some(file), Some((line, column))) => format!("{}:{line}:{column}: ", escape(file)),
        (Some(file), None) => format!("{}: ", escape(file)),
        _ => String::new(),
    };
    let help = problem.help.as_deref().map(|help| format!(" ({})", escape(help))).unwrap_or_default();
    format!("{place}{}{help}", escape(&problem.message))
}
