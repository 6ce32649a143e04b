//! The metrics: the board and the passes as Prometheus reads them.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use jiff::Timestamp;
use prometheus_client::encoding::{EncodeLabelSet, prometheus_text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::io::versori::Meter;
use crate::model::address::Address;
use crate::model::plan::Action;
use crate::reconcile::Report;
use crate::report::board::{Board, Resource, State};

/// What [`Metrics::text`] is to be announced as.
pub const CONTENT_TYPE: &str = prometheus_text::CONTENT_TYPE;

/// Upper bounds in seconds: from an idle pass to a first one over a slow network.
const DURATIONS: [f64; 12] = [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];

const KINDS: [&str; 2] = ["connection_template", "auth_scheme_config"];
const SEVERITIES: [&str; 2] = ["error", "warning"];
const ACTIONS: [Action; 5] = [Action::Create, Action::Update, Action::Replace, Action::Delete, Action::Adopt];

/// Everything that is counted and measured. Shared between the loop, which keeps it, and the server, which shows it.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    resources: Family<InState, Gauge>,
    unmanaged: Gauge,
    held_deletes: Gauge,
    problems: Family<OfSeverity, Gauge>,
    passes: Family<OfResult, Counter>,
    durations: Histogram,
    applied: Family<OfAction, Counter>,
    not_applied: Family<OfAction, Counter>,
    drift: Counter,
    last_pass: Gauge<f64, AtomicU64>,
    last_success: Gauge<f64, AtomicU64>,
    ready: Gauge,
    revision: Family<OfRevision, Gauge>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    kind: &'static str,
    state: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfSeverity {
    severity: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfResult {
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfAction {
    action: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfRevision {
    revision: String,
}

/// How a pass ended, in the words of the label `result`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PassResult {
    /// Everything was read, and all that was due was done. Files may be broken, and changes held.
    Success,
    /// Something could not be read or applied; the rest was.
    Partial,
    /// No plan could be made.
    Failure,
}

impl PassResult {
    const ALL: [PassResult; 3] = [PassResult::Success, PassResult::Partial, PassResult::Failure];

    fn label(self) -> OfResult {
        let result = match self {
            PassResult::Success => "success",
            PassResult::Partial => "partial",
            PassResult::Failure => "failure",
        };
        OfResult { result }
    }

    fn of(report: &Report) -> Self {
        if report.failures().next().is_some() || report.plan.has_unread() {
            PassResult::Partial
        } else {
            PassResult::Success
        }
    }
}

impl Metrics {
    /// Everything at nought, beside what the client counts.
    pub fn new(meter: &Meter) -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("versync"),
            resources: Family::default(),
            unmanaged: Gauge::default(),
            held_deletes: Gauge::default(),
            problems: Family::default(),
            passes: Family::default(),
            durations: Histogram::new(DURATIONS),
            applied: Family::default(),
            not_applied: Family::default(),
            drift: Counter::default(),
            last_pass: Gauge::default(),
            last_success: Gauge::default(),
            ready: Gauge::default(),
            revision: Family::default(),
        };
        metrics.register(meter);
        metrics.begin_at_nought();
        metrics
    }

    /// Takes in a pass that was made, and the board as it is after it.
    pub fn passed(&self, report: &Report, board: &Board, took: Duration) {
        let result = PassResult::of(report);
        let ended = self.count_pass(result, board, took);
        if let Some(ended) = ended.filter(|_| result == PassResult::Success) {
            self.last_success.set(ended);
        }
        for (change, outcome) in report.tried() {
            let family = if outcome.result.is_ok() { &self.applied } else { &self.not_applied };
            family.get_or_create(&OfAction { action: change.action.as_str() }).inc();
        }
        self.drift.inc_by(new_drift(board));
        self.unmanaged.set(number(report.plan.unmanaged.count()));
        self.show(board);
    }

    /// Takes in a pass that could not be made, and the board as it is after it.
    pub fn failed(&self, board: &Board, took: Duration) {
        self.count_pass(PassResult::Failure, board, took);
        self.show(board);
    }

    /// All of it in Prometheus' text format.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = prometheus_text::encode(&mut text, &self.registry);
        text
    }

    fn count_pass(&self, result: PassResult, board: &Board, took: Duration) -> Option<f64> {
        self.passes.get_or_create(&result.label()).inc();
        self.durations.observe(took.as_secs_f64());
        let ended = board.status.journal.as_ref()?.last().map(|pass| seconds(pass.ended_at))?;
        self.last_pass.set(ended);
        Some(ended)
    }

    /// Sets what is so now. What is no longer so goes to nought.
    fn show(&self, board: &Board) {
        let mut counts: BTreeMap<(&str, State), usize> = BTreeMap::new();
        for Resource { address, state, .. } in board.resources.iter() {
            *counts.entry((kind_of(address), *state)).or_default() += 1;
        }
        for (kind, state) in KINDS.iter().flat_map(|kind| State::ALL.map(|state| (*kind, state))) {
            let count = counts.get(&(kind, state)).copied().unwrap_or_default();
            self.resources.get_or_create(&InState { kind, state: state.as_str() }).set(number(count));
        }
        for severity in SEVERITIES {
            let count = board.problems().iter().filter(|problem| problem.severity == severity).count();
            self.problems.get_or_create(&OfSeverity { severity }).set(number(count));
        }
        let deletes = |action| matches!(action, Action::Delete | Action::Replace);
        let held = board.resources.iter().filter(|it| it.state == State::Held && deletes(it.action)).count();
        self.held_deletes.set(number(held));
        self.ready.set(i64::from(board.is_ready));
        self.revision.clear();
        if let Some(revision) = board.found().and_then(|found| found.revision.clone()) {
            self.revision.get_or_create(&OfRevision { revision }).set(1);
        }
    }

    fn register(&mut self, meter: &Meter) {
        let to = &mut self.registry;
        let version = Info::new(vec![("version", env!("CARGO_PKG_VERSION"))]);
        to.register("build", "The version that runs", version);
        to.register("revision_info", "The git commit of the manifests in the last pass", self.revision.clone());
        to.register("ready", "Whether a first full pass was made: 1 or 0", self.ready.clone());
        to.register("resources", "Resources by kind and state after the last pass", self.resources.clone());
        to.register(
            "unmanaged_resources",
            "Live objects that no file declares, in the places that are read",
            self.unmanaged.clone(),
        );
        to.register("held_deletes", "Deletes and replacements that are held", self.held_deletes.clone());
        to.register("problems", "Problems of files and answers by severity", self.problems.clone());
        to.register("passes", "Passes by result", self.passes.clone());
        to.register_with_unit("pass_duration", "How long passes take", Unit::Seconds, self.durations.clone());
        to.register("changes_applied", "Changes that were applied, by action", self.applied.clone());
        to.register("changes_failed", "Changes that could not be applied, by action", self.not_applied.clone());
        to.register("drift", "How often a resource was found changed on the platform", self.drift.clone());
        let at = |name: &str| format!("{name}_timestamp");
        to.register_with_unit(at("last_pass"), "When the last pass ended", Unit::Seconds, self.last_pass.clone());
        to.register_with_unit(
            at("last_success"),
            "When the last pass ended in which everything was read and all that was due was done",
            Unit::Seconds,
            self.last_success.clone(),
        );
        to.register("api_requests", "Requests to the platform by endpoint, method and status", meter.requests.clone());
        to.register("api_retries", "Requests to the platform that were sent again", meter.retries.clone());
    }

    /// Series that exist from the beginning: a rate of what has never happened is 0, and not nothing.
    fn begin_at_nought(&self) {
        PassResult::ALL.iter().for_each(|result| drop(self.passes.get_or_create(&result.label())));
        for action in ACTIONS {
            let action = OfAction { action: action.as_str() };
            drop(self.applied.get_or_create(&action));
            drop(self.not_applied.get_or_create(&action));
        }
        for (kind, state) in KINDS.iter().flat_map(|kind| State::ALL.map(|state| (kind, state))) {
            drop(self.resources.get_or_create(&InState { kind, state: state.as_str() }));
        }
        for severity in SEVERITIES {
            drop(self.problems.get_or_create(&OfSeverity { severity }));
        }
    }
}

/// How many resources have drifted in the pass that the board shows, and had not before.
fn new_drift(board: &Board) -> u64 {
    let Some((pass, found)) = board.last_made().zip(board.found()) else { return 0 };
    found.drifted.iter().filter(|note| note.since == pass.began_at).count() as u64
}

fn kind_of(address: &Address) -> &'static str {
    match address {
        Address::ConnectionTemplate { .. } => "connection_template",
        Address::AuthSchemeConfig { .. } => "auth_scheme_config",
    }
}

fn seconds(at: Timestamp) -> f64 {
    at.as_duration().as_secs_f64()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
