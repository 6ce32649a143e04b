//! The plan and what came of it, for people.

use std::collections::BTreeSet;
use std::io::{self, BufWriter, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;

use super::headline::{Mood, headline, place};
use super::paper::{folded, paint};
use super::problems::{self, Look};
use super::{difference, escape};
use crate::model::observed::Remark;
use crate::model::plan::{Action, Cause, Change, Plan, Step};
use crate::model::summary::Summary;
use crate::model::wording::counted;
use crate::reconcile::Report;

/// A longer reason is not said twice.
const LONG_REASON: usize = 60;

/// Writes a plan: a sentence for each resource with the fields that differ, then problems, then one
/// line that sums up, and where deletes wait for an approval, the command that gives it.
///
/// # Errors
///
/// Those of `out`.
pub fn write_plan(plan: &Plan, look: Look, out: &mut dyn Write) -> io::Result<()> {
    write_news(plan, |_| true, true, look, out)?;
    let Some(hash) = plan.held_hash() else { return Ok(()) };
    let held = match plan.changes.iter().filter(|change| change.awaits_approval()).count() {
        1 => "the held delete".to_owned(),
        count => format!("the {count} held deletes"),
    };
    let line = format!("To let {held} through, once: versync approve {hash}");
    writeln!(out, "{}", folded(&line, "", "  ", look))
}

/// The same without the changes that are no news: they are counted only. `writes` is whether whoever shows the plan
/// carries it out.
///
/// # Errors
///
/// Those of `out`.
pub fn write_news(
    plan: &Plan,
    is_news: impl Fn(&Change) -> bool,
    writes: bool,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    // Each line of a standard output would be a write of its own.
    let out = &mut BufWriter::new(out);
    let mood = if writes { Mood::Will } else { Mood::Would };
    let mut reasons = BTreeSet::new();
    for change in plan.changes.iter().filter(|change| is_news(change)) {
        write_change(change, mood, look, out)?;
        write_held(change, &mut reasons, look, out)?;
        write_fields(change, look, out)?;
        writeln!(out)?;
    }
    if !plan.listed_unmanaged.is_empty() {
        writeln!(out, "{}", folded("Unmanaged: these are live, and no file declares them", "", "  ", look))?;
        for address in &plan.listed_unmanaged {
            writeln!(out, "{}", folded(&escape(&address.to_string()), "    ", "        ", look))?;
        }
        writeln!(out)?;
    }
    problems::write(&plan.problems, look, out)?;
    if !plan.problems.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "{}", folded(&summary_line(&plan.summary()), "", "  ", look))?;
    out.flush()
}

/// Writes what was applied and what was not.
///
/// # Errors
///
/// Those of `out`.
pub fn write_outcomes(report: &Report, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for (outcome, failure) in report.failures() {
        problems::write_error(&format!("{}: {failure}", outcome.address), None, look, out)?;
        problems::write(report.blamed.get(&outcome.address).map_or(&[], Vec::as_slice), look, out)?;
    }
    for (change, remark) in report.remarks() {
        let source = change.source.as_ref().map(|source| format!(" ({}:{})", source.file, source.line));
        let text = format!("{}{}: {}", change.address, source.unwrap_or_default(), in_words(remark));
        writeln!(out, "  {} {}", paint("!", Style::new().bold(), look), escape(&text))?;
    }
    let failed = report.failures().count();
    let changes: Vec<&Change> = report.applied_changes().collect();
    let applied_as = |action: Action, protection: Option<bool>| {
        changes.iter().filter(|it| it.action == action && it.protection() == protection).count()
    };
    let adopted = applied_as(Action::Adopt, None);
    let (protected, released) = (applied_as(Action::Adopt, Some(true)), applied_as(Action::Adopt, Some(false)));
    let failed = if failed > 0 { format!("; {failed} failed") } else { String::new() };
    writeln!(out, "{}{failed}.", applied(report.applied(), [adopted, protected, released]))
}

/// How many changes were made, of which so many only had to be remembered: what was adopted, is protected now and no
/// longer is.
pub(super) fn applied(all: usize, remembered: [usize; 3]) -> String {
    let changed = all - remembered.iter().sum::<usize>();
    let resources = ["adopted", "protected", "released"].into_iter().zip(remembered).filter(|(_, count)| *count > 0);
    let mut parts: Vec<String> =
        resources.map(|(what, count)| format!("{what} {}", counted(count, "resource"))).collect();
    if changed > 0 || parts.is_empty() {
        parts.insert(0, format!("applied {}", counted(changed, "change")));
    }
    let text = parts.join(", ");
    text[..1].to_uppercase() + &text[1..]
}

