//! The rules for auth scheme configs and for the credentials behind them.

use std::fmt;

use serde_json::{Map, Value};

use super::answer::Refusal;
use super::form::{clean_object, merge};
use super::schemes::{self, Dialect, Kind, Sent};
use super::wire::{Config, rendered};
use super::world::{World, path_id};

/// What an auth scheme config belongs to; an id means something only within its owner. Holds the
/// owner's id, and so decides which of the two APIs and dialects is spoken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A system of the platform API.
    System(String),
    /// A connector of the connect API.
    Connector(String),
}

/// What the platform keeps apart from a config, because part of it is secret.
#[derive(Clone)]
pub(super) struct Credential {
    kind: Kind,
    client: Option<String>,
    secret: Option<String>,
}

impl World {
    /// The auth scheme configs of an owner, as its API shows them, in the order of creation. Empty
    /// when there is no such owner.
    pub fn configs(&self, owner: &Owner) -> Vec<Value> {
        let configs = self.configs_of(owner).into_iter().flatten();
        configs.map(rendered).collect()
    }

    /// One auth scheme config, as its API shows it.
    pub fn config(&self, owner: &Owner, id: &str) -> Option<Value> {
        self.stored(owner, id).map(rendered)
    }

    /// The client secret or consumer secret that the platform holds for a config. No answer ever shows
    /// it; this is how a test learns that it has arrived.
    pub fn secret(&self, owner: &Owner, id: &str) -> Option<&str> {
        let credential = self.stored(owner, id)?.credential.as_ref()?;
        self.credentials.get(credential)?.secret.as_deref()
    }

    /// Changes a config as somebody else would, behind the client's back and past every rule: a JSON
    /// merge patch on its fields, which are named as in the connect dialect (flat, also `pkce` and
    /// `encoding`), with a grant `{type, clientId, …}`. `false` when there is none of that id.
    pub fn edit_config(&mut self, owner: &Owner, id: &str, patch: &Value) -> bool {
        let stored = self.configs_of_mut(owner).and_then(|all| all.iter_mut().find(|it| it.id == id));
        let (Some(config), Value::Object(patch)) = (stored, patch) else {
            return false;
        };
        merge(config.fields_mut(), patch.clone());
        true
    }

    /// `PUT …/auth-scheme-configs/{id}`: creates or updates, and answers the config.
    ///
    /// A config whose grant names its credential is merged; any other is replaced. A secret that is
    /// not sent is kept wherever the credential is.
    ///
    /// # Errors
    ///
    /// 404 for an unknown owner, 400 for a body that is not valid, also when it names a credential that
    /// does not exist.
    pub fn put_config(&mut self, owner: &Owner, id: &str, body: &Value) -> Result<Value, Refusal> {
        let owner = self.owner(owner)?;
        let sent = schemes::read(owner.dialect(), id, body)?;
        let old = self.stored(&owner, id).cloned();
        let config = self.settle(owner.dialect(), id, sent, old)?;
        let now = self.mint.now();
        if let Owner::Connector(connector) = &owner
            && let Some(connector) = self.connectors.get_mut(connector)
        {
            connector.updated_at = now;
        }
        let configs = self.configs_of_mut(&owner).ok_or_else(|| Refusal::absent("owner"))?;
        match configs.iter_mut().find(|known| known.id == id) {
            Some(known) => *known = config,
            None => configs.push(config),
        }
        link_certificates(configs);
        self.config(&owner, id).ok_or_else(|| Refusal::absent("auth scheme config"))
    }

    /// `DELETE …/auth-scheme-configs/{id}`. Is not refused for a config in use: the templates that name
    /// it lose it. Its credential stays.
    ///
    /// # Errors
    ///
    /// 404 for an unknown owner or config.
    pub fn delete_config(&mut self, owner: &Owner, id: &str) -> Result<(), Refusal> {
        let owner = self.owner(owner)?;
        let configs = self.configs_of_mut(&owner).ok_or_else(|| Refusal::absent("owner"))?;
        let place = configs.iter().position(|config| config.id == id);
        configs.remove(place.ok_or_else(|| Refusal::absent("auth scheme config"))?);
        if let Owner::System(system) = &owner {
            self.templates.unlist(system, id);
        }
        Ok(())
    }

    fn stored(&self, owner: &Owner, id: &str) -> Option<&Config> {
        self.configs_of(owner)?.iter().find(|config| config.id == id)
    }

    /// The owner in its canonical spelling, if it exists.
    fn owner(&self, owner: &Owner) -> Result<Owner, Refusal> {
        let (owner, what) = match owner {
            Owner::System(id) => (Owner::System(path_id("system_id", id)?), "system"),
            Owner::Connector(id) => (Owner::Connector(path_id("connector_id", id)?), "connector"),
        };
        if self.configs_of(&owner).is_none() {
            return Err(Refusal::absent(what));
        }
        Ok(owner)
    }

