//! One manifest file: text in, resources and problems out. Each file stands alone.

mod scheme;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use secrecy::SecretString;
use serde_json::Value;

use super::address::{Address, OwnerKind, check_segment, is_ulid};
use super::auth_scheme_config::{self, DESCRIPTION, GRANT_TYPE, SCHEMES, Scheme, TYPE, UNPUBLISHED_TYPES};
use super::connection_template::{AUTH_SCHEME_CONFIGS, DYNAMIC, FIELDS};
use super::document::{Found, Reader, SecretRef, Section};
use super::rule::Rule;
use super::schema::{Field, Fields, Kind, Need, sequence};
use super::source::{Place, Problem, SourceFile, is_unprintable, nearest};

/// A resource as a file declares it, in one environment.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What the file calls it.
    pub address: Address,
    /// What it refers to.
    pub target: Target,
    /// The declared fields; one that is not here is left alone on the platform.
    pub fields: Fields,
    /// The secrets that it refers to, by their fields' names.
    pub secrets: BTreeMap<&'static str, DeclaredSecret>,
    /// How its life is to be handled.
    pub lifecycle: Lifecycle,
    /// Its table's header.
    pub place: Place,
}

impl Declared {
    /// The type of an auth scheme config; empty for anything else.
    pub fn type_name(&self) -> &str {
        self.fields.get(TYPE.name).and_then(Value::as_str).unwrap_or_default()
    }

    /// The secrets that were read, by their fields' names.
    pub fn secret_values(&self) -> BTreeMap<&'static str, SecretString> {
        let read = self.secrets.iter().filter_map(|(name, secret)| Some((*name, secret.value.clone()?)));
        read.collect()
    }
}

/// A secret that a resource refers to.
#[derive(Debug, Clone)]
pub struct DeclaredSecret {
    /// Where it is, and where that is written.
    pub reference: Found<SecretRef>,
    /// Its value, once it was read; [`Fields`] then hold its keyed hash.
    pub value: Option<SecretString>,
}

impl DeclaredSecret {
    fn new(reference: Found<SecretRef>) -> Self {
        Self { reference, value: None }
    }
}

/// What a declared resource refers to, as written, each with its place.
#[derive(Debug, Clone)]
pub enum Target {
    /// A connection template.
    ConnectionTemplate {
        /// The project's name or ULID.
        project: Found<String>,
        /// The environment's name or ULID.
        environment: Found<String>,
        /// The system's name or ULID.
        system: Found<String>,
        /// The template's name.
        name: String,
        /// The auth scheme configs that it lists, if it lists any.
        auth_scheme_configs: Vec<Found<String>>,
    },
    /// An auth scheme config.
    AuthSchemeConfig {
        /// System or connector.
        kind: OwnerKind,
        /// The system's name or ULID, or the connector's ULID.
        owner: Found<String>,
        /// The config's id.
        id: String,
    },
}

/// The `lifecycle` table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lifecycle {
    /// Never delete it, also after its file is gone. Where it says nothing, it is not protected; another template
    /// that was protected, and takes this name, keeps its protection then.
    pub prevent_delete: Option<bool>,
    /// What to do about drift here, in place of the setting.
    pub on_drift: Option<OnDrift>,
    /// Fields that are set on creation and left alone afterwards.
    pub ignore: Vec<&'static str>,
    /// The name that it had before.
    pub renamed_from: Option<String>,
    /// Whether a new one may be made in its place, and the old one deleted.
    pub allow_replace: bool,
}

impl Lifecycle {
    /// Whether it is never to be deleted.
    pub fn prevents_delete(&self) -> bool {
        self.prevent_delete == Some(true)
    }
}

/// What to do about drift.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDrift {
    /// Put it right.
    #[default]
    Revert,
    /// Only say so.
    Report,
}

