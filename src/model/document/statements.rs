//! A text cut into its statements, also where it is no TOML: a header or a key with its value each.

use std::ops::Range;

use toml_parser::Source;
use toml_parser::lexer::{Token, TokenKind};

/// A header, or a key with its value, up to the end of its last line; or a line with neither.
#[derive(Debug)]
pub(super) struct Statement<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    /// The first bracket in its value that nothing closes, and what would.
    open: Option<(Token, TokenKind)>,
}

/// What is left open, and where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LeftOpen {
    /// A list.
    List(usize),
    /// An inline table.
    Table(usize),
    /// A header.
    Header(usize),
    /// A string of one line.
    Text(usize),
    /// A string of several lines.
    LongText(usize),
}

impl LeftOpen {
    /// Where it begins.
    pub(super) fn at(self) -> usize {
        match self {
            Self::List(at) | Self::Table(at) | Self::Header(at) | Self::Text(at) | Self::LongText(at) => at,
        }
    }
}

/// Every statement, one behind the other. Where a bracket is left open, its statement takes all of the rest.
pub(super) fn statements(text: &str) -> Vec<Statement<'_>> {
    cut(text, Source::new(text).lex(), false)
}

/// Puts tokens together to statements, of a line each or for as long as brackets are open.
fn cut(text: &str, tokens: impl Iterator<Item = Token>, by_line: bool) -> Vec<Statement<'_>> {
    let mut all = Vec::new();
    let mut next = Statement { text, tokens: Vec::new(), open: None };
    let mut brackets = Brackets::default();
    let (mut is_header, mut is_value) = (false, false);
    for token in tokens {
        let kind = token.kind();
        is_header |= kind == TokenKind::LeftSquareBracket && next.significant().next().is_none();
        is_value |= kind == TokenKind::Equals && !is_header;
        match kind {
            TokenKind::LeftSquareBracket if is_value => brackets.open(token, TokenKind::RightSquareBracket),
            TokenKind::LeftCurlyBracket if is_value => brackets.open(token, TokenKind::RightCurlyBracket),
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => {
                next.open = next.open.or(brackets.close(kind));
            }
            _ => {}
        }
        next.tokens.push(token);
        if kind == TokenKind::Eof || (kind == TokenKind::Newline && (by_line || brackets.open.is_empty())) {
            let of_rest = brackets.open.first().copied();
            next.open = next.open.into_iter().chain(of_rest).min_by_key(|(bracket, _)| bracket.span().start());
            brackets = Brackets::default();
            all.push(std::mem::replace(&mut next, Statement { text, tokens: Vec::new(), open: None }));
            (is_header, is_value) = (false, false);
        }
    }
    all.extend(Some(next).filter(|next| !next.tokens.is_empty()));
    all
}

/// The brackets around a place, each with what would close it.
#[derive(Debug, Default)]
struct Brackets {
    open: Vec<(Token, TokenKind)>,
    lists: usize,
    tables: usize,
}

impl Brackets {
    fn count(&mut self, close: TokenKind) -> &mut usize {
        if close == TokenKind::RightSquareBracket { &mut self.lists } else { &mut self.tables }
    }

    fn open(&mut self, bracket: Token, close: TokenKind) {
        *self.count(close) += 1;
        self.open.push((bracket, close));
    }

    /// Closes the innermost of its kind and all within it. The outermost of those is left open.
    fn close(&mut self, kind: TokenKind) -> Option<(Token, TokenKind)> {
        let mut left = None;
        while *self.count(kind) > 0 {
            let (bracket, close) = self.open.pop()?;
            *self.count(close) -= 1;
            if close == kind {
                break;
            }
            left = Some((bracket, close));
        }
        left
    }
}

impl<'t> Statement<'t> {
    /// Where it is in the text.
    pub(super) fn range(&self) -> Range<usize> {
        let start = self.tokens.first().map_or(0, |token| token.span().start());
        start..self.tokens.last().map_or(start, |token| token.span().end())
    }

    /// Its lines, as if each were one.
    pub(super) fn lines(&self) -> Vec<Self> {
        cut(self.text, self.tokens.iter().copied(), true)
    }

