//! One way to lay out a manifest: what `versync fmt` makes of it. It says the same afterwards, and no comment is lost.
//!
//! `[defaults]` comes first, then the templates, then the configs, each group as it is written. Keys are in the order of
//! [`super::json_schema`]. A comment stays with what it stands before or beside; one that follows a table without an
//! empty line between stays with the table, and one at the top of the file, with an empty line below, at the top.

mod comments;
mod order;
mod value;

use std::collections::BTreeMap;

use toml_edit::{ArrayOfTables, Document, Item, Key, RawString, Table};

use comments::{beside, lines, paragraphs, without_ends};
use order::Order;

/// A text that cannot be laid out.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum FormatError {
    /// It is no TOML.
    #[error("not valid TOML: {0}")]
    Syntax(String),
    /// It would say something else afterwards. That is a mistake in versync, and the text is better left alone.
    #[error("cannot be laid out without changing what it says")]
    WouldChange,
}

/// Lays out a text. What comes out, laid out again, stays as it is.
///
/// # Errors
///
/// Where it is not TOML.
pub fn format(text: &str) -> Result<String, FormatError> {
    let document = Document::parse(text).map_err(|error| FormatError::Syntax(error.message().to_owned()))?;
    let schema = super::json_schema::manifest();
    let formatted = Writer::new(text, &document).write(document.as_table(), Order::of(&schema));
    let read = |text: &str| toml::from_str::<toml::Table>(text).map(|table| format!("{table:?}"));
    match (read(text), read(&formatted)) {
        (Ok(before), Ok(after)) if before == after => Ok(formatted),
        _ => Err(FormatError::WouldChange),
    }
}

/// The text that is laid out.
#[derive(Clone, Copy)]
struct Source<'a>(&'a str);

impl<'a> Source<'a> {
    /// What stands around something: spaces and comments.
    fn raw(self, raw: Option<&RawString>) -> &'a str {
        raw.and_then(RawString::span).and_then(|span| self.0.get(span)).unwrap_or_default()
    }

    fn has_comment(self, raw: Option<&RawString>) -> bool {
        self.raw(raw).contains('#')
    }

    /// A dotted key as it is written.
    fn key(self, path: &[&Key]) -> String {
        let written =
            |key: &&Key| key.span().and_then(|span| self.0.get(span)).map_or_else(|| key.to_string(), str::to_owned);
        path.iter().map(written).collect::<Vec<_>>().join(".")
    }
}

/// A table with a header of its own, or what stands before the first one.
struct Section {
    /// Comments before it. The last line may be empty: then they only stand before it.
    lead: Vec<String>,
    /// Comments right below its last key.
    tail: Vec<String>,
}

struct Writer<'a> {
    source: Source<'a>,
    /// By the positions of their headers; at [`ROOT`] is what stands before the first one.
    sections: BTreeMap<isize, Section>,
    /// Comments at the top of the file.
    head: Vec<String>,
    /// Comments at the end of the file.
    foot: Vec<String>,
    out: String,
}

/// Where what has no header stands.
const ROOT: isize = isize::MIN;

impl<'a> Writer<'a> {
    fn new(text: &'a str, document: &Document<&str>) -> Self {
        let source = Source(text);
        let mut writer =
            Self { source, sections: BTreeMap::new(), head: Vec::new(), foot: Vec::new(), out: String::new() };
        let mut headers = Vec::new();
        find_headers(document.as_table(), &mut headers);
        headers.sort_by_key(|table| table.position());
        writer.sections.insert(ROOT, Section { lead: Vec::new(), tail: Vec::new() });
        let mut previous = if document.as_table().get_values().is_empty() { None } else { Some(ROOT) };
        for table in headers {
            let position = table.position().unwrap_or(ROOT);
            let before = writer.claim(lines(source.raw(table.decor().prefix())), previous);
            writer.sections.insert(position, Section { lead: before, tail: Vec::new() });
            previous = Some(position);
        }
        let mut rest = lines(source.raw(Some(document.trailing())));
        // The end is as good as an empty line.
        rest.push(String::new());
        let rest = writer.claim(rest, previous);
        writer.foot = without_ends(rest);
        writer
    }

    /// Gives the section before what is right below it; what is left belongs to what follows.
    fn claim(&mut self, lines: Vec<String>, previous: Option<isize>) -> Vec<String> {
        let Some(section) = previous.and_then(|position| self.sections.get_mut(&position)) else {
            // Nothing stands before: the top of the file.
            let (head, lead) = top(lines);
            self.head = head;
            return lead;
        };
        let first_empty = lines.iter().position(String::is_empty);
        match first_empty {
            Some(at) if at > 0 => {
                section.tail = lines[..at].to_vec();
                paragraphs(lines[at..].to_vec())
            }
            _ => paragraphs(lines),
        }
    }

    fn write(mut self, root: &'a Table, order: Order<'_>) -> String {
        let mut head = std::mem::take(&mut self.head);
        let values = root.get_values();
        if !values.is_empty() && head.is_empty() {
            // Keys stand before the first table, so that the top of the file is what stands before them.
            let first =
                values.iter().min_by_key(|(path, _)| path.last().and_then(|key| key.span()).map(|span| span.start));
            let prefix = first.map(|(path, _)| self.prefix(path)).unwrap_or_default();
            head = top(lines(prefix)).0;
        }
        self.paragraph(&head);
        self.section(ROOT, root, order, !head.is_empty());
        self.tables(&mut Vec::new(), root, order);
        let foot = std::mem::take(&mut self.foot);
        self.paragraph(&foot);
        self.out
    }

