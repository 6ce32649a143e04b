//! Keyed hashes of secrets, by which a changed one is told from an unchanged one without keeping either.

use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use tempfile::NamedTempFile;

/// Beside the recorded state.
const FILE: &str = "secret.key";

/// The block of SHA-256: a longer key would be hashed first.
const BYTES: usize = 64;

/// The key cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[error("the key for secrets {} cannot be used: {source}", .path.display())]
pub struct DigestKeyError {
    path: PathBuf,
    source: io::Error,
}

impl DigestKeyError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        "let versync read and write its state directory; without the key every secret would be sent again"
    }
}

/// The random key of one state directory. Hashes made with it mean nothing without it.
#[derive(Clone)]
pub struct DigestKey(Arc<SecretBox<[u8; BYTES]>>);

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey")
    }
}

impl DigestKey {
    /// A key that is kept nowhere, for a world without a state.
    ///
    /// # Errors
    ///
    /// Where the system gives no random bytes.
    pub fn random() -> Result<Self, DigestKeyError> {
        let mut bytes = [0; BYTES];
        let failed = |error: getrandom::Error| DigestKeyError { path: PathBuf::from(FILE), source: error.into() };
        getrandom::fill(&mut bytes).map_err(failed)?;
        Ok(Self::of(bytes))
    }

    /// The key of a state directory; a random one where there is none yet, since then nothing is recorded
    /// that it would have to match.
    ///
    /// # Errors
    ///
    /// Where it is there but cannot be read.
    pub fn read(directory: &Path) -> Result<Self, DigestKeyError> {
        let path = directory.join(FILE);
        match fs::read(&path) {
            Ok(bytes) => match <[u8; BYTES]>::try_from(bytes) {
                Ok(bytes) => Ok(Self::of(bytes)),
                Err(_) => {
                    let source = io::Error::new(io::ErrorKind::InvalidData, format!("it is not {BYTES} bytes long"));
                    Err(DigestKeyError { path, source })
                }
            },
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::random(),
            Err(source) => Err(DigestKeyError { path, source }),
        }
    }

    /// The key of a state directory, made on first use. Only its owner can read the file.
    ///
    /// # Errors
    ///
    /// Where it cannot be read or written.
    pub fn read_or_make(directory: &Path) -> Result<Self, DigestKeyError> {
        let path = directory.join(FILE);
        let make = || -> io::Result<()> {
            if path.exists() {
                return Ok(());
            }
            let key = Self::random().map_err(|error| error.source)?;
            let mut file = NamedTempFile::new_in(directory)?;
            file.as_file().set_permissions(Permissions::from_mode(0o600))?;
            file.write_all(key.0.expose_secret())?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(&path) {
                // Somebody else has made one in the meantime: theirs is as good.
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                other => other.map(drop).map_err(|error| error.error),
            }
        };
        make().map_err(|source| DigestKeyError { path: path.clone(), source })?;
        Self::read(directory)
    }

    fn of(bytes: [u8; BYTES]) -> Self {
        Self(Arc::new(SecretBox::new(Box::new(bytes))))
    }

    /// The keyed hash of a secret (HMAC-SHA-256, hexadecimal).
    pub fn digest(&self, secret: &SecretString) -> String {
        let mut mac = Hmac::<Sha256>::new(self.0.expose_secret().into());
        mac.update(secret.expose_secret().as_bytes());
        crate::model::plan::hex(&mac.finalize().into_bytes())
    }
}
