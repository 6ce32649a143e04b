//! What is wrong with a text that is no TOML, each thing once and where it begins.
//!
//! The parser goes on behind an error as well as it can, and takes what follows for further errors. So each statement
//! is read on its own, and of each line only the first error counts.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use toml::de::{DeTable, Error};
use toml_parser::lexer::{Token, TokenKind};

use super::SECRET_KEYS;
use super::mask::is_harmless;
use super::repeats;
use super::statements::{LeftOpen, Statement, statements};
use crate::model::rule::Rule;
use crate::model::source::{Place, Problem, SourceFile, is_unprintable, nearest};

/// Quotes that look like those of TOML and are none.
const TYPOGRAPHIC: [char; 8] = ['“', '”', '„', '‘', '’', '‚', '«', '»'];

/// A longer word is no word.
const LONGEST_WORD: usize = 40;

/// Behind so many words nobody looks for a name.
const LONGEST_LOOK: usize = 1000;

/// Every error of a text that the parser refuses.
pub(super) fn problems(file: &Arc<SourceFile>) -> Vec<Problem> {
    let text = file.text();
    let statements = statements(text);
    let mut problems = Vec::new();
    let mut sound = text.to_owned();
    let mut broken = Vec::new();
    // What is behind a secret may be its next line.
    let mut in_secret = false;
    // Below a broken header keys belong to a table that is not known, and behind a broken statement may be its rest.
    let (mut in_unknown, mut in_rest) = (false, false);
    for statement in &statements {
        in_secret &= !statement.is_header();
        in_unknown &= !statement.is_header();
        let begins = statement.significant().next().map(Token::kind);
        in_rest &= !(statement.is_header() || statement.has_key() || begins == Some(TokenKind::Atom));
        let found = of_statement(file, statement, !in_secret);
        let is_broken = !found.is_empty();
        in_secret |= is_broken && !is_harmless(statement);
        in_unknown |= is_broken && (statement.is_header() || statement.lacks_bracket());
        if is_broken || in_unknown {
            broken.push(statement.range());
        }
        problems.extend(found.into_iter().filter(|_| !in_rest));
        in_rest |= is_broken;
    }
    // Whether something is written twice shows without those.
    for range in broken {
        let blank: String = text[range.clone()].chars().map(|c| if c == '\n' { c } else { ' ' }).collect();
        let padding = " ".repeat(range.len() - blank.len());
        sound.replace_range(range, &format!("{padding}{blank}"));
    }
    let (_, errors) = DeTable::parse_recoverable(&sound);
    let is_sound = |statement: &&Statement<'_>| sound[statement.range()] == text[statement.range()];
    let statements: Vec<_> = statements.iter().filter(is_sound).collect();
    problems.extend(repeats::problems(file, &statements, &errors));
    problems
}

/// What is wrong with one statement. Where something is left open, nothing behind its begin is known.
fn of_statement(file: &Arc<SourceFile>, statement: &Statement<'_>, harmless: bool) -> Vec<Problem> {
    let range = statement.range();
    let (_, errors) = DeTable::parse_recoverable(&file.text()[range.clone()]);
    let left_open = statement.left_open().map(|open| (open, Place::new(file, open.at()..open.at() + 1)));
    if errors.is_empty() && left_open.is_none() {
        return Vec::new();
    }
    let at = |span: Range<usize>| Place::new(file, range.start + span.start..range.start + span.end);
    let mut errors: Vec<_> = errors.iter().map(|error| (at(error.span().unwrap_or(0..0)), error)).collect();
    errors.sort_by_key(|(place, _)| place.span().start);
    let is_known = |place: &Place| left_open.as_ref().is_none_or(|(_, open)| place.line() < open.line());
    let mut lines = BTreeSet::new();
    let first = errors.into_iter().filter(|(place, _)| is_known(place) && lines.insert(place.line()));
    let reader = Reader {
        file,
        tokens: statement.significant().collect(),
        statement,
        harmless: harmless && is_harmless(statement) && !names_secret(statement),
    };
    let mut problems: Vec<_> = first.map(|(place, error)| reader.problem(place, error).of(Rule::Syntax)).collect();
    problems.extend(left_open.map(|(open, place)| of_open(open, place)));
    problems
}

