//! Who is asking: the token of every request, read again once it is refused.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use secrecy::{ExposeSecret, SecretString};

use crate::io::secrets::{self, SecretError};
use crate::model::document::SecretRef;

/// How the token is announced in the `Authorization` header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TokenScheme {
    /// An API key.
    #[default]
    Bearer,
    /// A token that is signed with an organisation's signing key.
    Jwt,
}

/// What the settings say about who is asking.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// A token that somebody else has made.
    Token {
        /// Where it is.
        reference: SecretRef,
        /// How it is announced.
        scheme: TokenScheme,
    },
}

/// There is no token. Messages name the reference, never the value.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// What the reference points at cannot be read.
    #[error("{origin} cannot be read: {source}")]
    Unreadable {
        /// The secret and its reference.
        origin: String,
        /// Why.
        source: SecretError,
    },
}

/// Gives every request its token. The clients of a process share one, so that all of them go on with what
/// one has read again.
#[derive(Debug)]
pub struct Credentials {
    source: Source,
    /// Only ever held for as long as it takes to read a small file.
    state: Mutex<State>,
}

#[derive(Debug)]
enum Source {
    /// It does not change, and nothing is read.
    Fixed { origin: String },
    /// It is read from where it points; relative paths start at the folder.
    Read { credential: Credential, base: PathBuf },
}

#[derive(Debug)]
struct State {
    /// What is sent, as it was read last.
    token: SecretString,
    /// What was sent before that, and may still be under way.
    before: Option<SecretString>,
    /// How often the secret was read again.
    readings: u64,
}

/// The token of one request.
#[derive(Debug)]
pub(super) struct Token {
    value: SecretString,
    scheme: TokenScheme,
    /// How often the secret had been read again when it was handed out.
    readings: u64,
}

impl Credentials {
    /// Reads the token for the first time. Relative paths start at `base`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn read(credential: Credential, base: &Path) -> Result<Self, CredentialError> {
        let state = State::of(read_secret(&credential, base)?);
        let source = Source::Read { credential, base: base.to_owned() };
        Ok(Self { source, state: Mutex::new(state) })
    }

    /// A token that is known and stays the same. `origin` is what messages call its source.
    pub fn fixed(token: SecretString, origin: impl Into<String>) -> Self {
        Self { source: Source::Fixed { origin: origin.into() }, state: Mutex::new(State::of(token)) }
    }

    /// The token to send now.
    pub(super) fn current(&self) -> Token {
        self.hand_out(&self.state())
    }

    /// What to send in place of a token that was refused, if there is anything else: the secret is read
    /// again. Of requests that are refused together, the first one reads for all.
    pub(super) fn instead_of(&self, refused: &Token) -> Result<Option<Token>, CredentialError> {
        let mut state = self.state();
        if state.token.expose_secret() == refused.value.expose_secret() {
            if state.readings != refused.readings {
                return Ok(None);
            }
            state.readings += 1;
            let Source::Read { credential, base } = &self.source else { return Ok(None) };
            let token = read_secret(credential, base)?;
            if token.expose_secret() == state.token.expose_secret() {
                return Ok(None);
            }
            state.before = Some(std::mem::replace(&mut state.token, token));
            tracing::info!("{} has changed, and is used from now on", self.secret_name());
        }
        Ok(Some(self.hand_out(&state)))
    }

    /// The text without the tokens that were sent.
    pub(super) fn redact(&self, text: &str) -> String {
        let state = self.state();
        let text = text.replace(state.token.expose_secret(), "…");
        state.before.iter().fold(text, |text, before| text.replace(before.expose_secret(), "…"))
    }

    /// Where tokens come from, ready to follow "the token from".
    pub(super) fn origin(&self) -> String {
        match &self.source {
            Source::Fixed { origin } => origin.clone(),
            Source::Read { credential: Credential::Token { reference, .. }, .. } => reference.to_string(),
        }
    }

    fn secret_name(&self) -> String {
        match &self.source {
            Source::Fixed { origin } => format!("the token from {origin}"),
            Source::Read { credential, .. } => credential.to_string(),
        }
    }

    fn hand_out(&self, state: &State) -> Token {
        let scheme = match &self.source {
            Source::Read { credential: Credential::Token { scheme, .. }, .. } => *scheme,
            Source::Fixed { .. } => TokenScheme::Bearer,
        };
        Token { value: state.token.clone(), scheme, readings: state.readings }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // What it holds is whole at every moment.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Token {
    /// The value of the `Authorization` header.
    pub(super) fn header(&self) -> String {
        let scheme = match self.scheme {
            TokenScheme::Bearer => "Bearer",
            TokenScheme::Jwt => "JWT",
        };
        format!("{scheme} {}", self.value.expose_secret())
    }
}

impl State {
    fn of(token: SecretString) -> Self {
        Self { token, before: None, readings: 0 }
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::Token { reference, .. } => write!(f, "the token {reference}"),
        }
    }
}

impl CredentialError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            CredentialError::Unreadable { .. } => "api.token in the settings says where it is",
        }
    }
}

fn read_secret(credential: &Credential, base: &Path) -> Result<SecretString, CredentialError> {
    let read = match credential {
        Credential::Token { reference, .. } => secrets::read(reference, base),
    };
    read.map_err(|source| CredentialError::Unreadable { origin: credential.to_string(), source })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    fn write(folder: &TempDir, text: &str) {
        let path = folder.path().join("secret");
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn token(folder: &TempDir) -> Credentials {
        let reference = SecretRef::File("secret".to_owned());
        Credentials::read(Credential::Token { reference, scheme: TokenScheme::Bearer }, folder.path()).unwrap()
    }

    #[test]
    fn of_requests_that_are_refused_together_one_reads_for_all() {
        let folder = TempDir::new().unwrap();
        write(&folder, "old");
        let credentials = token(&folder);
        let (first, second, third) = (credentials.current(), credentials.current(), credentials.current());
        assert!(credentials.instead_of(&first).unwrap().is_none(), "nothing has changed");
        write(&folder, "new");
        assert!(credentials.instead_of(&second).unwrap().is_none(), "what the first one read holds for it");
        let later = credentials.current();
        assert_eq!(later.header(), "Bearer old");
        assert_eq!(credentials.instead_of(&later).unwrap().unwrap().header(), "Bearer new");
        assert_eq!(credentials.instead_of(&third).unwrap().unwrap().header(), "Bearer new");
        assert_eq!(credentials.current().header(), "Bearer new");
    }

    #[test]
    fn a_secret_that_cannot_be_read_again_stays_what_it_was() {
        let folder = TempDir::new().unwrap();
        write(&folder, "old");
        let credentials = token(&folder);
        fs::remove_file(folder.path().join("secret")).unwrap();
        assert!(credentials.instead_of(&credentials.current()).is_err());
        assert_eq!(credentials.current().header(), "Bearer old");
        write(&folder, "new");
        assert!(credentials.instead_of(&credentials.current()).unwrap().is_some());
    }

    #[test]
    fn neither_what_is_sent_nor_what_was_sent_is_shown() {
        let folder = TempDir::new().unwrap();
        write(&folder, "hunter1");
        let credentials = token(&folder);
        let old = credentials.current();
        write(&folder, "hunter2");
        let new = credentials.instead_of(&old).unwrap().unwrap();
        assert_eq!(credentials.redact("hunter1, then hunter2"), "…, then …");
        for shown in [format!("{credentials:?}"), format!("{old:?}{new:?}")] {
            assert!(!shown.contains("hunter"), "{shown}");
        }
    }
}
