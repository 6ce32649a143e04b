//! From what is live to manifests: the text that `import` writes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::Value;

use super::address::{Owner, OwnerKind, Scope, check_segment};
use super::auth_scheme_config::{
    self, CLIENT_CREDENTIALS, DESCRIPTION, GRANT_TYPE, TYPE, UNPUBLISHED_TYPES, fields_of,
};
use super::observed::{LiveConfig, LiveTemplate};
use super::schema::{Field, Need};
use super::source::is_unprintable;

/// Fields that the platform may have filled in by itself: left to it.
const ASSIGNED: [&str; 1] = ["mtls_credential_id"];

/// What is to be written, with the names that the files use.
#[derive(Debug, Default)]
pub struct Export {
    /// Names of projects and environments: `(project, environment)`.
    pub scopes: BTreeMap<Scope, (String, String)>,
    /// Names of systems by their ids. A name that several have is no name.
    pub systems: BTreeMap<String, String>,
    /// The templates of each environment.
    pub templates: Vec<(Scope, LiveTemplate)>,
    /// The configs of each system or connector.
    pub configs: Vec<(Owner, LiveConfig)>,
}

/// The manifests of an export.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Texts by file names.
    pub files: BTreeMap<String, String>,
    /// What could not be written, and why.
    pub left_out: Vec<String>,
}

impl Export {
    /// Writes it as manifests: one file for each system or connector. What is at its default is left out.
    pub fn into_manifests(self) -> Exported {
        let mut exported = Exported::default();
        let mut owners: BTreeMap<Owner, Contents> = BTreeMap::new();
        for (scope, template) in self.templates {
            owners.entry(Owner::system(template.system.clone())).or_default().templates.push((scope, template));
        }
        for (owner, config) in self.configs {
            owners.entry(owner).or_default().configs.push(config);
        }
        for (owner, Contents { templates, mut configs }) in owners {
            configs.sort_by(|a, b| a.id.cmp(&b.id));
            let written = match owner.kind {
                OwnerKind::System => self.systems.get(&owner.id).unwrap_or(&owner.id),
                OwnerKind::Connector => &owner.id,
            };
            let mut file = Manifest { text: String::new(), left_out: &mut exported.left_out };
            if owner.kind == OwnerKind::System {
                let _ = writeln!(file.text, "[defaults]\nsystem = {}", quoted(written));
            }
            file.templates(&self.scopes, templates);
            for config in &configs {
                file.config(&owner, config);
            }
            let text = file.text.trim_start().to_owned();
            let name = file_name(&owner, written, &exported.files);
            exported.files.insert(name, text);
        }
        exported
    }
}

/// What one file will hold.
#[derive(Default)]
struct Contents {
    templates: Vec<(Scope, LiveTemplate)>,
    configs: Vec<LiveConfig>,
}

/// One file being written.
struct Manifest<'a> {
    text: String,
    left_out: &'a mut Vec<String>,
}

