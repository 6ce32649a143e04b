//! Keyed hashes of secrets, by which a changed one is told from an unchanged one without keeping either.

use std::fmt;
use std::fs::Permissions;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretBox, SecretString};
use sha2::Sha256;
use tempfile::NamedTempFile;

use super::guarded::{self, ClosedTo, Flaw, Refusal};

/// Beside the recorded state.
const FILE: &str = "secret.key";

/// The block of SHA-256: a longer key would be hashed first.
const BYTES: usize = 64;

/// The key cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[error("the key for secrets {} {why}", .path.display())]
pub struct DigestKeyError {
    path: PathBuf,
    why: Why,
}

#[derive(Debug, thiserror::Error)]
enum Why {
    #[error("cannot be used: {0}")]
    Io(io::Error),
    #[error(transparent)]
    Flaw(Flaw),
    #[error("is damaged: it is not {BYTES} bytes long")]
    Damaged,
}

impl DigestKeyError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self.why {
            Why::Io(_) => {
                "let versync read and write its state directory; without the key every secret would be sent again"
            }
            Why::Flaw(Flaw::Exposed) => "chmod 600 it: with it, guesses of a secret can be told right from wrong",
            Why::Flaw(_) => "remove it: a new one is made, and every secret is sent again, once",
            Why::Damaged => {
                "put it back as it was, or remove it: a new one is made, and every secret is sent again, once"
            }
        }
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
        let failed = |error: getrandom::Error| DigestKeyError { path: PathBuf::from(FILE), why: Why::Io(error.into()) };
        getrandom::fill(&mut bytes).map_err(failed)?;
        Ok(Self::of(bytes))
    }

    /// The key of a state directory; a random one where there is none yet, since then nothing is recorded
    /// that it would have to match.
    ///
    /// # Errors
    ///
    /// Where it is there but cannot be read, is damaged, or may have been read or put there by others.
    pub fn read(directory: &Path) -> Result<Self, DigestKeyError> {
        Self::find(directory)?.map_or_else(Self::random, Ok)
    }

    /// The key of a state directory, made on first use. Only its owner can read the file.
    ///
    /// # Errors
    ///
    /// As for [`Self::read`], and where it cannot be written.
    pub fn read_or_make(directory: &Path) -> Result<Self, DigestKeyError> {
        if let Some(key) = Self::find(directory)? {
            return Ok(key);
        }
        let path = directory.join(FILE);
        let key = Self::random()?;
        let make = || -> io::Result<()> {
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
        make().map_err(|error| DigestKeyError { path: path.clone(), why: Why::Io(error) })?;
        Self::read(directory)
    }

    /// The key that is there, if there is one.
    fn find(directory: &Path) -> Result<Option<Self>, DigestKeyError> {
        let path = directory.join(FILE);
        let file = match guarded::open(&path, ClosedTo::AllButOwner) {
            Ok(file) => file,
            Err(Refusal::Io(error)) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(Refusal::Io(error)) => return Err(DigestKeyError { path, why: Why::Io(error) }),
            Err(Refusal::Flaw(flaw)) => return Err(DigestKeyError { path, why: Why::Flaw(flaw) }),
        };
        let mut bytes = Vec::with_capacity(BYTES + 1);
        if let Err(error) = file.take(BYTES as u64 + 1).read_to_end(&mut bytes) {
            return Err(DigestKeyError { path, why: Why::Io(error) });
        }
        match <[u8; BYTES]>::try_from(bytes) {
            Ok(bytes) => Ok(Some(Self::of(bytes))),
            Err(_) => Err(DigestKeyError { path, why: Why::Damaged }),
        }
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
