//! JSON Schema of manifests, for editors: made from the tables that the reader of manifests goes by, so that both
//! say the same. What only the whole says, such as that an id exists, is left to `validate`.
//!
//! The order of the keys is the one in which files are best read; [`super::format`] keeps to it.

pub mod shape;

use serde_json::{Value, json};

use super::address::OwnerKind;
use super::auth_scheme_config::{
    CLIENT_CREDENTIALS, CLIENT_ID, CLIENT_SECRET, DESCRIPTION, ENDPOINTS, GRANT_TYPE, SCHEMES, Scheme, TOKEN_AUTH,
    TYPE, TYPES, fields_of,
};
use super::connection_template::{self, AUTH_SCHEME_CONFIGS, DYNAMIC};
use super::json::Json;
use super::manifest::OnDrift;
use super::schema::{Field, Kind, LOCATIONS, Need, USAGES};
use shape::{Shape, choice, document, each, flag, list, name, secret, table, text};

/// An address that may be used; `http` only leads to this machine.
const URL: &str = r"^\s*[hH][tT][tT][pP][sS]?:";

/// The same, which may begin with a placeholder.
const URL_TEMPLATE: &str = r"^(\{|\s*[hH][tT][tT][pP][sS]?:)";

/// A connector's id.
pub const ULID: &str = "^[0-7][0-9A-HJKMNP-TV-Z]{25}$";

/// The schema of a manifest.
pub fn manifest() -> Json {
    let defaults = table([
        ("project", project()),
        ("environment", environment()),
        ("system", name(connection_template::SYSTEM.doc).example("shopify")),
    ]);
    let shape = table([
        ("defaults", defaults.title("Defaults").doc("What every resource of this file has, unless it says otherwise.")),
        ("connection_templates", each(template()).doc("Connection templates, each under its name.")),
        ("auth_scheme_configs", each(config()).doc("Auth scheme configs, each under its id.")),
    ]);
    let rules = [
        unless_default("project", &json!({"required": ["project"]}), None),
        unless_default("environment", &one_of(&["environment", "environments"]), None),
        unless_default("system", &json!({"required": ["system"]}), Some(one_of(&["system", "connector"]))),
    ];
    document("versync manifest", shape.rules(rules))
}

fn project() -> Shape {
    name("The project: its name or ULID.").example("storefront")
}

fn environment() -> Shape {
    name("The environment: its name or ULID.").example("production")
}

/// What resources need where `[defaults]` does not give it to them.
fn unless_default(key: &str, templates: &Value, configs: Option<Value>) -> Value {
    let mut properties = json!({"connection_templates": {"additionalProperties": templates}});
    if let Some(configs) = configs {
        properties["auth_scheme_configs"] = json!({"additionalProperties": configs});
    }
    json!({
        "if": {"properties": {"defaults": {"required": [key]}}, "required": ["defaults"]},
        "else": {"properties": properties},
    })
}

fn one_of(keys: &[&str]) -> Value {
    json!({"anyOf": keys.iter().map(|key| json!({"required": [key]})).collect::<Vec<_>>()})
}

fn template() -> Shape {
    let environments =
        list(name("Its name or ULID.")).at_least_one().unique().example(json!(["production", "staging"]));
    let fields: Vec<&str> = connection_template::FIELDS.iter().map(|field| field.name).collect();
    let shape = table([
        ("name", name(connection_template::NAME.doc).example("shop")),
        ("project", project()),
        ("environment", environment()),
        ("environments", environments.doc("The environments, in place of `environment`: one resource for each.")),
        ("system", name(connection_template::SYSTEM.doc).example("shopify")),
        (DYNAMIC.name, field(&DYNAMIC)),
        (AUTH_SCHEME_CONFIGS.name, field(&AUTH_SCHEME_CONFIGS)),
        ("lifecycle", lifecycle(&fields, true)),
    ]);
    let shape = shape.title("Connection template").doc("Which system an environment connects to, and how.");
    shape.rules([json!({"not": {"required": ["environment", "environments"]}})])
}

