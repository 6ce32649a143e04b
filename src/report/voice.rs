//! What the daemon says in the log: drift, problems and what is held once when they begin and once when
//! they end; changes as they are applied. Each message is complete in its words.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::difference::secret;
use super::escape;
use super::text::{in_words, shown};
use crate::model::address::Address;
use crate::model::ledger::Ledger;
use crate::model::plan::{Action, Cause, Change, FieldChange, Plan};
use crate::model::source::{Problem, Severity};
use crate::model::wording::{counted, named};
use crate::reconcile::{Failure, Outcome, PassError, Report};

/// So much is said again of a problem that has gone.
const LONGEST_MENDED: usize = 60;

/// Remembers what it has said.
#[derive(Debug, Default)]
pub struct Voice {
    drift: Ledger<Address, Drifted>,
    problems: Ledger<String, Problematic>,
    held: Ledger<Address, Reason>,
    failures: Ledger<Address, String>,
    down: Ledger<(), String>,
}

/// A problem, which is another one only where it is more or less bad: its words and its place are its name.
#[derive(Debug, Clone)]
struct Problematic(Problem);

impl PartialEq for Problematic {
    fn eq(&self, other: &Self) -> bool {
        self.0.severity == other.0.severity
    }
}

/// What is new about a drift where any of it is another.
#[derive(Debug, Clone, PartialEq)]
struct Drifted {
    fields: String,
    response: &'static str,
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

/// What a message is about, as fields that programs filter by. The words of the message say it too.
struct About<'a> {
    address: String,
    action: Option<&'static str>,
    cause: &'static str,
    file: Option<Cow<'a, str>>,
    line: Option<usize>,
    revision: Option<&'a str>,
}

/// Says something about a resource.
macro_rules! say {
    ($level:ident, $about:expr, { $($name:ident = $value:expr),* } $($message:tt)+) => {{
        let about = &$about;
        tracing::$level!(
            address = about.address,
            action = about.action,
            cause = about.cause,
            file = about.file.as_deref(),
            line = about.line,
            revision = about.revision,
            $($name = $value,)*
            $($message)+
        );
    }};
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
        report.mended().into_iter().for_each(|address| drop(still.remove(address)));
        self.say_drift(now, plan);
        if plan.approval.is_some() && plan.summary().delete > 0 {
            tracing::info!("the deletes that were held are approved");
        }
        say_applied(report);
        say_remarks(report);
        self.say_drift(still, plan);
        // Drift that is only reported has its own line.
        let held = plan.changes.iter().filter(|change| change.action != Action::None || !change.is_drifted());
        self.say_held(held.filter_map(|change| Some((change.address.clone(), not_done(change)?))).collect(), plan);
        let (stopped, failures): (Vec<_>, Vec<_>) = report.failures().partition(|(_, failure)| failure.is_stop());
        self.say_failures(
            failures
                .iter()
                .map(|(outcome, failure)| (outcome.address.clone(), why(report, outcome, failure)))
                .collect(),
            plan,
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
        let now = problems.iter().map(|problem| (in_one_line(problem), Problematic(problem.clone()))).collect();
        let changes = self.problems.update_known(now, |_| all);
        for (text, Problematic(problem)) in &changes.begun {
            let file = problem.file_name().map(escape);
            let (file, line) = (file.as_deref(), problem.position().map(|(line, _)| line));
            match problem.severity {
                Severity::Error => tracing::error!(file, line, "{text}"),
                Severity::Warning => tracing::warn!(file, line, "{text}"),
            }
        }
        for (_, Problematic(before)) in changes.ended {
            // What is said anew of the same place says that it is not mended.
            if !changes.begun.iter().any(|(_, Problematic(problem))| problem.takes_the_turn_of(&before)) {
                tracing::info!("mended: {}", gone(&before));
            }
        }
    }

    fn say_drift(&mut self, now: BTreeMap<Address, Drifted>, plan: &Plan) {
        let changes = self.drift.update_known(now, |address| !plan.not_compared.contains(address));
        for (address, drift) in changes.begun {
            let Some(change) = change_of(&address, plan) else { continue };
            let about = about(change, plan);
            let what = if change.was_deleted() {
                "was deleted on the platform".to_owned()
            } else {
                format!("was changed on the platform: {}", drift.fields)
            };
            say!(warn, about, { fields = drift.fields, response = drift.response }
                "drift: {} {what}; {}{}", about.address, drift.response, origin(&about));
        }
        for (address, _) in changes.ended {
            let address = address.to_string();
            let address = &*escape(&address);
            tracing::info!(address, cause = Cause::Drift.as_str(), "drift ended: {address} is as declared again");
        }
    }

    fn say_held(&mut self, now: BTreeMap<Address, Reason>, plan: &Plan) {
        let mut alike: BTreeMap<(String, Action, Cause), Vec<&Change>> = BTreeMap::new();
        for (address, Reason(reason)) in self.held.update(now).begun {
            let Some(change) = change_of(&address, plan) else { continue };
            alike.entry((reason, change.action, change.cause())).or_default().push(change);
        }
        for ((reason, ..), changes) in alike {
            match changes.as_slice() {
                [] => {}
                [change] => {
                    let about = about(change, plan);
                    say!(warn, about, {} "{} is {}{}", about.address, escape(&reason), origin(&about));
                }
                [first, ..] => {
                    let about = About { file: None, line: None, ..about(first, plan) };
                    say_of_many(&changes, &about, &reason);
                }
            }
        }
    }

    fn say_failures(&mut self, now: BTreeMap<Address, String>, plan: &Plan) {
        let changes = self.failures.update(now);
        for (address, failure) in changes.begun {
            let Some(change) = change_of(&address, plan) else { continue };
            let about = about(change, plan);
            say!(error, about, {} "not applied: {}: {}{}", about.address, escape(&failure), origin(&about));
        }
        for (address, _) in changes.ended {
            let address = address.to_string();
            let address = &*escape(&address);
            tracing::info!(address, "no longer failing: {address}");
        }
    }
}