impl Manifest<'_> {
    /// Templates that are the same in several environments become one table.
    fn templates(&mut self, scopes: &BTreeMap<Scope, (String, String)>, templates: Vec<(Scope, LiveTemplate)>) {
        let mut same: BTreeMap<(String, String, bool, Vec<String>), Vec<String>> = BTreeMap::new();
        let mut names: BTreeMap<(Scope, String), usize> = BTreeMap::new();
        for (scope, template) in &templates {
            *names.entry((scope.clone(), template.name.clone())).or_default() += 1;
        }
        for (scope, template) in templates {
            let Some((project, environment)) = scopes.get(&scope).cloned() else { continue };
            let what = format!("connection template {:?} in {project}/{environment}", template.name);
            if template.name.is_empty() || template.name.chars().any(is_unprintable) {
                self.left_out.push(format!("{what}: its name cannot be written in a manifest"));
            } else if names.get(&(scope, template.name.clone())).is_some_and(|count| *count > 1) {
                self.left_out
                    .push(format!("{what}: there are several of this name, and versync tells them apart by it"));
            } else {
                let key = (template.name, project, template.dynamic, template.auth_scheme_configs);
                same.entry(key).or_default().push(environment);
            }
        }
        let mut keys = BTreeSet::new();
        for ((name, project, dynamic, configs), environments) in same {
            let key = unused(&name, &environments[0], &mut keys);
            let _ = writeln!(self.text, "\n[connection_templates.{}]", bare_or_quoted(&key));
            if key != name {
                let _ = writeln!(self.text, "name = {}", quoted(&name));
            }
            let _ = writeln!(self.text, "project = {}", quoted(&project));
            match environments.as_slice() {
                [one] => {
                    let _ = writeln!(self.text, "environment = {}", quoted(one));
                }
                several => {
                    let _ = writeln!(self.text, "environments = {}", toml_value(&several.into()));
                }
            }
            if dynamic {
                self.text.push_str("dynamic = true\n");
            }
            if !configs.is_empty() {
                let _ = writeln!(self.text, "auth_scheme_configs = {}", toml_value(&configs.into()));
            }
        }
    }

    fn config(&mut self, owner: &Owner, config: &LiveConfig) {
        let type_name = config.fields.get(TYPE.name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let what = format!("auth scheme config {:?} of {} {}", config.id, owner.kind, owner.id);
        if let Err(why) = check_segment(&config.id) {
            return self.left_out.push(format!("{what}: its id {why}"));
        }
        let Some(scheme) = auth_scheme_config::scheme(&type_name).filter(|scheme| scheme.is_on(owner.kind)) else {
            let why = if UNPUBLISHED_TYPES.contains(&type_name.as_str()) {
                "the platform does not publish the shape of"
            } else {
                "this version does not know"
            };
            return self.left_out.push(format!("{what}: {why} its type {type_name:?}"));
        };
        let key = bare_or_quoted(&config.id);
        let _ = writeln!(self.text, "\n[auth_scheme_configs.{key}]");
        if owner.kind == OwnerKind::Connector {
            let _ = writeln!(self.text, "connector = {}", quoted(&owner.id));
        }
        self.field(&DESCRIPTION, owner.kind, config);
        self.field(&TYPE, owner.kind, config);
        let fields: Vec<&Field> = fields_of(scheme.name, owner.kind).filter(|field| !is_common(field)).collect();
        for field in fields.iter().filter(|field| !field.name.contains('.')) {
            self.field(field, owner.kind, config);
        }
        let mut tables: Vec<&str> = fields.iter().filter_map(|field| Some(field.name.split_once('.')?.0)).collect();
        tables.dedup();
        for table in tables {
            self.table(&key, table, &fields, owner.kind, config);
        }
    }

    /// A table of its own, where it holds anything. `grant` always does.
    fn table(&mut self, key: &str, table: &str, fields: &[&Field], kind: OwnerKind, config: &LiveConfig) {
        let mut inner =
            fields.iter().filter(|field| field.name.split_once('.').is_some_and(|(outer, _)| outer == table));
        let is_there =
            |field: &&&Field| config.fields.get(field.name).is_some_and(|value| *value != field.default_value());
        if !inner.clone().any(|field| is_there(&field)) {
            return;
        }
        let _ = writeln!(self.text, "\n[auth_scheme_configs.{key}.{table}]");
        inner.by_ref().for_each(|field| self.field(field, kind, config));
    }

    fn field(&mut self, field: &Field, kind: OwnerKind, config: &LiveConfig) {
        if field.is_secret() {
            return self.secret(field, config);
        }
        let Some(value) = config.fields.get(field.name) else { return };
        let is_default = *value == field.default_value();
        if value.is_null() || ASSIGNED.contains(&field.name) || (is_default && !field.is_required_on(kind)) {
            return;
        }
        let _ = writeln!(self.text, "{} = {}", field.key(), toml_value(value));
    }

    /// The platform never shows a secret, so its place is only kept.
    fn secret(&mut self, field: &Field, config: &LiveConfig) {
        if config.fields.get(GRANT_TYPE.name).and_then(Value::as_str) == Some(CLIENT_CREDENTIALS) {
            return;
        }
        let variable: String = format!("{}_{}", config.id, field.key())
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        let why = match field.need {
            Need::ToWrite => "the platform never shows it, and needs it for every change",
            _ => "the platform never shows it",
        };
        let _ = writeln!(self.text, "# {} = {{ env = \"{variable}\" }}   # {why}", field.key());
    }
}

fn is_common(field: &Field) -> bool {
    [DESCRIPTION.name, TYPE.name].contains(&field.name)
}

/// A key that no other template of the file has.
fn unused(name: &str, environment: &str, taken: &mut BTreeSet<String>) -> String {
    let candidates = std::iter::once(name.to_owned())
        .chain(std::iter::once(format!("{name}-{environment}")))
        .chain((2..).map(|n| format!("{name}-{environment}-{n}")));
    let key = candidates.into_iter().find(|key| !taken.contains(key)).unwrap_or_default();
    taken.insert(key.clone());
    key
}

fn file_name(owner: &Owner, written: &str, taken: &BTreeMap<String, String>) -> String {
    let plain: String =
        written.chars().map(|c| if c.is_ascii_alphanumeric() || "-_".contains(c) { c } else { '-' }).collect();
    let prefix = if owner.kind == OwnerKind::Connector { "connector-" } else { "" };
    let name = format!("{prefix}{plain}.toml");
    if taken.contains_key(&name) { format!("{prefix}{plain}-{}.toml", owner.id) } else { name }
}

fn bare_or_quoted(key: &str) -> String {
    let bare = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if bare { key.to_owned() } else { quoted(key) }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A field's value as TOML, on one line. Empty members of a table are left out: they are the defaults.
fn toml_value(value: &Value) -> String {
    match value {
        Value::String(text) => quoted(text),
        Value::Array(items) => format!("[{}]", items.iter().map(toml_value).collect::<Vec<_>>().join(", ")),
        Value::Object(members) => {
            let told = members.iter().filter(|(_, value)| *value != "" && *value != false);
            let told: Vec<String> = told.map(|(key, value)| format!("{key} = {}", toml_value(value))).collect();
            format!("{{ {} }}", told.join(", "))
        }
        other => other.to_string(),
    }
}
