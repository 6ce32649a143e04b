//! `versync validate`: every file, every problem, without any network.

use std::io::{self, Write};

use super::context::manifests;
use super::error::CommandError;
use super::{Exit, Terminal};
use crate::args::{Global, Validate as Args};
use crate::io::manifests::{read_folder, read_paths};
use crate::model::desired::Desired;
use crate::model::source::Severity;
use crate::model::wording::counted;
use crate::report::problems;

pub(super) fn validate(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let files = if args.paths.is_empty() { read_folder(&manifests(global)?)? } else { read_paths(&args.paths)? };
    let desired = Desired::assemble(&files);
    write(&desired, terminal, &mut io::stdout().lock()).map_err(CommandError::output)?;
    let in_error = desired.problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if in_error { Exit::Error } else { Exit::Done })
}

fn write(desired: &Desired, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    problems::write(&desired.problems, terminal.out, out)?;
    let files = counted(desired.files.len(), "file");
    match desired.problems.len() {
        0 => writeln!(out, "{files}, {}: no problems.", counted(desired.resources.len(), "resource")),
        count => writeln!(out, "{files}: {}.", counted(count, "problem")),
    }
}
