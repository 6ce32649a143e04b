//! The connect API's dialect, `/connect/v1`: connectors and their auth scheme configs, flat and told
//! apart by `schemeType`.

use reqwest::Method;
use serde_json::{Map, Value};

use super::request::Request;
use crate::model::auth_scheme_config::{TYPE, fields_of};
use crate::model::observed::{LiveConfig, config_fields};
use crate::model::plan::ConfigStep;

const API: &[&str] = &["connect", "v1"];

pub(super) fn get_connector(id: &str) -> Request {
    Request::new(Method::GET, API, ["connectors", id])
}

/// The live object with the declared fields laid over it.
pub(super) fn put_config(step: &ConfigStep) -> Request {
    let type_name = step.fields.get(TYPE.name).and_then(Value::as_str).unwrap_or_default();
    let same_type = step.base.get("schemeType").and_then(Value::as_str) == Some(type_name);
    // Another type's members mean nothing to this one.
    let keep = |key: &str| same_type || key == "description";
    let mut body: Map<String, Value> =
        step.base.iter().filter(|(key, _)| keep(key)).map(|(key, value)| (key.clone(), value.clone())).collect();
    body.insert("id".to_owned(), Value::String(step.id.clone()));
    body.insert("schemeType".to_owned(), Value::String(type_name.to_owned()));
    for field in fields_of(type_name).filter(|field| field.name != TYPE.name) {
        if let Some(value) = step.fields.get(field.name) {
            body.insert(field.wire.to_owned(), value.clone());
        }
    }
    Request::new(Method::PUT, API, ["connectors", &step.owner.id, "auth-scheme-configs", &step.id])
        .body(Value::Object(body))
}

pub(super) fn delete_config(connector: &str, id: &str) -> Request {
    Request::new(Method::DELETE, API, ["connectors", connector, "auth-scheme-configs", id])
}

/// A config out of an answer; nothing where it has no type or no id.
pub(super) fn read_config(raw: Map<String, Value>) -> Option<LiveConfig> {
    let type_name = raw.get("schemeType")?.as_str()?;
    let id = raw.get("id")?.as_str()?.to_owned();
    let fields = config_fields(type_name, &raw);
    Some(LiveConfig { id, fields, raw })
}
