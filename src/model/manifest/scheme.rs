//! The fields of an auth scheme config as files write them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use url::Url;

use super::names::{check_name, refuse_repeats, usable_name};
use super::{add_one_of, missing};
use crate::model::address::{OwnerKind, is_loopback};
use crate::model::auth_scheme_config::{
    CLIENT_CREDENTIALS, CLIENT_ID, CLIENT_SECRET, DEFAULT_SCOPES, ENDPOINTS, GRANT_TYPE, SCHEMES, SCOPES, Scheme,
    TOKEN_AUTH,
};
use crate::model::document::{Found, Item, SecretRef, Section, holds_user};
use crate::model::rule::Rule;
use crate::model::schema::{
    Field, Fields, Kind, LOCATIONS, USAGES, scope_name, scope_value, secret_parameter, sequence, sorted,
};
use crate::model::source::Problem;

/// A grant as most write it.
const GRANT_EXAMPLE: &str = "type = \"authorization-code\", client_id = \"…\", client_secret = { env = \"NAME\" }";

/// What a file declares of a config beside its identity.
#[derive(Debug, Default)]
pub(super) struct SchemeFields {
    pub(super) fields: Fields,
    pub(super) secrets: BTreeMap<&'static str, Found<SecretRef>>,
}

/// Reads the fields of a scheme and checks what a round trip would only find out.
pub(super) fn read(section: &Section<'_>, owner: OwnerKind, scheme: &Scheme) -> SchemeFields {
    let mut read = SchemeFields::default();
    for field in scheme.fields.iter().filter(|field| field.table.is_none()) {
        read.field(section, owner, field);
    }
    let mut tables: Vec<&'static str> = scheme.fields.iter().filter_map(|field| field.table).collect();
    tables.dedup();
    for table in tables {
        let fields = scheme.fields.iter().filter(|field| field.table == Some(table));
        read.table(section, owner, table, fields);
    }
    check_scopes(section, &read.fields);
    read
}

/// Of which types a key is that configs of this one do not have, for whoever wrote it; nothing where it is of none.
pub(super) fn types_with(key: &str, scheme: &Scheme) -> Option<String> {
    let has = |other: &&Scheme| other.fields.iter().any(|field| field.outer_key() == key);
    let types: Vec<String> = SCHEMES.iter().filter(has).map(|other| format!("{:?}", other.name)).collect();
    let help = || format!("it goes with type = {}, and this is {:?}", types.join(" or "), scheme.name);
    (!types.is_empty()).then(help)
}

impl SchemeFields {
    fn table<'f>(
        &mut self,
        section: &Section<'_>,
        owner: OwnerKind,
        table: &'static str,
        fields: impl Iterator<Item = &'f Field>,
    ) {
        let is_endpoint = ENDPOINTS.iter().any(|(name, _)| *name == table);
        let Some(inner) = section.section(table) else {
            let needed = !is_endpoint || self.fields.get(TOKEN_AUTH.name) != Some(&Value::Bool(true));
            if needed && !section.has(table) {
                let example = if is_endpoint { "url = \"https://…\"" } else { GRANT_EXAMPLE };
                let problem =
                    Problem::at(section.place(), format!("{} is missing", section.path_of(table))).of(Rule::MissingKey);
                let way_out = if is_endpoint { ", or token_auth = true, which needs no endpoints" } else { "" };
                section.report(problem.help(format!("add {table} = {{ {example} }}{way_out}")));
            }
            return;
        };
        let mut fields: Vec<_> = fields.collect();
        // What else a grant may hold depends on its type.
        fields.sort_by_key(|field| field.name != GRANT_TYPE.name);
        for field in fields {
            if !self.refuse_credential(&inner, field) {
                self.field(&inner, owner, field);
            }
        }
        if is_endpoint && !inner.has("url") {
            let problem =
                Problem::at(inner.place(), format!("{} is missing", inner.path_of("url"))).of(Rule::MissingKey);
            inner.report(problem.help("add url = \"https://…\"; it may hold {placeholders}"));
        }
        inner.finish();
    }

    /// With client credentials each end user brings a client of their own: true for what such a grant lacks.
    fn refuse_credential(&self, grant: &Section<'_>, field: &Field) -> bool {
        let needs_none = self.fields.get(GRANT_TYPE.name).and_then(Value::as_str) == Some(CLIENT_CREDENTIALS);
        if !needs_none || ![CLIENT_ID.name, CLIENT_SECRET.name].contains(&field.name) {
            return false;
        }
        if let Some(place) = grant.place_of(field.key) {
            if field.is_secret() {
                grant.conceal(field.key);
            }
            let message = format!("a client-credentials grant has no {}", field.key);
            let help = "remove it: each end user gives their own when they connect";
            grant.report(Problem::at(place, message).help(help));
        }
        true
    }

    fn field(&mut self, section: &Section<'_>, owner: OwnerKind, field: &Field) {
        if !field.is_on(owner) {
            if let Some(place) = section.place_of(field.key) {
                let message = format!("the auth scheme configs of a {owner} have no `{}`", field.name);
                section.report(Problem::at(place, message).help("remove it: only those of systems have it"));
            }
            return;
        }
        if field.is_secret() {
            if let Some(reference) = section.secret(field.key) {
                self.secrets.insert(field.name, reference.map(|reference| beside(section, reference)));
            }
            return;
        }
        match read_value(section, field) {
            Some(value) => {
                self.fields.insert(field.name, value);
            }
            None if field.is_required_on(owner) && !section.has(field.key) => missing(section, field),
            None => {}
        }
    }
}

