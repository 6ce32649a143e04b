//! What of a text may be shown that is no TOML: anybody may have pasted a secret anywhere.

use std::ops::Range;
use std::sync::Arc;

use toml::de::DeTable;
use toml_parser::lexer::{Token, TokenKind};

use super::statements::{Statement, statements};
use super::syntax::is_word;
use super::{SECRET_KEYS, holds_user};
use crate::model::source::{SourceFile, nearest};

/// Words that make a secret of what stands beside them.
const SECRETIVE: [&str; 7] = ["secret", "token", "passw", "signing", "key", "credential", "notify"];

/// In more words than these no misspelled one is looked for.
const MOST_WORDS: usize = 1000;

/// Nobody gives anything a longer name.
const LONGEST_NAME: usize = 64;

/// A number of more digits may be a secret.
const LONGEST_NUMBER: usize = 10;

/// Under a name that is not known, one of more digits may be.
const SHORT_NUMBER: usize = 5;

/// A longer text may be a secret, whatever it stands under.
const LONGEST_TEXT: usize = 64;

/// Names near these are those of secrets, or of tables with secrets in them, as well.
const SECRET_NAMES: [&str; 11] = [
    "client_secret",
    "consumer_secret",
    "token",
    "signing_key",
    "secret",
    "password",
    "passphrase",
    "login",
    "pin",
    "grant",
    "notify",
];

/// Keys whose texts are none.
const OPEN_KEYS: [&str; 24] = [
    "adopt",
    "algorithm",
    "auth_scheme_configs",
    "connector",
    "debounce",
    "delete_grace",
    "description",
    "digest_inputs",
    "encoding",
    "environment",
    "environments",
    "format",
    "id",
    "in",
    "interval",
    "level",
    "mode",
    "name",
    "on_drift",
    "organisation",
    "project",
    "signature_method",
    "system",
    "type",
];

/// Hides all that may be a secret from everything that is shown of a text that cannot be read as TOML.
pub fn mask(file: &Arc<SourceFile>) {
    if is_secretive(file.text()) || holds_user(file.text()) || may_name_secret(file.text()) {
        file.hide(hidden(file.text()));
    }
}

/// Whether some word of a text is a misspelled secret's name, or there are too many to look at.
fn may_name_secret(text: &str) -> bool {
    let statements = statements(text);
    let words = statements.iter().flat_map(|statement| {
        let atoms = statement.significant().filter(|token| token.kind() == TokenKind::Atom);
        atoms.map(|token| statement.written(token))
    });
    let words: Vec<&str> = words.take(MOST_WORDS).collect();
    words.len() == MOST_WORDS || words.iter().any(|word| nearest(word, &SECRET_KEYS).is_some())
}

/// Whether a word says that there is a secret.
pub(super) fn is_secretive(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    SECRETIVE.iter().any(|word| text.contains(word))
}

/// Whether a key that is known, so spelt right, is that of a secret, or of a table that holds some.
pub(super) fn holds_secrets(key: &str) -> bool {
    SECRET_NAMES.contains(&key) || SECRETIVE.iter().any(|word| key.contains(word))
}

/// Whether a name that somebody wrote is that of a secret, or of a table that holds some, or comes near one.
pub(super) fn may_hold_secret(name: &str) -> bool {
    is_secretive(name) || nearest(name, &SECRET_NAMES).is_some()
}

/// Whether a text is what people call things by: no address, and nothing that was pasted.
pub(super) fn is_plain_text(text: &str) -> bool {
    text.len() <= LONGEST_TEXT && !text.contains(['@', '=', '\\']) && !text.contains("://")
}

/// Whether a number is so short that it is hardly a secret.
pub(super) fn is_short_number(written: &str) -> bool {
    written.len() <= SHORT_NUMBER
}

/// Whether a statement's values may be shown, as far as the names in it tell.
pub(super) fn is_harmless(statement: &Statement<'_>) -> bool {
    use TokenKind::{Comma, Equals, LeftSquareBracket};
    if statement.is_header() {
        return true;
    }
    let mut before = None;
    let mut tokens = statement.significant().peekable();
    while let Some(token) = tokens.next() {
        let written = statement.written(token);
        let names = tokens.peek().is_some_and(|next| next.kind() == Equals) || written.ends_with(':');
        let is_value = matches!(before, Some(Equals | Comma | LeftSquareBracket)) && !names;
        if !is_value && is_secretive(written) {
            return false;
        }
        before = Some(token.kind());
    }
    true
}

