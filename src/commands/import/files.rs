//! The files that an import writes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::commands::context::real_path;
use crate::commands::error::CommandError;
use crate::commands::new_files;
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
    let files: Vec<(PathBuf, &str)> =
        files.into_iter().map(|(name, text)| (folder.join(name), text.as_str())).collect();
    let help =
        "import into a folder of its own, below the watched one for example, and move over what you want to keep";
    new_files::refuse_existing(files.iter().map(|(path, _)| path.as_path()), help)?;
    if files.is_empty() {
        return Ok(Vec::new());
    }
    fs::create_dir_all(folder).map_err(|error| CommandError::at(folder, "made", &error))?;
    new_files::write(&files, help)?;
    Ok(files.into_iter().map(|(path, _)| path).collect())
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
