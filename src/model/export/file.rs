//! One manifest being written: a table for each resource, each proven to say what is live.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::text::{key, quoted, value};
use crate::model::address::{Identity, Owner, OwnerKind, Scope};
use crate::model::auth_scheme_config::{self, CLIENT_CREDENTIALS, GRANT_TYPE, TYPE, UNPUBLISHED_TYPES, fields_of};
use crate::model::manifest;
use crate::model::observed::{LiveConfig, LiveTemplate};
use crate::model::schema::{Field, Fields, Need};
use crate::model::source::{Severity, SourceFile};

/// Fields that the platform may have filled in by itself: left to it.
const ASSIGNED: [&str; 1] = ["mtls_credential_id"];

/// A manifest of one system or connector.
pub(super) struct File<'a> {
    /// What stands before every table.
    pub(super) head: String,
    /// The tables so far.
    pub(super) tables: String,
    /// What they declare.
    pub(super) resources: &'a mut BTreeSet<Identity>,
    /// What could not be written, and why.
    pub(super) left_out: &'a mut Vec<String>,
}

/// A template, and every environment in which it is like this.
struct Same {
    template: LiveTemplate,
    scopes: Vec<Scope>,
}

impl File<'_> {
    /// Templates that are the same in several environments become one table.
    pub(super) fn templates(
        &mut self,
        scopes: &BTreeMap<Scope, (String, String)>,
        templates: Vec<(Scope, LiveTemplate)>,
    ) {
        let mut same: BTreeMap<_, Same> = BTreeMap::new();
        for (scope, template) in templates {
            let Some((project, _)) = scopes.get(&scope) else { continue };
            let is = template.clone();
            let shared = (is.name, project.clone(), is.dynamic, is.auth_scheme_configs);
            same.entry(shared).or_insert_with(|| Same { template, scopes: Vec::new() }).scopes.push(scope);
        }
        let mut keys = BTreeSet::new();
        for ((name, project, ..), Same { template, scopes: found }) in same {
            let environments: Vec<String> =
                found.iter().filter_map(|scope| scopes.get(scope)).map(|(_, name)| name.clone()).collect();
            let own_key = unused(&name, environments.first().map_or("", String::as_str), &keys);
            let table = template_table(&own_key, &project, &environments, &template);
            let fields = template.fields();
            let identity = |scope| Identity::ConnectionTemplate { scope, name: name.clone() };
            let what = || format!("connection template {name:?} in {project}/{}", environments.join(", "));
            if self.add(what, &table, found.into_iter().map(identity), &fields) {
                keys.insert(own_key);
            }
        }
    }

    /// Configs, as far as their types can be declared.
    pub(super) fn configs(&mut self, owner: &Owner, configs: &[LiveConfig]) {
        for config in configs {
            self.config(owner, config, configs.iter().filter(|other| other.id == config.id).count());
        }
    }

    fn config(&mut self, owner: &Owner, config: &LiveConfig, of_this_id: usize) {
        let type_name = config.fields.get(TYPE.name).and_then(Value::as_str).unwrap_or_default();
        let what = || format!("auth scheme config {:?} of {} {}", config.id, owner.kind, owner.id);
        if of_this_id > 1 {
            return self.left_out.push(format!("{}: there are several of this id", what()));
        }
        if auth_scheme_config::scheme(type_name).is_none_or(|scheme| !scheme.is_on(owner.kind)) {
            let why = if UNPUBLISHED_TYPES.contains(&type_name) {
                "the platform does not publish the shape of"
            } else {
                "this version does not know"
            };
            return self.left_out.push(format!("{}: {why} its type {type_name:?}", what()));
        }
        let identity = Identity::AuthSchemeConfig { owner: owner.clone(), id: config.id.clone() };
        self.add(what, &config_table(owner, config, type_name), [identity], &config.fields);
    }

    /// Adds a table, if a manifest that holds it is sound and declares what is live. Whether it was added.
    ///
    /// The reader of manifests decides, so that whatever it refuses is never written.
    fn add(
        &mut self,
        what: impl FnOnce() -> String,
        table: &str,
        resources: impl IntoIterator<Item = Identity>,
        live: &Fields,
    ) -> bool {
        let resources: Vec<Identity> = resources.into_iter().collect();
        let file = SourceFile::new("", format!("{}{table}", self.head));
        let (declared, problems) = manifest::parse(&file);
        let errors: Vec<&str> = problems
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .map(|problem| problem.message.as_str())
            .collect();
        let mut fields = declared.iter().flat_map(|declared| declared.fields.iter());
        let why = if !errors.is_empty() {
            errors.join("; ")
        } else if declared.len() == resources.len() && fields.all(|(name, value)| live.get(name) == Some(value)) {
            self.tables.push_str(table);
            self.resources.extend(resources);
            return true;
        } else {
            "a manifest cannot say what it is".to_owned()
        };
        self.left_out.push(format!("{}: {why}", what()));
        false
    }
}