/// The value of a field in the form in which it is compared.
pub(super) fn read_value(section: &Section<'_>, field: &Field) -> Option<Value> {
    let key = field.key;
    match field.kind {
        Kind::Text => section.text(key).map(|found| Value::String(found.value)),
        Kind::Name => name(section, key, field.examples).map(|found| Value::String(found.value)),
        Kind::Url | Kind::UrlTemplate => url(section, field).map(Value::String),
        Kind::Query => query(section, key).map(Value::String),
        Kind::Flag => section.flag(key).map(|found| Value::Bool(found.value)),
        Kind::Choice(words) | Kind::NewerChoice(words) => section.choice(key, words).map(|found| json!(found.value)),
        Kind::Word(words) => word(section, key, words),
        Kind::Sequence => list(section, key).map(sequence),
        Kind::Set => list(section, key).map(|items| sorted(items.into_iter().map(Value::String))),
        Kind::Choices(words) => choices(section, key, words),
        Kind::Scopes => scopes(section, key),
        Kind::Parameters => parameters(section, key),
        Kind::Secret => None,
    }
}

/// A secret's path starts at the file that names it; from here on at the folder of manifests.
fn beside(section: &Section<'_>, reference: SecretRef) -> SecretRef {
    match reference {
        SecretRef::File(path) => {
            let place = section.place();
            let folder = std::path::Path::new(place.file()).parent().unwrap_or(std::path::Path::new(""));
            SecretRef::File(folder.join(path).to_string_lossy().into_owned())
        }
        other => other,
    }
}

/// Tokens and secrets go to these addresses, so they are encrypted on the way, except within one machine.
fn url(section: &Section<'_>, field: &Field) -> Option<String> {
    let found = section.text(field.key)?;
    if found.value.contains('@') || secret_of(&found.value, field).is_some() {
        // What is no URL may still hold a password.
        section.conceal(field.key);
    }
    if let Err((message, help)) = check_url(&found.value, field) {
        let message = format!("{} {message}", section.path_of(field.key));
        section.report(Problem::at(found.place, message).help(help));
    }
    Some(found.value)
}

/// Parameters that are added to requests. What they hold is no secret: everybody who reads the config reads it.
fn query(section: &Section<'_>, key: &'static str) -> Option<String> {
    let found = section.text(key)?;
    if let Some(name) = secret_parameter(&found.value) {
        section.conceal(key);
        let message = format!("{} holds a secret: {name:?}", section.path_of(key));
        let help = "remove it: whoever reads the config reads it; a client's secret belongs into grant.client_secret";
        section.report(Problem::at(found.place, message).of(Rule::LiteralSecret).help(help));
    }
    Some(found.value)
}

/// The secret parameter of an address. One with placeholders gets its values from whoever connects.
fn secret_of(address: &str, field: &Field) -> Option<String> {
    let query = address.split_once('?').filter(|_| matches!(field.kind, Kind::Url))?.1;
    secret_parameter(query)
}

/// What is wrong with an address, said of it, and how to mend it.
fn check_url(text: &str, field: &Field) -> Result<(), (&'static str, &'static str)> {
    let user = Err(("holds a user or password", "remove everything before the @: whoever reads the config reads it"));
    if holds_user(text) {
        return user;
    }
    if secret_of(text, field).is_some() {
        return Err(("holds a secret among its parameters", "remove it: whoever reads the config reads it"));
    }
    let plain = match field.kind {
        Kind::UrlTemplate => match without_placeholders(text) {
            Some(plain) => plain,
            // The placeholder says where it leads; nothing can be checked here.
            None => return Ok(()),
        },
        _ => text.to_owned(),
    };
    match Url::parse(&plain) {
        Ok(url) if !url.username().is_empty() || url.password().is_some() => user,
        Ok(url) if url.scheme() == "https" && url.has_host() => Ok(()),
        Ok(url) if url.scheme() == "http" && is_loopback(&url) => Ok(()),
        Ok(url) if url.scheme() == "http" => {
            Err(("would send tokens unencrypted", "use https; http only to this machine"))
        }
        _ => Err(("is not a URL", "write it as https://host/path")),
    }
}