fn of_open(open: LeftOpen, place: Place) -> Problem {
    let (what, help) = match open {
        LeftOpen::List(_) => ("list", "put a `]` behind its last item"),
        LeftOpen::Table(_) => ("table", "put a `}` behind its last value"),
        LeftOpen::Header(_) => ("header", "put a `]` behind its last name"),
        LeftOpen::Text(_) => ("text", "a quote is missing at its end, or before it on this line"),
        LeftOpen::LongText(_) => ("text", "put the same three quotes behind it"),
    };
    Problem::at(place, format!("the {what} that begins here is not closed")).of(Rule::Syntax).help(help)
}

/// Says what the parser means, where that is clear from what is written there.
struct Reader<'a, 't> {
    file: &'a Arc<SourceFile>,
    statement: &'a Statement<'t>,
    /// Those that mean something.
    tokens: Vec<&'a Token>,
    /// Whether its values may be shown.
    harmless: bool,
}

impl<'a> Reader<'a, '_> {
    fn problem(&self, place: Place, error: &Error) -> Problem {
        let tokens = self.of_line(&place);
        if self.statement.lacks_bracket() {
            return Problem::at(place, "a header begins with `[`").help("put a `[` before its first name");
        }
        if error.message() == "duplicate key" {
            let key = if self.harmless { &self.file.text()[place.span()] } else { "…" };
            let message = format!("`{key}` is written twice in this table");
            return Problem::at(place, message).help("remove one of the two");
        }
        let of_quotes = || self.typographic(tokens).or_else(|| self.half_quoted(tokens));
        let known = self.colon(tokens).or_else(of_quotes).or_else(|| self.unquoted(&place, error));
        if let Some(problem) = known {
            return problem;
        }
        not_valid(place, error)
    }

    /// What stands on the line of a place.
    fn of_line(&self, place: &Place) -> &[&'a Token] {
        let text = self.file.text();
        let at = place.span().start;
        let begin = text[..at].rfind('\n').map_or(0, |end| end + 1);
        let end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        let index = |at: usize| self.tokens.partition_point(|token| token.span().start() < at);
        &self.tokens[index(begin)..index(end)]
    }

    /// `key: value`, as other formats have it.
    fn colon(&self, tokens: &[&Token]) -> Option<Problem> {
        let mut before = None;
        for token in tokens.iter().filter(|token| token.kind() != TokenKind::Equals) {
            let (kind, written) = (token.kind(), self.statement.written(token));
            let ends_name = |at: usize| {
                at > 0
                    && (before.is_none() || written[at + 1..].is_empty() || written[at + 1..].starts_with(['"', '\'']))
            };
            let colon = written.find(':').filter(|at| match before {
                None | Some(TokenKind::Comma | TokenKind::LeftCurlyBracket) => ends_name(*at),
                Some(TokenKind::Atom) => *at == 0,
                _ => false,
            });
            if let Some(colon) = colon.filter(|_| kind == TokenKind::Atom) {
                let at = token.span().start() + colon;
                let place = Place::new(self.file, at..at + 1);
                return Some(Problem::at(place, "TOML wants `=` and not `:`").help("write key = value"));
            }
            before = Some(kind);
        }
        None
    }

    fn typographic(&self, tokens: &[&Token]) -> Option<Problem> {
        let begins = |token: &&&Token| self.statement.written(token).starts_with(TYPOGRAPHIC);
        let start = tokens.iter().filter(|token| token.kind() == TokenKind::Atom).find(begins)?.span().start();
        let length = self.file.text()[start..].chars().next()?.len_utf8();
        let place = Place::new(self.file, start..start + length);
        Some(Problem::at(place, "these are typographic quotes: use \""))
    }

    /// Text with a quote within or behind it: the one before it is missing, or one before that.
    fn half_quoted(&self, tokens: &[&Token]) -> Option<Problem> {
        let holds =
            |token: &&&Token| token.kind() == TokenKind::Atom && self.statement.written(token).contains(['"', '\'']);
        let span = tokens.iter().find(holds)?.span();
        let problem = Problem::at(Place::new(self.file, span.start()..span.end()), "a quote is missing before this");
        Some(problem.help("each text of this line has to begin and end with one"))
    }

    /// A text without its quotes, also one that the parser takes for a bad number.
    fn unquoted(&self, place: &Place, error: &Error) -> Option<Problem> {
        let span = if error.message().starts_with("string values must be quoted") {
            place.span()
        } else {
            self.taken_for_number(place.span().start)?
        };
        let word = &self.file.text()[span.clone()];
        if word.is_empty() {
            let help = if self.file.text()[..span.start].trim_end().ends_with('=') {
                "write a value behind the `=`: a text in quotes, a number, or true or false"
            } else {
                "write a value there, or remove a comma"
            };
            return Some(Problem::at(place.clone(), "a value is missing here").help(help));
        }
        let problem = Problem::at(Place::new(self.file, span), "a text has to be in quotes");
        Some(match word.to_ascii_lowercase().as_str() {
            "true" | "false" | "yes" | "no" | "on" | "off" => problem.help("a flag is true or false"),
            _ if self.harmless && (is_word(word) || is_duration(word)) => problem.help(format!("write \"{word}\"")),
            _ => problem,
        })
    }

    /// The value there, if it has letters that no number has.
    fn taken_for_number(&self, at: usize) -> Option<Range<usize>> {
        let index = self.tokens.partition_point(|token| token.span().end() < at);
        let token = self.tokens.get(index).filter(|token| token.kind() == TokenKind::Atom)?;
        let before = self.tokens[..index].last()?.kind();
        let is_value = matches!(before, TokenKind::Equals | TokenKind::Comma | TokenKind::LeftSquareBracket);
        let written = self.statement.written(token);
        let has_prefix = ["0x", "0o", "0b"].iter().any(|prefix| written.starts_with(prefix));
        let is_text = written.contains(|c: char| c.is_ascii_alphabetic()) && !written.contains(['"', '\'']);
        (is_value && is_text && !has_prefix).then(|| token.span().start()..token.span().end())
    }
}

