//! Values: on one line where they fit, lists else with one item a line.

use toml_edit::{Array, InlineTable, Key, Value};

use super::Source;
use super::comments::{beside, lines, trimmed};
use super::order::Order;

/// A longer list is broken up.
const WIDTH: usize = 120;

const INDENT: usize = 4;

/// A value. `indent` is that of its line, and `column` where it begins on it.
pub(super) fn write(source: Source<'_>, value: &Value, order: Order<'_>, indent: usize, column: usize) -> String {
    let layout = Layout { source, indent };
    match value {
        Value::Array(array) => layout.array(array, order, column),
        Value::InlineTable(table) => layout.inline_table(table, order, column),
        // As it is written, with its kind of quotes.
        scalar => scalar.span().and_then(|span| source.0.get(span)).map_or_else(|| scalar.to_string(), str::to_owned),
    }
}

/// Something between commas, with the comments around it.
struct Piece {
    /// On lines of their own before it.
    before: Vec<String>,
    text: String,
    /// On its line, with the space before it.
    beside: String,
}

#[derive(Clone, Copy)]
struct Layout<'a> {
    source: Source<'a>,
    indent: usize,
}

impl Layout<'_> {
    fn array(self, array: &Array, order: Order<'_>, column: usize) -> String {
        let items: Vec<&Value> = array.iter().collect();
        let spaces: Vec<(&str, &str)> = items
            .iter()
            .map(|item| (self.source.raw(item.decor().prefix()), self.source.raw(item.decor().suffix())))
            .collect();
        let trailing = self.source.raw(Some(array.trailing()));
        let is_commented = has_comment(self.source, array);
        if !is_commented {
            let texts: Vec<String> = items.iter().map(|item| write(self.source, item, order.item(), 0, 0)).collect();
            let line = format!("[{}]", texts.join(", "));
            let fits = column + line.chars().count() <= WIDTH;
            if items.is_empty() || (fits && !line.contains('\n')) {
                return line;
            }
        }
        let inner = self.indent + INDENT;
        let texts = items.iter().map(|item| write(self.source, item, order.item(), inner, inner)).collect();
        self.broken(["[", "]"], pieces(texts, &spaces, trailing))
    }

    /// On one line, since not all that read TOML take it on several, unless it holds comments.
    fn inline_table(self, table: &InlineTable, order: Order<'_>, column: usize) -> String {
        let mut values = table.get_values();
        // As they are written: what stands behind one is partly in front of the next.
        values.sort_by_key(|(path, _)| path.last().and_then(|key| key.span()).map(|span| span.start));
        let spaces: Vec<(&str, &str)> =
            values.iter().map(|(path, value)| (self.prefix(path), self.source.raw(value.decor().suffix()))).collect();
        let trailing = self.source.raw(Some(table.trailing()));
        let within: Vec<Vec<String>> = values.iter().map(|(path, value)| self.within(path, value)).collect();
        let is_commented = spaces.iter().any(|(before, after)| before.contains('#') || after.contains('#'));
        let is_broken = is_commented || trailing.contains('#') || within.iter().any(|comments| !comments.is_empty());
        let indent = if is_broken { self.indent + INDENT } else { self.indent };
        let column = if is_broken { indent } else { column + 2 };
        let entry = |(path, value): &(Vec<&Key>, &Value)| {
            let key = self.source.key(path);
            let order = path.iter().fold(order, |order, key| order.below(key.get()));
            let value = write(self.source, value, order, indent, column + key.chars().count() + 3);
            format!("{key} = {value}")
        };
        let order: Vec<_> = values.iter().map(|(path, _)| order.of_path(path)).collect();
        let (mut pieces, last) = pieces(values.iter().map(entry).collect(), &spaces, trailing);
        pieces.iter_mut().zip(within).for_each(|(piece, within)| piece.before.extend(within));
        let mut placed: Vec<_> = order.into_iter().zip(pieces).collect();
        placed.sort_by(|(one, _), (other, _)| one.cmp(other));
        let pieces = placed.into_iter().map(|(_, piece)| piece);
        if is_broken {
            return self.broken(["{", "}"], (pieces.collect(), last));
        }
        let texts: Vec<String> = pieces.map(|piece| piece.text).collect();
        if texts.is_empty() { "{}".to_owned() } else { format!("{{ {} }}", texts.join(", ")) }
    }

    fn prefix(&self, path: &[&Key]) -> &str {
        self.source.raw(path.last().and_then(|key| key.leaf_decor().prefix()))
    }

    /// The comments between a key and its value, which the parser lets pass in inline tables.
    fn within(self, path: &[&Key], value: &Value) -> Vec<String> {
        let before = self.source.raw(path.last().and_then(|key| key.leaf_decor().suffix()));
        let behind = self.source.raw(value.decor().prefix());
        comments([lines(before), lines(behind)].concat())
    }

    /// One piece a line.
    fn broken(self, [open, close]: [&str; 2], (pieces, last): (Vec<Piece>, Vec<String>)) -> String {
        let inner = " ".repeat(self.indent + INDENT);
        let mut lines = vec![open.to_owned()];
        for Piece { before, text, beside } in pieces {
            lines.extend(before.iter().map(|line| format!("{inner}{line}")));
            lines.push(format!("{inner}{text},{beside}"));
        }
        lines.extend(last.iter().map(|line| format!("{inner}{line}")));
        lines.push(format!("{}{close}", " ".repeat(self.indent)));
        lines.join("\n")
    }
}

