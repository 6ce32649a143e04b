//! What an auth scheme config may look like when it is sent, in both dialects.
//!
//! The two APIs describe the same things differently. Both are read into one form: the fields by the
//! API's own names, with a flat grant `{type, clientId, credentialId, organisationId}` that uses the
//! platform dialect's grant names. [`super::wire`] writes that form out again.

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::form::{self, Form, Optional, Required};

const PLACES: [&str; 3] = ["query", "header", "cookie"];
const GRANTS: [(&str, &str); 3] = [
    ("authorizationCode", "authorization_code"),
    ("clientCredentials", "client_credentials"),
    ("password", "password"),
];

/// Which of the two APIs speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `/v2`: `type` names the one member object that is filled.
    Platform,
    /// `/connect/v1`: flat, discriminated by `schemeType`.
    Connect,
}

/// The types with a published shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    None,
    ApiKey,
    BasicAuth,
    OAuth2,
    OAuth1,
    Hmac,
    Certificate,
}

impl Kind {
    const ALL: [Kind; 7] =
        [Kind::None, Kind::ApiKey, Kind::BasicAuth, Kind::OAuth2, Kind::OAuth1, Kind::Hmac, Kind::Certificate];

    /// The value of `type` or `schemeType`.
    pub(super) fn tag(self) -> &'static str {
        self.names().0
    }

    /// The member that the platform dialect fills.
    pub(super) fn member(self) -> &'static str {
        self.names().1
    }

    fn names(self) -> (&'static str, &'static str) {
        match self {
            Kind::None => ("none", "none"),
            Kind::ApiKey => ("api-key", "apiKey"),
            Kind::BasicAuth => ("basic-auth", "basicAuth"),
            Kind::OAuth2 => ("oauth2", "oauth2"),
            Kind::OAuth1 => ("oauth1", "oauth1"),
            Kind::Hmac => ("hmac", "hmac"),
            Kind::Certificate => ("certificate", "certificate"),
        }
    }
}

impl Dialect {
    fn speaks(self, kind: Kind) -> bool {
        self == Dialect::Platform || kind != Kind::OAuth1
    }

    /// Types that the lists name, but for which nothing is published.
    fn shapeless(self) -> &'static [&'static str] {
        match self {
            Dialect::Platform => &["jwt-bearer", "secret"],
            Dialect::Connect => &["google-service-account", "jwt-bearer", "custom-function"],
        }
    }

    /// The name of a grant type on the wire.
    pub(super) fn grant(self, canonical: &str) -> &str {
        let pair = GRANTS.iter().find(|pair| pair.0 == canonical);
        match (self, pair) {
            (Dialect::Connect, Some((_, connect))) => connect,
            _ => canonical,
        }
    }
}

/// An auth scheme config as it was sent, valid in itself. Whether its credential exists is not known yet.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) kind: Kind,
    /// Everything but the id and the secret. Optional fields that were sent empty are null.
    pub(super) fields: Map<String, Value>,
    /// The client secret or consumer secret; null when it was sent empty.
    pub(super) secret: Option<Value>,
    /// Where the credential's fields stand in the body, for errors: `oauth2.grant.password`.
    pub(super) credential_path: String,
}

/// Reads the body of a PUT to `…/auth-scheme-configs/{id}`.
pub(super) fn read(dialect: Dialect, id: &str, body: &Value) -> Result<Sent, Refusal> {
    let sent = form::body(body, |form| match dialect {
        Dialect::Platform => platform(form, id),
        Dialect::Connect => connect(form, id),
    })?;
    // Without a type the form has noted a problem, so this is never reached empty-handed.
    sent.ok_or_else(|| Refusal::unreadable("the auth scheme config has no type"))
}

fn platform(form: &mut Form<'_>, id: &str) -> Option<Sent> {
    // One published version lists an `id` beside `type`; it may be there, and then has to agree.
    if form.has("id") {
        same_id(form, id);
    }
    let kind = kind(form, Dialect::Platform, "type")?;
    for other in Kind::ALL.iter().filter(|other| **other != kind) {
        if form.has(other.member()) {
            form.wrong(other.member(), "must be absent: type names another member");
        }
    }
    form.object(kind.member(), Required, |form| {
        same_id(form, id);
        scheme(form, Dialect::Platform, kind)
    })
}

fn connect(form: &mut Form<'_>, id: &str) -> Option<Sent> {
    same_id(form, id);
    let kind = kind(form, Dialect::Connect, "schemeType")?;
    Some(scheme(form, Dialect::Connect, kind))
}

fn same_id(form: &mut Form<'_>, id: &str) {
    if form.text("id", Required).is_some_and(|sent| sent != id) {
        form.wrong("id", "must equal the id in the path");
    }
}

fn kind(form: &mut Form<'_>, dialect: Dialect, discriminator: &str) -> Option<Kind> {
    let tag = form.text(discriminator, Required)?;
    let found = Kind::ALL.into_iter().find(|kind| dialect.speaks(*kind) && kind.tag() == tag);
    if found.is_none() {
        let message = if dialect.shapeless().contains(&tag.as_str()) {
            "has no published shape and cannot be declared".to_owned()
        } else {
            let tags: Vec<&str> = Kind::ALL.into_iter().filter(|kind| dialect.speaks(*kind)).map(Kind::tag).collect();
            format!("must be one of {}", tags.join(", "))
        };
        form.wrong(discriminator, message);
    }
    found
}