/// Every field of every type is offered; which of them a type has follows as rules.
fn config() -> Shape {
    let connector = text("The connector that it is of, in place of `system`: its ULID.").pattern(ULID);
    let mut keys = vec![
        ("id", name("The config's id, where it is not the table's key.").example("shop-key")),
        ("system", name("The system that it is of: its name or ULID.").example("shopify")),
        ("connector", connector.example("01J0C0NNWAREH0VSE000000000")),
        (DESCRIPTION.name, field(&DESCRIPTION)),
        (TYPE.name, field(&TYPE).words(SCHEMES.iter().map(|scheme| scheme.doc))),
    ];
    for part in SCHEMES.iter().flat_map(parts) {
        if !keys.iter().any(|(key, _)| *key == part.0) {
            keys.push(part);
        }
    }
    let ignorable = TYPES.iter().flat_map(|name| ignorable(name, OwnerKind::System)).collect::<Vec<_>>();
    keys.push(("lifecycle", lifecycle(&ignorable, false)));
    let both = json!({"not": {"required": ["system", "connector"]}});
    let here: Vec<&str> =
        SCHEMES.iter().filter(|scheme| scheme.is_on(OwnerKind::Connector)).map(|scheme| scheme.name).collect();
    let on_connectors = json!({"if": {"required": ["connector"]}, "then": {"properties": {"type": {"enum": here}}}});
    let rules = SCHEMES.iter().flat_map(|scheme| {
        [OwnerKind::System, OwnerKind::Connector]
            .into_iter()
            .filter(|kind| scheme.is_on(*kind))
            .map(|kind| rule(scheme, kind))
    });
    let shape = table(keys).required([DESCRIPTION.name, TYPE.name]);
    let shape = shape.title("Auth scheme config").doc("How a system or a connector wants to be authenticated with.");
    shape.rules([both, on_connectors].into_iter().chain(rules))
}

/// The keys of a scheme: fields, and tables of fields.
fn parts(scheme: &Scheme) -> Vec<(&'static str, Shape)> {
    let mut parts: Vec<(&'static str, Shape)> = Vec::new();
    for own in scheme.fields {
        match own.table {
            None => parts.push((own.key, field(own))),
            Some(outer) if parts.iter().any(|(key, _)| *key == outer) => {}
            Some(outer) => {
                let inner: Vec<&Field> = scheme.fields.iter().filter(|field| field.table == Some(outer)).collect();
                parts.push((outer, inner_table(outer, &inner)));
            }
        }
    }
    parts
}

/// A grant or an endpoint.
fn inner_table(key: &str, fields: &[&Field]) -> Shape {
    let shape = table(fields.iter().map(|inner| (inner.key, field(inner))));
    if ENDPOINTS.iter().any(|(name, _)| *name == key) {
        return shape.required(["url"]).doc("An endpoint of OAuth 1. Not needed with token_auth.");
    }
    let bare = json!({
        "if": {"properties": {"type": {"const": CLIENT_CREDENTIALS}}, "required": ["type"]},
        "then": {"properties": {CLIENT_ID.key: false, CLIENT_SECRET.key: false}},
    });
    shape.required([GRANT_TYPE.key]).doc("How the client gets its token, and who it is.").rules([bare])
}

/// What a config of a type has on a kind of owner, and what it needs.
fn rule(scheme: &Scheme, kind: OwnerKind) -> Value {
    let mut condition = json!({"properties": {"type": {"const": scheme.name}}, "required": ["type"]});
    match kind {
        OwnerKind::Connector => condition["required"] = json!(["type", "connector"]),
        OwnerKind::System => condition["not"] = json!({"required": ["connector"]}),
    }
    let fields: Vec<&Field> = scheme.fields.iter().filter(|field| field.is_on(kind)).collect();
    let ignore = json!({"properties": {"ignore": {"items": {"enum": ignorable(scheme.name, kind)}}}});
    let mut properties = json!({"lifecycle": ignore});
    // Named one by one, so that an editor underlines the key that does not belong here.
    let others = SCHEMES.iter().flat_map(|scheme| scheme.fields).map(Field::outer_key);
    for other in others.filter(|other| !fields.iter().any(|field| field.outer_key() == *other)) {
        properties[other] = json!(false);
    }
    let mut required: Vec<&str> =
        fields.iter().filter(|field| field.is_required_on(kind)).map(|field| field.outer_key()).collect();
    required.dedup();
    let mut then = json!({"required": required, "properties": properties});
    if fields.iter().any(|field| field.name == TOKEN_AUTH.name) {
        let endpoints: Vec<&str> = ENDPOINTS.iter().map(|(name, _)| *name).collect();
        then["if"] = json!({"properties": {TOKEN_AUTH.name: {"const": true}}, "required": [TOKEN_AUTH.name]});
        then["else"] = json!({"required": endpoints});
    }
    json!({"if": condition, "then": then})
}

/// The fields that a config may leave alone.
fn ignorable(type_name: &str, kind: OwnerKind) -> Vec<&'static str> {
    let fields = fields_of(type_name, kind).filter(|field| field.need != Need::ToWrite);
    fields.map(|field| field.name).filter(|name| ![TYPE.name, GRANT_TYPE.name].contains(name)).collect()
}

