//! What was changed, for people.

use std::io::{self, Write};

use jiff::Timestamp;

use super::difference::secret;
use super::escape;
use super::text::{remark, shown};
use super::voice::done;
use crate::model::connection_template::NAME;
use crate::model::history::{Event, FieldNote};
use crate::model::plan::{Action, Cause};

/// So much of a commit is enough to tell it from others.
const SHORT_COMMIT: usize = 12;

/// Writes changes in the order in which they are given, each with its fields.
///
/// # Errors
///
/// Those of `out`.
pub fn write(events: &[Event], out: &mut dyn Write) -> io::Result<()> {
    if events.is_empty() {
        return writeln!(out, "Nothing was changed yet.");
    }
    events.iter().try_for_each(|event| write_event(event, out))
}

fn write_event(event: &Event, out: &mut dyn Write) -> io::Result<()> {
    let mut origin = Vec::new();
    if let Some(source) = &event.source {
        origin.push(format!("{}:{}", escape(&source.file), source.line));
    }
    if let Some(commit) = &event.revision {
        origin.push(format!("revision {}", revision(commit)));
    }
    let causes: Vec<_> = event.causes.iter().filter(|cause| **cause != Cause::Manifest).collect();
    origin.extend(causes.iter().map(|cause| cause.as_str().to_owned()));
    origin.push(format!("`versync {}`", escape(&event.command)));
    let is_rename = |note: &FieldNote| note.path == NAME.name && note.cause == Cause::Manifest;
    let is_template = event.address.starts_with("connection_template.");
    let is_renamed = event.action == Action::Update && is_template && event.fields.iter().any(is_rename);
    let (address, what) = (escape(&event.address), if is_renamed { "renamed" } else { done(event.action) });
    writeln!(out, "{} {address} {what} ({})", time(event.at), origin.join(", "))?;
    let is_new = event.action == Action::Create;
    event.fields.iter().try_for_each(|note| writeln!(out, "    {}", field(note, is_new)))
}

/// A field that differed, in one line.
pub(super) fn field(note: &FieldNote, is_new: bool) -> String {
    let path = escape(&note.path);
    if note.sensitive {
        return format!("{} {path}  {}", if is_new { "+" } else { "~" }, secret(is_new, false));
    }
    let cause = remark(note.cause);
    match (note.before.is_null(), note.after.is_null()) {
        (true, false) => format!("+ {path}  {}{cause}", shown(&note.after)),
        (false, true) => format!("- {path}  {}{cause}", shown(&note.before)),
        _ => format!("~ {path}  {} → {}{cause}", shown(&note.before), shown(&note.after)),
    }
}

/// A point in time, in UTC, to the second.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// The beginning of a commit.
pub(super) fn revision(commit: &str) -> String {
    escape(commit).chars().take(SHORT_COMMIT).collect()
}
