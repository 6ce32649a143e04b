//! Where a thing is written, and what is wrong with it there.

use std::ops::Range;
use std::sync::{Arc, OnceLock};

use memchr::memchr_iter;

use super::rule::Rule;

const BYTE_ORDER_MARK: char = '\u{feff}';

/// A longer line is cut to about this many bytes.
const LONGEST_EXCERPT: usize = 240;

/// How many bytes before and behind a mark are looked at for its excerpt: more than are shown, since secrets
/// shrink. Many problems may stand on one long line, so that no more is done for each than has to be.
const EXCERPT_REACH: usize = 2 * LONGEST_EXCERPT;

/// Nobody means a known name with a longer word.
const LONGEST_NAME: usize = 100;

/// Among more names than these the nearest one is not looked for.
const MOST_CANDIDATES: usize = 1000;

/// One text that a user wrote, with its name as users know it and an index of its lines.
#[derive(Debug)]
pub struct SourceFile {
    name: String,
    text: String,
    line_starts: Box<[u32]>,
    /// The parts that may never be shown, in order and apart.
    secrets: OnceLock<Vec<Range<usize>>>,
}

impl SourceFile {
    /// Takes a text in. `name` is what messages call it: a path relative to the manifests folder, for example.
    pub fn new(name: impl Into<String>, text: impl Into<String>) -> Arc<Self> {
        let text = text.into();
        let line_starts =
            std::iter::once(0).chain(memchr_iter(b'\n', text.as_bytes()).map(|at| kept(at + 1))).collect();
        Arc::new(Self { name: name.into(), text, line_starts, secrets: OnceLock::new() })
    }

    /// The name as messages show it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Hides the values at `places` from every excerpt. Counts only the first time that it is called.
    pub(super) fn hide(&self, mut places: Vec<Range<usize>>) {
        places.sort_unstable_by_key(|place| place.start);
        places.dedup_by(|next, kept| {
            let meets = next.start <= kept.end;
            if meets {
                kept.end = kept.end.max(next.end);
            }
            meets
        });
        // A second reader of one text finds the same secrets, so the first answer stands.
        let _ = self.secrets.set(places);
    }

    /// The number of the line, from 0, that holds this byte.
    fn line_of(&self, offset: usize) -> usize {
        self.line_starts.partition_point(|start| *start as usize <= offset).saturating_sub(1)
    }

    /// The bytes of a line, without its end.
    fn line_range(&self, line: usize) -> Range<usize> {
        let start_of = |line: usize| self.line_starts.get(line).map_or(self.text.len(), |start| *start as usize);
        let (start, end) = (start_of(line), start_of(line + 1));
        let length = self.text[start..end].trim_end_matches(['\n', '\r']).len();
        start..start + length
    }
}

/// A place in a text, as it is kept: there are many, and no manifest is as long as that.
fn kept(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// A stretch of a [`SourceFile`].
#[derive(Debug, Clone)]
pub struct Place {
    file: Arc<SourceFile>,
    start: u32,
    end: u32,
}

impl PartialEq for Place {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.file, &other.file) && self.span() == other.span()
    }
}

impl Place {
    /// A place in `file`; a span that reaches past the text is cut to it.
    pub fn new(file: &Arc<SourceFile>, span: Range<usize>) -> Self {
        let end = floor_boundary(&file.text, span.end);
        let start = floor_boundary(&file.text, span.start).min(end);
        Self { file: Arc::clone(file), start: kept(start), end: kept(end) }
    }

    /// The file's name.
    pub fn file(&self) -> &str {
        &self.file.name
    }

    /// The text that it is in.
    pub(super) fn source(&self) -> &Arc<SourceFile> {
        &self.file
    }

    /// Where in the text it is.
    pub(super) fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The line, from 1.
    pub fn line(&self) -> usize {
        self.file.line_of(self.start as usize) + 1
    }

    /// The column, from 1, counted in characters.
    pub fn column(&self) -> usize {
        self.column_of(self.span().start)
    }

