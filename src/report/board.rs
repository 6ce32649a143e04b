//! The board: how things stand with a running daemon, as one value. The status page, its JSON and the metrics
//! show nothing else.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::model::address::Address;
use crate::model::history::{Event, FieldNote};
use crate::model::pass::{Found, Pass, ProblemNote};
use crate::model::plan::{Action, Change, Source};
use crate::model::status::{Entries, Status, Writer};
use crate::model::wording::counted;
use crate::reconcile::{PassError, Report, pass_note};

/// What is on the board.
#[derive(Debug, Clone, PartialEq)]
pub struct Board {
    /// When the daemon began.
    pub started_at: Timestamp,
    /// Rises whenever anything but times is different.
    pub generation: u64,
    /// Whether the daemon writes to the platform.
    pub writes: bool,
    /// Whether there is a state, in which `versync approve` can leave something for the daemon.
    pub has_state: bool,
    /// Whether this process has made a pass.
    pub is_ready: bool,
    /// What runs, and how the last passes went.
    pub status: Status,
    /// Why no pass can be made at the moment.
    pub failing: Option<Failing>,
    /// What is declared, recorded or reported, by address, as the last pass that was made left it.
    pub resources: Arc<[Resource]>,
    /// The newest changes, the newest first.
    pub history: Vec<Event>,
    /// When the next pass is due, unless something happens before.
    pub next_pass_at: Option<Timestamp>,
}

/// Passes that cannot be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Failing {
    /// Since when.
    pub since: Timestamp,
    /// What that means, in a few words.
    pub what: &'static str,
    /// Why.
    pub error: String,
    /// What the user can do about it.
    pub help: Option<&'static str>,
    /// What is wrong with the files, where that is known.
    pub problems: Option<Vec<ProblemNote>>,
}

/// One resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Resource {
    /// Which.
    pub address: Address,
    /// How it is.
    pub state: State,
    /// What is or would be done about it.
    pub action: Action,
    /// Where it is declared, or was last.
    pub source: Option<Source>,
    /// Why nothing was done, and the way out.
    pub note: Option<String>,
    /// Whether `versync approve` lets it through.
    pub approvable: bool,
    /// What differs; of what is in sync, nothing.
    pub fields: Vec<FieldNote>,
}

/// How a resource is after a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// As declared.
    InSync,
    /// Changed on the platform, and not put right.
    Drifted,
    /// The files have changed, and nothing is written in this mode.
    Pending,
    /// Held back, for a reason.
    Held,
    /// Its change was tried and failed, or had to wait for one that did.
    Failed,
    /// Only reported: foreign, or no longer declared.
    Reported,
    /// Could not be compared, because of a broken file or an answer that did not come.
    Unknown,
}

impl State {
    /// Every state.
    pub const ALL: [State; 7] =
        [State::InSync, State::Drifted, State::Pending, State::Held, State::Failed, State::Reported, State::Unknown];

    /// The word that JSON and metrics use.
    pub fn as_str(self) -> &'static str {
        match self {
            State::InSync => "in_sync",
            State::Drifted => "drifted",
            State::Pending => "pending",
            State::Held => "held",
            State::Failed => "failed",
            State::Reported => "reported",
            State::Unknown => "unknown",
        }
    }
}

/// How loudly a sentence has to be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Nothing is known yet.
    Waiting,
    /// All is well.
    Good,
    /// Somebody should look, at leisure.
    Attention,
    /// Something does not work.
    Bad,
}

impl Tone {
    /// The word that JSON uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Tone::Waiting => "waiting",
            Tone::Good => "good",
            Tone::Attention => "attention",
            Tone::Bad => "bad",
        }
    }
}

impl Board {
    /// The board of a daemon that begins, with what earlier ones left in the state.
    pub fn new(started_at: Timestamp, has_state: bool, left: Option<Entries>, history: Vec<Event>) -> Self {
        let pid = i32::try_from(std::process::id()).ok();
        let writer = Some(Writer { command: "run".to_owned(), pid });
        Self {
            started_at,
            generation: 0,
            writes: false,
            has_state,
            is_ready: false,
            status: Status { writer, journal: left },
            failing: None,
            resources: Arc::default(),
            history,
            next_pass_at: None,
        }
    }

    /// The board after a pass.
    #[must_use]
    pub fn passed(&self, report: &Report, ended_at: Timestamp) -> Self {
        let mut pass = pass_note(Ok(report), Vec::new(), report.began_at, ended_at);
        "run".clone_into(&mut pass.command);
        if let (Ok(found), Some(before)) = (&mut pass.result, self.found()) {
            found.carry_on(before);
        }
        let journal = Entries { completed: Some(pass), failed: None, approvals: Vec::new() };
        Self {
            started_at: self.started_at,
            generation: self.generation,
            writes: self.writes,
            has_state: self.has_state,
            is_ready: true,
            status: Status { writer: self.status.writer.clone(), journal: Some(journal) },
            failing: None,
            resources: resources(report),
            history: self.history.clone(),
            next_pass_at: None,
        }
    }

    /// The board after a pass that could not be made: what the one before found still stands.
    #[must_use]
    pub fn failed(&self, error: &PassError, began_at: Timestamp, ended_at: Timestamp) -> Self {
        let mut pass = pass_note(Err(error), Vec::new(), began_at, ended_at);
        "run".clone_into(&mut pass.command);
        let mut next = self.clone();
        next.status.journal.get_or_insert_default().failed = Some(pass);
        next.failing = Some(Failing {
            since: self.failing.as_ref().map_or(began_at, |failing| failing.since),
            what: error.means(),
            error: error.to_string(),
            help: error.help(),
            problems: match error {
                PassError::Api { problems, .. } => Some(problems.iter().map(ProblemNote::of).collect()),
                _ => None,
            },
        });
        next
    }

