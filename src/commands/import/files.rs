//! The files that an import writes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::commands::context::real_path;
use crate::commands::error::CommandError;
use crate::model::source::Problem;

/// Writes every file or none, each whole, and none over an existing one.
///
/// # Errors
///
/// Where one exists or cannot be written: then those of this call that came before it are gone again.
pub(super) fn write_all<'a>(
    folder: &Path,
    files: impl IntoIterator<Item = (&'a String, &'a String)>,
) -> Result<Vec<PathBuf>, CommandError> {
    let files: Vec<(PathBuf, &String)> = files.into_iter().map(|(name, text)| (folder.join(name), text)).collect();
    // Not even over a link that leads nowhere.
    let taken: Vec<Problem> =
        files.iter().filter(|(path, _)| path.symlink_metadata().is_ok()).map(|(path, _)| exists(path)).collect();
    if !taken.is_empty() {
        return Err(CommandError::Problems(taken));
    }
    if files.is_empty() {
        return Ok(Vec::new());
    }
    fs::create_dir_all(folder).map_err(|error| CommandError::at(folder, "made", &error))?;
    let mut whole = Vec::new();
    for (path, text) in files {
        let file = write_beside(folder, text).map_err(|error| CommandError::at(&path, "written", &error))?;
        whole.push((file, path));
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    for (file, path) in whole {
        if let Err(error) = file.persist_noclobber(&path) {
            for earlier in &paths {
                let _ = fs::remove_file(earlier);
            }
            return Err(CommandError::at(&path, "written", &error.error));
        }
        paths.push(path);
    }
    Ok(paths)
}

fn exists(path: &Path) -> Problem {
    let problem = Problem::general(format!("{} exists already", path.display()));
    problem.help("import into another folder, and move over what you want to keep")
}

/// A file that goes with its handle, until it is given its name.
fn write_beside(folder: &Path, text: &str) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(folder)?;
    file.write_all(text.as_bytes())?;
    // Manifests hold no secrets, and whoever reviews them has to read them.
    file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Refuses a folder below the watched one that is passed over when manifests are read.
///
/// # Errors
///
/// Where it is hidden there.
pub(super) fn refuse_hidden(manifests: &Path, out: &Path) -> Result<(), CommandError> {
    let (Ok(manifests), Ok(real)) = (fs::canonicalize(manifests), real_path(out)) else { return Ok(()) };
    let is_hidden = |inner: &Path| inner.components().any(|part| part.as_os_str().as_encoded_bytes().starts_with(b"."));
    if !real.strip_prefix(manifests).is_ok_and(is_hidden) {
        return Ok(());
    }
    let problem = Problem::general(format!("{} is hidden, and nothing in it is read as a manifest", out.display()));
    Err(CommandError::Problems(vec![problem.help("choose a folder whose name does not begin with a dot")]))
}

/// The names of the files below the watched folder, where they are below it.
pub(super) fn below<'a>(manifests: &Path, out: &Path, names: impl Iterator<Item = &'a String>) -> Option<Vec<String>> {
    let (manifests, out) = (fs::canonicalize(manifests).ok()?, fs::canonicalize(out).ok()?);
    let inner = out.strip_prefix(manifests).ok()?;
    Some(names.map(|name| inner.join(name).to_string_lossy().into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn where_one_file_cannot_be_written_there_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let files = ["a.toml", "b.toml", "gone/c.toml"].map(|name| (name.to_owned(), String::new()));
        assert!(write_all(folder.path(), &BTreeMap::from(files)).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
