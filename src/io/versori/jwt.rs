//! Tokens that an organisation's signing key makes: short-lived JWTs, RS256.

use std::ops::Range;
use std::time::Duration;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, new_error};
use jsonwebtoken::signature;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;

/// From `iat` to `exp`.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// How far `iat` lies in the past, for a platform whose clock is behind ours.
const SKEW: Duration = Duration::from_secs(30);

/// A token with less time left than this is replaced: it has to outlive the request that carries it.
const RESERVE: Duration = Duration::from_secs(60);

/// Why a signing key cannot be used. Says nothing of what it holds.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Something else than a PKCS #8 PEM.
    #[error("is not a private key in PKCS #8 PEM")]
    NotPkcs8,
    /// A PKCS #8 PEM of something else than an RSA key, or of one that is too short, too long or broken.
    #[error("is not a sound RSA key of 2048 to 4096 bits ({0})")]
    NotRsa(String),
    /// The key was sound, and yet it does not sign.
    #[error("does not sign ({0})")]
    DoesNotSign(String),
}

/// Makes tokens in the name of one subject.
#[derive(Debug)]
pub(super) struct Signer {
    key: EncodingKey,
    subject: String,
    issuer: String,
}

/// A token that was made.
#[derive(Debug)]
pub(super) struct Signed {
    /// The token.
    pub(super) token: SecretString,
    /// The seconds since 1970 in which it is good to be sent.
    pub(super) fresh: Range<u64>,
}

/// What a token says. The platform looks the key up by its issuer.
#[derive(Serialize)]
struct Claims<'a> {
    sub: &'a str,
    iss: &'a str,
    iat: u64,
    exp: u64,
}

impl Signer {
    /// Takes the private key `pem`, which the platform knows as `id`.
    pub(super) fn new(pem: &SecretString, id: &str, subject: &str) -> Result<Self, KeyError> {
        // Only the first call does something; all of them install the same.
        let _ = CRYPTO.install_default();
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| KeyError::NotPkcs8)?;
        let der = der.secret_pkcs8_der();
        KeyPair::from_pkcs8(der).map_err(|why| KeyError::NotRsa(why.to_string()))?;
        Ok(Self {
            key: EncodingKey::from_rsa_der(der),
            subject: subject.to_owned(),
            issuer: format!("https://versori.com/sk/{id}"),
        })
    }

    /// Makes a token; `now` is in seconds since 1970.
    pub(super) fn sign(&self, now: u64) -> Result<Signed, KeyError> {
        let iat = now.saturating_sub(SKEW.as_secs());
        let exp = iat + LIFETIME.as_secs();
        let claims = Claims { sub: &self.subject, iss: &self.issuer, iat, exp };
        let token = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &self.key)
            .map_err(|why| KeyError::DoesNotSign(why.to_string()))?;
        // Before `iat` it is not fresh either: then the clock has been put back.
        Ok(Signed { token: SecretString::from(token), fresh: iat..exp - RESERVE.as_secs() })
    }
}

/// What `jsonwebtoken` signs with: `ring`, which TLS brings along. It has no such provider itself, and those
/// that it has would bring a second cryptographic library.
static CRYPTO: CryptoProvider = CryptoProvider {
    signer_factory: |algorithm, key| match algorithm {
        Algorithm::RS256 => Ok(Box::new(Rs256::new(key)?)),
        _ => Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    },
    // Verifying tokens is the platform's part.
    verifier_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    key_utils: KeyUtils::new_unimplemented(),
};

struct Rs256(KeyPair);

impl Rs256 {
    fn new(key: &EncodingKey) -> jsonwebtoken::errors::Result<Self> {
        let rejected = |why: ring::error::KeyRejected| new_error(ErrorKind::InvalidRsaKey(why.to_string()));
        Ok(Self(KeyPair::from_pkcs8(key.as_bytes()).map_err(rejected)?))
    }
}

impl signature::Signer<Vec<u8>> for Rs256 {
    fn try_sign(&self, message: &[u8]) -> Result<Vec<u8>, signature::Error> {
        let mut signature = vec![0; self.0.public().modulus_len()];
        let padding = &ring::signature::RSA_PKCS1_SHA256;
        self.0.sign(padding, &SystemRandom::new(), message, &mut signature).map_err(|_| signature::Error::new())?;
        Ok(signature)
    }
}

impl JwtSigner for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}
