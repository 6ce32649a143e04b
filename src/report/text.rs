//! The plan and what came of it, for people.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use similar::{ChangeTag, TextDiff};

use super::escape;
use super::problems::{self, Look};
use crate::model::observed::Remark;
use crate::model::plan::{Action, Cause, Change, FieldChange, Plan, Summary};
use crate::model::wording::counted;
use crate::reconcile::Report;

/// Texts longer than this, and texts of several lines, are shown as a diff of their lines.
const LONG_TEXT: usize = 60;

/// Writes a plan: a sentence for each resource with the fields that differ, then problems, then one
/// line that sums up.
///
/// # Errors
///
/// Those of `out`.
pub fn write_plan(plan: &Plan, look: Look, out: &mut dyn Write) -> io::Result<()> {
    write_news(plan, |_| true, look, out)
}

/// The same without the changes that are no news: they are counted only.
///
/// # Errors
///
/// Those of `out`.
pub fn write_news(plan: &Plan, is_news: impl Fn(&Change) -> bool, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for change in plan.changes.iter().filter(|change| is_news(change)) {
        write_change(change, look, out)?;
        writeln!(out)?;
    }
    problems::write(&plan.problems, look, out)?;
    if !plan.problems.is_empty() {
        writeln!(out)?;
    }
    writeln!(out, "{}", summary_line(&plan.summary()))
}

/// Writes what was applied and what was not.
///
/// # Errors
///
/// Those of `out`.
pub fn write_outcomes(report: &Report, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for (outcome, failure) in report.failures() {
        problems::write_error(&format!("{}: {failure}", outcome.address), None, look, out)?;
    }
    for (change, remark) in report.remarks() {
        let source = change.source.as_ref().map(|source| format!(" ({}:{})", source.file, source.line));
        let text = format!("{}{}: {}", change.address, source.unwrap_or_default(), in_words(remark));
        writeln!(out, "  {} {}", paint("!", Style::new().bold(), look), escape(&text))?;
    }
    let failed = report.failures().count();
    let applied = counted(report.applied(), "change");
    match failed {
        0 => writeln!(out, "Applied {applied}."),
        failed => writeln!(out, "Applied {applied}; {failed} failed."),
    }
}

/// What the platform remarks, in one line.
pub(super) fn in_words(remark: &Remark) -> String {
    let detail = if remark.detail.is_empty() { String::new() } else { format!(" ({})", remark.detail.join(", ")) };
    format!("the platform says ({}): {}{detail}", remark.severity, remark.text)
}

fn write_change(change: &Change, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let painted = |text: &str| paint(text, style_of(change.action).bold(), look);
    let address = painted(&escape(&change.address.to_string()));
    let verb = match (change.action, change.held.is_some()) {
        (Action::None, _) if change.is_drifted() => "has drifted",
        (Action::None, _) => "is left alone",
        (action, true) => held_verb(action),
        (Action::Create, false) => "will be created",
        (Action::Update, false) => "will be updated",
        (Action::Replace, false) => "will be replaced",
        (Action::Delete, false) => "will be deleted",
        (Action::Adopt, false) => "will be adopted: it exists already, as declared",
    };
    write!(out, "{address} {verb}")?;
    if change.action != Action::None && change.is_drifted() {
        let reason = if change.action == Action::Create {
            "it was deleted on the platform"
        } else {
            "it was changed on the platform"
        };
        write!(out, ": {reason}")?;
    }
    match &change.source {
        Some(source) => writeln!(out, " ({}:{})", escape(&source.file), source.line)?,
        None => writeln!(out)?,
    }
    if let Some(held) = &change.held {
        writeln!(out, "    {} {}", paint("!", Style::new().bold(), look), escape(&held.reason))?;
    }
    let width = change.fields.iter().map(|field| field.path.len()).max().unwrap_or_default();
    for field in &change.fields {
        write_field(change.action, field, width, look, out)?;
    }
    Ok(())
}

