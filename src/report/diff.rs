//! What would change in a file, line by line.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use similar::{ChangeTag, TextDiff};

use super::escape;
use super::problems::Look;

/// How many lines around a change are shown.
const CONTEXT: usize = 3;

/// Writes the difference between two texts of one file, as `diff -u` does.
///
/// # Errors
///
/// Those of `out`.
pub fn write(name: &str, before: &str, after: &str, look: Look, out: &mut dyn Write) -> io::Result<()> {
    let painted =
        |style: Style, text: &str| if look.color { format!("{style}{text}{style:#}") } else { text.to_owned() };
    let bold = Style::new().bold();
    writeln!(out, "{}", painted(bold, &format!("--- {}", escape(name))))?;
    writeln!(out, "{}", painted(bold, &format!("+++ {}", escape(name))))?;
    let diff = TextDiff::from_lines(before, after);
    for hunk in diff.unified_diff().context_radius(CONTEXT).iter_hunks() {
        writeln!(out, "{}", painted(AnsiColor::Cyan.on_default(), &hunk.header().to_string()))?;
        for change in hunk.iter_changes() {
            let line = escape(change.value().trim_end_matches('\n')).into_owned();
            let line = match change.tag() {
                ChangeTag::Equal => format!(" {line}"),
                ChangeTag::Delete => painted(AnsiColor::Red.on_default(), &format!("-{line}")),
                ChangeTag::Insert => painted(AnsiColor::Green.on_default(), &format!("+{line}")),
            };
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
}
