//! What servers repeat of what they were sent: secrets, as they are or escaped on the way.

use std::ops::Range;

/// How often what was escaped may have been escaped again: a request quoted in JSON within JSON, for example.
const MOST_LAYERS: usize = 2;

/// The text with `…` in place of these secrets: as they are, and as JSON, an address, a form or HTML spells them.
pub fn without<'s>(text: &str, secrets: impl IntoIterator<Item = &'s str>) -> String {
    let secrets: Vec<&str> = secrets.into_iter().filter(|secret| !secret.is_empty()).collect();
    let mut found = Vec::new();
    find(&Reading::of(text), &secrets, MOST_LAYERS, &mut found);
    found.sort_unstable_by_key(|place| (place.start, place.end));
    let mut shown = String::with_capacity(text.len());
    let mut end = 0;
    for place in found {
        if place.start >= end {
            shown.push_str(&text[end..place.start]);
            shown.push('…');
        }
        end = end.max(place.end);
    }
    shown.push_str(&text[end..]);
    shown
}

fn find(reading: &Reading, secrets: &[&str], layers: usize, found: &mut Vec<Range<usize>>) {
    for secret in secrets {
        let places = reading.text.match_indices(secret);
        found.extend(places.map(|(at, _)| reading.from[at]..reading.from[at + secret.len()]));
    }
    if layers > 0 {
        let readings = UNESCAPES.iter().filter_map(|unescape| reading.unescaped(unescape));
        readings.for_each(|reading| find(&reading, secrets, layers - 1, found));
    }
}

/// A text as somebody reads it, who knows where in the original each character comes from.
struct Reading {
    text: String,
    /// For each byte, where what it is read from begins; and at last where everything ends.
    from: Vec<usize>,
}

impl Reading {
    fn of(text: &str) -> Self {
        Self { text: text.to_owned(), from: (0..=text.len()).collect() }
    }

    /// The same with what is escaped in this way put in place of its escapes, if anything is.
    fn unescaped(&self, unescape: &Unescape) -> Option<Self> {
        self.text.find(unescape.marks)?;
        let mut next = Self { text: String::with_capacity(self.text.len()), from: Vec::with_capacity(self.from.len()) };
        let (mut rest, mut any) = (self.text.as_str(), false);
        while let Some(written) = rest.chars().next() {
            let escape = if unescape.marks.contains(&written) { (unescape.read)(rest) } else { None };
            any |= escape.is_some();
            let (meant, length) = escape.unwrap_or((written, written.len_utf8()));
            let from = self.from[self.text.len() - rest.len()];
            next.text.push(meant);
            next.from.resize(next.text.len(), from);
            rest = &rest[length..];
        }
        next.from.extend(self.from.last());
        any.then_some(next)
    }
}

/// One way of escaping, backwards.
struct Unescape {
    /// What escapes begin with.
    marks: &'static [char],
    /// The character that the escape at the beginning of a text means, and how long it is.
    read: fn(&str) -> Option<(char, usize)>,
}

const UNESCAPES: [Unescape; 4] = [
    Unescape { marks: &['\\'], read: backslash },
    Unescape { marks: &['%'], read: percent },
    Unescape { marks: &['%', '+'], read: |text| if text.starts_with('+') { Some((' ', 1)) } else { percent(text) } },
    Unescape { marks: &['&'], read: entity },
];

/// `\"`, `\/`, `\n`, `\u00e9`, `\xe9`: JSON, and what is near it.
fn backslash(text: &str) -> Option<(char, usize)> {
    let meant = match text[1..].chars().next()? {
        'u' => return code_units(text),
        'x' => return Some((char::from(u8::try_from(hexadecimal(text, 2, 2)?).ok()?), 4)),
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other if other.is_ascii_punctuation() => other,
        _ => return None,
    };
    Some((meant, 2))
}

/// `\u00e9`, or two of them for one character.
fn code_units(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| u16::try_from(hexadecimal(text, at, 4)?).ok();
    let first = unit(2)?;
    let second = if text[6..].starts_with("\\u") { unit(8) } else { None };
    let mut read = char::decode_utf16([first].into_iter().chain(second));
    let meant = read.next()?.ok()?;
    Some((meant, 6 * meant.len_utf16()))
}

