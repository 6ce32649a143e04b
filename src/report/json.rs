//! Plans, status and history as JSON, for programs. Names and shapes are a contract.

use std::collections::BTreeMap;

use super::board::{Board, Failing, Resource, State};
use crate::model::approval::Approval;
use crate::model::desired::Desired;
use crate::model::history::{Event, FieldNote};
use crate::model::json::{Json, object};
use crate::model::pass::{DriftNote, FailureNote, HeldNote, Pass, ProblemNote};
use crate::model::plan::{Action, Change, FieldChange, Plan, Source};
use crate::model::source::Problem;
use crate::model::status::{Entries, Status};
use crate::model::summary::Summary;

/// The plan as one JSON value. Values that may not be shown are `null`.
pub fn plan(plan: &Plan) -> Json {
    object! {
        "format_version": "1",
        "hash": plan.hash(),
        "revision": plan.revision,
        "summary": summary(&plan.summary()),
        "changes": plan.changes.iter().map(change).collect::<Vec<_>>(),
        "problems": plan.problems.iter().map(problem).collect::<Vec<_>>(),
    }
}

/// A problem as JSON; `file`, `line` and `column` are `null` where it has no place.
pub fn problem(problem: &Problem) -> Json {
    problem_note(&ProblemNote::of(problem))
}

/// What `validate` found, as one JSON value.
pub fn validation(desired: &Desired) -> Json {
    object! {
        "format_version": "1",
        "files": desired.files.len(),
        "resources": desired.resources.len(),
        "problems": desired.problems.iter().map(problem).collect::<Vec<_>>(),
    }
}

/// How things stand, as one JSON value. What is held, has drifted or is wrong is what the last pass found
/// that was made; times are RFC 3339, in UTC.
pub fn status(status: &Status) -> Json {
    let journal = status.journal.as_ref();
    let found = journal.and_then(Entries::found);
    object! {
        "format_version": "1",
        "running": status.writer.as_ref().map(|writer| object! {"command": writer.command, "pid": writer.pid}),
        "last_pass": journal.and_then(Entries::last).map(pass),
        "last_completed_pass": journal.and_then(|journal| journal.completed.as_ref()).map(pass),
        "held": list(found.map(|found| &*found.held), held),
        "drifted": list(found.map(|found| &*found.drifted), drift),
        "failed": list(found.map(|found| &*found.failures), failure),
        "problems": list(found.map(|found| &*found.problems), problem_note),
        "approvals": list(journal.map(|journal| &*journal.approvals), approval),
    }
}

/// What a running daemon knows: [`status`], and beside it the daemon, the sentence of the status page, every
/// resource and the newest changes.
pub fn board(board: &Board) -> Json {
    let (tone, sentence) = board.sentence();
    let more = object! {
        "problems": board.problems().iter().map(problem_note).collect::<Vec<_>>(),
        "daemon": object! {
            "version": env!("CARGO_PKG_VERSION"),
            "started_at": board.started_at.to_string(),
            "writes": board.writes,
            "takes_approvals": board.writes && board.has_state,
            "ready": board.is_ready,
        },
        "generation": generation(board),
        "headline": object! {"tone": tone.as_str(), "text": sentence},
        "failing": board.failing.as_ref().map(failing),
        "next_pass_at": board.next_pass_at.map(|at| at.to_string()),
        "counts": board.counts().iter().map(|(state, count)| (state.as_str(), *count)).collect::<BTreeMap<_, _>>(),
        "resources": board.resources.iter().map(resource).collect::<Vec<_>>(),
        "history": board.history.iter().map(event).collect::<Vec<_>>(),
    };
    // Approvals come and go beside the daemon; the state knows of them.
    status(&board.status).without("approvals").extended(more)
}

/// The times of the board alone, and what names the rest of it.
pub fn pulse(board: &Board) -> Json {
    let journal = board.status.journal.as_ref();
    object! {
        "generation": generation(board),
        "version": env!("CARGO_PKG_VERSION"),
        "last_pass": journal.and_then(Entries::last).map(pass),
        "last_completed_pass": board.last_made().map(pass),
        "next_pass_at": board.next_pass_at.map(|at| at.to_string()),
    }
}

/// A name for all of the board but its times; that of another process never equals it.
fn generation(board: &Board) -> String {
    format!("{}-{}", board.started_at.as_millisecond(), board.generation)
}

fn failing(failing: &Failing) -> Json {
    object! {"since": failing.since.to_string(), "error": failing.error, "help": failing.help}
}