    /// Lines with an empty one before them.
    fn paragraph(&mut self, lines: &[String]) {
        if !lines.is_empty() {
            self.gap();
            self.lines(lines);
        }
    }

    fn gap(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    fn lines(&mut self, lines: &[String]) {
        for line in lines {
            self.out.push_str(line);
            self.out.push('\n');
        }
    }

    fn prefix(&self, path: &[&'a Key]) -> &'a str {
        self.source.raw(path.last().and_then(|key| key.leaf_decor().prefix()))
    }

    /// The keys of a table, and what stands right below them.
    fn section(&mut self, position: isize, table: &'a Table, order: Order<'_>, has_head: bool) {
        let mut values = table.get_values();
        let starts = |path: &[&Key]| path.last().and_then(|key| key.span()).map(|span| span.start);
        let top_of_file = values.iter().filter_map(|(path, _)| starts(path)).min().filter(|_| position == ROOT);
        values.sort_by_cached_key(|(path, _)| order.of_path(path));
        for (index, (path, value)) in values.iter().enumerate() {
            let mut before = lines(self.prefix(path));
            if top_of_file.is_some() && starts(path) == top_of_file {
                before = top(before).1;
            }
            let mut before = paragraphs(before);
            let has_gap = before.first().is_some_and(String::is_empty);
            if has_gap && index == 0 {
                before.remove(0);
            }
            if index == 0 && position == ROOT && has_head {
                self.gap();
            }
            self.lines(&before);
            let key = self.source.key(path);
            let inner = path.iter().fold(order, |order, key| order.below(key.get()));
            let shown = value::write(self.source, value, inner, 0, key.chars().count() + 3);
            let comment = beside(self.source.raw(value.decor().suffix()));
            self.lines(&[format!("{key} = {shown}{comment}")]);
        }
        let tail =
            self.sections.get_mut(&position).map(|section| std::mem::take(&mut section.tail)).unwrap_or_default();
        self.lines(&tail);
    }

    /// The tables below one, each with its own.
    fn tables(&mut self, path: &mut Vec<&'a Key>, table: &'a Table, order: Order<'_>) {
        let mut inner = Vec::new();
        children(table, &mut Vec::new(), &mut inner);
        inner.sort_by_cached_key(|(path, _)| order.of_path(path));
        for (below, child) in inner {
            let order = below.iter().fold(order, |order, key| order.below(key.get()));
            let depth = path.len();
            path.extend(below);
            match child {
                Child::Table(table) => self.table(path, table, order, ["[", "]"]),
                Child::Array(array) => {
                    array.iter().for_each(|table| self.table(path, table, order.item(), ["[[", "]]"]));
                }
            }
            path.truncate(depth);
        }
    }

    fn table(&mut self, path: &mut Vec<&'a Key>, table: &'a Table, order: Order<'_>, brackets: [&str; 2]) {
        if !table.is_implicit() {
            let position = table.position().unwrap_or(ROOT);
            let lead = self.sections.get_mut(&position).map(|section| std::mem::take(&mut section.lead));
            let mut lead = lead.unwrap_or_default();
            if lead.first().is_some_and(String::is_empty) {
                lead.remove(0);
            }
            self.gap();
            self.lines(&lead);
            let comment = beside(self.source.raw(table.decor().suffix()));
            let [open, close] = brackets;
            self.lines(&[format!("{open}{}{close}{comment}", self.source.key(path))]);
            self.section(position, table, order, false);
        }
        self.tables(path, table, order);
    }
}

/// The comments at the top of a file, and those that belong to what comes first.
fn top(lines: Vec<String>) -> (Vec<String>, Vec<String>) {
    let lines = paragraphs(lines);
    let directives = lines.iter().take_while(|line| line.starts_with("#:")).count();
    let (head, lead) = match lines.iter().rposition(String::is_empty) {
        Some(at) => (lines[..at].to_vec(), lines[at + 1..].to_vec()),
        None => (lines[..directives].to_vec(), lines[directives..].to_vec()),
    };
    (without_ends(head), lead)
}

/// What stands below a table under a header of its own.
enum Child<'a> {
    Table(&'a Table),
    Array(&'a ArrayOfTables),
}

/// Dotted keys make tables without headers, which may have tables with headers below them.
fn children<'a>(table: &'a Table, path: &mut Vec<&'a Key>, found: &mut Vec<(Vec<&'a Key>, Child<'a>)>) {
    for (name, item) in table {
        let Some(key) = table.key(name) else { continue };
        path.push(key);
        match item {
            Item::Table(inner) if inner.is_dotted() => children(inner, path, found),
            Item::Table(inner) => found.push((path.clone(), Child::Table(inner))),
            Item::ArrayOfTables(array) => found.push((path.clone(), Child::Array(array))),
            Item::Value(_) | Item::None => {}
        }
        path.pop();
    }
}

fn find_headers<'a>(table: &'a Table, found: &mut Vec<&'a Table>) {
    let mut inner = Vec::new();
    children(table, &mut Vec::new(), &mut inner);
    for (_, child) in inner {
        let tables: Vec<&Table> = match child {
            Child::Table(table) => vec![table],
            Child::Array(array) => array.iter().collect(),
        };
        for table in tables {
            if !table.is_implicit() {
                found.push(table);
            }
            find_headers(table, found);
        }
    }
}
