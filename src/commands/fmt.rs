//! `versync fmt`: manifests laid out in one way.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use super::context::{manifests, stdin};
use super::error::CommandError;
use super::{Exit, Terminal};
use crate::args::{Fmt as Args, Global};
use crate::io::manifests::{Located, locate_folder, locate_paths};
use crate::io::replace::replace;
use crate::model::format::format;
use crate::model::manifest;
use crate::model::rule::Rule;
use crate::model::source::{Problem, Severity, SourceFile, sort_problems};
use crate::model::wording::counted;
use crate::report::{diff, escape, problems};

pub(super) fn fmt(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    if args.paths == [Path::new("-")] {
        return of_stdin(args.check, terminal);
    }
    let files = if args.paths.is_empty() { locate_folder(&manifests(global)?)? } else { locate_paths(&args.paths)? };
    let count = files.len();
    let (mut changed, mut in_error, mut found) = (0, 0, Vec::new());
    let mut out = io::stdout().lock();
    for Located { path, file } in files {
        let told = match file.map_err(|problem| vec![problem]).and_then(|file| Ok((Formatted::of(&file)?, file))) {
            Ok((formatted, file)) if formatted.text == file.text() => continue,
            Ok((formatted, file)) if args.check => formatted.write_difference(&file, terminal, &mut out),
            Ok((formatted, file)) => match replace(&path, file.text(), &formatted.text) {
                Ok(()) => writeln!(out, "Formatted {}", escape(file.name())),
                Err(error) => {
                    found.push(Problem::in_file(file.name(), format!("cannot be written: {error}")));
                    in_error += 1;
                    continue;
                }
            },
            Err(problems) => {
                found.extend(problems);
                in_error += 1;
                continue;
            }
        };
        told.map_err(CommandError::output)?;
        changed += 1;
    }
    sort_problems(&mut found);
    problems::write(&found, terminal.err, &mut io::stderr().lock()).map_err(CommandError::output)?;
    let what = if args.check { "to be formatted" } else { "formatted" };
    let errors = if in_error > 0 { format!(", {in_error} in error") } else { String::new() };
    writeln!(out, "{}, {changed} {what}{errors}.", counted(count, "file")).map_err(CommandError::output)?;
    Ok(if in_error > 0 || (args.check && changed > 0) { Exit::Error } else { Exit::Done })
}

/// For editors: what comes in goes out laid out.
fn of_stdin(check: bool, terminal: &Terminal) -> Result<Exit, CommandError> {
    let file = stdin()?;
    let formatted = Formatted::of(&file).map_err(CommandError::Problems)?;
    let mut out = io::stdout().lock();
    let is_other = formatted.text != file.text();
    let written = match check {
        false => out.write_all(formatted.text.as_bytes()),
        true if is_other => formatted.write_difference(&file, terminal, &mut out),
        true => Ok(()),
    };
    written.map_err(CommandError::output)?;
    Ok(if check && is_other { Exit::Error } else { Exit::Done })
}

/// A manifest, laid out.
struct Formatted {
    text: String,
    /// Whether something in it is in error: what stands there may be a secret, and a diff would show it.
    in_error: bool,
}

impl Formatted {
    /// Any file that is TOML can be laid out, whatever it says.
    fn of(file: &Arc<SourceFile>) -> Result<Self, Vec<Problem>> {
        let (_, mut problems) = manifest::parse(file);
        if problems.iter().any(|problem| problem.rule == Rule::Syntax) {
            sort_problems(&mut problems);
            return Err(problems);
        }
        let text = format(file.text()).map_err(|error| vec![Problem::in_file(file.name(), error.to_string())])?;
        Ok(Self { text, in_error: problems.iter().any(|problem| problem.severity == Severity::Error) })
    }

    fn write_difference(&self, file: &SourceFile, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
        if self.in_error {
            let name = escape(file.name());
            return writeln!(out, "{name} is to be formatted. It is in error, so its lines are not shown.");
        }
        diff::write(file.name(), file.text(), &self.text, terminal.out, out)
    }
}