/// One fact about many: they have everything in common but their names and places.
fn say_of_many(changes: &[&Change], about: &About<'_>, reason: &str) {
    let names: Vec<String> = changes.iter().map(|change| change.address.to_string()).collect();
    let addresses = Value::from(names.clone()).to_string();
    let About { action, cause, revision, .. } = *about;
    let (names, reason, origin) = (named(&names), escape(reason), origin(about));
    tracing::warn!(
        addresses,
        count = changes.len(),
        action,
        cause,
        revision,
        "{} are each {reason}{origin}",
        escape(&names)
    );
}

fn say_applied(report: &Report) {
    for change in report.applied_changes() {
        let about = about(change, &report.plan);
        let fields =
            change.changed_fields().map(|it| field(it, change.action == Action::Create)).collect::<Vec<_>>().join(", ");
        let differs = if fields.is_empty() { String::new() } else { format!(": {fields}") };
        let done = match change.protection() {
            Some(true) => "protected",
            Some(false) => "released",
            None if change.is_rename() => "renamed",
            None => done(change.action),
        };
        say!(info, about, { fields = fields } "{done} {}{differs}{}", about.address, origin(&about));
    }
}

fn say_remarks(report: &Report) {
    for (change, remark) in report.remarks() {
        let about = about(change, &report.plan);
        let text = in_words(remark);
        let (text, address, origin) = (escape(&text), &about.address, origin(&about));
        match remark.severity.as_str() {
            "error" => say!(error, about, {} "{text}: {address}{origin}"),
            "info" => say!(info, about, {} "{text}: {address}{origin}"),
            _ => say!(warn, about, {} "{text}: {address}{origin}"),
        }
    }
}

fn change_of<'a>(address: &Address, plan: &'a Plan) -> Option<&'a Change> {
    plan.changes.iter().find(|change| change.address == *address)
}

fn about<'a>(change: &'a Change, plan: &'a Plan) -> About<'a> {
    About {
        address: escape(&change.address.to_string()).into_owned(),
        action: (change.action != Action::None).then(|| change.action.as_str()),
        cause: change.cause().as_str(),
        file: change.source.as_ref().map(|source| escape(&source.file)),
        line: change.source.as_ref().map(|source| source.line),
        revision: plan.revision.as_deref(),
    }
}

/// Whose change it is and where the resource is declared, behind a message.
fn origin(about: &About<'_>) -> String {
    let place = about.file.as_ref().zip(about.line).map(|(file, line)| format!(", {file}:{line}"));
    let revision = about.revision.map(|commit| format!(", revision {}", super::history::revision(commit)));
    format!(" ({}{}{})", about.cause, place.unwrap_or_default(), revision.unwrap_or_default())
}

/// Why a change was not made; where the platform names what it refuses, at which lines that is.
fn why(report: &Report, outcome: &Outcome, failure: &Failure) -> String {
    let places = report.blamed.get(&outcome.address).into_iter().flatten().filter_map(|problem| {
        let (line, column) = problem.position()?;
        Some(format!("{}:{line}:{column}", problem.file_name()?))
    });
    let places = places.collect::<Vec<_>>().join(", ");
    if places.is_empty() { failure.to_string() } else { format!("{failure}, see {places}") }
}

/// Why nothing is done about a change.
fn not_done(change: &Change) -> Option<Reason> {
    let held = change.held.as_ref()?;
    let verb = if change.action == Action::None { "left alone" } else { "held" };
    Some(Reason(format!("{verb}: {}", held.reason)))
}

fn drifted_as(change: &Change, writes: bool) -> Drifted {
    let drifted = change.fields.iter().filter(|field| field.cause != Cause::Manifest);
    let fields = if change.was_deleted() {
        "deleted".to_owned()
    } else {
        drifted.map(drifted_field).collect::<Vec<_>>().join(", ")
    };
    let response = if change.held.is_some() || change.leaves_drift() {
        "reported"
    } else if !writes {
        "reported: nothing is written in this mode"
    } else if change.action == Action::Create {
        "created again"
    } else {
        "reverted"
    };
    Drifted { fields, response }
}

fn field(field: &FieldChange, is_new: bool) -> String {
    if field.sensitive {
        return format!("{}: {}", field.path, secret(is_new, field.first));
    }
    format!("{}: {} → {}", field.path, shown(&field.before), shown(&field.after))
}

/// What somebody made of a field, and what it was to be.
fn drifted_field(field: &FieldChange) -> String {
    format!("{}: {} (declared: {})", field.path, shown(&field.before), shown(&field.after))
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

/// Where a problem was that is there no more, and the beginning of what was said of it, so that nobody takes it for
/// a new one.
fn gone(problem: &Problem) -> String {
    let place = match (problem.file_name(), problem.position()) {
        (Some(file), Some((line, _))) => format!("{}:{line}", escape(file)),
        (Some(file), None) => escape(file).into_owned(),
        _ => "what was in error".to_owned(),
    };
    let what: String = problem.message.chars().take(LONGEST_MENDED).collect();
    let more = if what.len() < problem.message.len() { "…" } else { "" };
    format!("{place} (was: {}{more})", escape(&what))
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
