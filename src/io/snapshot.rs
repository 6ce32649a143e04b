//! The folder at rest. `git checkout` and `git merge` are not atomic: for a moment a folder is empty or holds
//! half of a commit, and what is read then was never declared.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::manifests::{FolderError, canonical, list, read_folder};
use super::revision::{git_directory_of, revision};
use crate::model::desired::ManifestFile;

/// How often a folder that is being changed is looked at, and with which pauses.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// Reads every manifest below `root` while nothing changes there: no file, no folder, no commit, and no git
/// at work on it.
///
/// # Errors
///
/// Those of [`read_folder`], and [`FolderError::Unsettled`] where it does not come to rest for a while.
pub async fn read_settled(root: &Path) -> Result<Vec<ManifestFile>, FolderError> {
    let mut why = String::new();
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        if let Some(lock) = git_lock(root) {
            why = format!("git is at work, or was killed ({} is there)", lock.display());
            continue;
        }
        let before = State::of(root);
        let files = read_folder(root);
        if before.is_some() && before == State::of(root) && git_lock(root).is_none() {
            return files;
        }
        match files {
            // It may be on its way; but what lasts is worth its own name.
            Err(error) if look + 1 == LOOKS || matches!(error, FolderError::TooMany(_)) => return Err(error),
            _ => "its files changed while they were read".clone_into(&mut why),
        }
    }
    Err(FolderError::Unsettled { path: root.to_owned(), why })
}

/// What git holds while it changes files.
fn git_lock(root: &Path) -> Option<PathBuf> {
    let lock = git_directory_of(root)?.join("index.lock");
    lock.exists().then_some(lock)
}

/// Everything by which a change shows without reading files.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct State {
    root: Mark,
    revision: Option<String>,
    files: Vec<(PathBuf, Option<Mark>)>,
}

/// A file or folder as it is now: its device, inode, size, and the times of its last changes.
#[derive(Debug, PartialEq, Eq)]
struct Mark([i128; 7]);

impl State {
    /// Nothing where the folder itself is not there.
    pub(super) fn of(root: &Path) -> Option<Self> {
        let folder = canonical(root).ok()?;
        let mark = |about: io::Result<Metadata>| about.ok().map(|about| Mark::of(&about));
        let files = list(&folder).ok()?.into_keys();
        Some(Self {
            root: mark(fs::metadata(&folder))?,
            revision: revision(&folder),
            files: files.map(|path| (mark(fs::metadata(&path)), path)).map(|(mark, path)| (path, mark)).collect(),
        })
    }
}

impl Mark {
    fn of(about: &Metadata) -> Self {
        Self([
            about.dev().into(),
            about.ino().into(),
            about.size().into(),
            about.mtime().into(),
            about.mtime_nsec().into(),
            about.ctime().into(),
            about.ctime_nsec().into(),
        ])
    }
}