impl OnDrift {
    /// The words of the setting.
    pub const CHOICES: [&'static str; 2] = ["revert", "report"];

    /// The meaning of one of [`Self::CHOICES`].
    pub fn from_choice(choice: &str) -> Self {
        if choice == "report" { OnDrift::Report } else { OnDrift::Revert }
    }
}

/// Reads a manifest. Nothing of a file with an error may be applied, so callers drop the resources
/// where a problem is an error.
pub fn parse(file: &Arc<SourceFile>) -> (Vec<Declared>, Vec<Problem>) {
    let (resources, problems) = Reader::read(file, |top| {
        let defaults = Defaults::read(top);
        let mut resources = Vec::new();
        for (key, section) in top.sections("connection_templates") {
            read_template(&key, &section, &defaults, &mut resources);
        }
        for (key, section) in top.sections("auth_scheme_configs") {
            resources.extend(read_config(&key, &section, &defaults));
        }
        top.finish();
        resources
    });
    (resources.unwrap_or_default(), problems)
}

/// What `[defaults]` gives to every resource of its file.
#[derive(Default)]
struct Defaults {
    project: Given,
    environment: Given,
    system: Given,
}

/// A default: its value, if it is of use, and whether it is written at all. What is wrong with it is said once.
#[derive(Default)]
struct Given {
    value: Option<Found<String>>,
    is_written: bool,
}

impl Given {
    fn read(section: &Section<'_>, key: &'static str) -> Self {
        Self { value: reference(section, key), is_written: section.has(key) }
    }
}

impl Defaults {
    fn read(top: &Section<'_>) -> Self {
        let Some(section) = top.section("defaults") else { return Self::default() };
        let defaults = Self {
            project: Given::read(&section, "project"),
            environment: Given::read(&section, "environment"),
            system: Given::read(&section, "system"),
        };
        section.finish();
        defaults
    }
}

fn read_template(key: &str, section: &Section<'_>, defaults: &Defaults, resources: &mut Vec<Declared>) {
    let name = own_name(key, section, "name");
    let project = required_reference(section, "project", &defaults.project);
    let system = required_reference(section, "system", &defaults.system);
    let environments = read_environments(section, defaults);
    let mut fields = Fields::new();
    if let Some(dynamic) = section.flag(DYNAMIC.name) {
        fields.insert(DYNAMIC.name, Value::Bool(dynamic.value));
    }
    let auth_scheme_configs = section.texts(AUTH_SCHEME_CONFIGS.name);
    if let Some(list) = &auth_scheme_configs {
        refuse_repeats(section, &list.value);
        list.value.iter().for_each(|name| {
            usable_name(section, name);
        });
        fields.insert(AUTH_SCHEME_CONFIGS.name, sequence(list.value.iter().map(|item| item.value.clone())));
    }
    // What is kept takes no more room than it needs.
    let fields: Fields = fields.into_iter().collect();
    let known: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    let lifecycle = read_lifecycle(section, &known, true);
    refuse_own_name(section, &lifecycle, name.as_deref());
    section.finish();
    let (Some(name), Some(project), Some(system)) = (name, project, system) else {
        // Otherwise it shows in the resources: two of one address.
        refuse_repeats(section, &environments);
        return;
    };
    for environment in environments {
        resources.push(Declared {
            address: Address::ConnectionTemplate {
                project: project.value.clone(),
                environment: environment.value.clone(),
                name: name.clone(),
            },
            target: Target::ConnectionTemplate {
                project: project.clone(),
                environment,
                system: system.clone(),
                name: name.clone(),
                auth_scheme_configs: auth_scheme_configs.clone().map(|list| list.value).unwrap_or_default(),
            },
            fields: fields.clone(),
            secrets: BTreeMap::new(),
            lifecycle: lifecycle.clone(),
            place: section.place(),
        });
    }
}

fn read_environments(section: &Section<'_>, defaults: &Defaults) -> Vec<Found<String>> {
    let one = reference(section, "environment");
    let Some(many) = section.texts("environments") else {
        // A wrong type was reported already: no second complaint that there is none.
        if section.has("environments") || section.has("environment") {
            return one.into_iter().collect();
        }
        return required_reference(section, "environment", &defaults.environment).into_iter().collect();
    };
    if let Some(place) = section.place_of("environment") {
        section.report(Problem::at(place, "both `environment` and `environments` are given").help("keep one of them"));
    }
    if section.is_empty_list("environments") {
        let problem = Problem::at(many.place, "`environments` is empty, so nothing is declared");
        section.report(problem.help("name an environment, or remove the whole table"));
    }
    many.value.into_iter().filter(|name| usable_name(section, name)).collect()
}

fn read_config(key: &str, section: &Section<'_>, defaults: &Defaults) -> Option<Declared> {
    let id = own_name(key, section, "id");
    let owner = read_owner(section, defaults);
    let kind = match &owner {
        Some((kind, _)) => *kind,
        None if section.has("connector") => OwnerKind::Connector,
        None => OwnerKind::System,
    };
    let description = scheme::read_value(section, &DESCRIPTION);
    if description.is_none() && !section.has(DESCRIPTION.name) {
        missing(section, &DESCRIPTION);
    }
    let scheme = read_type(section, kind);
    let mut read = scheme.map(|scheme| scheme::read(section, kind, scheme)).unwrap_or_default();
    read.fields.extend(description.map(|text| (DESCRIPTION.name, text)));
    read.fields.extend(scheme.map(|scheme| (TYPE.name, Value::String(scheme.name.to_owned()))));
    let known: Vec<_> = scheme
        .map(|scheme| auth_scheme_config::fields_of(scheme.name, kind).map(|field| field.name).collect())
        .unwrap_or_default();
    let lifecycle = read_lifecycle(section, &known, false);
    // Which keys there may be depends on the type.
    if scheme.is_some() {
        section.finish();
    }
    let (id, (kind, owner), _) = (id?, owner?, scheme?);
    Some(Declared {
        address: Address::AuthSchemeConfig { kind, owner: owner.value.clone(), id: id.clone() },
        target: Target::AuthSchemeConfig { kind, owner, id },
        fields: read.fields.into_iter().collect(),
        secrets: read.secrets.into_iter().map(|(name, reference)| (name, DeclaredSecret::new(reference))).collect(),
        lifecycle,
        place: section.place(),
    })
}

fn read_owner(section: &Section<'_>, defaults: &Defaults) -> Option<(OwnerKind, Found<String>)> {
    let Some(connector) = reference(section, "connector") else {
        if section.has("connector") {
            return None;
        }
        let system =
            reference(section, "system").or_else(|| defaults.system.value.clone().filter(|_| !section.has("system")));
        if system.is_none() && !section.has("system") && !defaults.system.is_written {
            let problem = Problem::at(section.place(), "neither `system` nor `connector` says whose config this is");
            section.report(problem.of(Rule::MissingKey).help("add system = \"name or ULID\" or connector = \"ULID\""));
        }
        return system.map(|system| (OwnerKind::System, system));
    };
    if let Some(place) = section.place_of("system") {
        section.report(Problem::at(place, "both `system` and `connector` are given").help("keep one of them"));
    }
    if let Some(problem) = refuse_connector(&connector.value) {
        section.report(Problem { place: Some(connector.place), ..problem });
        return None;
    }
    Some((OwnerKind::Connector, connector))
}

/// What is wrong with what should be a connector's id, if it is none.
pub fn refuse_connector(written: &str) -> Option<Problem> {
    let help = "connectors are named by their id: 26 characters, as in the platform's address bar";
    (!is_ulid(written)).then(|| Problem::general(format!("connector {written:?} is not a ULID")).help(help))
}

fn read_type(section: &Section<'_>, kind: OwnerKind) -> Option<&'static Scheme> {
    let Some(found) = section.text(TYPE.name) else {
        if !section.has(TYPE.name) {
            missing(section, &TYPE);
        }
        return None;
    };
    let here: Vec<&'static str> =
        SCHEMES.iter().filter(|scheme| scheme.is_on(kind)).map(|scheme| scheme.name).collect();
    let refuse = |message: String| {
        let problem = Problem::at(found.place.clone(), message);
        section.report(problem.help(format!("types that can be declared: {}", here.join(", "))));
        None
    };
    if UNPUBLISHED_TYPES.contains(&found.value.as_str()) {
        return refuse(format!(
            "the platform does not publish the shape of type {:?}, so it cannot be declared",
            found.value
        ));
    }
    match auth_scheme_config::scheme(&found.value) {
        Some(scheme) if !scheme.is_on(kind) => {
            refuse(format!("the auth scheme configs of a {kind} have no type {:?}", found.value))
        }
        Some(scheme) => Some(scheme),
        None => section.choice(TYPE.name, &here).and(None),
    }
}

fn missing(section: &Section<'_>, field: &Field) {
    let key = field.key();
    let help = match field.kind {
        Kind::Choice(choices) | Kind::NewerChoice(choices) => format!("add {key} = one of {}", choices.join(", ")),
        Kind::Choices(choices) => format!("add {key} = a list of {}", choices.join(", ")),
        Kind::Set | Kind::Scopes | Kind::Sequence | Kind::Parameters => format!("add {key} = […]"),
        Kind::Url | Kind::UrlTemplate => format!("add {key} = \"https://…\""),
        Kind::Flag => format!("add {key} = true or false"),
        Kind::Text | Kind::Query | Kind::Name | Kind::Word(_) | Kind::Secret => format!("add {key} = \"…\""),
    };
    section.report(
        Problem::at(section.place(), format!("{} is missing", section.path_of(key))).of(Rule::MissingKey).help(help),
    );
}

fn read_lifecycle(section: &Section<'_>, fields: &[&'static str], renamable: bool) -> Lifecycle {
    let Some(table) = section.section("lifecycle") else { return Lifecycle::default() };
    let mut ignore = Vec::new();
    for item in table.texts("ignore").map(|list| list.value).unwrap_or_default() {
        if [TYPE.name, GRANT_TYPE.name].contains(&item.value.as_str()) {
            let message = format!("`{}` cannot be ignored: which fields there are depends on it", item.value);
            let problem = Problem::at(item.place, message);
            table.report(problem.help("declare the type that the config has"));
            continue;
        }
        if auth_scheme_config::field_named(&item.value).is_some_and(|field| field.need == Need::ToWrite) {
            let message = format!("`{}` cannot be ignored: the platform needs it for every change", item.value);
            table.report(Problem::at(item.place, message).help("leave it out of `ignore`"));
            continue;
        }
        match fields.iter().find(|field| **field == item.value) {
            Some(field) => ignore.push(*field),
            None => {
                let help = match nearest(&item.value, fields) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!("its fields are {}", fields.join(", ")),
                };
                table.report(
                    Problem::at(item.place, format!("`ignore` names {:?}, which is no field of it", item.value))
                        .help(help),
                );
            }
        }
    }
    let renamed_from = reference(&table, "renamed_from");
    if let (Some(found), false) = (&renamed_from, renamable) {
        let problem =
            Problem::at(found.place.clone(), "an auth scheme config cannot be renamed: its id is its identity");
        table.report(problem.help("declare a new one, move the templates to it, and remove this one"));
    }
    let lifecycle = Lifecycle {
        prevent_delete: table.flag("prevent_delete").map(|found| found.value),
        on_drift: table.choice("on_drift", &OnDrift::CHOICES).map(|found| OnDrift::from_choice(found.value)),
        ignore,
        renamed_from: renamed_from.map(|found| found.value),
        allow_replace: table.flag("allow_replace").is_some_and(|found| found.value),
    };
    table.finish();
    lifecycle
}

