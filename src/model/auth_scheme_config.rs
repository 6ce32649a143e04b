//! Auth scheme configs: how a system or a connector wants to be authenticated with.

use super::address::OwnerKind;
use super::schema::{Field, Kind, Need};

/// What it is for; shown to whoever picks one.
pub const DESCRIPTION: Field = Field::new("description", "description", Kind::Text, Need::Always)
    .doc("What it is for; shown to whoever picks one.")
    .examples(&["An access token of the shop's own app"]);

/// Which scheme it is. On the wire it is called `type` or `schemeType`, by the API's dialect.
pub const TYPE: Field = Field::new("type", "type", Kind::Choice(&TYPES), Need::Always)
    .doc("How requests are authenticated. Which other fields there are depends on it.");

/// The types that can be declared.
pub const TYPES: [&str; 7] = ["none", "api-key", "basic-auth", "oauth2", "oauth1", "hmac", "certificate"];

/// The types that the platform knows, but whose shape it does not publish: tolerated when read.
pub const UNPUBLISHED_TYPES: [&str; 4] = ["jwt-bearer", "secret", "google-service-account", "custom-function"];

/// How an OAuth 2 client gets its token, as files write it.
pub const GRANT_TYPE: Field = Field::new("grant.type", "grant.type", Kind::Choice(&GRANT_TYPES), Need::Always)
    .doc("How the client gets its token. With client-credentials each end user brings a client of their own.");

/// The grant types as files write them.
pub const GRANT_TYPES: [&str; 3] = ["authorization-code", CLIENT_CREDENTIALS, "password"];

/// The grant whose credentials are each end user's own, so it holds none.
pub const CLIENT_CREDENTIALS: &str = "client-credentials";

/// The client's id of a grant that has a credential.
pub const CLIENT_ID: Field =
    Field::new("grant.client_id", "grant.clientId", Kind::Name, Need::Never).doc("The client's id.").examples(&["abc"]);

/// The client's secret of a grant that has a credential.
pub const CLIENT_SECRET: Field = Field::new("grant.client_secret", "grant.clientSecret", Kind::Secret, Need::Never)
    .doc("Where the client's secret is.")
    .examples(&["CLIENT_SECRET"]);

/// OAuth 2: the scopes that exist.
pub const SCOPES: Field = Field::new("scopes", "scopes", Kind::Scopes, Need::Always)
    .doc("The scopes that there are: names, or names with descriptions.")
    .examples(&["read_orders"]);

/// OAuth 2: the scopes that are asked for.
pub const DEFAULT_SCOPES: Field = Field::new("default_scopes", "defaultScopes", Kind::Set, Need::Always)
    .doc("The scopes that are asked for unless somebody chooses; each is one of `scopes`.")
    .examples(&["read_orders"]);

/// OAuth 1: tokens are made elsewhere, so no endpoints are needed.
pub const TOKEN_AUTH: Field = Field::on_systems("token_auth", "tokenAuth", Kind::Flag, Need::Never)
    .doc("Tokens are made by hand on the other side, so there are no endpoints.");

/// OAuth 1: the tables of the three endpoints, each with its path on the wire.
pub const ENDPOINTS: [(&str, &str); 3] = [
    ("temp_credential_endpoint", "tempCredentialEndpoint"),
    ("resource_owner_authorization_endpoint", "resourceOwnerAuthorizationEndpoint"),
    ("token_endpoint", "tokenEndpoint"),
];

const PLACES: &[&str] = &["query", "header", "cookie"];

const TRANSMISSIONS: &[(&str, &str)] = &[
    ("authorization-header", "AUTH_STYLE_AUTHORIZATION_HEADER"),
    ("form", "AUTH_STYLE_FORM"),
    ("query", "AUTH_STYLE_QUERY"),
];

/// One auth scheme.
#[derive(Debug)]
pub struct Scheme {
    /// Its name in `type` and `schemeType`.
    pub name: &'static str,
    /// The member of the platform dialect's object that holds its fields.
    pub member: &'static str,
    /// What it is, in a line.
    pub doc: &'static str,
    /// The only kind of owner that has it; nothing where both have.
    pub only_on: Option<OwnerKind>,
    /// Its fields beside `type` and `description`.
    pub fields: &'static [Field],
}

impl Scheme {
    const fn new(name: &'static str, member: &'static str, doc: &'static str, fields: &'static [Field]) -> Self {
        Self { name, member, doc, only_on: None, fields }
    }

    /// Whether configs of this kind of owner can be of it.
    pub fn is_on(&self, kind: OwnerKind) -> bool {
        self.only_on.is_none_or(|only| only == kind)
    }
}