/// `%C3%A9`, or `%E9` where there is no other way to read it.
fn percent(text: &str) -> Option<(char, usize)> {
    let byte = |number: usize| {
        text.get(3 * number..)?.strip_prefix('%')?;
        u8::try_from(hexadecimal(text, 3 * number + 1, 2)?).ok()
    };
    let first = byte(0)?;
    let bytes: Vec<u8> = (0..4).map_while(byte).collect();
    let character = |length: usize| std::str::from_utf8(bytes.get(..length)?).ok()?.chars().next();
    Some((1..=4).find_map(|length| Some((character(length)?, 3 * length))).unwrap_or((char::from(first), 3)))
}

/// `&lt;`, `&#39;`, `&#x27;`.
fn entity(text: &str) -> Option<(char, usize)> {
    let end = text.char_indices().take(12).find(|(_, c)| *c == ';')?.0;
    let name = &text[1..end];
    let meant = match name.strip_prefix('#') {
        Some(number) => char::from_u32(match number.strip_prefix(['x', 'X']) {
            Some(number) => u32::from_str_radix(number, 16).ok()?,
            None => number.parse().ok()?,
        })?,
        None => match name.to_ascii_lowercase().as_str() {
            "lt" => '<',
            "gt" => '>',
            "amp" => '&',
            "quot" => '"',
            "apos" => '\'',
            _ => return None,
        },
    };
    Some((meant, end + 1))
}

fn hexadecimal(text: &str, at: usize, digits: usize) -> Option<u32> {
    let digits = text.get(at..at + digits)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let secret = "p\"a\\b/é+ &<>'😀\n";
        for spelled in [
            secret,
            r#"p\"a\\b\/\u00e9+ \u0026\u003c\u003E\u0027\ud83d\uDE00\n"#,
            r#"p\"a\\b/é+ &<>'😀\n"#,
            r"p\x22a\x5cb\x2f\xe9+ \x26\x3c\x3e\'😀\x0a",
            "p%22a%5Cb%2F%C3%A9%2B%20%26%3C%3E%27%F0%9F%98%80%0A",
            "p%22a%5cb%2f%c3%a9%2b+%26%3c%3e%27%f0%9f%98%80%0a",
            "p%22a%5cb/%E9%2b%20&%3c%3e'😀%0a",
            "p&quot;a\\b/é+ &amp;&lt;&gt;&#39;😀\n",
            "p&#34;a\\b&#x2F;&#xe9;&#43; &AMP;&#060;&#62;&#039;&#x1F600;&#10;",
            r#"p\\\"a\\\\b\\/é+ \\u0026<>'😀\\n"#,
            "p%2522a%255Cb%252F%25C3%25A9%252B%2520%2526%253C%253E%2527%25F0%259F%2598%2580%250A",
            "p\\u0026quot;a\\\\b/é+ \\u0026amp;\\u0026lt;\\u0026gt;\\u0026#39;😀\\n",
        ] {
            let text = format!("50% of {spelled} & more, {spelled}.");
            assert_eq!(without(&text, [secret]), "50% of … & more, ….", "{spelled}");
        }
    }

    #[test]
    fn what_is_no_secret_stays_as_it_is_written() {
        for text in ["", "100% &c; &#x; %zz \\u12 \\ud83d \\q %", "a+b %20 &lt; \\\"", "…\\", "%C3", "&#99999999;"] {
            assert_eq!(without(text, ["secret", ""]), text);
        }
        assert_eq!(without("ab abab", ["ab", "aba"]), "… …");
        assert_eq!(without("hunter1, then hunter2", ["hunter1", "hunter2"]), "…, then …");
    }

    proptest! {
        #[test]
        fn any_text_can_be_looked_through(text in r"([a&#x;%+\\u0-9/é😀]|%[0-9a-fA-F]{2}|\\u[0-9a-f]{4}){0,40}", secret in "[a&é+ ]{1,3}") {
            prop_assert!(!without(&text, [secret.as_str()]).contains(&secret));
        }
    }
}