    /// Brings what was sent together with its credential.
    fn settle(&mut self, dialect: Dialect, id: &str, sent: Sent, old: Option<Config>) -> Result<Config, Refusal> {
        let kind = sent.kind;
        let old = old.filter(|old| old.kind == kind);
        let (mut fields, credential) = match kind {
            Kind::OAuth2 => self.settle_oauth2(sent, old)?,
            Kind::OAuth1 => self.settle_oauth1(sent, old)?,
            // What mTLS links to. It has no field of its own in a certificate config.
            Kind::Certificate => {
                let known = old.and_then(|old| old.credential);
                let credential = known.unwrap_or_else(|| self.add_credential(kind, None, None));
                (sent.fields, Some(credential))
            }
            Kind::None | Kind::ApiKey | Kind::BasicAuth | Kind::Hmac => (sent.fields, None),
        };
        clean_object(&mut fields);
        Ok(Config::new(dialect, id, kind, fields, credential))
    }

    /// The published rule for grants with a credential: without ids a new credential is created; with
    /// both, the credential and the config are merged; anything else was refused when it was read.
    fn settle_oauth2(
        &mut self,
        sent: Sent,
        old: Option<Config>,
    ) -> Result<(Map<String, Value>, Option<String>), Refusal> {
        let mut fields = sent.fields;
        let grant = |name: &str| fields.get("grant").and_then(|grant| grant.get(name)).cloned();
        if grant("type").as_ref().and_then(Value::as_str) == Some("clientCredentials") {
            return Ok((fields, None));
        }
        let client = grant("clientId");
        let (Some(Value::String(named)), Some(organisation)) = (grant("credentialId"), grant("organisationId")) else {
            let credential = self.add_credential(Kind::OAuth2, text(client), text(sent.secret));
            if let Some(Value::Object(grant)) = fields.get_mut("grant") {
                grant.insert("credentialId".to_owned(), credential.as_str().into());
                grant.insert("organisationId".to_owned(), self.organisation.as_str().into());
            }
            return Ok((fields, Some(credential)));
        };
        let ours = organisation == self.organisation.as_str();
        let known = self.credentials.get_mut(&named).filter(|known| ours && known.kind == Kind::OAuth2);
        let Some(known) = known else {
            let field = format!("{}.credentialId", sent.credential_path);
            return Err(Refusal::field(field, "is not a credential of that organisation"));
        };
        // Absent stays, null goes.
        if let Some(client) = client {
            known.client = text(Some(client));
        }
        if let Some(secret) = sent.secret {
            known.secret = text(Some(secret));
        }
        let mut merged = old.map(|old| old.fields().clone()).unwrap_or_default();
        merge(&mut merged, fields);
        if let (Some(Value::Object(grant)), Some(client)) = (merged.get_mut("grant"), &known.client) {
            // A config that is made anew on a known credential learns the client id from it.
            grant.entry("clientId").or_insert_with(|| client.as_str().into());
        }
        Ok((merged, Some(named)))
    }

    /// OAuth 1: the server assigns the credential once, and it stays with the config.
    fn settle_oauth1(
        &mut self,
        sent: Sent,
        old: Option<Config>,
    ) -> Result<(Map<String, Value>, Option<String>), Refusal> {
        let mut fields = sent.fields;
        let consumer = fields.get("consumerKey").cloned();
        let known = old.and_then(|old| old.credential);
        if let Some(named) = fields.get("credentialId").and_then(Value::as_str)
            && known.as_deref() != Some(named)
        {
            return Err(Refusal::field(sent.credential_path, "is assigned by the platform"));
        }
        let secret = text(sent.secret);
        let credential = match known {
            Some(known) => {
                if let Some(credential) = self.credentials.get_mut(&known) {
                    credential.client = text(consumer);
                    credential.secret = secret.or_else(|| credential.secret.take());
                }
                known
            }
            None if secret.is_none() => {
                return Err(Refusal::field("oauth1.consumerSecret", "is required"));
            }
            None => self.add_credential(Kind::OAuth1, text(consumer), secret),
        };
        fields.insert("credentialId".to_owned(), credential.as_str().into());
        Ok((fields, Some(credential)))
    }

    fn add_credential(&mut self, kind: Kind, client: Option<String>, secret: Option<String>) -> String {
        let id = self.mint.id();
        self.credentials.insert(id.clone(), Credential { kind, client, secret });
        if kind != Kind::Certificate {
            self.credentials_made += 1;
        }
        id
    }
}

impl Owner {
    pub(super) fn dialect(&self) -> Dialect {
        match self {
            Owner::System(_) => Dialect::Platform,
            Owner::Connector(_) => Dialect::Connect,
        }
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// mTLS without a credential gets the one of the first certificate config of the same owner, whichever
/// of the two comes first.
fn link_certificates(configs: &mut [Config]) {
    let mut certificates = configs.iter().filter(|config| config.kind == Kind::Certificate);
    let Some(certificate) = certificates.find_map(|config| config.credential.clone()) else {
        return;
    };
    for config in configs.iter_mut().filter(|config| config.kind == Kind::OAuth2) {
        let enabled = config.fields().get("mtlsEnabled") == Some(&Value::Bool(true));
        if enabled && !config.fields().contains_key("mtlsCredentialId") {
            config.fields_mut().insert("mtlsCredentialId".to_owned(), certificate.as_str().into());
        }
    }
}

fn text(value: Option<Value>) -> Option<String> {
    match value {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}
