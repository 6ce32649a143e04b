//! Putting another text in a file's place, whole or not at all.

use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::Path;

use tempfile::Builder;

/// Gives a file another text. Readers see the old one or the new one; its mode stays, and its owner where that is
/// allowed. The file has to hold `expected` still.
///
/// # Errors
///
/// Those of the file system, and where the file has changed meanwhile.
pub fn replace(path: &Path, expected: &str, text: &str) -> io::Result<()> {
    let about = fs::metadata(path)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    // Hidden, so that nobody takes it for a manifest.
    let mut beside = Builder::new().prefix(".versync-").suffix(".new").tempfile_in(folder)?;
    beside.write_all(text.as_bytes())?;
    let file = beside.as_file();
    // Only root may give files away; to anybody else the file belongs already, or will.
    let _ = fchown(file, Some(about.uid()), Some(about.gid()));
    file.set_permissions(about.permissions())?;
    file.sync_all()?;
    if fs::read(path)? != expected.as_bytes() {
        return Err(io::Error::other("it was changed meanwhile"));
    }
    beside.persist(path).map(drop).map_err(|error| error.error)
}
