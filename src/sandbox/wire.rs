//! Writes stored auth scheme configs out again, in the dialect of the API that asks.

use std::sync::OnceLock;

use serde::Serialize;
use serde::ser::{Error as _, SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use super::schemes::{Dialect, Kind};

/// One stored auth scheme config: the canonical fields (see [`super::schemes`]) without any secret. As an answer, it is
/// in the dialect of its owner's API. Secrets are not in it, because they are not in what is stored.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) id: String,
    pub(super) kind: Kind,
    /// The credential behind it, where the type has one.
    pub(super) credential: Option<String>,
    dialect: Dialect,
    fields: Map<String, Value>,
    /// What answers show, once one has: lists show thousands of them again and again.
    written: OnceLock<Box<RawValue>>,
}

impl Config {
    pub(super) fn new(
        dialect: Dialect,
        id: &str,
        kind: Kind,
        fields: Map<String, Value>,
        credential: Option<String>,
    ) -> Self {
        Self { id: id.to_owned(), kind, credential, dialect, fields, written: OnceLock::new() }
    }

    pub(super) fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    pub(super) fn fields_mut(&mut self) -> &mut Map<String, Value> {
        self.written.take();
        &mut self.fields
    }
}

impl Serialize for Config {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(written) = self.written.get() {
            return written.serialize(serializer);
        }
        let written = to_raw_value(&Shown(self)).map_err(S::Error::custom)?;
        self.written.get_or_init(|| written).serialize(serializer)
    }
}

struct Shown<'c>(&'c Config);

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(config) = self;
        if config.dialect == Dialect::Connect {
            return Fields(config).serialize(serializer);
        }
        let mut map = serializer.serialize_map(Some(3))?;
        // The top-level id is in one published version only; showing it suits readers of both.
        map.serialize_entry("id", &config.id)?;
        map.serialize_entry("type", config.kind.tag())?;
        map.serialize_entry(config.kind.member(), &Fields(config))?;
        map.end()
    }
}

struct Fields<'c>(&'c Config);

impl Serialize for Fields<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(config) = self;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("id", &config.id)?;
        for (name, value) in config.fields.iter().filter(|(name, _)| *name != "id") {
            match value {
                Value::Object(grant) if name == "grant" => {
                    map.serialize_entry(name, &shown_grant(config.dialect, grant))?;
                }
                _ => map.serialize_entry(name, value)?,
            }
        }
        let messages = messages(config);
        if !messages.is_empty() {
            map.serialize_entry("validationMessages", &messages)?;
        }
        if config.dialect == Dialect::Connect {
            map.serialize_entry("schemeType", config.kind.tag())?;
        }
        map.end()
    }
}

/// A part of an answer as a value.
pub(super) fn rendered(shown: &impl Serialize) -> Value {
    serde_json::to_value(shown).unwrap_or_default()
}

fn shown_grant(dialect: Dialect, grant: &Map<String, Value>) -> Value {
    let mut grant = grant.clone();
    let Some(Value::String(kind)) = grant.remove("type") else {
        return grant.into();
    };
    match dialect {
        Dialect::Platform => json!({"type": kind, kind: grant}),
        Dialect::Connect => {
            grant.insert("grantType".to_owned(), dialect.grant(&kind).into());
            grant.into()
        }
    }
}

/// What the platform remarks on a config that it accepts. The documents give no examples: these are
/// chosen so that a client has something of each sort to show.
fn messages(config: &Config) -> Vec<Value> {
    let mut messages = Vec::new();
    let text = |name: &str| config.fields.get(name).and_then(Value::as_str);
    let mut say = |severity: &str, text: &str, detail: &[&str]| {
        let mut message = json!({"text": text, "severity": severity});
        if !detail.is_empty() {
            message["detail"] = json!(detail);
        }
        messages.push(message);
    };
    match config.kind {
        Kind::OAuth2 => {
            let plain: Vec<&str> = ["tokenUrl", "authorizeUrl"]
                .into_iter()
                .filter(|name| text(name).is_some_and(|url| url.starts_with("http://")))
                .collect();
            if !plain.is_empty() {
                say("warning", "OAuth 2.0 without TLS sends the client secret in the clear", &plain);
            }
            let flag = |name: &str| config.fields.get(name) == Some(&Value::Bool(true));
            if flag("mtlsEnabled") && text("mtlsCredentialId").is_none() {
                say("warning", "mTLS is enabled, but there is no certificate to link", &[]);
            }
            let grant = config.fields.get("grant");
            let in_grant = |name: &str| grant.and_then(|grant| grant.get(name)).and_then(Value::as_str);
            if in_grant("credentialId").is_some() && in_grant("clientId").is_none() {
                say("warning", "the grant has no client id", &[]);
            }
            if in_grant("type") == Some("password") {
                say("info", "the password grant is deprecated by OAuth 2.1", &[]);
            }
        }
        Kind::Hmac | Kind::OAuth1 => {
            if [text("algorithm"), text("signatureMethod")].contains(&Some("sha1")) {
                say("info", "SHA-1 is outdated: use it only where the system knows nothing else", &[]);
            }
        }
        Kind::None | Kind::ApiKey | Kind::BasicAuth | Kind::Certificate => {}
    }
    messages
}
