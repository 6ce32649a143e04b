//! Who is asking: the token of every request, read or made, and read again once it is refused.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};

use super::jwt::{KeyError, Signer};
use crate::io::secrets::{self, SecretError};
use crate::model::document::SecretRef;
use crate::model::echo;

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
    /// A key that tokens are made with.
    SigningKey(SigningKey),
}

/// A key that tokens are made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// The ULID that the platform knows it by.
    pub id: String,
    /// In whose name tokens are made.
    pub subject: String,
    /// Where the private key is.
    pub key: SecretRef,
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
    /// It can be read, but no token can be made with it.
    #[error("{origin} {source}")]
    Unusable {
        /// The secret and its reference.
        origin: String,
        /// Why.
        source: KeyError,
    },
}

/// Gives every request its token. The clients of a process share one, so that all of them go on with what
/// one has read again.
#[derive(Debug)]
pub struct Credentials {
    source: Source,
    /// Only ever held for as long as it takes to read a small file and to sign.
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
    /// As it was read last: a token, or a key.
    secret: SecretString,
    /// What is sent.
    token: SecretString,
    /// What was sent before that, and may still be under way.
    before: Option<SecretString>,
    /// Where the token is made, not read.
    made: Option<Made>,
    /// How often the secret was read again.
    readings: u64,
}

#[derive(Debug)]
struct Made {
    by: Signer,
    /// When the token is good to be sent, in seconds since 1970.
    fresh: Range<u64>,
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
    /// Reads the token or the key for the first time. Relative paths start at `base`.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, and where it is a key that makes no tokens.
    pub fn read(credential: Credential, base: &Path) -> Result<Self, CredentialError> {
        let secret = read_secret(&credential, base)?;
        let state = State::of(secret, &credential, now())?;
        let source = Source::Read { credential, base: base.to_owned() };
        Ok(Self { source, state: Mutex::new(state) })
    }

    /// A token that is known and stays the same. `origin` is what messages call its source.
    pub fn fixed(token: SecretString, origin: impl Into<String>) -> Self {
        let state = State { secret: token.clone(), token, before: None, made: None, readings: 0 };
        Self { source: Source::Fixed { origin: origin.into() }, state: Mutex::new(state) }
    }

    /// The token to send now.
    pub(super) fn current(&self) -> Result<Token, CredentialError> {
        self.current_at(now())
    }

    fn current_at(&self, now: u64) -> Result<Token, CredentialError> {
        let mut state = self.state();
        state.renew(now).map_err(|source| CredentialError::Unusable { origin: self.secret_name(), source })?;
        Ok(self.hand_out(&state))
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
            let secret = read_secret(credential, base)?;
            if secret.expose_secret() == state.secret.expose_secret() {
                return Ok(None);
            }
            let next = State::of(secret, credential, now())?;
            state.become_next(next);
            tracing::info!("{} has changed, and is used from now on", self.secret_name());
        }
        Ok(Some(self.hand_out(&state)))
    }

    /// The text without the tokens that were sent.
    pub(super) fn redact(&self, text: &str) -> String {
        let state = self.state();
        echo::without(text, [&state.token].into_iter().chain(&state.before).map(|token| token.expose_secret()))
    }

    /// Where tokens come from, ready to follow "the token from".
    pub(super) fn origin(&self) -> String {
        match &self.source {
            Source::Fixed { origin } => origin.clone(),
            Source::Read { credential: Credential::Token { reference, .. }, .. } => reference.to_string(),
            Source::Read { credential: Credential::SigningKey(key), .. } => format!("the signing key {}", key.key),
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
            Source::Read { credential: Credential::SigningKey(_), .. } => TokenScheme::Jwt,
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
    fn of(secret: SecretString, credential: &Credential, now: u64) -> Result<Self, CredentialError> {
        let (token, made) = match credential {
            Credential::Token { .. } => (secret.clone(), None),
            Credential::SigningKey(key) => {
                let unusable = |source| CredentialError::Unusable { origin: credential.to_string(), source };
                let by = Signer::new(&secret, &key.id, &key.subject).map_err(unusable)?;
                let signed = by.sign(now).map_err(unusable)?;
                (signed.token, Some(Made { by, fresh: signed.fresh }))
            }
        };
        Ok(Self { secret, token, before: None, made, readings: 0 })
    }

    /// Makes a new token where the old one will not do for another request.
    fn renew(&mut self, now: u64) -> Result<(), KeyError> {
        if let Some(made) = self.made.as_mut().filter(|made| !made.fresh.contains(&now)) {
            let signed = made.by.sign(now)?;
            made.fresh = signed.fresh;
            self.before = Some(std::mem::replace(&mut self.token, signed.token));
        }
        Ok(())
    }

    fn become_next(&mut self, next: State) {
        let before = std::mem::replace(self, State { readings: self.readings, ..next });
        self.before = Some(before.token);
    }
}

impl fmt::Display for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Credential::Token { reference, .. } => write!(f, "the token {reference}"),
            Credential::SigningKey(key) => write!(f, "the signing key {}", key.key),
        }
    }
}

