//! What both dialects have in common about auth scheme configs: laying what is declared over what is live,
//! and the rules for a grant's credential.
//!
//! A grant is looked at in a flat form, `{type, clientId, credentialId, …}`, with the type as files write it;
//! each dialect takes its own form apart and puts it together again.

use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};

use crate::model::address::OwnerKind;
use crate::model::auth_scheme_config::{CLIENT_CREDENTIALS, ENDPOINTS, TYPE, fields_of};
use crate::model::observed::Remark;
use crate::model::plan::ConfigStep;
use crate::model::schema::{Field, Kind};

/// The grant types: as files, the platform API and the connect API write them.
const GRANTS: [(&str, &str, &str); 3] = [
    ("authorization-code", "authorizationCode", "authorization_code"),
    (CLIENT_CREDENTIALS, "clientCredentials", "client_credentials"),
    ("password", "password", "password"),
];

/// The members of a grant that has a credential.
const CREDENTIAL: [&str; 4] = ["credentialId", "organisationId", "clientId", "clientSecret"];

/// The type that a step declares.
pub(super) fn type_of(step: &ConfigStep) -> &str {
    step.fields.get(TYPE.name).and_then(Value::as_str).unwrap_or_default()
}

/// Lays the declared fields and secrets over the live members. Whatever nobody declared stays.
pub(super) fn lay_over(member: &mut Map<String, Value>, step: &ConfigStep, organisation: &str) {
    let mut gone = Vec::new();
    for field in fields_of(type_of(step), step.owner.kind).filter(|field| field.name != TYPE.name) {
        let value = match step.secrets.get(field.name) {
            Some(secret) => Some(Value::from(secret.expose_secret())),
            None => step.fields.get(field.name).map(|value| field.to_wire(value)),
        };
        match value {
            // A word that is no longer declared: none of the platform's words says so, only its absence.
            Some(value) if matches!(field.kind, Kind::Word(_)) && value == "" => unset(member, field.wire),
            // Nor is an empty text an address or an id.
            Some(value) if value == "" && may_be_absent(field, step.owner.kind) => gone.push(field.wire),
            Some(value) => set(member, field.wire, value),
            None => {}
        }
    }
    for (_, endpoint) in ENDPOINTS {
        // An endpoint that is no longer declared: without its address it is none.
        if member.get(endpoint).is_some_and(|it| it.get("url").and_then(Value::as_str).is_none_or(str::is_empty)) {
            member.remove(endpoint);
        }
    }
    if let Some(Value::Object(grant)) = member.get_mut("grant") {
        settle_credential(grant, organisation);
    }
    let is_merged = is_merged(member);
    gone.into_iter().for_each(|path| if is_merged { take_away(member, path) } else { unset(member, path) });
}

fn may_be_absent(field: &Field, kind: OwnerKind) -> bool {
    let is_text = matches!(field.kind, Kind::Text | Kind::Query | Kind::Name | Kind::Url);
    is_text && !field.is_required_on(kind)
}

/// Whether these members are merged into what is there: what they leave out stays then. Without a credential that
/// is known they replace it.
fn is_merged(member: &Map<String, Value>) -> bool {
    let grant = member.get("grant").and_then(Value::as_object);
    grant.is_some_and(|grant| grant.contains_key("credentialId"))
}

/// Takes a member away in a merge: null does.
fn take_away(object: &mut Map<String, Value>, path: &str) {
    if let Some((object, name)) = innermost(object, path) {
        object.get_mut(name).map(Value::take);
    }
}

/// The platform makes a new credential unless both ids are sent, and refuses one without the other. So
/// the ids that it has assigned are always sent back, together.
fn settle_credential(grant: &mut Map<String, Value>, organisation: &str) {
    if grant.get("type").and_then(Value::as_str) == Some(CLIENT_CREDENTIALS) {
        grant.retain(|key, _| !CREDENTIAL.contains(&key.as_str()));
        return;
    }
    let has =
        |grant: &Map<String, Value>, key: &str| grant.get(key).and_then(Value::as_str).is_some_and(|id| !id.is_empty());
    if !has(grant, "credentialId") {
        grant.remove("credentialId");
        grant.remove("organisationId");
    } else if !has(grant, "organisationId") {
        grant.insert("organisationId".to_owned(), organisation.into());
    }
}

/// Whether sending these members makes the platform assign a new credential: a second time, a second one.
pub(super) fn makes_credential(member: &Map<String, Value>) -> bool {
    let grant = member.get("grant").and_then(Value::as_object);
    grant.is_some_and(|grant| {
        grant.get("type").and_then(Value::as_str) != Some(CLIENT_CREDENTIALS) && !grant.contains_key("credentialId")
    })
}

fn unset(object: &mut Map<String, Value>, path: &str) {
    if let Some((object, name)) = innermost(object, path) {
        object.remove(name);
    }
}

/// The object that holds the member of this path, if it is there, and the member's own name.
fn innermost<'m, 'p>(
    object: &'m mut Map<String, Value>,
    path: &'p str,
) -> Option<(&'m mut Map<String, Value>, &'p str)> {
    match path.split_once('.') {
        Some((outer, inner)) => innermost(object.get_mut(outer)?.as_object_mut()?, inner),
        None => Some((object, path)),
    }
}

fn set(object: &mut Map<String, Value>, path: &str, value: Value) {
    match path.split_once('.') {
        Some((outer, inner)) => {
            let slot = object.entry(outer).or_insert_with(|| json!({}));
            if !slot.is_object() {
                *slot = json!({});
            }
            if let Value::Object(object) = slot {
                set(object, inner, value);
            }
        }
        None => {
            object.insert(path.to_owned(), value);
        }
    }
}

/// A grant type as files write it; one that is not known stays as it is.
pub(super) fn grant_from_wire(word: &str) -> &str {
    GRANTS.iter().find(|(_, platform, connect)| [*platform, *connect].contains(&word)).map_or(word, |grant| grant.0)
}

/// A grant type as the platform API writes it.
pub(super) fn platform_grant(word: &str) -> &str {
    GRANTS.iter().find(|grant| grant.0 == word).map_or(word, |grant| grant.1)
}

/// A grant type as the connect API writes it.
pub(super) fn connect_grant(word: &str) -> &str {
    GRANTS.iter().find(|grant| grant.0 == word).map_or(word, |grant| grant.2)
}

/// The platform's remarks out of a config's members.
pub(super) fn remarks(member: &Map<String, Value>) -> Vec<Remark> {
    let messages = member.get("validationMessages").and_then(Value::as_array).into_iter().flatten();
    let text = |message: &Value, key: &str| message.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    messages
        .map(|message| Remark {
            severity: text(message, "severity"),
            text: text(message, "text"),
            detail: message
                .get("detail")
                .and_then(Value::as_array)
                .into_iter()
                .flatten()
                .map(|detail| detail.as_str().map_or_else(|| detail.to_string(), str::to_owned))
                .collect(),
        })
        .collect()
}
