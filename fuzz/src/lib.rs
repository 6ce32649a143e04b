//! What several targets check. It asks Unicode and TOML, not the code that is being checked.

use toml::de::{DeTable, DeValue};
use versync::model::source::Problem;
use versync::report::problems::{self, Look};

/// Stands for a secret in the seeds. No message has this word of its own.
pub const SECRET: &str = "hunter2";

/// Keys under which a literal is a secret.
const SECRET_KEYS: [&str; 4] = ["client_secret", "consumer_secret", "token", "signing_key"];

/// Unicode's `Bidi_Control`, the line and paragraph separators, and the byte order mark.
const UNSEEN: [char; 15] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}',
    '\u{2067}', '\u{2068}', '\u{2069}', '\u{2028}', '\u{2029}', '\u{feff}',
];

/// Whether a terminal shows the character, and does nothing else.
pub fn is_printable(c: char) -> bool {
    !c.is_control() && !UNSEEN.contains(&c)
}

/// Fails where a terminal would act on the text, or show it in another order; lines may end.
pub fn assert_printable(text: &str) {
    if let Some(c) = text.chars().find(|c| *c != '\n' && !is_printable(*c)) {
        panic!("{c:?} would be printed as it is: {text:?}");
    }
}

/// The first problems as they are printed without colours, on a terminal or into a file.
pub fn rendered(list: &[Problem]) -> String {
    // A text that is no TOML at all has hundreds that are all alike, and most of the time would go into them.
    let list = &list[..list.len().min(25)];
    let look = Look { terminal: list.len() % 2 == 0, ..Look::PLAIN };
    let mut out = Vec::new();
    problems::write(list, look, &mut out).expect("memory takes everything");
    let text = String::from_utf8(out).expect("what is printed is text");
    assert_printable(&text);
    text
}

/// Fails where the secret is shown although every mention of it in the input, `secrets` of them, is one.
pub fn assert_hidden(input: &str, secrets: usize, shown: &str) {
    if secrets > 0 && input.matches(SECRET).count() == secrets {
        assert!(!shown.contains(SECRET), "a secret was shown:\n{shown}");
    }
}

/// How often the secret stands in literals that are secret, as far as the text is TOML.
pub fn literal_secrets(toml: &str) -> usize {
    let (table, _) = DeTable::parse_recoverable(toml);
    let mut secrets = 0;
    count_in_table(table.get_ref(), &mut secrets);
    secrets
}

/// Counts the word in literals that stand under a secret's name.
fn count_in_table(table: &DeTable<'_>, secrets: &mut usize) {
    for (key, value) in table {
        let value = value.get_ref();
        if SECRET_KEYS.contains(&key.get_ref().as_ref()) && !value.is_table() {
            count(value, secrets);
        } else {
            count_below(value, secrets);
        }
    }
}

fn count_below(value: &DeValue<'_>, secrets: &mut usize) {
    match value {
        DeValue::Table(table) => count_in_table(table, secrets),
        DeValue::Array(items) => items.iter().for_each(|item| count_below(item.get_ref(), secrets)),
        _ => {}
    }
}

fn count(value: &DeValue<'_>, secrets: &mut usize) {
    match value {
        DeValue::String(text) => *secrets += text.matches(SECRET).count(),
        DeValue::Array(items) => items.iter().for_each(|item| count(item.get_ref(), secrets)),
        _ => {}
    }
}