/// All but the structure of a text, the names of its keys, flags and numbers.
fn hidden(text: &str) -> Vec<Range<usize>> {
    // What one takes for the end of such a string may be its begin, and the other way round.
    let long_strings = ["\"\"\"", "'''"].into_iter().filter_map(|quotes| text.find(quotes)).min();
    let readable = long_strings.unwrap_or(text.len());
    let mut hidden = Vec::new();
    let mut hide = |statement: &Statement<'_>, shown: &[bool]| {
        for (token, shown) in statement.tokens().iter().zip(shown) {
            let span = token.span().start()..token.span().end();
            if !shown || span.end > readable {
                hidden.push(span);
            }
        }
    };
    // Behind a secret that is no TOML its next lines may follow, up to the next header.
    let mut in_secret = false;
    // Whether the table is known, and holds no secrets.
    let mut in_open = true;
    for statement in statements(text) {
        in_secret &= !(statement.is_header() && is_plain_header(&statement));
        in_open =
            if statement.is_header() { is_open_header(&statement) } else { in_open && !statement.lacks_bracket() };
        let none = vec![false; statement.tokens().len()];
        if !statement.is_open() {
            hide(&statement, &if in_secret { none } else { shown(&statement, in_open) });
            in_secret |= is_broken_secret(&statement, text);
            continue;
        }
        // It has taken in others, which only lines tell apart; what a secret's bracket has taken in may be secret.
        let mut all = in_secret;
        for line in statement.lines() {
            hide(&line, &if all { vec![false; line.tokens().len()] } else { shown(&line, false) });
            all |= is_broken_secret(&line, text);
        }
    }
    hidden
}

/// Whether a statement is about a secret, and no TOML.
fn is_broken_secret(statement: &Statement<'_>, text: &str) -> bool {
    !is_harmless(statement) && DeTable::parse(&text[statement.range()]).is_err()
}

/// Which parts of a statement may be shown; `in_open` is whether its table is known, and holds no secrets.
fn shown(statement: &Statement<'_>, in_open: bool) -> Vec<bool> {
    let tokens = statement.tokens();
    let mut shown: Vec<bool> =
        tokens.iter().map(|token| matches!(token.kind(), TokenKind::Newline | TokenKind::Eof)).collect();
    if statement.is_header() {
        if is_plain_header(statement) {
            use TokenKind::{Atom, Dot, LeftSquareBracket, RightSquareBracket};
            let is_part = |token: &Token| matches!(token.kind(), Atom | Dot | LeftSquareBracket | RightSquareBracket);
            tokens.iter().zip(&mut shown).for_each(|(token, shown)| *shown |= is_part(token));
            show_spaces(tokens, &mut shown);
        }
        return shown;
    }
    let Some(end) = key_from(statement, 0).or_else(|| key_with_colon(statement)) else { return shown };
    shown[..=end].fill(true);
    if is_harmless(statement) {
        show_value(statement, end + 1, in_open && has_open_key(statement), &mut shown);
        show_spaces(tokens, &mut shown);
    }
    shown
}

/// Shows spaces, but for those within what is hidden: they would tell its words.
fn show_spaces(tokens: &[Token], shown: &mut [bool]) {
    for at in 1..tokens.len() {
        let is_beside = shown[at - 1] || shown.get(at + 1).is_none_or(|shown| *shown);
        shown[at] |= tokens[at].kind() == TokenKind::Whitespace && is_beside;
    }
}

/// Whether its key is one whose texts are no secrets.
fn has_open_key(statement: &Statement<'_>) -> bool {
    let mut parts = statement.significant();
    let is_open = parts.next().is_some_and(|token| OPEN_KEYS.contains(&statement.written(token)));
    is_open && parts.next().is_some_and(|token| token.kind() == TokenKind::Equals)
}

