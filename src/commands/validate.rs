//! `versync validate`: every file, every problem, without any network.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use url::Url;

use super::context::{manifests, stdin};
use super::error::CommandError;
use super::{Exit, Terminal, write_json};
use crate::args::{Format, Global, Validate as Args};
use crate::io::manifests::{read_folder, read_paths};
use crate::model::advice::warnings;
use crate::model::desired::{Desired, ManifestFile};
use crate::model::source::{Severity, sort_problems};
use crate::model::wording::{complaints, counted};
use crate::report::{json, problems, sarif};

pub(super) fn validate(global: &Global, args: &Args, terminal: &Terminal) -> Result<Exit, CommandError> {
    let (folder, desired) = match read(global, args) {
        Ok((folder, files)) => (folder, checked(&files)),
        Err(error) if args.format == Format::Text => return Err(error),
        // Whoever asks for a value gets one.
        Err(error) => (".".into(), Desired { problems: error.into_problems(), ..Desired::default() }),
    };
    match args.format {
        Format::Text => write(&desired, terminal, &mut io::stdout().lock()).map_err(CommandError::output)?,
        Format::Json => write_json(&json::validation(&desired))?,
        Format::Sarif => write_json(&sarif::log(&desired.problems, |name| uri(&folder, name)))?,
    }
    let in_error = desired.problems.iter().any(|problem| problem.severity == Severity::Error);
    Ok(if in_error { Exit::Error } else { Exit::Done })
}

/// The files, and the folder that their names start from.
fn read(global: &Global, args: &Args) -> Result<(PathBuf, Vec<ManifestFile>), CommandError> {
    if args.paths == [Path::new("-")] {
        return Ok((".".into(), vec![Ok(stdin()?)]));
    }
    if args.paths.is_empty() {
        let folder = manifests(global)?;
        let files = read_folder(&folder)?;
        return Ok((folder, files));
    }
    Ok((".".into(), read_paths(&args.paths)?))
}

fn checked(files: &[ManifestFile]) -> Desired {
    let mut desired = Desired::assemble(files);
    let warnings = warnings(&desired);
    desired.problems.extend(warnings);
    sort_problems(&mut desired.problems);
    desired
}

fn write(desired: &Desired, terminal: &Terminal, out: &mut dyn Write) -> io::Result<()> {
    problems::write(&desired.problems, terminal.out, out)?;
    let files = counted(desired.files.len(), "file");
    let warnings = desired.problems.iter().filter(|problem| problem.severity == Severity::Warning).count();
    match complaints(desired.problems.len() - warnings, warnings) {
        None if desired.files.is_empty() => writeln!(out, "{files}: there is no *.toml, so nothing is declared."),
        None => writeln!(out, "{files}, {}: no problems.", counted(desired.resources.len(), "resource")),
        Some(complaints) => writeln!(out, "{files}: {complaints}."),
    }
}

/// The address of a file: relative to the working directory, which is the repository's root where a code host runs
/// versync; absolute where the file is elsewhere.
fn uri(folder: &Path, name: &str) -> String {
    let real = |path: &Path| path.canonicalize().ok();
    let here = real(Path::new(".")).and_then(|path| Url::from_directory_path(path).ok());
    let file = real(folder).and_then(|folder| Url::from_file_path(folder.join(name)).ok());
    let relative = |file: &Url| here.as_ref()?.make_relative(file).filter(|uri| !uri.starts_with("../"));
    match file {
        Some(file) => relative(&file).unwrap_or_else(|| file.into()),
        None => name.to_owned(),
    }
}