fn lifecycle(fields: &[&'static str], of_templates: bool) -> Shape {
    let mut known: Vec<&str> = Vec::new();
    fields.iter().for_each(|field| {
        if !known.contains(field) {
            known.push(field);
        }
    });
    let ignore =
        list(choice("A field of it.", &known)).doc("Fields that are set on creation and left alone afterwards.");
    let mut keys = vec![
        ("prevent_delete", flag("Never delete it. Remembered when the file is gone.", false)),
        ("on_drift", choice("What to do about drift here, in place of `sync.on_drift`.", &OnDrift::CHOICES)),
        ("ignore", ignore),
    ];
    if of_templates {
        keys.push(("renamed_from", name("The name that it had before: it is renamed in place.").example("shop")));
    }
    let doc =
        "When the system or environment of a template changes in its file: make a new one, and delete the old one.";
    keys.push(("allow_replace", flag(doc, false)));
    table(keys).title("Lifecycle").doc("How its life is to be handled.")
}

fn field(field: &Field) -> Shape {
    let examples = field.examples.iter().map(|example| json!(example));
    let shape = match field.kind {
        Kind::Text | Kind::Query => text(field.doc),
        Kind::Name => name(field.doc),
        Kind::Url => text(field.doc).pattern(URL),
        Kind::UrlTemplate => text(field.doc).pattern(URL_TEMPLATE),
        Kind::Flag => return flag(field.doc, false),
        Kind::Choice(words) | Kind::NewerChoice(words) => choice(field.doc, words),
        Kind::Word(words) => choice(field.doc, &words.iter().map(|(word, _)| *word).collect::<Vec<_>>()),
        Kind::Secret => {
            let references = field.examples.iter().map(|variable| json!({"env": variable}));
            return secret(field.doc).examples(references);
        }
        Kind::Sequence => list(name("One of them.")).unique().doc(field.doc),
        Kind::Set => list(text("One of them.")).unique().doc(field.doc),
        Kind::Choices(words) => list(choice("One of them.", words)).at_least_one().unique().doc(field.doc),
        Kind::Scopes => list(scope()).unique().doc(field.doc),
        Kind::Parameters => return list(parameter()).doc(field.doc),
    };
    match field.kind {
        Kind::Sequence | Kind::Set | Kind::Choices(_) | Kind::Scopes if !field.examples.is_empty() => {
            shape.example(Value::Array(examples.collect()))
        }
        _ => shape.examples(examples),
    }
}

fn scope() -> Shape {
    let described =
        table([("name", name("The scope's name.")), ("description", text("What it lets somebody do; shown to them."))]);
    described.required(["name"]).or_name().doc("A scope's name, or its name and description.")
}

fn parameter() -> Shape {
    let words = |words: &[(&'static str, &str)]| words.iter().map(|(word, _)| *word).collect::<Vec<_>>();
    let keys = [
        ("name", name("The parameter's name.").example("realm")),
        ("target_name", text("What it is called in requests, where that is another name.")),
        ("location", choice("Where it goes.", &words(LOCATIONS))),
        ("usages", choice("In which request it is used.", &words(USAGES))),
        ("required", flag("Whether whoever connects has to give it.", false)),
        ("modifiable", flag("Whether whoever connects may change it.", false)),
    ];
    table(keys).required(["name", "location", "usages"]).title("Parameter")
}
