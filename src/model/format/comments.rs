//! Comments, which TOML's parser leaves in the spaces around things.

/// The lines of such a space, without what is around them; an empty line is an empty text. The line that the thing
/// itself stands on is none of them.
pub(super) fn lines(space: &str) -> Vec<String> {
    let mut lines: Vec<String> = space.split('\n').map(|line| trimmed(line).to_owned()).collect();
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// The same with at most one empty line between two others.
pub(super) fn paragraphs(mut lines: Vec<String>) -> Vec<String> {
    lines.dedup_by(|next, kept| next.is_empty() && kept.is_empty());
    lines
}

/// The same without empty lines at either end.
pub(super) fn without_ends(lines: Vec<String>) -> Vec<String> {
    let mut lines = paragraphs(lines);
    if lines.first().is_some_and(String::is_empty) {
        lines.remove(0);
    }
    if lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

/// A comment beside something, with the space before it as it is written: whoever aligns comments goes on doing so.
pub(super) fn beside(space: &str) -> String {
    let comment = trimmed(space);
    if comment.is_empty() {
        return String::new();
    }
    let width = space.chars().take_while(|c| c.is_whitespace()).count().max(1);
    format!("{}{comment}", " ".repeat(width))
}

/// What is a space in TOML.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches([' ', '\t', '\r', '\n'])
}
