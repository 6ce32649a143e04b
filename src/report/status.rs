//! How things stand, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::difference::left_alone;
use super::escape;
use super::history::{field, revision, time};
use super::text::{applied, summary_line};
use super::voice::done;
use crate::model::pass::{DriftNote, Found, HeldNote, Pass, ProblemNote};
use crate::model::plan::Action;
use crate::model::status::{Entries, Status, Writer};
use crate::model::wording::counted;

/// Writes what runs now, how the last pass went, and what it left open.
///
/// # Errors
///
/// Those of `out`.
pub fn write(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    write_writer(status.writer.as_ref(), out)?;
    let Some(journal) = &status.journal else {
        return writeln!(out, "There is no state yet: no pass was made.");
    };
    if journal.last().is_none() {
        writeln!(out, "No pass was recorded yet.")?;
    }
    if let Some(Pass { result: Err(error), .. }) = &journal.failed {
        writeln!(out, "The last pass could not be made{}: {}", when(journal.failed.as_ref()), escape(error))?;
    }
    if let Some(found) = journal.found() {
        write_completed(journal, found, out)?;
        write_held(&found.held, out)?;
        write_drift(&found.drifted, out)?;
        write_open(found, out)?;
    }
    for approval in &journal.approvals {
        writeln!(out, "\nApproved {} and not used yet: {}", time(approval.approved_at), approval.hash)?;
    }
    Ok(())
}

fn write_writer(writer: Option<&Writer>, out: &mut dyn Write) -> io::Result<()> {
    match writer {
        None => writeln!(out, "No daemon that writes is running."),
        Some(Writer { command, pid: Some(pid) }) => {
            writeln!(out, "`versync {}` is running (process {pid}).", escape(command))
        }
        Some(Writer { command, pid: None }) => writeln!(out, "`versync {}` is running.", escape(command)),
    }
}

fn when(pass: Option<&Pass>) -> String {
    pass.map_or_else(String::new, |pass| {
        let targets = if pass.targets.is_empty() {
            String::new()
        } else {
            format!(", of {} only", escape(&pass.targets.join(" ")))
        };
        format!(" (`versync {}`{targets}, {} to {})", escape(&pass.command), time(pass.began_at), time(pass.ended_at))
    })
}

fn write_completed(journal: &Entries, found: &Found, out: &mut dyn Write) -> io::Result<()> {
    let which = if journal.failed.is_some() { "The last pass before" } else { "Last pass" };
    let at = found.revision.as_deref().map(|commit| format!(" at revision {}", revision(commit))).unwrap_or_default();
    writeln!(out, "{which}{at}{}:", when(journal.completed.as_ref()))?;
    write!(out, "  {}", summary_line(&found.summary))?;
    match (found.applied, found.failures.len()) {
        (0, 0) => writeln!(out),
        // What only had to be remembered does not fail.
        (all, 0) => writeln!(out, " {}.", applied(all, found.summary.adopt.min(all))),
        (all, failed) => writeln!(out, " {}; {failed} failed.", applied(all, 0)),
    }?;
    if found.applied > 0 && found.leaves_nothing_open() && journal.failed.is_none() {
        let resources = found.summary.unchanged + found.summary.stay();
        writeln!(out, "  In sync since then: {} as declared.", counted(resources, "resource"))?;
    }
    Ok(())
}

/// One reason often holds many, so each is said once.
fn write_held(held: &[HeldNote], out: &mut dyn Write) -> io::Result<()> {
    let mut by_reason: BTreeMap<&str, Vec<&HeldNote>> = BTreeMap::new();
    for note in held {
        by_reason.entry(&note.reason).or_default().push(note);
    }
    for (reason, notes) in by_reason {
        let is_reported = notes.iter().all(|note| note.action == Action::None);
        writeln!(out, "\n{}: {}", if is_reported { "Reported" } else { "Held" }, escape(reason))?;
        for note in notes {
            let would_be = if note.action == Action::None { "is" } else { "would be" };
            writeln!(out, "  {} {would_be} {}, since {}", escape(&note.address), done(note.action), time(note.since))?;
        }
    }
    Ok(())
}

fn write_drift(drifted: &[DriftNote], out: &mut dyn Write) -> io::Result<()> {
    for note in drifted {
        let what = if note.deleted { "deleted" } else { "changed" };
        let then = if note.reverted { "put right" } else { "not put right" };
        let source = note.source.as_ref().map(|source| format!(" ({}:{})", escape(&source.file), source.line));
        writeln!(
            out,
            "\nDrifted: {} was {what} on the platform, seen {}, {then}{}",
            escape(&note.address),
            time(note.since),
            source.unwrap_or_default()
        )?;
        for note_of in &note.fields {
            let line = match note.reverted || note_of.sensitive {
                true => field(note_of, false),
                false => format!("~ {}  {}", escape(&note_of.path), left_alone(&note_of.before, &note_of.after)),
            };
            writeln!(out, "    {line}")?;
        }
    }
    Ok(())
}

fn write_open(found: &Found, out: &mut dyn Write) -> io::Result<()> {
    for failure in &found.failures {
        writeln!(out, "\nNot applied: {}: {}", escape(&failure.address), escape(&failure.error))?;
    }
    found.problems.iter().try_for_each(|note| writeln!(out, "\n{}", problem(note)))
}

fn problem(note: &ProblemNote) -> String {
    let place = match (&note.file, note.position) {
        (Some(file), Some((line, column))) => format!("{}:{line}:{column}: ", escape(file)),
        (Some(file), None) => format!("{}: ", escape(file)),
        _ => String::new(),
    };
    let kind = if note.severity == "warning" { "Warning" } else { "Error" };
    let help = note.help.as_deref().map(|help| format!(" ({})", escape(help))).unwrap_or_default();
    format!("{kind}: {place}{}{help}", escape(&note.message))
}
