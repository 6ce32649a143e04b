//! The manifests folder as a pass sees it: its files at rest, the secrets that they refer to, its commit.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use secrecy::SecretString;

use super::aside;
use super::manifests::FolderError;
use super::revision::revision;
use super::secrets::{self, SecretError};
use super::snapshot::{AsRead, Known, State, read_as_it_is, read_settled};
use crate::model::desired::ManifestFile;
use crate::model::document::SecretRef;

/// Where manifests come from. A trait, so that a simulation can stand in for the disk.
pub trait Manifests {
    /// Every manifest, from a moment at which nothing changes.
    ///
    /// # Errors
    ///
    /// Where the whole cannot be read. Single files that cannot are among the manifests, each with its problem.
    fn read(&self) -> impl Future<Output = Result<Vec<ManifestFile>, FolderError>>;

    /// Every manifest as it is at this moment, for whoever has something to wait for meanwhile. Nothing may come of it
    /// before [`Self::was_at_rest`] tells that nothing has changed.
    ///
    /// # Errors
    ///
    /// As [`Self::read`], which has the patience to see a folder come to rest.
    fn read_ahead(&self) -> impl Future<Output = Result<Vec<ManifestFile>, FolderError>>;

    /// Whether nothing has changed since they were read.
    fn was_at_rest(&self) -> impl Future<Output = bool>;

    /// The secret that a manifest refers to.
    ///
    /// # Errors
    ///
    /// Where there is none, or none that may be used.
    fn secret(&self, reference: &SecretRef) -> Result<SecretString, SecretError>;

    /// The git commit that the manifests are of, if they are in a repository.
    fn revision(&self) -> Option<String>;
}

/// A folder on the disk.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    /// Its files as they were read last.
    known: Arc<Mutex<Known>>,
    /// The state in which they were read last, until it is looked whether they are still in it.
    read_in: Mutex<Option<Arc<State>>>,
    as_read: AsRead,
}

impl Folder {
    /// The folder at this path, whether it is there or not.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), known: Arc::default(), read_in: Mutex::default(), as_read: AsRead::default() }
    }

    /// The state in which it was read last.
    pub fn as_read(&self) -> AsRead {
        self.as_read.clone()
    }

    fn read_in(&self) -> MutexGuard<'_, Option<Arc<State>>> {
        self.read_in.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Manifests for Folder {
    async fn read(&self) -> Result<Vec<ManifestFile>, FolderError> {
        self.as_read.note(None);
        let (state, files) = read_settled(&self.root, &self.known).await?;
        *self.read_in() = Some(Arc::clone(&state));
        self.as_read.note(Some(state));
        Ok(files)
    }

    async fn read_ahead(&self) -> Result<Vec<ManifestFile>, FolderError> {
        self.as_read.note(None);
        let (root, known) = (self.root.clone(), Arc::clone(&self.known));
        let (state, files) = aside(move || read_as_it_is(&root, &known)).await?;
        *self.read_in() = Some(state);
        Ok(files)
    }

    async fn was_at_rest(&self) -> bool {
        let read_in = self.read_in().take();
        let (Some(state), root) = (read_in, self.root.clone()) else { return false };
        let state = aside(move || state.lasts(&root).then_some(state)).await;
        let is_same = state.is_some();
        self.as_read.note(state);
        is_same
    }

    fn secret(&self, reference: &SecretRef) -> Result<SecretString, SecretError> {
        secrets::read(reference, &self.root)
    }

    fn revision(&self) -> Option<String> {
        revision(&self.root)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[tokio::test]
    async fn what_was_read_ahead_counts_where_nothing_has_changed_since() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("a.toml");
        fs::write(&file, "# one").unwrap();
        let folder = Folder::new(directory.path());
        assert!(!folder.was_at_rest().await, "nothing was read yet");
        assert_eq!(folder.read_ahead().await.unwrap().len(), 1);
        assert!(folder.as_read.state().is_none(), "whether it counts is not known yet");
        assert!(folder.was_at_rest().await);
        assert!(folder.as_read.state().is_some());
        folder.read_ahead().await.unwrap();
        fs::write(&file, "# two is longer").unwrap();
        assert!(!folder.was_at_rest().await);
        assert!(folder.as_read.state().is_none(), "whoever looks sees another state");
        folder.read_ahead().await.unwrap();
        fs::create_dir(directory.path().join(".git")).unwrap();
        fs::write(directory.path().join(".git/index.lock"), "").unwrap();
        assert!(!folder.was_at_rest().await, "git is at work");
    }
}
