//! The platform API's dialect, `/v2`: projects, environments, systems, connection templates, and auth
//! scheme configs in which `type` names the one member object that is filled.

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::request::Request;
use super::scheme;
use crate::model::address::{OwnerKind, Scope};
use crate::model::auth_scheme_config;
use crate::model::observed::{LiveConfig, Raw, Remark, config_fields};
use crate::model::plan::{ConfigStep, TemplateStep};

const API: &[&str] = &["v2"];

pub(super) fn list_projects(after: Option<&str>) -> Request {
    Request::new(Method::GET, API, ["projects"]).page(after)
}

pub(super) fn list_systems(after: Option<&str>) -> Request {
    Request::new(Method::GET, API, ["systems"]).page(after)
}

pub(super) fn get_project(id: &str) -> Request {
    Request::new(Method::GET, API, ["projects", id])
}

pub(super) fn get_system(id: &str) -> Request {
    Request::new(Method::GET, API, ["systems", id])
}

pub(super) fn list_templates(scope: &Scope, after: Option<&str>) -> Request {
    let mut request = Request::new(Method::GET, API, ["projects", &scope.project, "connection-templates"]).page(after);
    request.query.push(("env_id", scope.environment.clone()));
    request
}

pub(super) fn create_template(step: &TemplateStep) -> Request {
    let body = json!({
        "systemId": step.system,
        "name": step.name,
        "environmentId": step.scope.environment,
        "dynamic": step.dynamic,
    });
    Request::new(Method::POST, API, ["projects", &step.scope.project, "connection-templates"]).body(body)
}

pub(super) fn update_template(id: &str, step: &TemplateStep) -> Request {
    let body = json!({
        "name": step.name,
        "dynamic": step.dynamic,
        "authSchemeConfigIds": step.auth_scheme_configs,
    });
    Request::new(Method::PUT, API, ["projects", &step.scope.project, "connection-templates", id]).body(body)
}

pub(super) fn delete_template(scope: &Scope, id: &str) -> Request {
    Request::new(Method::DELETE, API, ["projects", &scope.project, "connection-templates", id])
}

/// The live object with the declared fields laid over it. The id stands beside `type` as well: one
/// published version of the document requires it there.
pub(super) fn put_config(step: &ConfigStep, organisation: &str) -> Request {
    let type_name = scheme::type_of(step);
    let member_name = auth_scheme_config::scheme(type_name).map_or(type_name, |scheme| scheme.member);
    let mut member = match step.base.get(member_name).and_then(Value::as_object) {
        Some(live) => with_flat_grant(live.clone()),
        None => common_members(&step.base),
    };
    member.insert("id".to_owned(), Value::String(step.id.clone()));
    scheme::lay_over(&mut member, step, organisation);
    let once = scheme::makes_credential(&member);
    let same_type = step.base.get("type").and_then(Value::as_str) == Some(type_name);
    // Another type's member means nothing to this one, and how it is called is not always known.
    let is_member = |key: &str| auth_scheme_config::SCHEMES.iter().any(|scheme| scheme.member == key);
    let keep = |key: &str, value: &Value| !is_member(key) && (same_type || !value.is_object());
    let beside =
        step.base.iter().filter(|(key, value)| keep(key, value)).map(|(key, value)| (key.clone(), value.clone()));
    let mut body: Map<String, Value> = beside.collect();
    body.insert("id".to_owned(), Value::String(step.id.clone()));
    body.insert("type".to_owned(), Value::String(type_name.to_owned()));
    body.insert(member_name.to_owned(), Value::Object(with_nested_grant(member)));
    Request::new(Method::PUT, API, ["systems", &step.owner.id, "auth-scheme-configs", &step.id])
        .body(Value::Object(body))
        .once_only(once)
}

/// `{type: "password", password: {…}}` → `{type, …}`.
fn with_flat_grant(mut member: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(mut nested)) = member.remove("grant") {
        let word = nested.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut flat = match nested.remove(&word) {
            Some(Value::Object(flat)) => flat,
            _ => Map::new(),
        };
        flat.insert("type".to_owned(), scheme::grant_from_wire(&word).into());
        member.insert("grant".to_owned(), flat.into());
    }
    member
}

fn with_nested_grant(mut member: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(mut flat)) = member.remove("grant") {
        let word = flat.remove("type").and_then(|word| word.as_str().map(str::to_owned)).unwrap_or_default();
        let word = scheme::platform_grant(&word);
        member.insert("grant".to_owned(), json!({"type": word, word: flat}));
    }
    member
}

