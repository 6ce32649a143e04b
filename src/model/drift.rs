//! The audit trail of drift: for each one an entry when it begins, when it changes, and when it ends.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::address::Address;
use super::history::FieldNote;
use super::plan::{Action, Cause, Change, FieldChange, Plan};

/// One entry. What may not be shown is not in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When it was found out.
    pub time: Timestamp,
    /// Of which resource.
    pub address: String,
    /// What is new about the drift.
    pub event: Event,
    /// What was done to the resource.
    pub kind: Kind,
    /// What is done about it.
    pub response: Response,
    /// Why nothing is done, where that is so.
    pub reason: Option<String>,
    /// The fields that somebody changed.
    pub fields: Vec<Field>,
    /// The file that declares the resource, relative to the manifests folder.
    pub file: Option<String>,
    /// The line there, from 1.
    pub line: Option<usize>,
    /// The git commit of the manifests folder, if it is in a repository.
    pub revision: Option<String>,
    /// The command that found it: `run` or `apply`.
    pub command: String,
}

/// What is new about a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Event {
    /// It was found.
    Began,
    /// It is another one than before, or something else is done about it.
    Changed,
    /// It is over.
    Ended,
}

/// What somebody did to the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Changed it.
    Changed,
    /// Changed what the files changed as well.
    Conflict,
    /// Deleted it.
    Deleted,
}

/// What is done about a drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Response {
    /// It is put right: this is written before the request is sent.
    Reverting,
    /// It was put right.
    Reverted,
    /// It is told and left.
    Reported,
    /// It would be put right, but something is in the way.
    Held,
    /// Nothing any more: the resource was found to be as it should.
    AsDeclared,
}

/// A field that somebody changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// The field's name in manifests.
    pub path: String,
    /// The value that the files want; `null` where there is none, or where it may not be shown.
    pub declared: Value,
    /// The value that somebody gave it; `null` where there is none, or where it may not be shown.
    pub live: Value,
    /// `drift`, or `conflict` where the files changed it too.
    pub cause: Cause,
    /// Whether the values may not be shown.
    pub sensitive: bool,
}

/// The drifts that have begun and not ended, each with its last entry.
#[derive(Debug, Default)]
pub struct Trail {
    open: BTreeMap<String, Entry>,
}

/// What stays the same about the entries of one pass.
#[derive(Debug, Clone, Copy)]
pub struct Circumstances<'a> {
    /// The command that makes it.
    pub command: &'a str,
    /// Whether it writes at all.
    pub writes: bool,
    /// When it is.
    pub now: Timestamp,
}

impl Trail {
    /// Takes in an entry that was written before, as when a trail is read again.
    pub fn remember(&mut self, entry: Entry) {
        match entry.event {
            Event::Began | Event::Changed => drop(self.open.insert(entry.address.clone(), entry)),
            Event::Ended => drop(self.open.remove(&entry.address)),
        }
    }

    /// What is new in a plan: to be written before anything is done about it.
    pub fn found(&mut self, plan: &Plan, circumstances: Circumstances<'_>) -> Vec<Entry> {
        let mut new = Vec::new();
        for change in plan.changes.iter().filter(|change| change.is_drifted()) {
            let mut entry = began(change, plan, circumstances);
            match self.open.get(&entry.address) {
                Some(before) if before.is_same(&entry) => continue,
                Some(_) => entry.event = Event::Changed,
                None => {}
            }
            self.open.insert(entry.address.clone(), entry.clone());
            new.push(entry);
        }
        new
    }

    /// What has ended once the plan was carried out: what was `applied`, and what the plan, if it is about
    /// `everything`, no longer finds. What could not be compared has not ended.
    pub fn came_of(
        &mut self,
        plan: &Plan,
        applied: &BTreeSet<&Address>,
        everything: bool,
        circumstances: Circumstances<'_>,
    ) -> Vec<Entry> {
        let reverted: BTreeSet<String> = applied.iter().map(ToString::to_string).collect();
        let lasts: BTreeSet<String> = plan
            .changes
            .iter()
            .filter(|change| change.is_drifted())
            .map(|change| &change.address)
            .chain(&plan.not_compared)
            .map(ToString::to_string)
            .collect();
        let over = |address: &String| reverted.contains(address) || (everything && !lasts.contains(address));
        let ended: Vec<String> = self.open.keys().filter(|address| over(address)).cloned().collect();
        let last = ended.into_iter().filter_map(|address| self.open.remove(&address));
        let end = |before: Entry| Entry {
            time: circumstances.now,
            event: Event::Ended,
            response: if reverted.contains(&before.address) { Response::Reverted } else { Response::AsDeclared },
            reason: None,
            revision: plan.revision.clone(),
            command: circumstances.command.to_owned(),
            ..before
        };
        last.map(end).collect()
    }
}

impl Entry {
    /// Whether nothing is new about another one.
    fn is_same(&self, other: &Self) -> bool {
        (self.kind, self.response, &self.fields) == (other.kind, other.response, &other.fields)
    }
}

