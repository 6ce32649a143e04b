//! How things stand, for people.

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style};

use super::escape;
use super::history::{Shows, revision, time, write_fields};
use super::paper::{folded, paint};
use super::problems::Look;
use super::text::{applied, style_of, summary_line};
use super::voice::done;
use crate::model::pass::{DriftNote, Found, HeldNote, Pass, ProblemNote};
use crate::model::plan::Action;
use crate::model::status::{Entries, Status, Writer};
use crate::model::summary::Summary;
use crate::model::wording::counted;

/// Writes what runs now, how the last pass went, and what it left open.
///
/// # Errors
///
/// Those of `out`.
pub fn write(status: &Status, look: Look, out: &mut dyn Write) -> io::Result<()> {
    write_writer(status.writer.as_ref(), out)?;
    let Some(journal) = &status.journal else {
        return writeln!(out, "There is no state yet: no pass was made.");
    };
    if journal.last().is_none() {
        writeln!(out, "No pass was recorded yet.")?;
    }
    if let Some(Pass { result: Err(error), .. }) = &journal.failed {
        let line = format!("The last pass could not be made{}: {}", when(journal.failed.as_ref()), escape(error));
        writeln!(out, "{}", folded(&line, "", "  ", look))?;
    }
    if let Some(found) = journal.found() {
        write_completed(journal, found, look, out)?;
        write_held(&found.held, look, out)?;
        write_drift(&found.drifted, look, out)?;
        write_open(found, look, out)?;
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
        let targets = match pass.targets.as_slice() {
            [] if pass.checked_before().is_some() => ", of an edit only".to_owned(),
            [] => String::new(),
            targets => format!(", of {} only", escape(&targets.join(" "))),
        };
        format!(" (`versync {}`{targets}, {} to {})", escape(&pass.command), time(pass.began_at), time(pass.ended_at))
    })
}

fn write_completed(journal: &Entries, found: &Found, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let which = if journal.failed.is_some() { "The last pass before" } else { "Last pass" };
    let at = found.revision.as_deref().map(|commit| format!(" at revision {}", revision(commit))).unwrap_or_default();
    writeln!(out, "{}", folded(&format!("{which}{at}{}:", when(journal.completed.as_ref())), "", "  ", look))?;
    if let Some(checked_at) = journal.completed.as_ref().and_then(Pass::checked_before) {
        writeln!(out, "  Everything was looked at {}.", time(checked_at))?;
    }
    let did = match (found.applied, found.failures.len()) {
        (0, 0) => String::new(),
        // What only had to be remembered does not fail.
        (all, 0) => format!(" {}.", applied(all, remembered(&found.summary, all))),
        (all, failed) => format!(" {}; {failed} failed.", applied(all, [0; 3])),
    };
    writeln!(out, "{}", folded(&format!("{}{did}", summary_line(&found.summary)), "  ", "    ", look))?;
    if found.applied > 0 && found.leaves_nothing_open() && journal.failed.is_none() {
        let resources = found.summary.unchanged + found.summary.stay();
        let then = journal.completed.as_ref().map(|pass| format!(", {}", time(pass.ended_at))).unwrap_or_default();
        let line = format!("In sync when it ended{then}: {} as declared.", counted(resources, "resource"));
        writeln!(out, "{}", folded(&line, "  ", "    ", look))?;
    }
    Ok(())
}

/// What only had to be remembered, where all of it was; else nothing is known of it.
fn remembered(summary: &Summary, applied: usize) -> [usize; 3] {
    let Summary { adopt, protect, release, .. } = *summary;
    if adopt > applied { [0; 3] } else { [adopt - protect - release, protect, release] }
}

/// One reason often holds many, so each is said once.
fn write_held(held: &[HeldNote], look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut by_reason: BTreeMap<&str, Vec<&HeldNote>> = BTreeMap::new();
    for note in held {
        by_reason.entry(&note.reason).or_default().push(note);
    }
    for (reason, notes) in by_reason {
        let is_reported = notes.iter().all(|note| note.action == Action::None);
        let heading = heading(if is_reported { "Reported" } else { "Held" }, AnsiColor::Yellow, look);
        writeln!(out, "\n{}", folded(&format!("{heading} {}", escape(reason)), "", "  ", look))?;
        for note in notes {
            let would_be = if note.action == Action::None { "is" } else { "would be" };
            let address = paint(&escape(&note.address), style_of(note.action).bold(), look);
            let line = format!("{address} {would_be} {}, since {}", done(note.action), time(note.since));
            writeln!(out, "{}", folded(&line, "  ", "      ", look))?;
        }
    }
    Ok(())
}

fn write_drift(drifted: &[DriftNote], look: Look, out: &mut dyn Write) -> io::Result<()> {
    for note in drifted {
        let what = if note.deleted { "deleted" } else { "changed" };
        let then = if note.reverted { "put right" } else { "not put right" };
        let source = note.source.as_ref().map(|source| format!(" ({}:{})", escape(&source.file), source.line));
        let line = format!(
            "{} {} was {what} on the platform, seen {}, {then}{}",
            heading("Drifted", AnsiColor::Cyan, look),
            paint(&escape(&note.address), Style::new().bold(), look),
            time(note.since),
            source.unwrap_or_default()
        );
        writeln!(out, "\n{}", folded(&line, "", "  ", look))?;
        let shows = if note.reverted { Shows::Change } else { Shows::Difference };
        write_fields(&note.fields, shows, look, out)?;
    }
    Ok(())
}

fn write_open(found: &Found, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for failure in &found.failures {
        let heading = heading("Not applied", AnsiColor::Red, look);
        let line = format!("{heading} {}: {}", escape(&failure.address), escape(&failure.error));
        writeln!(out, "\n{}", folded(&line, "", "  ", look))?;
    }
    let mut problems = found.problems.iter();
    problems.try_for_each(|note| writeln!(out, "\n{}", folded(&problem(note, look), "", "  ", look)))
}

fn heading(text: &str, color: AnsiColor, look: Look) -> String {
    paint(&format!("{text}:"), color.on_default().bold(), look)
}

fn problem(note: &ProblemNote, look: Look) -> String {
    let place = match (&note.file, note.position) {
        (Some(file), Some((line, column))) => format!("{}:{line}:{column}: ", escape(file)),
        (Some(file), None) => format!("{}: ", escape(file)),
        _ => String::new(),
    };
    let (kind, color) =
        if note.severity == "warning" { ("Warning", AnsiColor::Yellow) } else { ("Error", AnsiColor::Red) };
    let help = note.help.as_deref().map(|help| format!(" ({})", escape(help))).unwrap_or_default();
    format!("{} {place}{}{help}", heading(kind, color, look), escape(&note.message))
}
