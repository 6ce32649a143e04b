//! Why the recorded state cannot be used, and whose it is.

use std::io;
use std::path::PathBuf;

use super::schema::SCHEMA_VERSION;

/// The recorded state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the lock file cannot be made or opened.
    #[error("the state directory {} cannot be used: {source}", .path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes this state.
    #[error("the state in {} is in use by {holder}", .path.display())]
    Locked {
        /// The state directory.
        path: PathBuf,
        /// What the other process says of itself.
        holder: String,
    },
    /// The state belongs to another organisation or platform.
    #[error("the state in {} was written for {theirs}, not for {ours}", .path.display())]
    OtherTenant {
        /// The state directory.
        path: PathBuf,
        /// Whose it is.
        theirs: Tenant,
        /// Whose it would have to be.
        ours: Tenant,
    },
    /// A newer versync wrote it.
    #[error("the state in {} was written by a newer versync (schema {found}; this one knows {SCHEMA_VERSION})", .path.display())]
    Newer {
        /// The state directory.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// An older versync wrote it, and nobody has brought it up to date.
    #[error("the state in {} was written by an older versync", .path.display())]
    Older {
        /// The state directory.
        path: PathBuf,
    },
    /// SQLite cannot read or write it.
    #[error("the state in {} cannot be read or written: {source}", .path.display())]
    Database {
        /// The state directory.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A row makes no sense.
    #[error("the state in {} is damaged at {row}", .path.display())]
    Damaged {
        /// The state directory.
        path: PathBuf,
        /// The row.
        row: String,
    },
}

const SET_ASIDE: &str =
    "`versync run` and `versync apply` set it aside, and begin a new one by adopting what exists as declared";

impl StoreError {
    /// Whether the file itself is no good, so that trying again cannot help.
    pub(super) fn is_damage(&self) -> bool {
        match self {
            StoreError::Damaged { .. } => true,
            StoreError::Database { source, .. } => matches!(
                source.sqlite_error_code(),
                // What SQLite has no better word for: a table or a column is not there.
                Some(
                    rusqlite::ErrorCode::DatabaseCorrupt
                        | rusqlite::ErrorCode::NotADatabase
                        | rusqlite::ErrorCode::Unknown
                )
            ),
            _ => false,
        }
    }

    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            StoreError::Directory { .. } => "name a directory that versync may write with `state` in versync.toml",
            StoreError::Locked { .. } => "stop it first, or use `versync plan`, which works beside it",
            StoreError::OtherTenant { .. } => {
                "give every organisation and every platform a `state` directory of its own"
            }
            StoreError::Newer { .. } => "use that version, or another `state` directory",
            StoreError::Older { .. } => "`versync run` and `versync apply` bring it up to date",
            StoreError::Database { .. } if self.is_damage() => SET_ASIDE,
            StoreError::Damaged { .. } => SET_ASIDE,
            StoreError::Database { .. } => "let versync read and write it, and look whether the disk is full",
        }
    }
}

/// Whose objects a state is about. A state is never used for another tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The organisation's ULID.
    pub organisation: String,
    /// The platform.
    pub base_url: String,
}

impl std::fmt::Display for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "organisation {} at {}", self.organisation, self.base_url)
    }
}