    /// The line and the column just behind it, from 1.
    pub fn end(&self) -> (usize, usize) {
        (self.file.line_of(self.span().end) + 1, self.column_of(self.span().end))
    }

    fn column_of(&self, offset: usize) -> usize {
        let line = self.file.line_range(self.file.line_of(offset));
        let start = offset.max(line.start);
        // Every byte begins a character, but for those that go on with one.
        let before = self.file.text.as_bytes()[line.start..start].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        // A byte order mark is no character that anybody sees.
        let has_mark = line.start == 0 && start > 0 && self.file.text.starts_with(BYTE_ORDER_MARK);
        before + 1 - usize::from(has_mark)
    }

    /// The line that the place begins on, with every secret value in it hidden.
    pub fn excerpt(&self) -> Excerpt {
        let number = self.file.line_of(self.span().start);
        let line = self.file.line_range(number);
        let Range { start, end } = self.span();
        let start = start.clamp(line.start, line.end);
        let end = end.clamp(start, line.end);
        let hidden = self.file.secrets.get().map_or(&[][..], Vec::as_slice);
        Excerpt::build(&self.file.text, line, start..end, hidden)
    }
}

/// One line of a source, safe to show, with the part in question marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line; control characters and secrets are replaced.
    pub text: String,
    /// The bytes of `text` in question; may be empty.
    pub mark: Range<usize>,
}

impl Excerpt {
    /// Copies a line character by character around the mark, so that marks stay right where text is replaced.
    fn build(text: &str, line: Range<usize>, mark: Range<usize>, hidden: &[Range<usize>]) -> Self {
        let from = floor_boundary(text, mark.start.saturating_sub(EXCERPT_REACH)).max(line.start);
        let to = floor_boundary(text, mark.start + EXCERPT_REACH).min(line.end);
        let mut shown = String::with_capacity(to - from);
        let mut marked: Option<Range<usize>> = None;
        let mut hiding = false;
        for (at, c) in text[from..to].char_indices() {
            let at = from + at;
            if c == BYTE_ORDER_MARK && at == 0 {
                continue;
            }
            let secret = hidden[..hidden.partition_point(|range| range.start <= at)].last();
            let secret = secret.is_some_and(|range| range.contains(&at));
            // What is hidden is one character, and marked as a whole.
            let begins = if secret && hiding { shown.len() - '…'.len_utf8() } else { shown.len() };
            match (secret, hiding) {
                (true, false) => shown.push('…'),
                (true, true) => {}
                (false, _) => shown.push(if c == '\t' {
                    ' '
                } else if is_unprintable(c) {
                    '\u{fffd}'
                } else {
                    c
                }),
            }
            hiding = secret;
            if mark.contains(&at) || at == mark.start {
                let from = marked.map_or(begins, |range| range.start);
                marked = Some(from..shown.len());
            }
        }
        let end = shown.len();
        Self { text: shown, mark: marked.unwrap_or(end..end) }.cut(line.start < from, to < line.end)
    }

    /// The surroundings of the mark, where the line is too long to be read. The line may go on before
    /// the text, and behind it.
    fn cut(self, more_before: bool, more_behind: bool) -> Self {
        let is_long = self.text.len() > LONGEST_EXCERPT;
        let first = if is_long { self.mark.start.saturating_sub(LONGEST_EXCERPT / 2) } else { 0 };
        let from = floor_boundary(&self.text, first);
        let to = floor_boundary(&self.text, from + LONGEST_EXCERPT);
        let before = if from > 0 || more_before { "…" } else { "" };
        let after = if to < self.text.len() || more_behind { "…" } else { "" };
        let moved = |at: usize| at.clamp(from, to) - from + before.len();
        Self {
            mark: moved(self.mark.start)..moved(self.mark.end),
            text: format!("{before}{}{after}", &self.text[from..to]),
        }
    }
}

/// Characters that change what a terminal shows without being seen: controls, and the marks that
/// reorder or hide text (bidirectional marks and overrides, zero-width characters, line separators).
pub fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

