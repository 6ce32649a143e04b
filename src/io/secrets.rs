//! Reading secrets from where references point. Values live in [`SecretString`]s and in no message.

mod digest;
mod guarded;

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use secrecy::SecretString;

use crate::model::document::SecretRef;
pub use digest::{DigestKey, DigestKeyError};
use guarded::{ClosedTo, Flaw, Refusal};

/// What is longer is no secret.
const MAX_SECRET_BYTES: usize = 64 * 1024;

/// A secret could not be read. Messages name the reference, never the value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Unset(String),
    /// The variable holds nothing that can be used.
    #[error("the environment variable {name} {why}")]
    Variable {
        /// The variable.
        name: String,
        /// What is wrong with it.
        why: String,
    },
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
    /// The file can be read, but may not be used: by who can read it, or by what it holds.
    #[error("the secret file {} {why}", .path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl SecretError {
    /// What the user can do about it, where the message does not say so.
    pub fn help(&self) -> Option<&'static str> {
        // Whoever plans beside a daemon has not its variables.
        let is_unset = matches!(self, SecretError::Unset(_));
        is_unset.then_some(
            "set it where this command runs, also beside a daemon that has it, or refer to a file or a credential that both can read",
        )
    }
}

/// How much a secret may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    OneLine,
    Lines,
}

/// Reads the secret that a reference points at: a password or a token, on one line. Relative paths start
/// at `base`. White space at its end is not part of the secret.
///
/// # Errors
///
/// Where there is none, where others can read its file, or where it is not text on one line.
pub fn read(reference: &SecretRef, base: &Path) -> Result<SecretString, SecretError> {
    read_shaped(reference, base, Shape::OneLine)
}

/// The same for a secret of many lines, as keys are.
///
/// # Errors
///
/// Where there is none, where others can read its file, or where it is not text.
pub fn read_lines(reference: &SecretRef, base: &Path) -> Result<SecretString, SecretError> {
    read_shaped(reference, base, Shape::Lines)
}

fn read_shaped(reference: &SecretRef, base: &Path, shape: Shape) -> Result<SecretString, SecretError> {
    match reference {
        SecretRef::Env(name) => {
            let value = std::env::var_os(name).ok_or_else(|| SecretError::Unset(name.clone()))?;
            secret(&value.into_encoded_bytes(), shape).map_err(|why| SecretError::Variable { name: name.clone(), why })
        }
        SecretRef::File(path) => read_file(&base.join(path), ClosedTo::AllButOwner, shape),
        SecretRef::Credential(name) => {
            if crate::model::address::check_segment(name).is_err() {
                return Err(SecretError::BadName(name.clone()));
            }
            let directory =
                std::env::var_os("CREDENTIALS_DIRECTORY").ok_or_else(|| SecretError::NoCredentials(name.clone()))?;
            read_file(&Path::new(&directory).join(name), ClosedTo::Strangers, shape)
        }
    }
}

fn read_file(path: &Path, to: ClosedTo, shape: Shape) -> Result<SecretString, SecretError> {
    let said = || path.strip_prefix(".").unwrap_or(path).to_owned();
    let unreadable = |source| SecretError::Unreadable { path: said(), source };
    let unusable = |why| SecretError::Unusable { path: said(), why };
    let file = guarded::open(path, to).map_err(|refusal| match refusal {
        Refusal::Io(source) => unreadable(source),
        Refusal::Flaw(flaw) => unusable(format!("{flaw}{}", way_out(flaw, to))),
    })?;
    let mut bytes = Vec::new();
    // One byte more than there may be tells a longer file from one that just fits.
    file.take(MAX_SECRET_BYTES as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    secret(&bytes, shape).map_err(unusable)
}

fn way_out(flaw: Flaw, to: ClosedTo) -> &'static str {
    match (flaw, to) {
        (Flaw::Link, _) => ": name the file itself",
        (Flaw::Exposed, ClosedTo::AllButOwner) => ": chmod 600 it",
        (Flaw::Exposed, ClosedTo::Strangers) => ": chmod o= it",
        (Flaw::NotRegular | Flaw::Foreign, _) => "",
    }
}

/// The secret in what a file or a variable holds, or what is wrong with it.
fn secret(bytes: &[u8], shape: Shape) -> Result<SecretString, String> {
    if bytes.len() > MAX_SECRET_BYTES {
        return Err(format!("is longer than {MAX_SECRET_BYTES} bytes"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is not text in UTF-8")?.trim_end();
    let is_one_line = shape == Shape::OneLine;
    match text {
        "" => Err("is empty".to_owned()),
        _ if is_one_line && text.contains(['\n', '\r']) => Err("holds more than one line".to_owned()),
        _ if is_one_line && text.contains(char::is_control) => Err("holds a control character".to_owned()),
        _ => Ok(SecretString::from(text)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    use secrecy::ExposeSecret;
    use tempfile::TempDir;

    use super::*;

    struct Kept(TempDir);

    impl Kept {
        fn new() -> Self {
            Self(TempDir::new().unwrap())
        }

        fn file(&self, bytes: impl AsRef<[u8]>, mode: u32) -> &Self {
            let path = self.0.path().join("secret");
            fs::write(&path, bytes).unwrap();
            fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
            self
        }

        fn read(&self, name: &str, to: ClosedTo) -> Result<String, String> {
            let read = read_file(&self.0.path().join(name), to, Shape::OneLine);
            let said = |error: SecretError| error.to_string().rsplit_once(&format!("/{name}")).unwrap().1.to_owned();
            read.map(|secret| secret.expose_secret().to_owned()).map_err(said)
        }
    }

    #[test]
    fn a_file_is_read_whole_or_refused() {
        let kept = Kept::new();
        let read = |bytes: &[u8]| kept.file(bytes, 0o600).read("secret", ClosedTo::AllButOwner);
        let fits = "x".repeat(MAX_SECRET_BYTES);
        assert_eq!(read(fits.as_bytes()).as_ref(), Ok(&fits));
        assert_eq!(read(b"hunter2 \r\n").as_deref(), Ok("hunter2"));
        for (bytes, why) in [
            ((fits.clone() + "é").as_bytes(), " is longer than 65536 bytes"),
            ((fits + "\n").as_bytes(), " is longer than 65536 bytes"),
            (b"\n", " is empty"),
            (b"a\nb", " holds more than one line"),
            (b"a\0b", " holds a control character"),
            (b"\xff", " is not text in UTF-8"),
        ] {
            assert_eq!(read(bytes).unwrap_err(), why);
        }
    }

    #[test]
    fn a_file_that_others_can_read_is_refused_wherever_it_is() {
        let kept = Kept::new();
        let read = |mode, to| kept.file("hunter2", mode).read("secret", to);
        assert_eq!(read(0o640, ClosedTo::AllButOwner).unwrap_err(), " can be read by others: chmod 600 it");
        assert_eq!(read(0o644, ClosedTo::Strangers).unwrap_err(), " can be read by others: chmod o= it");
        assert_eq!(read(0o440, ClosedTo::Strangers).as_deref(), Ok("hunter2"));
    }

    #[test]
    fn a_link_is_not_followed_and_says_so() {
        let kept = Kept::new();
        kept.file("hunter2", 0o600);
        symlink("secret", kept.0.path().join("linked")).unwrap();
        let refused = kept.read("linked", ClosedTo::AllButOwner).unwrap_err();
        assert_eq!(refused, " is a link: name the file itself");
        assert_eq!(
            kept.read("none", ClosedTo::Strangers).unwrap_err(),
            " cannot be read: No such file or directory (os error 2)"
        );
    }
}