fn write_field(action: Action, field: &FieldChange, width: usize, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let is_new = field.before.is_null() && action == Action::Create;
    let is_gone = field.after.is_null() && !field.sensitive && action == Action::Delete;
    let (sign, color) = match (is_new, is_gone) {
        (true, _) => ("+", AnsiColor::Green),
        (_, true) => ("-", AnsiColor::Red),
        _ => ("~", AnsiColor::Yellow),
    };
    let sign = paint(sign, color.on_default(), look);
    if let (Some(before), Some(after), false) = (field.before.as_str(), field.after.as_str(), field.kept)
        && [before, after].iter().any(|text| text.len() > LONG_TEXT || text.contains('\n'))
    {
        writeln!(out, "    {sign} {}{}", field.path, remark(field.cause))?;
        return write_line_diff(before, after, look, out);
    }
    write!(out, "    {sign} {:width$}  ", field.path)?;
    if field.sensitive {
        let secret = if action == Action::Create { "(secret)" } else { "(secret changed)" };
        return writeln!(out, "{secret}");
    }
    if is_new {
        return writeln!(out, "{}", shown(&field.after));
    }
    if field.kept && action != Action::None {
        let (before, after) = (shown(&field.before), shown(&field.after));
        return writeln!(out, "{before}  (drift, only reported: declared {after})");
    }
    if is_gone {
        return writeln!(out, "{}", shown(&field.before));
    }
    writeln!(out, "{} → {}{}", shown(&field.before), shown(&field.after), remark(field.cause))
}

pub(super) fn remark(cause: Cause) -> &'static str {
    match cause {
        Cause::Manifest => "",
        Cause::Drift => "  (drift)",
        Cause::Conflict => "  (changed on both sides: the files win)",
    }
}

fn write_line_diff(before: &str, after: &str, look: Look, out: &mut dyn Write) -> io::Result<()> {
    for change in TextDiff::from_lines(before, after).iter_all_changes() {
        let (sign, style) = match change.tag() {
            ChangeTag::Delete => ("-", AnsiColor::Red.on_default()),
            ChangeTag::Insert => ("+", AnsiColor::Green.on_default()),
            ChangeTag::Equal => (" ", Style::new()),
        };
        let line = format!("{sign} {}", escape(change.value().trim_end_matches('\n')));
        writeln!(out, "        {}", paint(&line, style, look))?;
    }
    Ok(())
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
    let Summary { create, update, replace, delete, adopt, drifted, held, unchanged, unmanaged, problems, reported } =
        *summary;
    let counts = [
        (create, "to create"),
        (update, "to update"),
        (replace, "to replace"),
        (delete, "to delete"),
        (adopt, "to adopt"),
        (held, "held"),
        (reported, "only reported"),
        (drifted, "drifted"),
    ];
    let mut parts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let in_sync = parts.is_empty() && problems == 0;
    if parts.is_empty() {
        parts.push("nothing to do".to_owned());
    }
    if unmanaged > 0 {
        parts.push(format!("{unmanaged} unmanaged"));
    }
    if problems > 0 {
        parts.push(counted(problems, "problem"));
    }
    if in_sync {
        let unmanaged = if unmanaged > 0 { format!("; {unmanaged} unmanaged") } else { String::new() };
        return format!("In sync: {} as declared{unmanaged}.", counted(unchanged, "resource"));
    }
    format!("Plan: {}; {unchanged} unchanged.", parts.join(", "))
}

fn held_verb(action: Action) -> &'static str {
    match action {
        Action::Create => "is held: it would be created",
        Action::Update => "is held: it would be updated",
        Action::Replace => "is held: it would be replaced",
        Action::Delete => "is held: it would be deleted",
        Action::Adopt => "is held: it would be adopted",
        Action::None => "is left alone",
    }
}

fn style_of(action: Action) -> Style {
    match action {
        Action::Create | Action::Adopt => AnsiColor::Green.on_default(),
        Action::Update => AnsiColor::Yellow.on_default(),
        Action::Replace => AnsiColor::Magenta.on_default(),
        Action::Delete => AnsiColor::Red.on_default(),
        Action::None => AnsiColor::Cyan.on_default(),
    }
}

fn paint(text: &str, style: Style, look: Look) -> String {
    if look.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}
