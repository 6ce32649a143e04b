//! One manifest file: text in, resources and problems out. Each file stands alone.

mod lifecycle;
mod names;
mod scheme;

use std::sync::Arc;

use serde_json::Value;

use super::address::{Address, OwnerKind, is_ulid, ulid_flaw};
use super::auth_scheme_config::{self, DESCRIPTION, SCHEMES, Scheme, TYPE, UNPUBLISHED_TYPES};
use super::connection_template::{AUTH_SCHEME_CONFIGS, DYNAMIC, FIELDS};
use super::document::{Found, Reader, SecretRef, Section};
use super::rule::Rule;
use super::schema::{Field, Fields, Kind, sequence};
use super::source::{Place, Problem, SourceFile};
use lifecycle::{read_lifecycle, refuse_own_name};
use names::{own_name, reference, refuse_repeats, required_reference, usable_name};

pub use lifecycle::{Lifecycle, OnDrift};

/// What most declare, of the words that there are to choose from.
const USUAL: [&str; 4] = ["api-key", "header", "sha256", "base64"];

/// A resource as a file declares it, in one environment.
#[derive(Debug, Clone)]
pub struct Declared {
    /// What the file calls it.
    pub address: Address,
    /// What it refers to.
    pub target: Target,
    /// The declared fields; one that is not here is left alone on the platform.
    pub fields: Fields,
    /// The secrets that it refers to, with the names of their fields. Once they were read, [`Fields`] hold their keyed hashes.
    pub secrets: Box<[(&'static str, Found<SecretRef>)]>,
    /// How its life is to be handled. Most files say nothing of that, so that most resources share it.
    pub lifecycle: Arc<Lifecycle>,
    /// Its table's header.
    pub place: Place,
}

impl Declared {
    /// The type of an auth scheme config; empty for anything else.
    pub fn type_name(&self) -> &str {
        self.fields.get(TYPE.name).and_then(Value::as_str).unwrap_or_default()
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
    let fields = fields.compact();
    let lifecycle = read_lifecycle(section, FIELDS.iter().copied(), true);
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
            secrets: Box::default(),
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
    let known = scheme.into_iter().flat_map(|scheme| auth_scheme_config::fields_of(scheme.name, kind));
    let lifecycle = read_lifecycle(section, known, false);
    // Which keys there may be depends on the type.
    if let Some(scheme) = scheme {
        section.finish_with(|key| scheme::types_with(key, scheme));
    }
    let (id, (kind, owner), _) = (id?, owner?, scheme?);
    Some(Declared {
        address: Address::AuthSchemeConfig { kind, owner: owner.value.clone(), id: id.clone() },
        target: Target::AuthSchemeConfig { kind, owner, id },
        fields: read.fields.compact(),
        secrets: read.secrets.into_iter().collect(),
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
    let refuse = || Problem::general(format!("connector {written:?} is not a ULID: {}", ulid_flaw(written))).help(help);
    (!is_ulid(written)).then(refuse)
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

/// A line that can be copied, with the word that most declare, and the others that there are.
fn add_one_of(key: &str, choices: &[&str]) -> String {
    let usual = choices.iter().find(|choice| USUAL.contains(choice)).or(choices.first());
    format!("add {key} = {:?}; it takes {}", usual.unwrap_or(&"…"), choices.join(", "))
}

fn missing(section: &Section<'_>, field: &Field) {
    let key = field.key;
    let help = match field.kind {
        Kind::Choice(choices) | Kind::NewerChoice(choices) => add_one_of(key, choices),
        Kind::Choices(choices) => format!("add {key} = [{:?}]; it takes {}", choices[0], choices.join(", ")),
        Kind::Set | Kind::Scopes | Kind::Sequence | Kind::Parameters => format!("add {key} = […]"),
        Kind::Url | Kind::UrlTemplate => format!("add {key} = \"https://…\""),
        Kind::Flag => format!("add {key} = true, or false"),
        Kind::Text | Kind::Query | Kind::Name | Kind::Word(_) | Kind::Secret => format!("add {key} = \"…\""),
    };
    section.report(
        Problem::at(section.place(), format!("{} is missing", section.path_of(key))).of(Rule::MissingKey).help(help),
    );
}