impl CredentialError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            CredentialError::Unreadable { .. } => "api.token or api.signing_key in the settings says where it is",
            CredentialError::Unusable { source: KeyError::NotPkcs8, .. } => {
                "it begins with -----BEGIN PRIVATE KEY-----; `openssl pkcs8 -topk8 -nocrypt -in FILE` turns others into one"
            }
            CredentialError::Unusable { .. } => "take the private key that belongs to the platform's signing key",
        }
    }
}

fn read_secret(credential: &Credential, base: &Path) -> Result<SecretString, CredentialError> {
    let read = match credential {
        Credential::Token { reference, .. } => secrets::read(reference, base),
        Credential::SigningKey(key) => secrets::read_lines(&key.key, base),
    };
    read.map_err(|source| CredentialError::Unreadable { origin: credential.to_string(), source })
}

/// Seconds since 1970: what a token's claims are measured in.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use tempfile::TempDir;

    use super::*;

    /// A key for tests only.
    const KEY: &str = include_str!("../../../tests/support/keys/test-key-one.pem");

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
        assert!(credentials.instead_of(&first.unwrap()).unwrap().is_none(), "nothing has changed");
        write(&folder, "new");
        assert!(credentials.instead_of(&second.unwrap()).unwrap().is_none(), "what the first one read holds for it");
        let later = credentials.current().unwrap();
        assert_eq!(later.header(), "Bearer old");
        assert_eq!(credentials.instead_of(&later).unwrap().unwrap().header(), "Bearer new");
        assert_eq!(credentials.instead_of(&third.unwrap()).unwrap().unwrap().header(), "Bearer new");
        assert_eq!(credentials.current().unwrap().header(), "Bearer new");
    }

    #[test]
    fn a_secret_that_cannot_be_read_again_stays_what_it_was() {
        let folder = TempDir::new().unwrap();
        write(&folder, "old");
        let credentials = token(&folder);
        fs::remove_file(folder.path().join("secret")).unwrap();
        assert!(credentials.instead_of(&credentials.current().unwrap()).is_err());
        assert_eq!(credentials.current().unwrap().header(), "Bearer old");
        write(&folder, "new");
        assert!(credentials.instead_of(&credentials.current().unwrap()).unwrap().is_some());
    }

    #[test]
    fn a_token_that_is_made_is_renewed_a_minute_before_it_ends_and_when_the_clock_is_put_back() {
        let folder = TempDir::new().unwrap();
        write(&folder, KEY);
        let key =
            SigningKey { id: String::new(), subject: "versync".to_owned(), key: SecretRef::File("secret".to_owned()) };
        let credentials = Credentials::read(Credential::SigningKey(key), folder.path()).unwrap();
        let at = |now| credentials.current_at(now).unwrap().header();
        let day = 24 * 3600;
        let first = at(day);
        assert_eq!(at(day - 30), first);
        // `iat` is 30 s in the past, and it lives for 300 s, the last 60 of which are kept.
        assert_eq!(at(day + 209), first);
        let second = at(day + 210);
        assert_ne!(second, first);
        assert_eq!(at(day + 210 + 209), second);
        assert_ne!(at(day), second, "a token that seems to last longer than it can is replaced");
    }

    #[test]
    fn neither_what_is_sent_nor_what_it_is_made_of_is_shown() {
        let folder = TempDir::new().unwrap();
        write(&folder, "hunter1");
        let credentials = token(&folder);
        let old = credentials.current().unwrap();
        write(&folder, "hunter2");
        let new = credentials.instead_of(&old).unwrap().unwrap();
        assert_eq!(credentials.redact("hunter1, then hunter2"), "…, then …");
        for shown in [format!("{credentials:?}"), format!("{old:?}{new:?}")] {
            assert!(!shown.contains("hunter"), "{shown}");
        }
    }
}