/// What the platform remarks, in one line.
pub(super) fn in_words(remark: &Remark) -> String {
    let detail = if remark.detail.is_empty() { String::new() } else { format!(" ({})", remark.detail.join(", ")) };
    format!("the platform says ({}): {}{detail}", remark.severity, remark.text)
}

fn write_change(change: &Change, mood: Mood, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let address = change.address.to_string();
    let address = paint(&escape(&address), style_of(change.action).bold(), look);
    // What is only reported, with nothing to compare, is what no file declares any more.
    let is_orphan = change.action == Action::None && !change.is_drifted() && change.fields.is_empty();
    let last = if change.action == Action::Delete || is_orphan { "last at " } else { "" };
    let source = change.source.as_ref().map(|source| format!(" ({last}{})", place(source))).unwrap_or_default();
    let line = format!("{address} {}{source}", headline(change, mood));
    writeln!(out, "{}", folded(&line, "", "    ", look))
}

/// Why it is held, and the way out; a long reason that many have is told once.
fn write_held<'p>(
    change: &'p Change,
    reasons: &mut BTreeSet<&'p str>,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(held) = &change.held else { return Ok(()) };
    let is_known = !reasons.insert(&held.reason) && held.reason.len() > LONG_REASON;
    let text = if is_known { "for the same reason".into() } else { escape(&held.reason) };
    let mark = format!("    {} ", paint("!", Style::new().bold(), look));
    writeln!(out, "{}", folded(&text, &mark, "      ", look))
}

fn write_fields(change: &Change, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let width = change.fields.iter().map(|field| field.path.len()).max().unwrap_or_default();
    write_new_id(&change.step, width, look, out)?;
    change.fields.iter().try_for_each(|field| difference::write(change.action, field, width, look, out))?;
    match change.unchanged_fields() {
        0 => Ok(()),
        count => writeln!(out, "      {} as declared", counted(count, "more field")),
    }
}

/// That a template gets another id, which the connections made from it do not know.
fn write_new_id(step: &Step, width: usize, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (old, new) = match step {
        Step::ReplaceTemplate { old, .. } => (old, None),
        Step::FinishReplacement { old, record } => (old, record.template_id.as_deref()),
        _ => return Ok(()),
    };
    let sign = paint("~", AnsiColor::Yellow.on_default(), look);
    let new = new.map_or("(known after apply)".to_owned(), |id| shown(&id.into()));
    writeln!(out, "    {sign} {:width$}  {} → {new}", "id", shown(&old.id.as_str().into()))
}

pub(super) fn remark(cause: Cause) -> &'static str {
    match cause {
        Cause::Manifest => "",
        Cause::Drift => "  (drift)",
        Cause::Conflict => "  (changed on both sides: the files win)",
    }
}

/// A value as it would be written in a manifest.
pub(super) fn shown(value: &Value) -> String {
    match value {
        Value::Null => "(none)".to_owned(),
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        value => escape(&value.to_string()).into_owned(),
    }
}

pub(super) fn summary_line(summary: &Summary) -> String {
    let Summary { create, update, replace, delete, adopt, drifted, held, unchanged, unmanaged, .. } = *summary;
    let Summary { reported, in_broken_files, protect, release, .. } = *summary;
    let counts = [
        (create, "to create"),
        (update, "to update"),
        (replace, "to replace"),
        (delete, "to delete"),
        (adopt - protect - release, "to adopt"),
        (protect, "to protect"),
        (release, "to release"),
        (held, "held"),
        (reported, "only reported"),
        (drifted, "drifted"),
    ];
    let mut parts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let in_sync = parts.is_empty() && summary.problems == 0;
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    if unmanaged > 0 {
        parts.push(format!("{unmanaged} unmanaged"));
    }
    parts.extend(summary.complaints());
    if in_broken_files > 0 {
        let whose = if in_broken_files == 1 { "its file is" } else { "their files are" };
        parts.push(format!("{in_broken_files} left alone, since {whose} in error"));
    }
    if in_sync {
        let unmanaged = if unmanaged > 0 { format!("; {unmanaged} unmanaged") } else { String::new() };
        return format!("In sync: {} as declared{unmanaged}.", counted(unchanged, "resource"));
    }
    format!("Plan: {}; {unchanged} unchanged.", parts.join(", "))
}

pub(super) fn style_of(action: Action) -> Style {
    match action {
        Action::Create | Action::Adopt => AnsiColor::Green.on_default(),
        Action::Update => AnsiColor::Yellow.on_default(),
        Action::Replace => AnsiColor::Magenta.on_default(),
        Action::Delete => AnsiColor::Red.on_default(),
        Action::None => AnsiColor::Cyan.on_default(),
    }
}
