//! What is live on the platform, as far as a pass has read it. What could not be read is an
//! [`Unread`], never an empty list: it permits no create and no delete.

mod config;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::address::{Identity, Owner, Scope};
use super::connection_template::{AUTH_SCHEME_CONFIGS, DYNAMIC, SYSTEM};
use super::recorded::{Recorded, Reference};
use super::schema::{Fields, texts};

pub use config::{LiveConfig, Raw, config_fields};
pub use template::{LiveTemplate, Page, configs_of};

/// The SHA-256 of something that was read, to know it again.
pub type Hash = [u8; 32];

/// Something read, or the reason why not.
pub type Lookup<T> = Result<T, Unread>;

/// Why something is not known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// The platform answered that there is no such thing.
    Absent,
    /// Nothing of its kind has this name.
    Unnamed {
        /// The name that comes nearest.
        near: Option<String>,
    },
    /// Several things have this name.
    Ambiguous {
        /// The ids of all of them.
        ids: Vec<String>,
    },
    /// It could not be read; the text says why and never holds a secret.
    Failed(String),
}

/// A project with its environments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Its ULID.
    pub id: String,
    /// `(id, name)` of its environments.
    pub environments: Vec<(String, String)>,
}

/// What the platform remarks on a config that it has accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// `info`, `warning` or `error`, as the platform says it.
    pub severity: String,
    /// What it says.
    pub text: String,
    /// What it names beside that.
    pub detail: Vec<String>,
}

/// The live world of one pass.
#[derive(Debug, Clone, Default)]
pub struct Observed {
    /// Projects by the name or id that the files use.
    pub projects: BTreeMap<String, Lookup<Project>>,
    /// Systems' ids by the name or id that the files use.
    pub systems: BTreeMap<String, Lookup<String>>,
    /// Every template of an environment.
    pub templates: BTreeMap<Scope, Lookup<Vec<LiveTemplate>>>,
    /// Every auth scheme config of a system or connector.
    pub configs: BTreeMap<Owner, Lookup<Vec<LiveConfig>>>,
    /// Every config that a template lists in an environment that is not in `templates`. Nothing where nobody has
    /// looked: it takes a look at the whole organisation, and only the delete of a config needs it.
    pub listed_elsewhere: Option<Lookup<BTreeSet<(Owner, String)>>>,
}

/// What a pass has to read: references as the files write them, and the scopes of what is recorded.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Environments by project, both as written.
    pub environments: BTreeMap<String, BTreeSet<String>>,
    /// Systems as written.
    pub systems: BTreeSet<String>,
    /// Environments of recorded templates.
    pub scopes: BTreeSet<Scope>,
    /// Connectors that are declared, and owners of recorded configs.
    pub owners: BTreeSet<Owner>,
}

impl Wanted {
    /// Whether nothing has to be read.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Has the place where something is looked at as well.
    pub fn insert(&mut self, identity: &Identity) {
        match identity {
            Identity::ConnectionTemplate { scope, .. } => drop(self.scopes.insert(scope.clone())),
            Identity::AuthSchemeConfig { owner, .. } => drop(self.owners.insert(owner.clone())),
        }
    }

    /// Whether something is in one of the places.
    pub fn contains(&self, identity: &Identity) -> bool {
        match identity {
            Identity::ConnectionTemplate { scope, .. } => self.scopes.contains(scope),
            Identity::AuthSchemeConfig { owner, .. } => self.owners.contains(owner),
        }
    }

    /// Has other places looked at as well.
    pub fn append(&mut self, mut places: Wanted) {
        self.scopes.append(&mut places.scopes);
        self.owners.append(&mut places.owners);
    }
}

impl Observed {
    /// The world as it was recorded, for `--no-refresh`: nothing has changed since versync was last
    /// there, and references mean what they meant then. What was never recorded does not exist, and a
    /// name that was never resolved stands for itself.
    pub fn from_recorded(recorded: &Recorded, wanted: &Wanted) -> Self {
        let meanings: BTreeMap<&Reference, &str> = recorded
            .resources
            .values()
            .flat_map(|resource| resource.references.iter().map(|(reference, id)| (reference, id.as_str())))
            .collect();
        let meaning = |reference: Reference| {
            let known = meanings.get(&reference).copied();
            known.unwrap_or_else(|| reference.written()).to_owned()
        };
        // However the project was written then, its environments are the same.
        let environment_ids: BTreeMap<(&str, &str), &str> = recorded
            .resources
            .iter()
            .flat_map(|(identity, resource)| resource.references.iter().map(move |found| (identity, found)))
            .filter_map(|(identity, (reference, id))| match (identity, reference) {
                (Identity::ConnectionTemplate { scope, .. }, Reference::Environment(_, name)) => {
                    Some(((scope.project.as_str(), name.as_str()), id.as_str()))
                }
                _ => None,
            })
            .collect();
        let mut observed = Self { listed_elsewhere: Some(Ok(BTreeSet::new())), ..Self::default() };
        for (written, names) in &wanted.environments {
            let project = meaning(Reference::Project(written.clone()));
            let mut environments = Vec::new();
            for name in names {
                let id = environment_ids.get(&(project.as_str(), name.as_str())).copied().unwrap_or(name).to_owned();
                let scope = Scope { project: project.clone(), environment: id.clone() };
                observed.templates.insert(scope, Ok(Vec::new()));
                environments.push((id, name.clone()));
            }
            observed.projects.insert(written.clone(), Ok(Project { id: project, environments }));
        }
        for written in &wanted.systems {
            let id = meaning(Reference::System(written.clone()));
            observed.configs.insert(Owner::system(id.clone()), Ok(Vec::new()));
            observed.systems.insert(written.clone(), Ok(id));
        }
        for owner in &wanted.owners {
            observed.configs.insert(owner.clone(), Ok(Vec::new()));
        }
        for (identity, resource) in recorded.resources.iter() {
            observed.insert_recorded(identity, &resource.fields, resource.template_id.as_deref());
        }
        observed
    }

    fn insert_recorded(&mut self, identity: &Identity, fields: &Fields, template_id: Option<&str>) {
        match identity {
            Identity::ConnectionTemplate { scope, name } => {
                let template = LiveTemplate {
                    id: template_id.unwrap_or_default().to_owned(),
                    name: name.clone(),
                    system: fields.get(SYSTEM.name).and_then(Value::as_str).unwrap_or_default().to_owned(),
                    dynamic: fields.get(DYNAMIC.name).and_then(Value::as_bool).unwrap_or_default(),
                    auth_scheme_configs: fields.get(AUTH_SCHEME_CONFIGS.name).map(texts).unwrap_or_default(),
                    page: None,
                };
                if let Ok(list) = self.templates.entry(scope.clone()).or_insert_with(|| Ok(Vec::new())) {
                    list.push(template);
                }
            }
            Identity::AuthSchemeConfig { owner, id } => {
                let config = LiveConfig { id: id.clone(), fields: fields.clone(), raw: Raw::default() };
                if let Ok(list) = self.configs.entry(owner.clone()).or_insert_with(|| Ok(Vec::new())) {
                    list.push(config);
                }
            }
        }
    }
}