fn floor_boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// How bad a [`Problem`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The thing in question takes no part in this pass.
    Error,
    /// The thing takes part; somebody should look.
    Warning,
}

impl Severity {
    /// The word that plans and logs use.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// Something wrong with what was declared, read or observed, said so that the user can mend it.
/// Messages never hold a secret's value.
#[derive(Debug, Clone)]
pub struct Problem {
    /// Whether the thing in question still takes part.
    pub severity: Severity,
    /// What kind of problem it is.
    pub rule: Rule,
    /// What is wrong.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// Where it is written, if it is written anywhere.
    pub place: Option<Place>,
    /// The file that it concerns, where no line of it can be named (it cannot be read, for example).
    pub file: Option<String>,
}

impl Problem {
    /// An error at a place.
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), ..Self::general(message) }
    }

    /// An error about a file as a whole.
    pub fn in_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: Some(file.into()), rule: Rule::Unreadable, ..Self::general(message) }
    }

    /// An error that has no place in any file.
    pub fn general(message: impl Into<String>) -> Self {
        let (severity, rule) = (Severity::Error, Rule::InvalidValue);
        Self { severity, rule, message: message.into(), help: None, place: None, file: None }
    }

    /// The same, with a way to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same, of another kind.
    #[must_use]
    pub fn of(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// The same, as a warning.
    #[must_use]
    pub fn warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The file that it concerns.
    pub fn file_name(&self) -> Option<&str> {
        self.place.as_ref().map(Place::file).or(self.file.as_deref())
    }

    /// `(line, column)`, both from 1, where a place is known.
    pub fn position(&self) -> Option<(usize, usize)> {
        self.place.as_ref().map(|place| (place.line(), place.column()))
    }

    /// Whether it is still so bad where the other was before: at its line, or with the same words at another one, or
    /// since nothing of the file can be read. Then nobody knows that the other is gone.
    pub fn takes_the_turn_of(&self, other: &Problem) -> bool {
        let line = |problem: &Problem| problem.position().map(|(line, _)| line);
        let is_about_the_same = match (self.file_name(), other.file_name()) {
            (Some(file), Some(before)) if file == before => {
                let is_whole = matches!(self.rule, Rule::Syntax | Rule::Unreadable);
                is_whole || line(self) == line(other) || self.message == other.message
            }
            (None, None) => self.what() == other.what(),
            _ => false,
        };
        is_about_the_same && self.severity <= other.severity
    }

    /// What cannot be done, without the reason, which is another one each time.
    fn what(&self) -> &str {
        self.message.split_once(": ").map_or(&*self.message, |(what, _)| what)
    }

    /// By file, then by place, then by what it says: the order in which problems are listed.
    pub fn sort_key(&self) -> (Option<&str>, Option<usize>, &str) {
        (self.file_name(), self.place.as_ref().map(|place| place.span().start), &self.message)
    }
}

/// Puts problems into the order in which they are listed, and says each only once.
pub fn sort_problems(problems: &mut Vec<Problem>) {
    problems.sort_by(|a, b| a.sort_key().cmp(&b.sort_key()));
    problems.dedup_by(|a, b| a.sort_key() == b.sort_key());
}