/// A template that was renamed had another name.
fn refuse_own_name(section: &Section<'_>, lifecycle: &Lifecycle, name: Option<&str>) {
    if name.is_some() && lifecycle.renamed_from.as_deref() == name {
        let place = section.section("lifecycle").and_then(|table| table.place_of("renamed_from"));
        let problem = Problem::at(place.unwrap_or_else(|| section.place()), "`renamed_from` names the template itself");
        section.report(problem.help("remove it, or write the name that the template had before"));
    }
}

/// The name of a resource: the table's key, unless a key inside it says otherwise.
fn own_name(key: &str, section: &Section<'_>, inner: &'static str) -> Option<String> {
    let found = match section.text(inner) {
        Some(found) => found,
        None if section.has(inner) => return None,
        None => Found { value: key.to_owned(), place: section.place() },
    };
    let verdict = if inner == "id" { check_segment(&found.value) } else { check_name(&found.value) };
    match verdict {
        Ok(()) => Some(found.value),
        Err(why) => {
            section.report(Problem::at(found.place, format!("the {inner} {:?} {why}", found.value)));
            None
        }
    }
}

fn reference(section: &Section<'_>, key: &'static str) -> Option<Found<String>> {
    section.text(key).filter(|found| usable_name(section, found))
}

fn usable_name(section: &Section<'_>, found: &Found<String>) -> bool {
    let Err(why) = check_name(&found.value) else { return true };
    section.report(Problem::at(found.place.clone(), format!("the name {:?} {why}", found.value)));
    false
}

/// What is wrong with a name, said of it.
fn check_name(name: &str) -> Result<(), &'static str> {
    if name.is_empty() {
        Err("is empty")
    } else if name.trim().is_empty() {
        Err("holds nothing but spaces")
    } else if name.chars().any(is_unprintable) {
        Err("holds a character that cannot be seen")
    } else {
        Ok(())
    }
}

fn required_reference(section: &Section<'_>, key: &'static str, default: &Given) -> Option<Found<String>> {
    if section.has(key) {
        return reference(section, key);
    }
    if !default.is_written {
        let problem = Problem::at(section.place(), format!("{} is missing", section.path_of(key))).of(Rule::MissingKey);
        section.report(problem.help(format!("add {key} = \"…\" here or below [defaults]")));
    }
    default.value.clone()
}

fn refuse_repeats(section: &Section<'_>, items: &[Found<String>]) {
    let mut seen = BTreeSet::new();
    for item in items {
        if !seen.insert(&item.value) {
            section.report(
                Problem::at(item.place.clone(), format!("{:?} is listed twice", item.value)).of(Rule::DeclaredTwice),
            );
        }
    }
}
