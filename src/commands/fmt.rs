//! `versync fmt`: manifests laid out in one way.

use std::io::{self, Read, Write};
use std::path::Path;

use super::context::manifests;
use super::error::CommandError;
use super::{Exit, Terminal};
use crate::args::{Fmt as Args, Global};
use crate::io::manifests::{Located, locate_folder, locate_paths};
use crate::io::replace::replace;
use crate::model::format::format;
use crate::model::manifest;
use crate::model::source::{Problem, Severity, SourceFile, sort_problems};
use crate::model::wording::counted;
use crate::report::{diff, escape, problems};

pub(super) fn fmt(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    if args.paths == [Path::new("-")] {
        return stdin(args.check, terminal);
    }
    let files = if args.paths.is_empty() { locate_folder(&manifests(global)?)? } else { locate_paths(&args.paths)? };
    let count = files.len();
    let (mut changed, mut found) = (0, Vec::new());
    let mut out = io::stdout().lock();
    for Located { path, file } in files {
        match file.map_err(|problem| vec![problem]).and_then(|file| Ok((formatted(&file)?, file))) {
            Ok((text, file)) if text != file.text() => {
                let told = if args.check {
                    diff::write(file.name(), file.text(), &text, terminal.out, &mut out)
                } else {
                    if let Err(error) = replace(&path, file.text(), &text) {
                        found.push(Problem::in_file(file.name(), format!("cannot be written: {error}")));
                        continue;
                    }
                    writeln!(out, "Formatted {}", escape(file.name()))
                };
                told.map_err(CommandError::output)?;
                changed += 1;
            }
            Ok(_) => {}
            Err(problems) => found.extend(problems),
        }
    }
    sort_problems(&mut found);
    let in_error = found.iter().any(|problem| problem.severity == Severity::Error);
    problems::write(&found, terminal.err, &mut io::stderr().lock()).map_err(CommandError::output)?;
    let what = if args.check { "to be formatted" } else { "formatted" };
    writeln!(out, "{}, {changed} {what}.", counted(count, "file")).map_err(CommandError::output)?;
    Ok(if in_error || (args.check && changed > 0) { Exit::Error } else { Exit::Done })
}

/// For editors: what comes in goes out laid out.
fn stdin(check: bool, terminal: &Terminal) -> Result<Exit, CommandError> {
    let mut text = String::new();
    let read = io::stdin().lock().read_to_string(&mut text);
    read.map_err(|source| CommandError::Io { what: "reading from stdin", source })?;
    let file = SourceFile::new("stdin", text);
    let text = formatted(&file).map_err(CommandError::Problems)?;
    let mut out = io::stdout().lock();
    let is_other = text != file.text();
    let written = match check {
        false => out.write_all(text.as_bytes()),
        true if is_other => diff::write(file.name(), file.text(), &text, terminal.out, &mut out),
        true => Ok(()),
    };
    written.map_err(CommandError::output)?;
    Ok(if check && is_other { Exit::Error } else { Exit::Done })
}

/// The text of a sound manifest, laid out. One in error is left alone: what it holds may be a secret, and a diff would
/// show it.
fn formatted(file: &std::sync::Arc<SourceFile>) -> Result<String, Vec<Problem>> {
    let (_, problems) = manifest::parse(file);
    if problems.iter().any(|problem| problem.severity == Severity::Error) {
        return Err(problems);
    }
    format(file.text()).map_err(|error| vec![Problem::in_file(file.name(), error.to_string())])
}