    /// Whether a bracket in it is open.
    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// What it is made of.
    pub(super) fn tokens(&self) -> &[Token] {
        &self.tokens
    }

    /// The same without what only separates.
    pub(super) fn significant(&self) -> impl Iterator<Item = &Token> {
        use TokenKind::{Comment, Eof, Newline, Whitespace};
        self.tokens.iter().filter(|token| !matches!(token.kind(), Whitespace | Comment | Newline | Eof))
    }

    /// How a part of it is written.
    pub(super) fn written(&self, token: &Token) -> &'t str {
        &self.text[token.span().start()..token.span().end()]
    }

    /// Whether it is a table's header.
    pub(super) fn is_header(&self) -> bool {
        self.significant().next().is_some_and(|token| token.kind() == TokenKind::LeftSquareBracket)
    }

    /// Whether it has a key with its `=`, whatever is behind that.
    pub(super) fn has_key(&self) -> bool {
        use TokenKind::{Atom, BasicString, Dot, Equals, LiteralString};
        let mut parts = self
            .significant()
            .map(Token::kind)
            .skip_while(|kind| matches!(kind, Atom | BasicString | Dot | LiteralString));
        parts.next() == Some(Equals) && !matches!(self.significant().next().map(Token::kind), Some(Equals))
    }

    /// Whether it is a header without the bracket that it begins with.
    pub(super) fn lacks_bracket(&self) -> bool {
        use TokenKind::{Atom, BasicString, Dot, LiteralString, RightSquareBracket};
        let mut parts = self.significant().map(Token::kind).peekable();
        let begins = matches!(parts.peek(), Some(Atom | BasicString | LiteralString));
        let mut behind = parts.skip_while(|kind| matches!(kind, Atom | BasicString | Dot | LiteralString));
        begins && behind.next() == Some(RightSquareBracket) && behind.next().is_none()
    }

    /// What in it is left open, if anything is.
    pub(super) fn left_open(&self) -> Option<LeftOpen> {
        let string = self.tokens.iter().find(|token| self.is_open_string(token));
        let of_string = string.map(|token| match token.kind() {
            TokenKind::MlBasicString | TokenKind::MlLiteralString => LeftOpen::LongText(token.span().start()),
            _ => LeftOpen::Text(token.span().start()),
        });
        let Some((bracket, close)) = self.open else { return of_string.or_else(|| self.open_header()) };
        let of_bracket = match close {
            TokenKind::RightSquareBracket => LeftOpen::List(bracket.span().start()),
            _ => LeftOpen::Table(bracket.span().start()),
        };
        // A string that is not closed takes the bracket's end with it.
        let takes_end = string.is_some_and(|token| {
            let close = if close == TokenKind::RightSquareBracket { ']' } else { '}' };
            self.written(token).contains(close)
        });
        let is_first = of_string.is_some_and(|string| string.at() < of_bracket.at());
        of_string.filter(|_| takes_end || is_first).or(Some(of_bracket))
    }

    /// A string that the line, or the text, ends before its quotes do.
    pub(super) fn is_open_string(&self, token: &Token) -> bool {
        let written = self.written(token);
        let quotes = match token.kind() {
            TokenKind::BasicString => "\"",
            TokenKind::LiteralString => "'",
            TokenKind::MlBasicString => "\"\"\"",
            TokenKind::MlLiteralString => "'''",
            _ => return false,
        };
        let Some(inner) = written.strip_prefix(quotes).and_then(|rest| rest.strip_suffix(quotes)) else { return true };
        let escapes = inner.len() - inner.trim_end_matches('\\').len();
        quotes == "\"" && escapes % 2 == 1
    }

    fn open_header(&self) -> Option<LeftOpen> {
        let count = |kind| self.tokens.iter().filter(|token| token.kind() == kind).count();
        let is_open = count(TokenKind::LeftSquareBracket) > count(TokenKind::RightSquareBracket);
        let first = self.significant().next().filter(|_| self.is_header() && is_open)?;
        Some(LeftOpen::Header(first.span().start()))
    }
}