/// Every scheme that can be declared. Fields are in the order in which files are best read.
pub const SCHEMES: [Scheme; 7] = [
    Scheme::new("none", "none", "Nothing is asked for.", &[]),
    Scheme::new(
        "api-key",
        "apiKey",
        "One long-lived key, in a header, the query or a cookie.",
        &[
            Field::new("name", "name", Kind::Name, Need::Always)
                .doc("What the header, parameter or cookie is called.")
                .examples(&["X-Shopify-Access-Token"]),
            Field::new("in", "in", Kind::Choice(PLACES), Need::Always).doc("Where in a request it goes."),
        ],
    ),
    Scheme::new("basic-auth", "basicAuth", "User name and password with every request.", &[]),
    Scheme::new(
        "oauth2",
        "oauth2",
        "OAuth 2: users or clients get tokens.",
        &[
            Field::new("authorize_url", "authorizeUrl", Kind::Url, Need::OnConnectors)
                .doc("Where users are sent to log in and agree. Required on connectors.")
                .examples(&["https://accounts.example.com/oauth/authorize"]),
            Field::new("token_url", "tokenUrl", Kind::Url, Need::Always)
                .doc("Where tokens are fetched.")
                .examples(&["https://accounts.example.com/oauth/token"]),
            SCOPES,
            DEFAULT_SCOPES,
            Field::new("additional_authorize_params", "additionalAuthorizeParams", Kind::Query, Need::Never)
                .doc("Parameters that are added to authorize_url. They may hold no secret.")
                .examples(&["access_mode=offline"]),
            Field::new("additional_token_params", "additionalTokenParams", Kind::Query, Need::Never)
                .doc("Parameters that are added to requests for tokens. They may hold no secret.")
                .examples(&["audience=https%3A%2F%2Fapi.example.com"]),
            Field::on_systems("pkce", "pkce", Kind::Flag, Need::Never)
                .doc("Whether codes are bound to who asked for them (PKCE). Only on systems."),
            Field::new("mtls_enabled", "mtlsEnabled", Kind::Flag, Need::Never)
                .doc("Whether the client shows its certificate too."),
            Field::new("mtls_credential_id", "mtlsCredentialId", Kind::Name, Need::Never)
                .doc("The certificate that it shows: a credential's id. The platform assigns one by itself.")
                .examples(&["01J0CRED000000000000000000"]),
            GRANT_TYPE,
            CLIENT_ID,
            CLIENT_SECRET,
        ],
    ),
    Scheme {
        name: "oauth1",
        member: "oauth1",
        doc: "OAuth 1.0a. Only on systems.",
        only_on: Some(OwnerKind::System),
        fields: &[
            Field::on_systems("consumer_key", "consumerKey", Kind::Name, Need::Always)
                .doc("Who asks: the consumer's key.")
                .examples(&["abc"]),
            Field::on_systems("consumer_secret", "consumerSecret", Kind::Secret, Need::ToWrite)
                .doc("Where the consumer's secret is. The platform needs it for every change.")
                .examples(&["CONSUMER_SECRET"]),
            Field::on_systems("signature_method", "signatureMethod", Kind::Choice(&["sha1", "sha256"]), Need::Always)
                .doc("How requests are signed."),
            TOKEN_AUTH,
            endpoint_url("temp_credential_endpoint.url", "tempCredentialEndpoint.url"),
            transmission(
                "temp_credential_endpoint.parameter_transmission",
                "tempCredentialEndpoint.parameterTransmission",
            ),
            parameters("temp_credential_endpoint.additional_params", "tempCredentialEndpoint.additionalParamConfigs"),
            endpoint_url("resource_owner_authorization_endpoint.url", "resourceOwnerAuthorizationEndpoint.url"),
            transmission(
                "resource_owner_authorization_endpoint.parameter_transmission",
                "resourceOwnerAuthorizationEndpoint.parameterTransmission",
            ),
            parameters(
                "resource_owner_authorization_endpoint.additional_params",
                "resourceOwnerAuthorizationEndpoint.additionalParamConfigs",
            ),
            endpoint_url("token_endpoint.url", "tokenEndpoint.url"),
            transmission("token_endpoint.parameter_transmission", "tokenEndpoint.parameterTransmission"),
            parameters("token_endpoint.additional_params", "tokenEndpoint.additionalParamConfigs"),
        ],
    },
    Scheme::new(
        "hmac",
        "hmac",
        "Every request is signed with a shared secret.",
        &[
            Field::new("name", "name", Kind::Name, Need::Always)
                .doc("What the header, parameter or cookie is called.")
                .examples(&["X-Signature"]),
            Field::new("in", "in", Kind::Choice(PLACES), Need::Always).doc("Where in a request it goes."),
            Field::new("algorithm", "algorithm", Kind::Choice(&["sha1", "sha256", "sha512"]), Need::Always)
                .doc("How the signature is made."),
            Field::new("digest_inputs", "digestInputs", Kind::Choices(&["body", "url"]), Need::Always)
                .doc("What is signed, in this order.")
                .examples(&["body", "url"]),
            Field::on_systems("encoding", "encoding", Kind::NewerChoice(&["hex", "base64", "base64url"]), Need::Always)
                .doc("How the signature is written. Only on systems."),
        ],
    ),
    Scheme::new("certificate", "certificate", "A client certificate.", &[]),
];

const fn endpoint_url(name: &'static str, wire: &'static str) -> Field {
    Field::on_systems(name, wire, Kind::UrlTemplate, Need::Never)
        .doc("Its address; it may hold {placeholders}.")
        .examples(&["https://{account}.example.com/token"])
}

const fn transmission(name: &'static str, wire: &'static str) -> Field {
    Field::on_systems(name, wire, Kind::Word(TRANSMISSIONS), Need::Never).doc("How parameters are sent.")
}

const fn parameters(name: &'static str, wire: &'static str) -> Field {
    Field::on_systems(name, wire, Kind::Parameters, Need::Never).doc("Further parameters, in order.")
}

/// The scheme of a type, if it can be declared.
pub fn scheme(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name == name)
}

/// Every field that a config of this type has on this kind of owner; of an unknown type, the common ones.
pub fn fields_of(type_name: &str, kind: OwnerKind) -> impl Iterator<Item = &'static Field> {
    let own: &'static [Field] = scheme(type_name).map_or(&[], |scheme| scheme.fields);
    [&DESCRIPTION, &TYPE].into_iter().chain(own.iter().filter(move |field| field.is_on(kind)))
}

/// The field of this name, whatever the type: names mean the same in every scheme.
pub fn field_named(name: &str) -> Option<&'static Field> {
    let own = SCHEMES.iter().flat_map(|scheme| scheme.fields);
    [&DESCRIPTION, &TYPE].into_iter().chain(own).find(|field| field.name == name)
}
