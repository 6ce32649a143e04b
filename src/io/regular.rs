//! Opening a file of which nobody knows what it is.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

/// Opens for reading without waiting for a pipe's writer and without following links, and says what was opened:
/// whether it is a regular file has to be looked at there, since a path may mean something else a moment later.
pub(super) fn open(path: &Path) -> io::Result<(File, Metadata)> {
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    let about = file.metadata()?;
    Ok((file, about))
}
