//! What a pass leaves behind: how it went, what it held and what had drifted, for whoever asks later.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::history::FieldNote;
use super::plan::{Action, Cause, Change, Source};
use super::source::Problem;
use super::summary::Summary;

/// One pass.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pass {
    /// The command that made it: `run` or `apply`.
    pub command: String,
    /// What it was limited to; everything where this is empty.
    pub targets: Vec<String>,
    /// When it began.
    pub began_at: Timestamp,
    /// When it ended.
    pub ended_at: Timestamp,
    /// When everything was looked at: by this pass, or before it where it looked only at what an edit is about. Nothing
    /// where it could not be made.
    #[serde(default)]
    pub checked_at: Option<Timestamp>,
    /// What it found, or what kept it from being made.
    pub result: Result<Found, String>,
}

impl Pass {
    /// When everything was looked at before, where this pass looked only at what an edit is about.
    pub fn checked_before(&self) -> Option<Timestamp> {
        self.checked_at.filter(|at| *at < self.began_at)
    }
}

/// What a pass found and did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Found {
    /// The git commit of the manifests folder, if it is in a repository.
    pub revision: Option<String>,
    /// The hash of its plan.
    pub hash: String,
    /// The hash of the deletes that it held and that an approval would let through; nothing where there were none.
    pub held_hash: Option<String>,
    /// Its plan in numbers.
    pub summary: Summary,
    /// How many changes were applied.
    pub applied: usize,
    /// What was held.
    pub held: Vec<HeldNote>,
    /// What had drifted.
    pub drifted: Vec<DriftNote>,
    /// What was wrong with files and answers.
    pub problems: Vec<ProblemNote>,
    /// What could not be applied.
    pub failures: Vec<FailureNote>,
}

/// A change that was held, or something that is only reported, because it is foreign or no longer declared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeldNote {
    /// Of which resource.
    pub address: String,
    /// What would be done; nothing about what is only reported.
    pub action: Action,
    /// Why it was not, and the way out.
    pub reason: String,
    /// Whether `versync approve` lets it through.
    pub approvable: bool,
    /// Since when.
    pub since: Timestamp,
}

/// Something that was changed behind versync's back.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DriftNote {
    /// Of which resource.
    pub address: String,
    /// Whether the resource itself was deleted.
    pub deleted: bool,
    /// Whether the pass put it right.
    pub reverted: bool,
    /// The first pass that found it.
    pub since: Timestamp,
    /// Where it is declared.
    pub source: Option<Source>,
    /// What differed.
    pub fields: Vec<FieldNote>,
}

/// A [`Problem`] as it is kept, without the text of its file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ProblemNote {
    /// `error` or `warning`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// The file that it concerns.
    pub file: Option<String>,
    /// The line and the column, both from 1.
    pub position: Option<(usize, usize)>,
}

/// A change that could not be applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FailureNote {
    /// Of which resource.
    pub address: String,
    /// Why.
    pub error: String,
}

impl HeldNote {
    /// A change that is held or only reported, noted by a pass that began `now`.
    pub fn of(change: &Change, now: Timestamp) -> Option<Self> {
        let held = change.held.as_ref().filter(|_| change.action != Action::None || !change.is_drifted())?;
        Some(Self {
            address: change.address.to_string(),
            action: change.action,
            reason: held.reason.clone(),
            approvable: held.approvable,
            since: now,
        })
    }
}

impl DriftNote {
    /// A change that drift is among the causes of, noted by a pass that began `now`.
    pub fn of(change: &Change, reverted: bool, now: Timestamp) -> Option<Self> {
        let fields = change.fields.iter().filter(|field| field.cause != Cause::Manifest);
        change.is_drifted().then(|| Self {
            address: change.address.to_string(),
            deleted: change.was_deleted(),
            reverted: reverted && !change.leaves_drift(),
            since: now,
            source: change.source.clone(),
            fields: fields.map(FieldNote::of).collect(),
        })
    }
}

impl ProblemNote {
    /// What is kept of a problem.
    pub fn of(problem: &Problem) -> Self {
        Self {
            severity: problem.severity.as_str().to_owned(),
            message: problem.message.clone(),
            help: problem.help.clone(),
            file: problem.file_name().map(str::to_owned),
            position: problem.position(),
        }
    }
}

impl Found {
    /// Whether anything in it has a beginning that an earlier pass may know better.
    pub fn lasts(&self) -> bool {
        !self.held.is_empty() || !self.drifted.is_empty()
    }

    /// Whether everything is as declared once it is done.
    pub fn leaves_nothing_open(&self) -> bool {
        let none_drifts = self.drifted.iter().all(|note| note.reverted);
        self.held.is_empty() && none_drifts && self.problems.is_empty() && self.failures.is_empty()
    }

    /// Takes over from the pass before since when what still holds has held.
    pub fn carry_on(&mut self, before: &Found) {
        for note in &mut self.held {
            let same = |old: &&HeldNote| old.address == note.address && old.action == note.action;
            note.since = before.held.iter().find(same).map_or(note.since, |old| old.since);
        }
        for note in &mut self.drifted {
            let same = |old: &&DriftNote| old.address == note.address && !old.reverted;
            note.since = before.drifted.iter().find(same).map_or(note.since, |old| old.since);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(reverted: bool, second: i64) -> Found {
        let since = Timestamp::from_second(second).unwrap();
        let drift =
            DriftNote { address: "a".to_owned(), deleted: false, reverted, since, source: None, fields: Vec::new() };
        let held = HeldNote {
            address: "b".to_owned(),
            action: Action::Delete,
            reason: format!("{second} deletes"),
            approvable: true,
            since,
        };
        Found {
            revision: None,
            hash: String::new(),
            held_hash: None,
            summary: Summary::default(),
            applied: 0,
            held: vec![held],
            drifted: vec![drift],
            problems: Vec::new(),
            failures: Vec::new(),
        }
    }

    #[test]
    fn what_lasts_keeps_its_beginning_and_what_comes_again_begins_anew() {
        let mut lasting = found(false, 20);
        lasting.carry_on(&found(false, 10));
        assert_eq!((lasting.held[0].since.as_second(), lasting.drifted[0].since.as_second()), (10, 10));
        let mut again = found(false, 20);
        again.carry_on(&found(true, 10));
        assert_eq!(again.drifted[0].since.as_second(), 20);
    }
}