pub(super) fn delete_config(system: &str, id: &str) -> Request {
    Request::new(Method::DELETE, API, ["systems", system, "auth-scheme-configs", id])
}

/// A config out of an answer; nothing where it has no type or no id.
pub(super) fn read_config(raw: Raw) -> Option<LiveConfig> {
    let mut members: Map<String, Value> = raw.members();
    let id = config_id(&members)?;
    let name = member_name(&members).map(str::to_owned);
    let member = match name.and_then(|name| members.remove(&name)) {
        Some(Value::Object(member)) => with_flat_grant(member),
        _ => Map::new(),
    };
    let fields = config_fields(members.get("type")?.as_str()?, OwnerKind::System, &member);
    Some(LiveConfig { id, fields, raw })
}

/// What the platform remarks on a config in an answer.
pub(super) fn remarks(raw: &Map<String, Value>) -> Vec<Remark> {
    member_of(raw).map(scheme::remarks).unwrap_or_default()
}

/// The id of a config out of an answer.
pub(super) fn config_id(raw: &Map<String, Value>) -> Option<String> {
    let id = member_of(raw).and_then(|member| member.get("id")).or_else(|| raw.get("id"))?;
    id.as_str().map(str::to_owned)
}

fn member_of(raw: &Map<String, Value>) -> Option<&Map<String, Value>> {
    raw.get(member_name(raw)?)?.as_object()
}

/// The member that `type` names; of a type that is not known, the only object there is.
fn member_name(raw: &Map<String, Value>) -> Option<&str> {
    match auth_scheme_config::scheme(raw.get("type")?.as_str()?) {
        Some(scheme) => Some(scheme.member),
        None => raw.iter().find(|(_, value)| value.is_object()).map(|(name, _)| name.as_str()),
    }
}

/// What a config of another type keeps when its type changes.
fn common_members(raw: &Map<String, Value>) -> Map<String, Value> {
    let old = member_of(raw).into_iter().flatten();
    old.filter(|(key, _)| *key == "description").map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::address::Owner;
    use crate::model::schema::Fields;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn raw(value: &Value) -> Raw {
        Raw::new(value.to_string())
    }

    fn step(fields: Fields, base: Value) -> ConfigStep {
        let address = crate::model::address::Address::parse("auth_scheme_config.system/s/key").unwrap();
        let record = crate::model::recorded::RecordedResource {
            address,
            template_id: None,
            fields: Fields::new(),
            references: std::sync::Arc::default(),
            source: crate::model::plan::Source::default(),
            prevent_delete: false,
            replaces: None,
        };
        ConfigStep {
            owner: Owner::system("s"),
            id: "key".to_owned(),
            fields,
            secrets: std::collections::BTreeMap::new(),
            base: object(base),
            record,
        }
    }

    #[test]
    fn an_update_sends_back_what_nobody_declared() {
        let base = json!({"type": "api-key", "apiKey": {"id": "key", "description": "old", "name": "X", "in": "header", "novel": [1]}});
        let fields = Fields::from([("type", json!("api-key")), ("description", json!("new"))]);
        assert_eq!(
            put_config(&step(fields, base), "org").body.unwrap(),
            json!({"id": "key", "type": "api-key",
                   "apiKey": {"id": "key", "description": "new", "name": "X", "in": "header", "novel": [1]}})
        );
    }

    #[test]
    fn a_change_of_type_leaves_the_old_member_behind() {
        let base =
            json!({"type": "api-key", "apiKey": {"id": "key", "description": "old", "name": "X", "in": "header"}});
        let fields = Fields::from([("type", json!("basic-auth"))]);
        assert_eq!(
            put_config(&step(fields, base), "org").body.unwrap(),
            json!({"id": "key", "type": "basic-auth", "basicAuth": {"id": "key", "description": "old"}})
        );
    }

    #[test]
    fn configs_of_types_that_are_not_known_are_read() {
        let config =
            read_config(raw(&json!({"type": "jwt-bearer", "jwtBearer": {"id": "j", "description": "d"}}))).unwrap();
        assert_eq!(config.id, "j");
        assert_eq!(config.fields["type"], json!("jwt-bearer"));
        assert_eq!(config.fields["description"], json!("d"));
    }
}
