use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, new_error};
use jsonwebtoken::signature::{Error, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation};
use ring::rsa::KeyPair;
use ring::signature::{KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use serde::Deserialize;

/// An RSA key that opens nothing, to sign and to verify with.
#[derive(Clone, Copy)]
pub(crate) struct TestKey {
    /// The private key, PKCS #8 PEM.
    pub(crate) pem: &'static str,
}

/// What a token says.
#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) iss: String,
    pub(crate) iat: u64,
    pub(crate) exp: u64,
}

impl TestKey {
    pub(crate) const ONE: Self = Self { pem: include_str!("keys/test-key-one.pem") };
    pub(crate) const TWO: Self = Self { pem: include_str!("keys/test-key-two.pem") };

    /// What a token says that this key has signed and that is valid now; nothing for any other token.
    pub(crate) fn verify(self, token: &str) -> Option<Claims> {
        let _ = VERIFYING.install_default();
        let private = PrivatePkcs8KeyDer::from_pem_slice(self.pem.as_bytes()).unwrap();
        let pair = KeyPair::from_pkcs8(private.secret_pkcs8_der()).unwrap();
        let key = DecodingKey::from_rsa_der(pair.public_key().as_ref());
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_required_spec_claims(&["exp", "sub", "iss"]);
        validation.leeway = 0;
        jsonwebtoken::decode(token, &key, &validation).ok().map(|data| data.claims)
    }
}

/// Verifies only: the tests make no tokens.
static VERIFYING: CryptoProvider = CryptoProvider {
    signer_factory: |_, _| Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    verifier_factory: |algorithm, key| match (algorithm, key.kind()) {
        (Algorithm::RS256, DecodingKeyKind::SecretOrDer(der)) => Ok(Box::new(Rs256(der.clone()))),
        _ => Err(new_error(ErrorKind::UnsupportedAlgorithm)),
    },
    key_utils: KeyUtils::new_unimplemented(),
};

struct Rs256(Vec<u8>);

impl Verifier<Vec<u8>> for Rs256 {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), Error> {
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.0);
        key.verify(message, signature).map_err(|_| Error::new())
    }
}

impl JwtVerifier for Rs256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::RS256
    }
}
