//! Writes stored auth scheme configs out again, in the dialect of the API that asks.

use serde_json::{Map, Value, json};

use super::schemes::{Dialect, Kind};

/// One stored auth scheme config: the canonical fields (see [`super::schemes`]) without any secret.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) id: String,
    pub(super) kind: Kind,
    pub(super) fields: Map<String, Value>,
    /// The credential behind it, where the type has one.
    pub(super) credential: Option<String>,
}

/// The config as an answer shows it. Secrets are not in it, because they are not in what is stored.
pub(super) fn render(dialect: Dialect, config: &Config) -> Value {
    let mut fields = config.fields.clone();
    fields.insert("id".to_owned(), config.id.as_str().into());
    if let Some(Value::Object(grant)) = fields.remove("grant") {
        fields.insert("grant".to_owned(), render_grant(dialect, grant));
    }
    let messages = messages(config);
    if !messages.is_empty() {
        fields.insert("validationMessages".to_owned(), messages.into());
    }
    match dialect {
        // The top-level id is in one published version only; showing it suits readers of both.
        Dialect::Platform => {
            json!({"id": config.id, "type": config.kind.tag(), config.kind.member(): fields})
        }
        Dialect::Connect => {
            fields.insert("schemeType".to_owned(), config.kind.tag().into());
            fields.into()
        }
    }
}

fn render_grant(dialect: Dialect, mut grant: Map<String, Value>) -> Value {
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