/// The address with its placeholders filled in; nothing where it begins with one.
fn without_placeholders(template: &str) -> Option<String> {
    let mut plain = String::with_capacity(template.len());
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        plain.push_str(before);
        if plain.is_empty() {
            return None;
        }
        plain.push('x');
        rest = behind.split_once('}').map_or("", |(_, after)| after);
    }
    plain.push_str(rest);
    Some(plain)
}

fn word(section: &Section<'_>, key: &'static str, words: &[(&'static str, &str)]) -> Option<Value> {
    let ours: Vec<&'static str> = words.iter().map(|(word, _)| *word).collect();
    section.choice(key, &ours).map(|found| json!(found.value))
}

fn list(section: &Section<'_>, key: &'static str) -> Option<Vec<String>> {
    let found = section.texts(key)?;
    refuse_repeats(section, &found.value);
    Some(found.value.into_iter().map(|item| item.value).collect())
}

fn choices(section: &Section<'_>, key: &'static str, words: &[&'static str]) -> Option<Value> {
    let found = section.texts(key)?;
    if section.is_empty_list(key) {
        let problem = Problem::at(found.place.clone(), format!("{} is empty", section.path_of(key)));
        section.report(problem.help(format!("it takes {}", words.join(", "))));
    }
    refuse_repeats(section, &found.value);
    for item in found.value.iter().filter(|item| !words.contains(&item.value.as_str())) {
        let message = format!("{:?} is not a value of {}", item.value, section.path_of(key));
        let problem = Problem::at(item.place.clone(), message);
        section.report(problem.help(format!("it takes {}", words.join(", "))));
    }
    Some(sequence(found.value.into_iter().map(|item| item.value)))
}

fn scopes(section: &Section<'_>, key: &'static str) -> Option<Value> {
    let found = section.items(key)?;
    let (mut names, mut values) = (Vec::new(), Vec::new());
    for item in found.value {
        let (name, description) = match item {
            Item::Text(name) if usable_name(section, &name) => (name, String::new()),
            Item::Text(_) => continue,
            Item::Table(table) => {
                let name = required_name(&table);
                let description = table.text("description").map(|found| found.value).unwrap_or_default();
                table.finish();
                let Some(name) = name else { continue };
                (name, description)
            }
        };
        values.push(scope_value(&name.value, &description));
        names.push(name);
    }
    refuse_repeats(section, &names);
    Some(sorted(values))
}

fn parameters(section: &Section<'_>, key: &'static str) -> Option<Value> {
    let found = section.tables(key)?;
    let read = |table: &Section<'_>| {
        let required_word = |key: &'static str, words: &[(&'static str, &str)]| {
            if !table.has(key) {
                let ours: Vec<_> = words.iter().map(|(word, _)| *word).collect();
                let problem =
                    Problem::at(table.place(), format!("{} is missing", table.path_of(key))).of(Rule::MissingKey);
                table.report(problem.help(add_one_of(key, &ours)));
            }
            word(table, key, words)
        };
        let value = json!({
            "name": required_name(table).map(|found| found.value),
            "target_name": table.text("target_name").map(|found| found.value).unwrap_or_default(),
            "location": required_word("location", LOCATIONS),
            "usages": required_word("usages", USAGES),
            "required": table.flag("required").is_some_and(|found| found.value),
            "modifiable": table.flag("modifiable").is_some_and(|found| found.value),
        });
        table.finish();
        value
    };
    Some(found.value.iter().map(read).collect())
}

fn name(section: &Section<'_>, key: &'static str, examples: &[&str]) -> Option<Found<String>> {
    let found = section.text(key)?;
    if let Err(why) = check_name(&found.value) {
        let problem = Problem::at(found.place, format!("{} {why}", section.path_of(key)));
        let example = examples.first().unwrap_or(&"read_orders");
        section.report(problem.help(format!("write {key} = \"{example}\", for example")));
        return None;
    }
    Some(found)
}

fn required_name(section: &Section<'_>) -> Option<Found<String>> {
    if !section.has("name") {
        let problem =
            Problem::at(section.place(), format!("{} is missing", section.path_of("name"))).of(Rule::MissingKey);
        section.report(problem.help("add name = \"…\""));
    }
    name(section, "name", &[])
}

/// A scope that is asked for has to be one that exists.
fn check_scopes(section: &Section<'_>, fields: &Fields) {
    let (Some(Value::Array(scopes)), true) = (fields.get(SCOPES.name), fields.contains_key(DEFAULT_SCOPES.name)) else {
        return;
    };
    let known: Vec<&str> = scopes.iter().filter_map(scope_name).collect();
    let names: BTreeSet<&str> = known.iter().copied().collect();
    for item in section.texts(DEFAULT_SCOPES.name).map(|found| found.value).unwrap_or_default() {
        if !names.contains(item.value.as_str()) {
            let message = format!("the default scope {:?} is not among the scopes", item.value);
            let help = match crate::model::source::nearest(&item.value, &known) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("add it to {}", section.path_of(SCOPES.name)),
            };
            section.report(Problem::at(item.place, message).help(help));
        }
    }
}