/// Puts comments to what they belong to: one on the line of an item to that item, others to the next. What is left
/// stands behind the last.
fn pieces(texts: Vec<String>, spaces: &[(&str, &str)], trailing: &str) -> (Vec<Piece>, Vec<String>) {
    let mut before = comments(lines(spaces.first().map_or(trailing, |(prefix, _)| prefix)));
    let mut pieces = Vec::with_capacity(texts.len());
    for (index, text) in texts.into_iter().enumerate() {
        let space = behind(spaces, index, trailing);
        let (same_line, below) = space.split_once('\n').unwrap_or((&space, ""));
        pieces.push(Piece { before, text, beside: beside(same_line) });
        before = comments(lines(below));
    }
    (pieces, before)
}

/// What stands between an item and the next, or the end, but for the comma.
fn behind(spaces: &[(&str, &str)], index: usize, trailing: &str) -> String {
    let next = spaces.get(index + 1).map_or(trailing, |(prefix, _)| prefix);
    let suffix = spaces.get(index).map(|(_, suffix)| *suffix).filter(|suffix| suffix.contains('#'));
    format!("{}{next}", suffix.unwrap_or_default())
}

fn comments(mut lines: Vec<String>) -> Vec<String> {
    lines.retain(|line| !trimmed(line).is_empty());
    lines
}

/// Whether there is a comment anywhere in a list.
fn has_comment(source: Source<'_>, array: &Array) -> bool {
    let around = |item: &Value| {
        source.has_comment(item.decor().prefix()) || source.has_comment(item.decor().suffix()) || within(source, item)
    };
    source.has_comment(Some(array.trailing())) || array.iter().any(around)
}

/// The same of any value.
fn within(source: Source<'_>, value: &Value) -> bool {
    match value {
        Value::Array(inner) => has_comment(source, inner),
        Value::InlineTable(inner) => has_comment_in_table(source, inner),
        _ => false,
    }
}

fn has_comment_in_table(source: Source<'_>, table: &InlineTable) -> bool {
    let around = |(path, value): (Vec<&Key>, &Value)| {
        let key = path.last().map(|key| key.leaf_decor());
        source.has_comment(key.and_then(|key| key.prefix()))
            || source.has_comment(key.and_then(|key| key.suffix()))
            || source.has_comment(value.decor().prefix())
            || source.has_comment(value.decor().suffix())
            || within(source, value)
    };
    source.has_comment(Some(table.trailing())) || table.get_values().into_iter().any(around)
}