    /// What the last pass found that was made.
    pub fn found(&self) -> Option<&Found> {
        self.status.journal.as_ref().and_then(Entries::found)
    }

    /// The last pass that was made.
    pub fn last_made(&self) -> Option<&Pass> {
        self.status.journal.as_ref()?.completed.as_ref()
    }

    /// What is wrong with files and answers, as far as it is known.
    pub fn problems(&self) -> &[ProblemNote] {
        match self.failing.as_ref().and_then(|failing| failing.problems.as_ref()) {
            Some(problems) => problems,
            None => self.found().map(|found| &*found.problems).unwrap_or_default(),
        }
    }

    /// How many resources are in each state; states without any are left out.
    pub fn counts(&self) -> BTreeMap<State, usize> {
        let mut counts = BTreeMap::new();
        self.resources.iter().for_each(|it| *counts.entry(it.state).or_default() += 1);
        counts
    }

    /// Whether this one says the same as another, whatever the time.
    pub fn says_the_same(&self, other: &Board) -> bool {
        let timeless = |failing: &Option<Failing>| failing.clone().map(|it| (it.since, it.error, it.problems));
        self.is_ready == other.is_ready
            && self.writes == other.writes
            && timeless(&self.failing) == timeless(&other.failing)
            && self.found() == other.found()
            && self.history == other.history
            && self.resources == other.resources
    }

    /// How things are, in one sentence without a time, and how loudly it has to be said.
    pub fn sentence(&self) -> (Tone, String) {
        if let Some(failing) = &self.failing {
            return (Tone::Bad, failing.what.to_owned());
        }
        if !self.is_ready {
            return (Tone::Waiting, "The first pass is under way".to_owned());
        }
        let counts = self.counts();
        let count = |state| counts.get(&state).copied().unwrap_or_default();
        let (errors, warnings): (Vec<_>, Vec<_>) = self.problems().iter().partition(|it| it.severity == "error");
        let broken: BTreeSet<_> = errors.iter().filter_map(|problem| problem.file.as_deref()).collect();
        let elsewhere = errors.iter().filter(|problem| problem.file.is_none()).count();
        let parts = [
            (count(State::Failed), "failed"),
            (count(State::Drifted), "drifted"),
            (count(State::Held), "held"),
            (count(State::Pending), "to be changed"),
            (count(State::Reported), "only reported"),
        ];
        let mut parts: Vec<String> =
            parts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        let things = [(broken.len(), "broken file"), (elsewhere, "problem"), (warnings.len(), "warning")];
        parts.extend(things.iter().filter(|(count, _)| *count > 0).map(|(count, what)| counted(*count, what)));
        let in_sync = count(State::InSync);
        match parts.as_slice() {
            [] if in_sync == 0 => (Tone::Attention, "Nothing is declared".to_owned()),
            [] => (Tone::Good, format!("In sync: {}", counted(in_sync, "resource"))),
            _ if count(State::Failed) > 0 || !errors.is_empty() => (Tone::Bad, parts.join(", ")),
            _ => (Tone::Attention, parts.join(", ")),
        }
    }
}

fn resources(report: &Report) -> Arc<[Resource]> {
    let plan = &report.plan;
    let in_sync = plan.in_sync.iter().map(|it| as_declared(&it.address, Some(Source::of(it))));
    let mut resources: Vec<Resource> = in_sync.collect();
    let outcomes: BTreeMap<&Address, Result<(), String>> = report
        .outcomes
        .iter()
        .flatten()
        .map(|outcome| (&outcome.address, outcome.result.as_ref().map(drop).map_err(|failure| failure.to_string())))
        .collect();
    resources.extend(plan.changes.iter().filter_map(|change| changed(change, outcomes.get(&change.address))));
    let known: BTreeSet<&Address> = if plan.not_compared.is_empty() {
        BTreeSet::new()
    } else {
        resources.iter().map(|resource| &resource.address).collect()
    };
    let unknown = plan.not_compared.iter().filter(|address| !known.contains(address));
    let unknown: Vec<_> =
        unknown.map(|address| Resource { state: State::Unknown, ..as_declared(address, None) }).collect();
    resources.extend(unknown);
    resources.sort_by(|a, b| a.address.cmp(&b.address));
    resources.into()
}

fn as_declared(address: &Address, source: Option<Source>) -> Resource {
    Resource {
        address: address.clone(),
        state: State::InSync,
        action: Action::None,
        source,
        note: None,
        approvable: false,
        fields: Vec::new(),
    }
}

/// How a resource with a difference is after the pass; nothing about one that was deleted.
fn changed(change: &Change, outcome: Option<&Result<(), String>>) -> Option<Resource> {
    let reason = change.held.as_ref().map(|held| held.reason.clone());
    let (state, note) = match outcome {
        Some(Ok(())) if change.action == Action::Delete => return None,
        Some(Ok(())) => return Some(as_declared(&change.address, change.source.clone())),
        Some(Err(error)) => (State::Failed, Some(error.clone())),
        None if change.action == Action::None && change.is_drifted() => (State::Drifted, reason),
        None if change.action == Action::None => (State::Reported, reason),
        None if change.held.is_some() => (State::Held, reason),
        None if change.is_drifted() => (State::Drifted, reason),
        None => (State::Pending, reason),
    };
    Some(Resource {
        address: change.address.clone(),
        state,
        action: change.action,
        source: change.source.clone(),
        note,
        approvable: change.awaits_approval(),
        fields: change.fields.iter().map(FieldNote::of).collect(),
    })
}