fn scheme(form: &mut Form<'_>, dialect: Dialect, kind: Kind) -> Sent {
    form.any_text("description");
    let (mut secret, mut credential_path) = (None, String::new());
    match kind {
        Kind::None | Kind::BasicAuth | Kind::Certificate => {}
        Kind::ApiKey => {
            form.text("name", Required);
            form.one_of("in", Required, &PLACES);
        }
        Kind::OAuth2 => (secret, credential_path) = oauth2(form, dialect),
        Kind::OAuth1 => {
            secret = oauth1(form);
            credential_path = form.at("credentialId");
        }
        Kind::Hmac => {
            form.text("name", Required);
            form.one_of("in", Required, &PLACES);
            form.one_of("algorithm", Required, &["sha1", "sha256", "sha512"]);
            form.texts("digestInputs", Required, &["body", "url"]);
            if dialect == Dialect::Platform {
                form.one_of("encoding", Required, &["hex", "base64", "base64url"]);
            }
        }
    }
    let mut fields = form.take();
    for name in ["id", "type", "schemeType"] {
        fields.remove(name);
    }
    Sent { kind, fields, secret, credential_path }
}

fn oauth2(form: &mut Form<'_>, dialect: Dialect) -> (Option<Value>, String) {
    form.url("tokenUrl", Required);
    form.url("authorizeUrl", if dialect == Dialect::Connect { Required } else { Optional });
    form.objects("scopes", Required, |scope| {
        scope.text("name", Required);
        scope.text("description", Optional);
    });
    form.texts("defaultScopes", Required, &[]);
    form.text("additionalAuthorizeParams", Optional);
    form.text("additionalTokenParams", Optional);
    form.flag("mtlsEnabled", Optional);
    form.text("mtlsCredentialId", Optional);
    if dialect == Dialect::Platform {
        form.flag("pkce", Optional);
    }
    form.object("grant", Required, |form| match dialect {
        Dialect::Platform => nested_grant(form),
        Dialect::Connect => flat_grant(form),
    })
    .unwrap_or_default()
}

/// `{type: "password", password: {…}}` → `{type: "password", …}`
fn nested_grant(form: &mut Form<'_>) -> (Option<Value>, String) {
    let names = GRANTS.map(|(platform, _)| platform);
    let Some(chosen) = form.one_of("type", Required, &names) else {
        return Default::default();
    };
    for other in names.iter().filter(|other| **other != chosen) {
        if form.has(other) {
            form.wrong(other, "must be absent: type names another grant");
        }
    }
    let path = form.at(&chosen);
    let member = form.object(&chosen, Required, |form| {
        let secret = if chosen == "clientCredentials" { None } else { credential(form) };
        (secret, form.take())
    });
    let (secret, fields) = member.unwrap_or_default();
    form.take();
    form.lay("type", chosen.into());
    for (name, value) in fields {
        form.lay(&name, value);
    }
    (secret, path)
}

fn flat_grant(form: &mut Form<'_>) -> (Option<Value>, String) {
    let Some(chosen) = form.one_of("grantType", Required, &GRANTS.map(|(_, connect)| connect)) else {
        return Default::default();
    };
    form.take();
    let secret = if chosen == "client_credentials" { None } else { credential(form) };
    let canonical = GRANTS.iter().find(|(_, connect)| *connect == chosen).map_or("", |pair| pair.0);
    form.lay("type", canonical.into());
    // The grant's own path: its fields stand flat in it.
    (secret, form.here())
}

/// The fields of a grant that has a credential. The documents require none of them by itself: what
/// they require is that the two ids come together or not at all.
fn credential(form: &mut Form<'_>) -> Option<Value> {
    form.ulid("credentialId", Optional);
    form.ulid("organisationId", Optional);
    match (form.has("credentialId"), form.has("organisationId")) {
        (true, false) => form.wrong("organisationId", "is required together with credentialId"),
        (false, true) => form.wrong("credentialId", "is required together with organisationId"),
        _ => {}
    }
    form.text("clientId", Optional);
    form.secret("clientSecret")
}

fn oauth1(form: &mut Form<'_>) -> Option<Value> {
    form.text("consumerKey", Required);
    form.one_of("signatureMethod", Required, &["sha1", "sha256"]);
    form.ulid("credentialId", Optional);
    let endpoints = if form.flag("tokenAuth", Optional) == Some(true) { Optional } else { Required };
    for name in ["tempCredentialEndpoint", "resourceOwnerAuthorizationEndpoint", "tokenEndpoint"] {
        form.object(name, endpoints, endpoint);
    }
    form.secret("consumerSecret")
}

fn endpoint(form: &mut Form<'_>) {
    // May hold placeholders anywhere, so any text will do.
    form.text("url", Required);
    let styles = ["AUTH_STYLE_AUTHORIZATION_HEADER", "AUTH_STYLE_FORM", "AUTH_STYLE_QUERY"];
    form.one_of("parameterTransmission", Optional, &styles);
    form.objects("additionalParamConfigs", Optional, |form| {
        form.text("parameterName", Required);
        form.text("targetName", Optional);
        let locations = [
            "LOCATION_IGNORE",
            "LOCATION_BODY",
            "LOCATION_HEADER",
            "LOCATION_QUERY",
            "LOCATION_ENDPOINT",
            "LOCATION_HEADER_PARAMETER",
        ];
        form.one_of("location", Required, &locations);
        let usages = ["USAGE_UNKNOWN", "USAGE_TEMP_CREDENTIAL_ENDPOINT", "USAGE_TOKEN_REQUEST_ENDPOINT"];
        form.one_of("usages", Required, &usages);
        form.flag("required", Required);
        form.flag("modifiable", Required);
    });
}
