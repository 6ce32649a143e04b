//! One field that differs: on a line where that can be read, and else as a diff of its lines or items.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use serde_json::Value;
use similar::{ChangeTag, InlineChange, TextDiff};

use super::escape;
use super::paper::{folded, paint};
use super::problems::Look;
use super::text::{remark, shown};
use crate::model::plan::{Action, FieldChange};

/// Two values that are longer than this together, and texts of several lines, are shown as a diff.
const LONG: usize = 80;

/// What a line that is folded goes on behind.
const FURTHER: &str = "          ";

/// So many lines are shown around each that differs.
const CONTEXT: usize = 3;

/// Writes a field of a resource that this is done about; `width` is that of the longest name beside it.
///
/// # Errors
///
/// Those of `out`.
pub(super) fn write(
    action: Action,
    field: &FieldChange,
    width: usize,
    look: Look,
    out: &mut dyn Write,
) -> io::Result<()> {
    let is_new = (field.before.is_null() && action == Action::Create) || (field.sensitive && field.first);
    let is_gone = field.after.is_null() && !field.sensitive && action == Action::Delete;
    let (sign, color) = match (is_new, is_gone) {
        (true, _) => ("+", AnsiColor::Green),
        (_, true) => ("-", AnsiColor::Red),
        _ => ("~", AnsiColor::Yellow),
    };
    let sign = paint(sign, color.on_default(), look);
    if let Some((before, after)) = long(field) {
        writeln!(out, "    {sign} {}{}", field.path, remark(field.cause))?;
        return write_lines(&before, &after, look, out);
    }
    let value = if field.sensitive {
        secret(action == Action::Create, field.first).to_owned()
    } else if is_new {
        shown(&field.after)
    } else if is_gone {
        shown(&field.before)
    } else if field.kept {
        let why = if action == Action::None { "" } else { "  (drift, only reported)" };
        format!("{}{why}", left_alone(&field.before, &field.after))
    } else {
        format!("{} → {}{}", shown(&field.before), shown(&field.after), remark(field.cause))
    };
    let behind = " ".repeat(4 + 2 + width + 2);
    writeln!(out, "{}", folded(&format!("    {sign} {:width$}  {value}", field.path), "", &behind, look))
}

/// What is said of a secret in place of its value.
pub(super) fn secret(is_new: bool, is_first: bool) -> &'static str {
    match (is_new, is_first) {
        (true, _) => "(secret)",
        (false, true) => "(secret, declared for the first time)",
        (false, false) => "(secret changed)",
    }
}

/// A difference about which nothing is done.
pub(super) fn left_alone(live: &Value, declared: &Value) -> String {
    format!("live {}, declared {}", shown(live), shown(declared))
}

/// The lines to compare of what cannot be read on one line: a text's own, or a list's items.
fn long(field: &FieldChange) -> Option<(String, String)> {
    if field.sensitive || field.kept {
        return None;
    }
    match (&field.before, &field.after) {
        (Value::String(before), Value::String(after)) => {
            let is_long = before.len() + after.len() > LONG || before.contains('\n') || after.contains('\n');
            is_long.then(|| (before.clone(), after.clone()))
        }
        (before @ (Value::Array(_) | Value::Null), after @ (Value::Array(_) | Value::Null)) => {
            let lengths = [before, after].map(|list| if list.is_null() { 0 } else { shown(list).len() });
            (lengths.iter().sum::<usize>() > LONG).then(|| (items(before), items(after)))
        }
        _ => None,
    }
}

/// The items of a list, each on a line.
fn items(list: &Value) -> String {
    list.as_array().into_iter().flatten().map(|item| shown(item) + "\n").collect()
}

fn write_lines(before: &str, after: &str, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let diff = TextDiff::from_lines(before, after);
    let mut end = 0;
    for group in diff.grouped_ops(CONTEXT) {
        let begins = group.first().map_or(end, |op| op.old_range().start);
        write_skipped(begins.saturating_sub(end), out)?;
        end = group.last().map_or(end, |op| op.old_range().end);
        for op in &group {
            if look.color {
                diff.iter_inline_changes(op).try_for_each(|change| write_emphasised(&change, look, out))?;
            } else {
                diff.iter_changes(op).try_for_each(|change| {
                    let sign = format!("        {} ", sign_of(change.tag()).0);
                    writeln!(out, "{}", folded(&line(change.value()), &sign, FURTHER, look))
                })?;
            }
        }
    }
    write_skipped(diff.old_len().saturating_sub(end), out)
}

fn write_skipped(count: usize, out: &mut dyn Write) -> io::Result<()> {
    match count {
        0 => Ok(()),
        1 => writeln!(out, "          … one more, unchanged"),
        count => writeln!(out, "          … {count} more, unchanged"),
    }
}

/// A line in colours, the words in which it differs underlined.
fn write_emphasised(change: &InlineChange<'_, str>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let (sign, style) = sign_of(change.tag());
    let sign = format!("        {}", paint(&format!("{sign} "), style, look));
    let mut text = String::new();
    for (emphasised, part) in change.iter_strings_lossy() {
        let style = if emphasised { style.bold().underline() } else { style };
        let part = line(&part).into_owned();
        if !part.is_empty() {
            text += &paint(&part, style, look);
        }
    }
    writeln!(out, "{}", folded(&text, &sign, FURTHER, look))
}

fn sign_of(tag: ChangeTag) -> (&'static str, Style) {
    match tag {
        ChangeTag::Delete => ("-", AnsiColor::Red.on_default()),
        ChangeTag::Insert => ("+", AnsiColor::Green.on_default()),
        ChangeTag::Equal => (" ", Style::new()),
    }
}

fn line(text: &str) -> std::borrow::Cow<'_, str> {
    escape(text.trim_end_matches('\n'))
}
