//! Problems and errors with their source lines, rendered by miette.

use std::fmt;
use std::io::{self, Write};

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::escape;
use super::paper::NARROWEST;
use crate::model::source::{Problem, Severity};

/// How to render for the place where it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colours may be used.
    pub color: bool,
    /// Whether it is a terminal, which shows more than ASCII.
    pub terminal: bool,
    /// How many columns it has; nothing where lines are not folded.
    pub width: Option<usize>,
}

impl Look {
    /// For files, pipes and tests.
    pub const PLAIN: Self = Self { color: false, terminal: false, width: None };
}

/// Writes problems, one after the other.
///
/// # Errors
///
/// Those of `out`.
pub fn write(problems: &[Problem], look: Look, out: &mut dyn Write) -> io::Result<()> {
    problems.iter().try_for_each(|problem| write_diagnostic(&Shown::new(problem), look, out))
}

/// Writes an error that has no place in a file.
///
/// # Errors
///
/// Those of `out`.
pub fn write_error(message: &str, help: Option<&str>, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let mut problem = Problem::general(message);
    problem.help = help.map(str::to_owned);
    write(&[problem], look, out)
}

fn write_diagnostic(diagnostic: &dyn Diagnostic, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let theme = match (look.terminal, look.color) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, true) => GraphicalTheme { characters: miette::ThemeCharacters::ascii(), ..GraphicalTheme::unicode() },
        (false, false) => GraphicalTheme::none(),
    };
    let mut text = String::new();
    // Words are never broken: half a path or a name cannot be copied or searched for.
    let width = look.width.filter(|width| *width >= NARROWEST);
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_width(width.unwrap_or(usize::MAX))
        .with_wrap_lines(width.is_some())
        .with_break_words(false)
        .with_word_separator(textwrap::WordSeparator::AsciiSpace)
        .with_word_splitter(textwrap::WordSplitter::NoHyphenation);
    if handler.render_report(&mut text, diagnostic).is_err() {
        text = diagnostic.to_string();
    }
    writeln!(out, "{}", text.trim_end_matches('\n'))
}

/// A problem as miette wants it.
#[derive(Debug)]
struct Shown<'a> {
    problem: &'a Problem,
    line: Option<Line>,
}

/// The one line of source that is shown, safe to print.
#[derive(Debug)]
struct Line {
    file: String,
    number: usize,
    column: usize,
    text: String,
    mark: SourceSpan,
}

impl<'a> Shown<'a> {
    fn new(problem: &'a Problem) -> Self {
        let line = problem.place.as_ref().map(|place| {
            let excerpt = place.excerpt();
            Line {
                file: escape(place.file()).into_owned(),
                number: place.line(),
                column: place.column(),
                mark: (excerpt.mark.start, excerpt.mark.len().max(1)).into(),
                // Where something is missing at the end, there is nothing to mark but the place behind it.
                text: if excerpt.mark.start == excerpt.text.len() { excerpt.text + " " } else { excerpt.text },
            }
        });
        Self { problem, line }
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (None, Some(file)) = (&self.line, self.problem.file_name()) {
            write!(f, "{} ", escape(file))?;
        }
        f.write_str(&escape(&self.problem.message))
    }
}

impl std::error::Error for Shown<'_> {}

impl Diagnostic for Shown<'_> {
    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'b>(&'b self) -> Option<Box<dyn fmt::Display + 'b>> {
        self.problem.help.as_deref().map(|help| Box::new(escape(help)) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.line.as_ref().map(|line| line as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let line = self.line.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_primary_with_span(None, line.mark))))
    }
}

impl SourceCode for Line {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        // The text is one line, so it is the context of every span in it. Without context miette asks for
        // the place itself, to name it.
        let whole = context_lines_before + context_lines_after > 0;
        let column = if whole { 0 } else { self.column - 1 };
        let data = if whole { 0..self.text.len() } else { span.offset()..span.offset() + span.len() };
        let bytes = self.text.as_bytes().get(data.clone()).ok_or(MietteError::OutOfBounds)?;
        let place = SourceSpan::from((data.start, data.len()));
        Ok(Box::new(MietteSpanContents::new_named(self.file.clone(), bytes, place, self.number - 1, column, 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::source::{Place, SourceFile};

    fn rendered(problem: Problem) -> String {
        let mut out = Vec::new();
        write(&[problem], Look::PLAIN, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_problem_shows_its_place_its_line_and_the_way_out() {
        let file = SourceFile::new("shop.toml", "[a]\ndinamic = true\n");
        let problem = Problem::at(Place::new(&file, 4..11), "unknown key `dinamic`").help("did you mean `dynamic`?");
        insta::assert_snapshot!(rendered(problem));
    }

    #[test]
    fn what_is_missing_at_the_end_of_a_line_is_marked_behind_it() {
        let file = SourceFile::new("a.toml", "a\n");
        let shown = rendered(Problem::at(Place::new(&file, 1..1), "key with no value"));
        assert!(shown.contains(" 1 | a \n   :  ^\n"), "{shown:?}");
    }

    #[test]
    fn a_problem_of_a_whole_file_names_the_file() {
        insta::assert_snapshot!(rendered(Problem::in_file("a\u{1b}.toml", "is not a regular file").warning()));
    }

    #[test]
    fn thousands_of_problems_on_one_line_are_shown_without_delay() {
        let keys: Vec<String> = (0..1000).map(|n| format!("key{n} = \"value\"")).collect();
        let text =
            format!("connection_templates.a = {{ environments = [{}], {} }}", "\"e\",".repeat(1000), keys.join(", "));
        let (_, problems) = crate::model::manifest::parse(&SourceFile::new("a.toml", text));
        let mut out = Vec::new();
        write(&problems, Look::PLAIN, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.matches("unknown key `key").count(), 1000);
        assert_eq!(text.matches("is listed twice").count(), 999);
    }
}