fn began(change: &Change, plan: &Plan, circumstances: Circumstances<'_>) -> Entry {
    let kind = match (change.was_deleted(), change.cause()) {
        (true, _) => Kind::Deleted,
        (false, Cause::Conflict) => Kind::Conflict,
        (false, _) => Kind::Changed,
    };
    let response = if !circumstances.writes || change.leaves_drift() {
        Response::Reported
    } else if change.is_due() {
        Response::Reverting
    } else if change.action == Action::None {
        Response::Reported
    } else {
        Response::Held
    };
    Entry {
        time: circumstances.now,
        address: change.address.to_string(),
        event: Event::Began,
        kind,
        response,
        reason: change.held.as_ref().map(|held| held.reason.clone()),
        fields: change.fields.iter().filter(|field| field.cause != Cause::Manifest).map(Field::of).collect(),
        file: change.source.as_ref().map(|source| source.file.clone()),
        line: change.source.as_ref().map(|source| source.line),
        revision: plan.revision.clone(),
        command: circumstances.command.to_owned(),
    }
}

impl Field {
    fn of(change: &FieldChange) -> Self {
        let FieldNote { path, before, after, cause, sensitive } = FieldNote::of(change);
        Self { path, declared: after, live: before, cause, sensitive }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::address::{Identity, Owner, OwnerKind};
    use crate::model::plan::{Held, Step};

    fn drift(id: &str, live: &Value, held: Option<Held>) -> Change {
        let owner = Owner::system("01J".to_owned());
        Change {
            address: Address::AuthSchemeConfig {
                kind: OwnerKind::System,
                owner: "stripe".to_owned(),
                id: id.to_owned(),
            },
            identity: Identity::AuthSchemeConfig { owner, id: id.to_owned() },
            action: Action::Update,
            causes: BTreeSet::from([Cause::Drift]),
            source: None,
            held,
            fields: vec![FieldChange {
                path: "client_secret",
                before: live.clone(),
                after: json!("wanted"),
                cause: Cause::Drift,
                sensitive: live == "hunter2",
                kept: false,
                first: false,
            }],
            step: Step::Nothing,
        }
    }

    fn plan(changes: Vec<Change>) -> Plan {
        Plan { changes, ..Plan::default() }
    }

    fn now() -> Circumstances<'static> {
        Circumstances { command: "run", writes: true, now: Timestamp::UNIX_EPOCH }
    }

    fn said(entries: &[Entry]) -> Vec<(Event, Response)> {
        entries.iter().map(|entry| (entry.event, entry.response)).collect()
    }

    #[test]
    fn a_drift_is_written_when_it_begins_changes_and_ends_and_not_between() {
        let mut trail = Trail::default();
        let one = plan(vec![drift("a", &json!(1), None)]);
        let none = BTreeSet::new();
        assert_eq!(said(&trail.found(&one, now())), [(Event::Began, Response::Reverting)]);
        assert_eq!(trail.came_of(&one, &none, true, now()), []);
        assert_eq!(trail.found(&one, now()), []);
        let other = plan(vec![drift("a", &json!(2), Some(Held::because("it flaps")))]);
        assert_eq!(said(&trail.found(&other, now())), [(Event::Changed, Response::Held)]);
        let applied = BTreeSet::from([&other.changes[0].address]);
        assert_eq!(said(&trail.came_of(&other, &applied, true, now())), [(Event::Ended, Response::Reverted)]);
        assert_eq!(trail.came_of(&plan(vec![]), &none, true, now()), []);
    }

    #[test]
    fn only_a_look_at_everything_tells_that_a_drift_has_ended() {
        let mut trail = Trail::default();
        let found = plan(vec![drift("a", &json!(1), None)]);
        trail.found(&found, now());
        let none = BTreeSet::new();
        assert_eq!(trail.came_of(&plan(vec![]), &none, false, now()), [], "it was not among the targets");
        let unread = Plan { not_compared: BTreeSet::from([found.changes[0].address.clone()]), ..Plan::default() };
        assert_eq!(trail.came_of(&unread, &none, true, now()), [], "nobody could look");
        assert_eq!(said(&trail.came_of(&plan(vec![]), &none, true, now())), [(Event::Ended, Response::AsDeclared)]);
    }

    #[test]
    fn what_was_written_before_is_not_written_again() {
        let one = plan(vec![drift("a", &json!(1), None), drift("b", &json!(1), None)]);
        let mut first = Trail::default();
        let mut written = first.found(&one, now());
        written.extend(first.came_of(&one, &BTreeSet::from([&one.changes[1].address]), true, now()));
        let mut again = Trail::default();
        for entry in written {
            let line = serde_json::to_string(&entry).unwrap();
            again.remember(serde_json::from_str(&line).unwrap());
        }
        let new = again.found(&one, now());
        assert_eq!(
            new.iter().map(|entry| entry.address.as_str()).collect::<Vec<_>>(),
            ["auth_scheme_config.system/stripe/b"]
        );
    }

    #[test]
    fn a_secret_is_in_no_entry() {
        let entries = Trail::default().found(&plan(vec![drift("a", &json!("hunter2"), None)]), now());
        let line = serde_json::to_string(&entries).unwrap();
        assert!(!line.contains("hunter2") && line.contains("\"sensitive\":true"), "{line}");
    }
}