/// What the parser says, with what to do about it.
pub(super) fn not_valid(place: Place, error: &Error) -> Problem {
    let said = error.message();
    let is_unseen = |c: char| is_unprintable(c) && !matches!(c, '\t' | '\n' | '\r');
    let help = if place.source().text()[place.span()].contains(is_unseen) {
        "remove the character there that cannot be seen"
    } else if said.contains("recur") {
        "nest it less deeply: nothing in these files needs more than a few levels"
    } else if said.contains("missing comma") {
        "put a comma between them"
    } else if said.contains("comma") {
        "remove the comma"
    } else if said.contains("unexpected key or value") || said.contains("with no value") {
        "write key = value, one on each line"
    } else {
        "https://toml.io says how TOML is written"
    };
    Problem::at(place, format!("not valid TOML: {said}")).help(help)
}

/// Whether a key in it is a misspelled secret's.
fn names_secret(statement: &Statement<'_>) -> bool {
    let names = statement.significant().filter(|token| token.kind() == TokenKind::Atom);
    names.take(LONGEST_LOOK).any(|token| nearest(statement.written(token), &SECRET_KEYS).is_some())
}

/// Whether a text is a plain word, as names are, and as hardly any secret is.
pub(super) fn is_word(written: &str) -> bool {
    written.len() <= LONGEST_WORD && written.chars().all(|c| c.is_ascii_alphabetic() || c == '-' || c == '_')
}

fn is_duration(written: &str) -> bool {
    let unit = written.trim_start_matches(|c: char| c.is_ascii_digit());
    unit.len() < written.len() && written.len() <= 8 && ["ms", "s", "m", "h"].contains(&unit)
}
