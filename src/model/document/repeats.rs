//! What is written twice in a text, and where it was written first.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue, Error};
use toml_parser::lexer::TokenKind;

use super::statements::Statement;
use super::syntax::not_valid;
use crate::model::rule::Rule;
use crate::model::source::{Place, Problem, SourceFile};

/// A header or a key, as the whole text means it.
struct Written {
    /// With those of the header that it stands below.
    path: Vec<String>,
    header: Option<String>,
    /// Where the last part of it stands.
    span: Range<usize>,
}

/// The errors that sound statements make only together. What stands below a repeated header is not repeated as well.
pub(super) fn problems(file: &Arc<SourceFile>, statements: &[&Statement<'_>], errors: &[Error]) -> Vec<Problem> {
    if errors.is_empty() {
        return Vec::new();
    }
    let written = all(file.text(), statements);
    let by_place: HashMap<usize, usize> = written.iter().enumerate().map(|(at, it)| (it.span.start, at)).collect();
    let mut first: HashMap<&[String], usize> = HashMap::new();
    for (at, it) in written.iter().enumerate() {
        for parts in 1..=it.path.len() {
            first.entry(&it.path[..parts]).or_insert(at);
        }
    }
    let mut problems = Vec::new();
    let mut silent: Option<Range<usize>> = None;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        if silent.as_ref().is_some_and(|silent| silent.contains(&span.start)) {
            continue;
        }
        let Some(&at) = by_place.get(&span.start) else {
            problems.push(not_valid(Place::new(file, span), error).of(Rule::Syntax));
            continue;
        };
        let this = &written[at];
        if this.header.is_some() {
            let next = written[at + 1..].iter().find(|it| it.header.is_some());
            silent = Some(this.span.start..next.map_or(file.text().len() + 1, |it| it.span.start));
        }
        let first = first.get(this.path.as_slice()).filter(|first| **first < at);
        problems.push(told(file, this, first.map(|first| &written[*first])));
    }
    problems
}

fn told(file: &Arc<SourceFile>, this: &Written, first: Option<&Written>) -> Problem {
    let line =
        first.map(|first| format!(", at line {}", Place::new(file, first.span.clone()).line())).unwrap_or_default();
    let (name, rule, help) = match &this.header {
        Some(header) => (
            header.clone(),
            "a table can be written only once in a file",
            "put its keys below the first, or give it another name",
        ),
        None => {
            let key = this.path.last().map(String::as_str).unwrap_or_default();
            (format!("`{key}`"), "a key can be written only once in a table", "remove one of the two")
        }
    };
    let message = format!("{name} is there already{line}: {rule}");
    Problem::at(Place::new(file, this.span.clone()), message).of(Rule::Syntax).help(help)
}

fn all(text: &str, statements: &[&Statement<'_>]) -> Vec<Written> {
    let mut all = Vec::new();
    let mut below: Vec<String> = Vec::new();
    for (number, statement) in statements.iter().enumerate() {
        let range = statement.range();
        let source = &text[range.clone()];
        let Ok(table) = DeTable::parse(source) else { continue };
        let parts = parts_of(statement);
        let Some((mut path, span)) = path(table.get_ref(), parts) else { continue };
        let span = range.start + span.start..range.start + span.end;
        let is_list = source.trim_start().starts_with("[[");
        let header = statement.is_header().then(|| {
            let (open, close) = if is_list { ("[[", "]]") } else { ("[", "]") };
            format!("{open}{}{close}", path.join("."))
        });
        if header.is_some() {
            // Each table of a list is another one.
            below.clone_from(&path);
            if is_list {
                below.push(number.to_string());
            }
        } else {
            path = below.iter().cloned().chain(path).collect();
        }
        all.push(Written { path, header, span });
    }
    all
}

/// How many names its key or header has.
fn parts_of(statement: &Statement<'_>) -> usize {
    let key = statement.significant().take_while(|token| token.kind() != TokenKind::Equals);
    key.filter(|token| token.kind() == TokenKind::Dot).count() + 1
}

/// The names on the way to the innermost table or value of the only key, and where the last one stands.
fn path(table: &DeTable<'_>, parts: usize) -> Option<(Vec<String>, Range<usize>)> {
    let mut names = Vec::with_capacity(parts);
    let mut table = table;
    loop {
        let (key, value): (&Spanned<DeString<'_>>, &Spanned<DeValue<'_>>) = table.iter().next()?;
        names.push(key.get_ref().to_string());
        if names.len() == parts {
            return Some((names, key.span()));
        }
        table = value.get_ref().as_table()?;
    }
}
