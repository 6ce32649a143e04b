//! The connect API's dialect, `/connect/v1`: connectors and their auth scheme configs, flat and told
//! apart by `schemeType`.

use reqwest::Method;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::request::Request;
use super::scheme;
use crate::model::address::OwnerKind;
use crate::model::observed::{LiveConfig, Raw, Remark, config_fields};
use crate::model::plan::ConfigStep;

const API: &[&str] = &["connect", "v1"];

pub(super) fn get_connector(id: &str) -> Request {
    Request::new(Method::GET, API, ["connectors", id])
}

/// The live object with the declared fields laid over it.
pub(super) fn put_config(step: &ConfigStep, organisation: &str) -> Request {
    let type_name = scheme::type_of(step);
    let same_type = step.base.get("schemeType").and_then(Value::as_str) == Some(type_name);
    // Another type's members mean nothing to this one.
    let keep = |key: &str| same_type || key == "description";
    let live = step.base.iter().filter(|(key, _)| keep(key)).map(|(key, value)| (key.clone(), value.clone()));
    let mut body = with_grant_type(live.collect(), "grantType", "type", scheme::grant_from_wire);
    body.insert("id".to_owned(), Value::String(step.id.clone()));
    body.insert("schemeType".to_owned(), Value::String(type_name.to_owned()));
    scheme::lay_over(&mut body, step, organisation);
    let once = scheme::makes_credential(&body);
    let body = with_grant_type(body, "type", "grantType", scheme::connect_grant);
    Request::new(Method::PUT, API, ["connectors", &step.owner.id, "auth-scheme-configs", &step.id])
        .body(Value::Object(body))
        .once_only(once)
}

/// Calls the grant's type by another key and word.
fn with_grant_type(mut member: Map<String, Value>, from: &str, to: &str, word: fn(&str) -> &str) -> Map<String, Value> {
    if let Some(Value::Object(grant)) = member.get_mut("grant")
        && let Some(Value::String(found)) = grant.remove(from)
    {
        grant.insert(to.to_owned(), word(&found).into());
    }
    member
}

pub(super) fn delete_config(connector: &str, id: &str) -> Request {
    Request::new(Method::DELETE, API, ["connectors", connector, "auth-scheme-configs", id])
}

/// A config out of an answer; nothing where it has no type or no id.
pub(super) fn read_config(raw: Raw) -> Option<LiveConfig> {
    let member = with_grant_type(raw.members(), "grantType", "type", scheme::grant_from_wire);
    let id = member.get("id")?.as_str()?.to_owned();
    let fields = config_fields(member.get("schemeType")?.as_str()?, OwnerKind::Connector, &member);
    Some(LiveConfig { id, fields, raw })
}

/// What the platform remarks on the config `id` of a connector in an answer.
pub(super) fn remarks(configs: &[Box<RawValue>], id: &str) -> Vec<Remark> {
    let mut configs = configs.iter().filter_map(|raw| serde_json::from_str::<Map<String, Value>>(raw.get()).ok());
    let config = configs.find(|config| config.get("id").and_then(Value::as_str) == Some(id));
    config.as_ref().map(scheme::remarks).unwrap_or_default()
}
