//! Lines for where they are shown: folded at the edge of a terminal, and never in a pipe.

use anstyle::Style;

use super::problems::Look;

/// A terminal narrower than this is left to fold lines itself.
pub(super) const NARROWEST: usize = 30;

/// Text behind `first`, folded between words to the width of the terminal, where it is one; every further line
/// begins with `further`. A word that is longer than a line stays whole, so that it can be copied.
pub(super) fn folded(text: &str, first: &str, further: &str, look: Look) -> String {
    let Some(width) = look.width.filter(|width| *width >= NARROWEST) else { return format!("{first}{text}") };
    // What stands at the beginning of a text to align it must not be taken for space between words.
    let own = text.len() - text.trim_start().len();
    let (margin, text) = text.split_at(own);
    let first = format!("{first}{margin}");
    let options = textwrap::Options::new(width)
        .initial_indent(&first)
        .subsequent_indent(further)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
        .break_words(false);
    textwrap::fill(text, options)
}

/// The text in a style, where colours may be used.
pub(super) fn paint(text: &str, style: Style, look: Look) -> String {
    if look.color { format!("{style}{text}{style:#}") } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folded_on_narrow_terminals_only() {
        let text = "one two three four five six seven eight nine ten";
        let narrow = Look { width: Some(32), ..Look::PLAIN };
        assert_eq!(folded(text, "! ", "  ", Look::PLAIN), format!("! {text}"));
        assert_eq!(folded(text, "! ", "  ", narrow), "! one two three four five six\n  seven eight nine ten");
        let long = "x".repeat(50);
        assert_eq!(folded(&long, "! ", "  ", narrow), format!("! {long}"), "what is one word stays whole");
        assert_eq!(folded("    ~ a   b", "", "  ", narrow), "    ~ a   b", "what is aligned stays so");
    }
}
