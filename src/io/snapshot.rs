//! The folder at rest. `git checkout` and `git merge` are not atomic: for a moment a folder is empty or holds
//! half of a commit, and what is read then was never declared.

use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rayon::prelude::*;

use super::manifests::{self, FolderError, Kind, canonical, list_with};
use super::revision::{git_directory_of, revision};
use crate::model::desired::ManifestFile;

/// How often a folder that is being changed is looked at, and with which pauses.
const LOOKS: usize = 5;
const PAUSE: Duration = Duration::from_millis(100);

/// How long ago a file has to have changed when it is read, for a later change to show in its times: how fine those
/// are depends on the file system, and on some it is two seconds.
const FINEST_CHANGE: Duration = Duration::from_secs(3);

/// So many files are read one after the other.
const FEW: usize = 16;

/// Files as they were read last, each in its place in the state that the folder was in.
#[derive(Debug, Default)]
pub(super) struct Known {
    state: Option<Arc<State>>,
    files: Vec<Option<KnownFile>>,
}

/// A file as it was read last.
#[derive(Debug)]
struct KnownFile {
    file: ManifestFile,
    /// Whether it shows in its mark if it changes after that.
    shows_changes: bool,
}

/// The state that the folder was in when it was read last, for whoever looks whether it is still in that; nothing where
/// it could not be read.
#[derive(Debug, Clone, Default)]
pub struct AsRead(Arc<Mutex<Option<Arc<State>>>>);

impl AsRead {
    pub(super) fn state(&self) -> Option<Arc<State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, state: Option<Arc<State>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = state;
    }
}

/// Reads every manifest below `root` while nothing changes there: no file, no folder, no commit, and no git
/// at work on it. What is `known`, and has not changed since, is not read again.
///
/// # Errors
///
/// Those of [`manifests::read_folder`], and [`FolderError::Unsettled`] where it does not come to rest for a while.
pub(super) async fn read_settled(
    root: &Path,
    known: &Mutex<Known>,
) -> Result<(Arc<State>, Vec<ManifestFile>), FolderError> {
    let unsettled = |why: &str| FolderError::Unsettled { path: root.to_owned(), why: why.to_owned() };
    let mut last = unsettled("");
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        last = match read_as_it_is(root, known) {
            Ok((state, files)) if state.lasts(root) => return Ok((state, files)),
            Ok(_) => unsettled("its files changed while they were read"),
            Err(error @ FolderError::TooMany(_)) => return Err(error),
            // What is not there may be on its way.
            Err(error) => error,
        };
    }
    Err(last)
}

/// Reads every manifest below `root` as it is at this moment. That counts for nothing before the state is known to have
/// lasted: see [`State::lasts`].
///
/// # Errors
///
/// Those of [`manifests::read_folder`], and [`FolderError::Unsettled`] where git is at work.
pub(super) fn read_as_it_is(root: &Path, known: &Mutex<Known>) -> Result<(Arc<State>, Vec<ManifestFile>), FolderError> {
    if let Some(lock) = git_lock(root) {
        let why = format!("git is at work, or was killed ({} is there)", lock.display());
        return Err(FolderError::Unsettled { path: root.to_owned(), why });
    }
    let state = Arc::new(State::of(root)?);
    let files = read_changed(&state, &mut known.lock().unwrap_or_else(PoisonError::into_inner));
    Ok((state, files))
}

/// Reads what is not known of a folder in this state.
fn read_changed(state: &Arc<State>, known: &mut Known) -> Vec<ManifestFile> {
    let now = SystemTime::now();
    let mut files = known.take(state);
    let is_known = |known: &Option<KnownFile>| known.as_ref().is_some_and(|known| known.shows_changes);
    let unknown: Vec<usize> = (0..files.len()).filter(|at| !is_known(&files[*at])).collect();
    let read = |at: &usize| {
        let (path, kind, _) = &state.files[*at];
        manifests::read(path, *kind, &state.folder)
    };
    // To wake the other cores takes longer than a few files do.
    let new: Vec<_> =
        if unknown.len() > FEW { unknown.par_iter().map(read).collect() } else { unknown.iter().map(read).collect() };
    for (at, file) in unknown.into_iter().zip(new) {
        let (_, kind, mark) = &state.files[at];
        let shows_changes = *kind == Kind::Manifest && mark.as_ref().is_some_and(|mark| mark.shows_changes_after(now));
        let before = files[at].take();
        files[at] = file.map(|file| KnownFile { file: the_known_one(before, file), shows_changes });
    }
    let all = files.iter().flatten().map(|known| known.file.clone()).collect();
    *known = Known { state: Some(Arc::clone(state)), files };
    all
}

/// The file as it was read before where it says the same: what it came to refers to that, and would be kept beside it.
fn the_known_one(before: Option<KnownFile>, now: ManifestFile) -> ManifestFile {
    match (before.map(|before| before.file), now) {
        (Some(Ok(before)), Ok(now)) if before.name() == now.name() && before.text() == now.text() => Ok(before),
        (_, now) => now,
    }
}

