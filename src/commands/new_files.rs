//! Files that were not there before: all of them or none, each whole.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::CommandError;
use crate::model::source::Problem;

/// Refuses where one of these exists already, be it as a link that leads nowhere; `help` says what to do then.
pub(super) fn refuse_existing<'a>(paths: impl IntoIterator<Item = &'a Path>, help: &str) -> Result<(), CommandError> {
    let taken = paths.into_iter().filter(|path| path.symlink_metadata().is_ok());
    let taken: Vec<Problem> =
        taken.map(|path| Problem::general(format!("{} exists already", path.display())).help(help)).collect();
    if taken.is_empty() { Ok(()) } else { Err(CommandError::Problems(taken)) }
}

/// Writes these texts into folders that exist, and never over an existing file.
///
/// # Errors
///
/// Where one exists or cannot be written: then those of this call that came before it are gone again.
pub(super) fn write(files: &[(PathBuf, &str)], help: &str) -> Result<(), CommandError> {
    refuse_existing(files.iter().map(|(path, _)| path.as_path()), help)?;
    let mut whole = Vec::new();
    for (path, text) in files {
        let file = write_beside(path, text).map_err(|error| CommandError::at(path, "written", &error))?;
        whole.push((file, path));
    }
    let mut paths: Vec<&Path> = Vec::new();
    for (file, path) in whole {
        if let Err(error) = file.persist_noclobber(path) {
            for earlier in &paths {
                let _ = fs::remove_file(earlier);
            }
            return Err(CommandError::at(path, "written", &error.error));
        }
        paths.push(path);
    }
    Ok(())
}

/// A file that goes with its handle, until it is given its name.
fn write_beside(path: &Path, text: &str) -> io::Result<NamedTempFile> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // Neither manifests nor settings hold secrets, and whoever reviews them has to read them.
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.as_file().sync_all()?;
    Ok(file)
}