/// Shows the structure of a value, with the keys, flags and numbers of its tables; of an open key, its texts as well.
fn show_value(statement: &Statement<'_>, from: usize, is_open: bool, shown: &mut [bool]) {
    let tokens = statement.tokens();
    let mut brackets = Vec::new();
    let mut at = from;
    // Behind a key's `=`, and where a key may begin.
    let (mut behind_equals, mut before_key) = (true, false);
    while let Some(token) = tokens.get(at) {
        let kind = token.kind();
        match kind {
            TokenKind::LeftSquareBracket | TokenKind::LeftCurlyBracket => brackets.push(kind),
            TokenKind::RightSquareBracket | TokenKind::RightCurlyBracket => drop(brackets.pop()),
            TokenKind::BasicString | TokenKind::LiteralString if is_broken_string(statement, at) => return,
            _ => {}
        }
        let in_table = brackets.last() == Some(&TokenKind::LeftCurlyBracket);
        if before_key
            && kind == TokenKind::Atom
            && let Some(equals) = key_from(statement, at)
        {
            shown[at..=equals].fill(true);
            (at, behind_equals, before_key) = (equals + 1, true, false);
            continue;
        }
        let (written, is_open) = (statement.written(token), is_open && !in_table);
        shown[at] |= match kind {
            TokenKind::Atom => {
                let is_plain = is_plain_value(written) || is_open && is_word(written);
                behind_equals && is_plain && ends_value(tokens, at + 1)
            }
            TokenKind::BasicString | TokenKind::LiteralString => is_open && is_plain_text(written),
            _ => is_structure(kind),
        };
        let is_space = matches!(kind, TokenKind::Whitespace | TokenKind::Newline | TokenKind::Comment);
        before_key = if is_space {
            before_key
        } else {
            in_table && matches!(kind, TokenKind::Comma | TokenKind::LeftCurlyBracket)
        };
        behind_equals &= is_space;
        at += 1;
    }
}

fn is_structure(kind: TokenKind) -> bool {
    use TokenKind::{Comma, LeftCurlyBracket, LeftSquareBracket, RightCurlyBracket, RightSquareBracket};
    matches!(kind, Comma | LeftCurlyBracket | LeftSquareBracket | RightCurlyBracket | RightSquareBracket)
}

/// A string with which something is wrong: what is behind it may belong to it.
fn is_broken_string(statement: &Statement<'_>, at: usize) -> bool {
    use TokenKind::{Atom, BasicString, Dot, LiteralString, MlBasicString, MlLiteralString};
    let next = statement.tokens().get(at + 1).map(Token::kind);
    let meets = matches!(next, Some(Atom | BasicString | Dot | LiteralString | MlBasicString | MlLiteralString));
    meets || statement.is_open_string(&statement.tokens()[at])
}

/// The place of the `=` behind the plain key that begins there, if one does.
fn key_from(statement: &Statement<'_>, from: usize) -> Option<usize> {
    let tokens = statement.tokens();
    let mut behind_name = false;
    for (at, token) in tokens.iter().enumerate().skip(from) {
        match token.kind() {
            TokenKind::Whitespace => {}
            TokenKind::Atom if !behind_name && is_name(statement.written(token)) => behind_name = true,
            TokenKind::Dot if behind_name => behind_name = false,
            TokenKind::Equals if behind_name => {
                let next = tokens.get(at + 1).map(Token::kind);
                // The last line of a key in base64 ends like this.
                let is_end = matches!(next, None | Some(TokenKind::Newline | TokenKind::Eof | TokenKind::Equals));
                return (!is_end || tokens[at - 1].kind() == TokenKind::Whitespace).then_some(at);
            }
            _ => return None,
        }
    }
    None
}

/// The place of a key that other formats would have there.
fn key_with_colon(statement: &Statement<'_>) -> Option<usize> {
    let tokens = statement.tokens();
    let at = tokens.iter().position(|token| token.kind() != TokenKind::Whitespace)?;
    let name = statement.written(&tokens[at]).strip_suffix(':')?;
    (is_name(name) && tokens.get(at + 1)?.kind() == TokenKind::Whitespace).then_some(at)
}

/// Brackets, dots and names, with nothing between or behind them.
fn is_plain_header(statement: &Statement<'_>) -> bool {
    statement.significant().all(|token| match token.kind() {
        TokenKind::LeftSquareBracket | TokenKind::RightSquareBracket | TokenKind::Dot => true,
        TokenKind::BasicString | TokenKind::LiteralString => !statement.is_open_string(token),
        TokenKind::Atom => is_name(statement.written(token)),
        _ => false,
    })
}

