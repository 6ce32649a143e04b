//! The manifests folder as a pass sees it: its files at rest, the secrets that they refer to, its commit.

use std::path::{Path, PathBuf};
use std::sync::Mutex;

use secrecy::SecretString;

use super::manifests::FolderError;
use super::revision::revision;
use super::secrets::{self, SecretError};
use super::snapshot::{AsRead, Known, read_settled};
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
    known: Mutex<Known>,
    as_read: AsRead,
}

impl Folder {
    /// The folder at this path, whether it is there or not.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into(), known: Mutex::default(), as_read: AsRead::default() }
    }

    /// The state in which it was read last.
    pub fn as_read(&self) -> AsRead {
        self.as_read.clone()
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }
}

impl Manifests for Folder {
    async fn read(&self) -> Result<Vec<ManifestFile>, FolderError> {
        read_settled(&self.root, &self.known, &self.as_read).await
    }

    fn secret(&self, reference: &SecretRef) -> Result<SecretString, SecretError> {
        secrets::read(reference, &self.root)
    }

    fn revision(&self) -> Option<String> {
        revision(&self.root)
    }
}