fn resource(resource: &Resource) -> Json {
    let value = object! {
        "address": resource.address.to_string(),
        "state": resource.state.as_str(),
        "source": resource.source.as_ref().map(source),
    };
    if resource.state == State::InSync {
        return value;
    }
    value.extended(object! {
        "action": resource.action.as_str(),
        "reason": resource.note,
        "approvable": resource.approvable,
        "fields": resource.fields.iter().map(field_note).collect::<Vec<_>>(),
    })
}

/// What was changed, as one JSON value, in the order in which it is given.
pub fn history(events: &[Event]) -> Json {
    object! {"format_version": "1", "changes": events.iter().map(event).collect::<Vec<_>>()}
}

fn list<T>(notes: Option<&[T]>, one: impl FnMut(&T) -> Json) -> Vec<Json> {
    notes.unwrap_or_default().iter().map(one).collect()
}

fn pass(pass: &Pass) -> Json {
    let found = pass.result.as_ref().ok();
    object! {
        "command": pass.command,
        "targets": pass.targets,
        "began_at": pass.began_at.to_string(),
        "ended_at": pass.ended_at.to_string(),
        "checked_at": pass.checked_at.map(|at| at.to_string()),
        "error": pass.result.as_ref().err(),
        "revision": found.and_then(|found| found.revision.as_ref()),
        "hash": found.map(|found| &found.hash),
        "held_hash": found.and_then(|found| found.held_hash.as_ref()),
        "summary": found.map(|found| summary(&found.summary)),
        "applied": found.map(|found| found.applied),
    }
}

fn held(note: &HeldNote) -> Json {
    object! {
        "address": note.address,
        "action": note.action.as_str(),
        "reason": note.reason,
        "approvable": note.approvable,
        "since": note.since.to_string(),
    }
}

fn failure(note: &FailureNote) -> Json {
    object! {"address": note.address, "error": note.error}
}

fn drift(note: &DriftNote) -> Json {
    object! {
        "address": note.address,
        "deleted": note.deleted,
        "reverted": note.reverted,
        "since": note.since.to_string(),
        "source": note.source.as_ref().map(source),
        "fields": note.fields.iter().map(field_note).collect::<Vec<_>>(),
    }
}

fn approval(approval: &Approval) -> Json {
    object! {
        "hash": approval.hash,
        "held_hash": approval.held_hash,
        "approved_at": approval.approved_at.to_string(),
    }
}

pub(super) fn event(event: &Event) -> Json {
    object! {
        "at": event.at.to_string(),
        "command": event.command,
        "revision": event.revision,
        "address": event.address,
        "action": event.action.as_str(),
        "causes": event.causes.iter().map(|cause| cause.as_str()).collect::<Vec<_>>(),
        "source": event.source.as_ref().map(source),
        "fields": event.fields.iter().map(field_note).collect::<Vec<_>>(),
    }
}

fn problem_note(note: &ProblemNote) -> Json {
    let message = match &note.help {
        Some(help) => format!("{}: {help}", note.message),
        None => note.message.clone(),
    };
    object! {
        "severity": note.severity,
        "message": message,
        "file": note.file,
        "line": note.position.map(|(line, _)| line),
        "column": note.position.map(|(_, column)| column),
    }
}

pub(super) fn source(source: &Source) -> Json {
    object! {"file": source.file, "line": source.line}
}

fn summary(summary: &Summary) -> Json {
    object! {
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
    }
}

pub(super) fn change(change: &Change) -> Json {
    object! {
        "address": change.address.to_string(),
        "action": change.action.as_str(),
        "causes": change.causes.iter().map(|cause| cause.as_str()).collect::<Vec<_>>(),
        "source": change.source.as_ref().map(source),
        "held": change.held.as_ref().map(|held| &held.reason),
        "fields": change.fields.iter().map(|found| field(change.action, found)).collect::<Vec<_>>(),
    }
}

/// A difference. What an action leaves as it is has the same value after it.
fn field(action: Action, field: &FieldChange) -> Json {
    let note = FieldNote::of(field);
    let stays = field.kept && action != Action::None;
    field_note(&if stays { FieldNote { after: note.before.clone(), ..note } } else { note })
}

/// A note holds no value that may not be shown.
pub(super) fn field_note(note: &FieldNote) -> Json {
    object! {
        "path": note.path,
        "before": note.before,
        "after": note.after,
        "cause": note.cause.as_str(),
        "sensitive": note.sensitive,
    }
}
