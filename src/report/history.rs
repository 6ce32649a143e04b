//! What was changed, for people.

use std::io::{self, Write};

use anstyle::AnsiColor;
use jiff::Timestamp;

use super::difference::{left_alone, secret};
use super::escape;
use super::paper::{folded, paint};
use super::problems::Look;
use super::text::{remark, shown, style_of};
use super::voice::done;
use crate::model::connection_template::NAME;
use crate::model::history::{Event, FieldNote};
use crate::model::plan::{Action, Cause, PROTECTION};

/// So much of a commit is enough to tell it from others.
const SHORT_COMMIT: usize = 12;

/// Writes changes in the order in which they are given, each with its fields.
///
/// # Errors
///
/// Those of `out`.
pub fn write(events: &[Event], look: Look, out: &mut dyn Write) -> io::Result<()> {
    if events.is_empty() {
        return writeln!(out, "Nothing was changed yet.");
    }
    events.iter().try_for_each(|event| write_event(event, look, out))
}

fn write_event(event: &Event, look: Look, out: &mut dyn Write) -> io::Result<()> {
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
    let protection = event.fields.iter().find(|note| note.path == PROTECTION && event.action == Action::Adopt);
    let what = match protection.map(|note| note.after == true) {
        Some(true) => "protected",
        Some(false) => "released",
        None if is_renamed => "renamed",
        None => done(event.action),
    };
    let address = paint(&escape(&event.address), style_of(event.action).bold(), look);
    let line = format!("{} {address} {what} ({})", time(event.at), origin.join(", "));
    writeln!(out, "{}", folded(&line, "", "    ", look))?;
    let shows = if event.action == Action::Create { Shows::New } else { Shows::Change };
    write_fields(&event.fields, shows, look, out)
}

/// What fields are shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shows {
    /// Those of something new.
    New,
    /// What became of them.
    Change,
    /// What differs, and stays so.
    Difference,
}

/// Writes fields that differed, in columns, each on a line.
pub(super) fn write_fields(notes: &[FieldNote], shows: Shows, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let width = notes.iter().map(|note| escape(&note.path).len()).max().unwrap_or_default();
    let behind = " ".repeat(4 + 2 + width + 2);
    notes.iter().try_for_each(|note| {
        let (sign, color, value) = field(note, shows);
        let sign = paint(sign, color.on_default(), look);
        let line = format!("    {sign} {:width$}  {value}", escape(&note.path));
        writeln!(out, "{}", folded(&line, "", &behind, look))
    })
}

/// The sign of a field that differed, and its values.
fn field(note: &FieldNote, shows: Shows) -> (&'static str, AnsiColor, String) {
    const CHANGED: (&str, AnsiColor) = ("~", AnsiColor::Yellow);
    let ((sign, color), value) = match (note.before.is_null(), note.after.is_null()) {
        _ if note.sensitive && shows == Shows::New => (("+", AnsiColor::Green), secret(true, false).to_owned()),
        _ if note.sensitive => (CHANGED, secret(false, false).to_owned()),
        _ if shows == Shows::Difference => (CHANGED, left_alone(&note.before, &note.after)),
        (true, false) => (("+", AnsiColor::Green), shown(&note.after) + remark(note.cause)),
        (false, true) => (("-", AnsiColor::Red), shown(&note.before) + remark(note.cause)),
        _ => (CHANGED, format!("{} → {}{}", shown(&note.before), shown(&note.after), remark(note.cause))),
    };
    (sign, color, value)
}

/// A point in time, in UTC, to the second.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.0}")
}

/// The beginning of a commit.
pub(super) fn revision(commit: &str) -> String {
    escape(commit).chars().take(SHORT_COMMIT).collect()
}