/// The candidate that a misspelled `word` most likely means, if any is near and there are not too many.
pub fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    if word.len() > LONGEST_NAME || candidates.len() > MOST_CANDIDATES {
        return None;
    }
    let candidates: Vec<&str> = candidates.iter().copied().filter(|known| known.len() <= LONGEST_NAME).collect();
    similar::get_close_matches(word, &candidates, 1, 0.6).first().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_count_from_one_and_in_characters() {
        let file = SourceFile::new("a.toml", "first\nclé = 1\n");
        let at = file.text().find('=').unwrap();
        let place = Place::new(&file, at..at + 1);
        assert_eq!((place.line(), place.column()), (2, 5));
        assert_eq!(place.excerpt().text, "clé = 1");
        assert_eq!(&place.excerpt().text[place.excerpt().mark], "=");
    }

    #[test]
    fn a_place_past_the_end_is_cut_to_the_text() {
        let file = SourceFile::new("a.toml", "x");
        let place = Place::new(&file, 40..90);
        assert_eq!((place.line(), place.column()), (1, 2));
    }

    #[test]
    fn an_excerpt_hides_secrets_and_control_characters_and_keeps_its_mark() {
        let file = SourceFile::new("a.toml", "s = \"hunter2\" # \u{1b}[31m end");
        let secret = file.text().find("\"hunter2\"").unwrap();
        file.hide(std::iter::once(secret..secret + 9).collect());
        let end = file.text().find("end").unwrap();
        let excerpt = Place::new(&file, end..end + 3).excerpt();
        assert_eq!(excerpt.text, "s = … # \u{fffd}[31m end");
        assert_eq!(&excerpt.text[excerpt.mark], "end");
    }

    #[test]
    fn an_excerpt_of_a_long_line_is_cut_around_its_mark() {
        let file = SourceFile::new("a.toml", format!("{}needle{}", "é".repeat(1000), "x".repeat(5000)));
        let at = file.text().find("needle").unwrap();
        let excerpt = Place::new(&file, at..at + 6).excerpt();
        assert!(excerpt.text.len() < LONGEST_EXCERPT + 10);
        assert_eq!(&excerpt.text[excerpt.mark], "needle");
    }

    #[test]
    fn a_secret_of_any_length_is_one_character_of_an_excerpt() {
        let (before, secret) = ("k = ", "s".repeat(5000));
        let file = SourceFile::new("a.toml", format!("{before}{secret} # end"));
        let (start, end) = (before.len(), before.len() + secret.len());
        file.hide(vec![start + 9..end, start..start + 20, start..start + 5]);
        let excerpt = Place::new(&file, start..end).excerpt();
        assert_eq!((excerpt.text.as_str(), &excerpt.text[excerpt.mark]), ("k = ……", "…"));
        let excerpt = Place::new(&file, end + 3..end + 6).excerpt();
        assert_eq!((excerpt.text.as_str(), &excerpt.text[excerpt.mark]), ("…… # end", "end"));
    }

    #[test]
    fn a_byte_order_mark_is_not_counted() {
        let file = SourceFile::new("a.toml", "\u{feff}[foo]");
        let place = Place::new(&file, 4..7);
        assert_eq!((place.column(), place.excerpt().text.as_str()), (2, "[foo]"));
        let within = SourceFile::new("a.toml", "\u{feff}a\u{feff}b");
        let place = Place::new(&within, 7..8);
        assert_eq!((place.column(), place.excerpt().text.as_str()), (3, "a\u{fffd}b"));
    }

    #[test]
    fn a_problem_takes_the_turn_of_one_that_nobody_knows_to_be_gone() {
        let file = SourceFile::new("a.toml", "one\ntwo\n");
        let at = |line: usize, message: &str| Problem::at(Place::new(&file, line * 4..line * 4 + 1), message);
        let before = at(0, "x");
        assert!(at(0, "y").takes_the_turn_of(&before) && at(1, "x").takes_the_turn_of(&before));
        assert!(at(1, "y").of(Rule::Syntax).takes_the_turn_of(&before), "nothing else of the file is read");
        assert!(Problem::in_file("a.toml", "cannot be read").takes_the_turn_of(&before));
        assert!(!at(1, "y").takes_the_turn_of(&before) && !at(0, "y").warning().takes_the_turn_of(&before));
        assert!(!Problem::in_file("b.toml", "cannot be read").takes_the_turn_of(&before));
        let unread = |why: &str| Problem::general(format!("cannot read system x: {why}"));
        assert!(unread("503").takes_the_turn_of(&unread("no answer")));
        assert!(!unread("503").takes_the_turn_of(&Problem::general("cannot read system y: 503")));
    }

    #[test]
    fn the_nearest_name_is_offered_only_when_it_is_near() {
        assert_eq!(nearest("dinamic", &["dynamic", "system"]), Some("dynamic"));
        assert_eq!(nearest("zebra", &["dynamic", "system"]), None);
    }
}