/// Whether a header is whole, and none of its names is that of a table with secrets. What people call a template or a
/// config says nothing.
fn is_open_header(statement: &Statement<'_>) -> bool {
    let tokens: Vec<&Token> = statement.significant().collect();
    let is_closed = tokens.last().is_some_and(|token| token.kind() == TokenKind::RightSquareBracket);
    let is_part =
        |token: &&&Token| matches!(token.kind(), TokenKind::Atom | TokenKind::BasicString | TokenKind::LiteralString);
    let names = tokens.iter().filter(is_part).map(|token| statement.written(token).trim_matches(['"', '\'']));
    let names: Vec<&str> = names.collect();
    let is_open = match names.as_slice() {
        ["connection_templates" | "auth_scheme_configs", _] => true,
        names => !names.iter().any(|name| may_hold_secret(name)),
    };
    is_plain_header(statement) && is_closed && is_open
}

fn is_name(written: &str) -> bool {
    written.len() <= LONGEST_NAME && written.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

fn is_plain_value(written: &str) -> bool {
    let is_number = written.len() <= LONGEST_NUMBER && written.bytes().all(|byte| byte.is_ascii_digit());
    is_number || ["true", "false"].contains(&written)
}

fn ends_value(tokens: &[Token], from: usize) -> bool {
    use TokenKind::{Comma, Comment, Eof, Newline, RightCurlyBracket, Whitespace};
    let mut behind = tokens[from..].iter().map(Token::kind).filter(|kind| *kind != Whitespace);
    matches!(behind.next(), None | Some(Comma | Comment | Eof | Newline | RightCurlyBracket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source::Place;

    /// Every line as it is shown, each marked at its begin.
    fn shown(text: &str) -> Vec<String> {
        let file = SourceFile::new("a.toml", text);
        mask(&file);
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        starts.map(|at| Place::new(&file, at..at + 1).excerpt().text).collect()
    }

    #[test]
    fn an_unparsed_text_shows_keys_only() {
        assert_eq!(shown("client_secret = \"hunter2\nhunter3"), ["client_secret =…", "…"]);
    }

    #[test]
    fn a_later_line_of_an_unparsed_value_is_no_key() {
        for text in
            ["key = \"\"\"\nhunter2=\n\"\"\"", "key = '''\nhunter2=", "key = [\n\"hunter2=\"", "key = [\n{'hunter2'="]
        {
            assert_eq!(shown(text)[..2], ["key =…", "…"], "{text}");
        }
    }

    #[test]
    fn structure_keys_flags_and_numbers_are_shown_and_nothing_else() {
        for (line, what) in [
            ("[auth_scheme_configs.shop-key]", "[auth_scheme_configs.shop-key]"),
            ("[auth_scheme_configs.shop-key", "[auth_scheme_configs.shop-key"),
            ("[a.\"hunter2\"] # hunter2", "[a.…] …"),
            ("[hunter2, b]", "…"),
            ("dynamic = true # hunter2", "dynamic = true …"),
            ("count = 12,", "count = 12,"),
            ("count = 12345678901", "count = …"),
            ("count = 12 34", "count = …"),
            ("environments = [\"a\", 'b', hunter2", "environments = […, …, …"),
            (
                "lifecycle = { prevent_delete = true, on_drift = \"x\" }",
                "lifecycle = { prevent_delete = true, on_drift = … }",
            ),
            ("description = \"a\"hunter2, true", "description = …"),
            ("description = two words", "description = …"),
            ("\"hunter2\" = true", "…"),
            ("aHVudGVyMg=", "…"),
            ("aHVudGVyMg==", "…"),
            ("x = [\"a\", b = 1, 5]", "x = […, …, …]"),
            ("grant = { client_secret = true, a = 5 }", "grant =…"),
            ("token = 123", "token =…"),
        ] {
            assert_eq!(shown(&format!("a = 'token'\n{line}"))[1], what, "{line}");
        }
    }

    #[test]
    fn what_may_be_further_lines_of_a_secret_is_hidden_up_to_the_next_header() {
        let text = "client_secret = aHVu\ndGVy = 1\n\nMg = true\n[a.b]\nc = 1\n";
        assert_eq!(shown(text), ["client_secret =…", "…", "", "…", "[a.b]", "c = 1", ""]);
    }

    #[test]
    fn a_misspelled_secret_is_one() {
        assert_eq!(shown("client_sret = \"hunter2\" x"), ["client_sret = …"]);
    }

    #[test]
    fn what_holds_no_secret_is_shown_as_it_is() {
        assert_eq!(shown("description = \"a\"b"), ["description = \"a\"b"]);
    }
}
