//! Reading secrets from where references point. Values live in [`SecretString`]s and in no message.

mod digest;

use std::fs::OpenOptions;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use secrecy::SecretString;

use crate::model::document::SecretRef;
pub use digest::{DigestKey, DigestKeyError};

/// A longer file is no secret.
const MAX_SECRET_BYTES: u64 = 64 * 1024;

/// A secret could not be read. Messages name the reference, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set, or empty.
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    /// `$CREDENTIALS_DIRECTORY` is not set.
    #[error("the credential {0:?} needs $CREDENTIALS_DIRECTORY, which systemd sets for services with LoadCredential=")]
    NoCredentials(String),
    /// A credential's name that is no file name.
    #[error("{0:?} cannot be the name of a credential")]
    BadName(String),
    /// The file cannot be read.
    #[error("the secret file {} cannot be read: {source}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Others than its owner can read the file.
    #[error("the secret file {} {why}", .path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is nothing in it, or no text.
    #[error("the secret file {} {why}", .path.display())]
    NoText {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// How much a secret may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    OneLine,
    Lines,
}

/// Reads the secret that a reference points at: a password or a token, on one line. Relative paths start
/// at `base`. White space at the end of a file is not part of the secret.
///
/// # Errors
///
/// Where there is none, where others can read it, or where it is not text on one line.
pub fn read(reference: &SecretRef, base: &Path) -> Result<SecretString, SecretError> {
    read_shaped(reference, base, Shape::OneLine)
}

/// The same for a secret of many lines, as keys are.
///
/// # Errors
///
/// Where there is none, where others can read it, or where it is not text.
pub fn read_lines(reference: &SecretRef, base: &Path) -> Result<SecretString, SecretError> {
    read_shaped(reference, base, Shape::Lines)
}

fn read_shaped(reference: &SecretRef, base: &Path, shape: Shape) -> Result<SecretString, SecretError> {
    match reference {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(SecretString::from(value)),
            _ => Err(SecretError::NoVariable(name.clone())),
        },
        SecretRef::File(path) => read_file(&base.join(path), true, shape),
        SecretRef::Credential(name) => {
            if crate::model::address::check_segment(name).is_err() {
                return Err(SecretError::BadName(name.clone()));
            }
            let directory =
                std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
            // systemd has seen to who can read this directory.
            read_file(&Path::new(&directory).join(name), false, shape)
        }
    }
}

fn read_file(path: &Path, check_mode: bool, shape: Shape) -> Result<SecretString, SecretError> {
    let unreadable = |source| SecretError::Unreadable { path: path.to_owned(), source };
    let flags = (OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    let exposed = |why| Err(SecretError::Exposed { path: path.to_owned(), why });
    if !about.is_file() {
        return exposed("is not a regular file");
    }
    if check_mode {
        let me = rustix::process::geteuid().as_raw();
        if about.uid() != me && about.uid() != 0 {
            return exposed("belongs to another user");
        }
        if about.mode() & 0o077 != 0 {
            return exposed("can be read by others: chmod 600 it");
        }
    }
    let mut text = String::new();
    file.take(MAX_SECRET_BYTES).read_to_string(&mut text).map_err(unreadable)?;
    let no_text = |why| Err(SecretError::NoText { path: path.to_owned(), why });
    match text.trim_end() {
        "" => no_text("is empty"),
        secret if shape == Shape::OneLine && secret.chars().any(char::is_control) => {
            no_text("holds more than one line")
        }
        secret => Ok(SecretString::from(secret)),
    }
}