fn template_table(own_key: &str, project: &str, environments: &[String], template: &LiveTemplate) -> String {
    let mut text = format!("\n[connection_templates.{}]\n", key(own_key));
    if own_key != template.name {
        let _ = writeln!(text, "name = {}", quoted(&template.name));
    }
    let _ = writeln!(text, "project = {}", quoted(project));
    let _ = match environments {
        [one] => writeln!(text, "environment = {}", quoted(one)),
        several => writeln!(text, "environments = {}", value(&several.into())),
    };
    // Also where it is the default: what no file declares, nobody watches.
    let _ = writeln!(text, "dynamic = {}", template.dynamic);
    if !template.auth_scheme_configs.is_empty() {
        let _ = writeln!(text, "auth_scheme_configs = {}", value(&template.auth_scheme_configs.clone().into()));
    }
    text
}

/// A key that no other template of the file has.
fn unused(name: &str, environment: &str, taken: &BTreeSet<String>) -> String {
    let mut candidates = std::iter::once(name.to_owned())
        .chain(std::iter::once(format!("{name}-{environment}")))
        .chain((2..).map(|n| format!("{name}-{environment}-{n}")));
    candidates.find(|key| !taken.contains(key)).unwrap_or_default()
}

fn config_table(owner: &Owner, config: &LiveConfig, type_name: &str) -> String {
    let own_key = key(&config.id);
    let mut text = format!("\n[auth_scheme_configs.{own_key}]\n");
    if owner.kind == OwnerKind::Connector {
        let _ = writeln!(text, "connector = {}", quoted(&owner.id));
    }
    let fields: Vec<&Field> = fields_of(type_name, owner.kind).collect();
    for field in fields.iter().filter(|field| field.table.is_none()) {
        text.push_str(&field_line(field, owner.kind, config));
    }
    let mut tables: Vec<&str> = fields.iter().filter_map(|field| field.table).collect();
    tables.dedup();
    for table in tables {
        let inner: Vec<&&Field> = fields.iter().filter(|field| field.table == Some(table)).collect();
        let is_there = |field: &&&Field| config.fields.get(field.name).is_some_and(|it| *it != field.default_value());
        if inner.iter().any(is_there) {
            let _ = writeln!(text, "\n[auth_scheme_configs.{own_key}.{table}]");
            text.extend(inner.iter().map(|field| field_line(field, owner.kind, config)));
        }
    }
    text
}

/// The line of a field; nothing where it is left at its default.
fn field_line(field: &Field, kind: OwnerKind, config: &LiveConfig) -> String {
    if field.is_secret() {
        return secret_line(field, config);
    }
    let Some(live) = config.fields.get(field.name) else { return String::new() };
    let is_default = *live == field.default_value();
    if live.is_null() || ASSIGNED.contains(&field.name) || (is_default && !field.is_required_on(kind)) {
        return String::new();
    }
    format!("{} = {}\n", field.key, value(live))
}

/// The platform never shows a secret, so its place is only kept.
fn secret_line(field: &Field, config: &LiveConfig) -> String {
    if config.fields.get(GRANT_TYPE.name).and_then(Value::as_str) == Some(CLIENT_CREDENTIALS) {
        return String::new();
    }
    let variable: String = format!("{}_{}", config.id, field.key)
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    let why = match field.need {
        Need::ToWrite => "the platform never shows it, and needs it for every change",
        _ => "the platform never shows it",
    };
    format!("# {} = {{ env = \"{variable}\" }}   # {why}\n", field.key)
}