impl Known {
    /// What was read before, in its place in this state, and whether it is still that for certain. It is not known any
    /// more then.
    fn take(&mut self, state: &State) -> Vec<Option<KnownFile>> {
        let before = self.state.take();
        let before = before.iter().flat_map(|state| &state.files).zip(std::mem::take(&mut self.files));
        let mut before = before.peekable();
        let of_one = |file: &Entry| {
            // Both are in the order of paths.
            while before.next_if(|((path, ..), _)| *path != file.0 && *path < file.0).is_some() {}
            let (entry, known) = before.next_if(|((path, ..), _)| *path == file.0)?;
            known.map(|known| KnownFile { shows_changes: known.shows_changes && entry == file, ..known })
        };
        state.files.iter().map(of_one).collect()
    }
}

/// What git holds while it changes files.
fn git_lock(root: &Path) -> Option<PathBuf> {
    let lock = git_directory_of(root)?.join("index.lock");
    lock.exists().then_some(lock)
}

/// Everything by which a change shows without reading files.
#[derive(Debug, PartialEq, Eq)]
pub struct State {
    folder: PathBuf,
    root: Mark,
    revision: Option<String>,
    files: Vec<Entry>,
}

/// Something that can matter, with what shows whether it has changed.
type Entry = (PathBuf, Kind, Option<Mark>);

/// A file or folder as it is now: its device, inode, size, and the times of its last changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark([i128; 7]);

impl State {
    /// What there is now.
    ///
    /// # Errors
    ///
    /// As [`manifests::read_folder`].
    pub(super) fn of(root: &Path) -> Result<Self, FolderError> {
        let folder = canonical(root)?;
        let about = fs::metadata(&folder);
        let about = about.map_err(|source| FolderError::Unreadable { path: root.to_owned(), source })?;
        let files = list_with(&folder, |entry, path, kind| {
            // Of a file itself it is told without looking up its folder once more.
            let about = if kind == Kind::Manifest { entry.metadata() } else { fs::metadata(path) };
            about.ok().map(|about| Mark::of(&about))
        })?;
        Ok(Self { root: Mark::of(&about), revision: revision(&folder), files, folder })
    }

    /// Whether the folder is still in this state, and git is not at work on it.
    pub(super) fn lasts(&self, root: &Path) -> bool {
        Self::of(root).is_ok_and(|now| now == *self) && git_lock(root).is_none()
    }
}

impl Mark {
    /// Whether what was read at this time is told by its mark from everything that is written later.
    fn shows_changes_after(&self, time: SystemTime) -> bool {
        let [.., mtime, mtime_nsec, ctime, ctime_nsec] = self.0;
        let last = (mtime, mtime_nsec).max((ctime, ctime_nsec));
        let time = time.checked_sub(FINEST_CHANGE).and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        time.is_some_and(|time| last < (time.as_secs().into(), time.subsec_nanos().into()))
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_changed_just_now_may_change_again_unseen() {
        let at = |mtime: i128, ctime: i128| Mark([1, 2, 3, mtime, 0, ctime, 0]);
        let now = UNIX_EPOCH + Duration::from_secs(100);
        assert!(at(90, 96).shows_changes_after(now));
        for (mtime, ctime) in [(90, 97), (98, 90), (100, 100), (200, 90)] {
            assert!(!at(mtime, ctime).shows_changes_after(now), "{mtime} {ctime}");
        }
    }

    #[tokio::test]
    async fn what_is_known_is_told_from_what_has_changed() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.toml", "b.toml"] {
            fs::write(folder.path().join(name), "# one").unwrap();
        }
        let known = Mutex::default();
        let read = async || read_settled(folder.path(), &known).await.unwrap().1;
        let texts = |files: Vec<ManifestFile>| {
            files.into_iter().map(|file| file.unwrap().text().to_owned()).collect::<Vec<_>>()
        };
        let first = read().await;
        let is_same = |(now, before): (&ManifestFile, &ManifestFile)| {
            Arc::ptr_eq(now.as_ref().unwrap(), before.as_ref().unwrap())
        };
        // They were written just now, so they are read again.
        assert!(read().await.iter().zip(&first).all(is_same), "no text is kept twice");
        assert_eq!(texts(first), ["# one", "# one"]);
        // As if both had been read long after they were written.
        let state = Arc::new(State::of(folder.path()).unwrap());
        let file = || Ok(crate::model::source::SourceFile::new("known", "# known"));
        let files = (0..2).map(|_| Some(KnownFile { file: file(), shows_changes: true })).collect();
        *known.lock().unwrap() = Known { state: Some(state), files };
        fs::write(folder.path().join("b.toml"), "# two").unwrap();
        assert_eq!(texts(read().await), ["# known", "# two"]);
        fs::remove_file(folder.path().join("a.toml")).unwrap();
        assert_eq!(texts(read().await), ["# two"]);
    }
}
