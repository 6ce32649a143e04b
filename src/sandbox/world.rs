//! The state of the pretended platform and how it is looked at. Pure: knows nothing of HTTP.
//!
//! The rules for changing it are in [`super::templates`] and [`super::configs`].

use std::collections::BTreeMap;
use std::fmt;

use axum::http::StatusCode;
use serde::Serialize;
use serde_json::{Value, json};

use super::answer::{Page, Query, Refusal, page};
use super::configs::{Credential, Owner};
use super::mint::{LONG_AGO, Mint, ulid};
use super::templates::Templates;
use super::wire::{Config, rendered};

/// An organisation and everything in it, in memory.
///
/// Holds exactly one organisation; a request for any other one is answered 403, as a token of one
/// organisation opens no other.
#[derive(Clone)]
pub struct World {
    pub(super) organisation: String,
    pub(super) organisation_name: String,
    pub(super) token: String,
    // All of these are by id. Ids made here only go up, so the order of a list is the order of creation.
    pub(super) projects: BTreeMap<String, Project>,
    pub(super) systems: BTreeMap<String, System>,
    pub(super) connectors: BTreeMap<String, Connector>,
    pub(super) templates: Templates,
    pub(super) credentials: BTreeMap<String, Credential>,
    pub(super) credentials_made: usize,
    pub(super) mint: Mint,
}

#[derive(Clone)]
pub(super) struct Project {
    pub(super) name: String,
    pub(super) environments: Vec<Environment>,
}

#[derive(Clone)]
pub(super) struct Environment {
    pub(super) id: String,
    pub(super) name: String,
}

#[derive(Clone)]
pub(super) struct System {
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) template_base_url: String,
    pub(super) configs: Vec<Config>,
}

#[derive(Clone)]
pub(super) struct Connector {
    pub(super) name: String,
    pub(super) base_url: String,
    pub(super) updated_at: String,
    pub(super) configs: Vec<Config>,
}

/// One thing of a world, for showing what there is. `Display` writes it on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// `organisation`, `project`, `environment`, `system`, `connector` or `connection template`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its id.
    pub id: String,
    /// The name of the project that an environment or a template is in.
    pub within: Option<String>,
}

impl World {
    /// The organisation's id: the one that requests have to name.
    pub fn organisation(&self) -> &str {
        &self.organisation
    }

    /// The token that a client has to send.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Takes another token from now on, and the old one no longer.
    pub fn set_token(&mut self, token: impl Into<String>) {
        self.token = token.into();
    }

    /// The same world, but with ids that count up from `01J0NEW0000000000000000001` and a clock that
    /// stands still: for tests that show ids. Two such worlds make the same ids, so a client that
    /// remembers one world must not be shown another; that is why it is not the default.
    #[must_use]
    pub fn predictable(mut self) -> World {
        self.mint = Mint::counted();
        self
    }

    /// How many OAuth credentials the platform has created since the world began, whether or not
    /// anything still uses them. Goes up when an update forgets the ids of its grant.
    pub fn credentials_made(&self) -> usize {
        self.credentials_made
    }

    /// What exists, containers before contents.
    pub fn summary(&self) -> Vec<Entry> {
        let entry = |kind, name: &str, id: &str, within: Option<&str>| Entry {
            kind,
            name: name.to_owned(),
            id: id.to_owned(),
            within: within.map(str::to_owned),
        };
        let mut entries = vec![entry("organisation", &self.organisation_name, &self.organisation, None)];
        for (id, project) in &self.projects {
            entries.push(entry("project", &project.name, id, None));
            let environments = project.environments.iter();
            entries.extend(environments.map(|e| entry("environment", &e.name, &e.id, Some(&project.name))));
        }
        entries.extend(self.systems.iter().map(|(id, system)| entry("system", &system.name, id, None)));
        entries.extend(self.connectors.iter().map(|(id, it)| entry("connector", &it.name, id, None)));
        entries.extend(self.templates.values().map(|template| {
            let project = self.projects.get(&template.project).map(|project| project.name.as_str());
            entry("connection template", &template.name, &template.id, project)
        }));
        entries
    }

    /// The id of the first project of that name.
    pub fn project_id(&self, name: &str) -> Option<String> {
        self.projects.iter().find(|(_, project)| project.name == name).map(|(id, _)| id.clone())
    }

    /// The id of the environment of that name in a project, which is given by its id.
    pub fn environment_id(&self, project: &str, name: &str) -> Option<String> {
        let environments = &self.projects.get(project)?.environments;
        environments.iter().find(|environment| environment.name == name).map(|it| it.id.clone())
    }

    /// The id of the first system of that name.
    pub fn system_id(&self, name: &str) -> Option<String> {
        self.systems.iter().find(|(_, system)| system.name == name).map(|(id, _)| id.clone())
    }

    /// The id of the first connector of that name.
    pub fn connector_id(&self, name: &str) -> Option<String> {
        self.connectors.iter().find(|(_, connector)| connector.name == name).map(|(id, _)| id.clone())
    }

    /// Whether a request may speak of this organisation.
    pub(super) fn admit(&self, organisation: &str) -> Result<(), Refusal> {
        if path_id("organisation_id", organisation)? == self.organisation {
            return Ok(());
        }
        let message = "the token does not open this organisation";
        Err(Refusal::new(StatusCode::FORBIDDEN, "forbidden", message))
    }

    /// `GET …/projects`.
    pub(super) fn list_projects(&self, query: &Query) -> Result<Page<Value>, Refusal> {
        page("projects", query, self.projects.keys().map(String::as_str), |id| {
            self.projects.get(id).map(|project| render_project(id, project))
        })
    }

    /// `GET …/projects/{project}`.
    pub(super) fn read_project(&self, id: &str) -> Result<Value, Refusal> {
        let (id, project) = self.project(id)?;
        Ok(render_project(&id, project))
    }

    /// `GET …/systems`: `search` is part of a name, in any case.
    pub(super) fn list_systems(&self, query: &Query) -> Result<Page<ShownSystem<'_>>, Refusal> {
        let search = query.get("search").map(|search| search.to_lowercase()).unwrap_or_default();
        let found = self.systems.iter().filter(|(_, system)| system.name.to_lowercase().contains(&search));
        // The search is part of the list's name: a cursor is good for one search only.
        page(&format!("systems/{search}"), query, found.map(|(id, _)| id.as_str()), |id| {
            self.systems.get_key_value(id).map(|(id, system)| ShownSystem::of(id, system))
        })
    }

    /// `GET …/systems/{system}`.
    pub(super) fn read_system(&self, id: &str) -> Result<ShownSystem<'_>, Refusal> {
        let id = path_id("system_id", id)?;
        let (id, system) = self.systems.get_key_value(&id).ok_or_else(|| Refusal::absent("system"))?;
        Ok(ShownSystem::of(id, system))
    }

    /// `GET …/connectors/{connector}`, and what every change to a connector's configs answers.
    pub(super) fn read_connector(&self, id: &str) -> Result<Value, Refusal> {
        let id = path_id("connector_id", id)?;
        let connector = self.connectors.get(&id).ok_or_else(|| Refusal::absent("connector"))?;
        Ok(json!({
            "id": id,
            "organisationId": self.organisation,
            "name": connector.name,
            "public": false,
            "protocol": "http",
            "baseUrl": connector.base_url,
            "authSchemeConfigs": rendered(&connector.configs),
            "connections": [],
            "versions": [],
            "createdAt": LONG_AGO,
            "updatedAt": connector.updated_at,
        }))
    }

    /// The project of an id in a path, with the id in its canonical spelling.
    pub(super) fn project(&self, id: &str) -> Result<(String, &Project), Refusal> {
        let id = path_id("project_id", id)?;
        let project = self.projects.get(&id).ok_or_else(|| Refusal::absent("project"))?;
        Ok((id, project))
    }

    pub(super) fn configs_of(&self, owner: &Owner) -> Option<&Vec<Config>> {
        match owner {
            Owner::System(id) => self.systems.get(id).map(|system| &system.configs),
            Owner::Connector(id) => self.connectors.get(id).map(|connector| &connector.configs),
        }
    }

    pub(super) fn configs_of_mut(&mut self, owner: &Owner) -> Option<&mut Vec<Config>> {
        match owner {
            Owner::System(id) => self.systems.get_mut(id).map(|system| &mut system.configs),
            Owner::Connector(id) => self.connectors.get_mut(id).map(|connector| &mut connector.configs),
        }
    }
}

impl fmt::Debug for World {
    /// Counts only: a world holds a token and client secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World")
            .field("organisation", &self.organisation)
            .field("projects", &self.projects.len())
            .field("systems", &self.systems.len())
            .field("connectors", &self.connectors.len())
            .field("templates", &self.templates.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<19}  {}  {}", self.kind, self.id, self.name)?;
        match &self.within {
            Some(within) => write!(f, " (in {within})"),
            None => Ok(()),
        }
    }
}

/// An id in a path or a query, in its canonical spelling; 400 when it is no ULID.
pub(super) fn path_id(parameter: &str, text: &str) -> Result<String, Refusal> {
    ulid(text).ok_or_else(|| Refusal::field(parameter, "must be a ULID"))
}

fn render_project(id: &str, project: &Project) -> Value {
    let environments: Vec<Value> = project
        .environments
        .iter()
        .map(|environment| {
            json!({
                "id": environment.id,
                "name": environment.name,
                "status": "running",
                "createdAt": LONG_AGO,
                "updatedAt": LONG_AGO,
                "lastDeployedAt": LONG_AGO,
                "publicUrl": format!("https://{}.sandbox.invalid", environment.id.to_lowercase()),
            })
        })
        .collect();
    json!({
        "id": id,
        "name": project.name,
        "environments": environments,
        "createdAt": LONG_AGO,
        "currentFiles": {"files": [], "labels": {}},
    })
}

/// A system as an answer shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownSystem<'w> {
    id: &'w str,
    name: &'w str,
    domain: &'w str,
    template_base_url: &'w str,
    auth_scheme_configs: &'w [Config],
}

impl<'w> ShownSystem<'w> {
    fn of(id: &'w str, system: &'w System) -> Self {
        Self {
            id,
            name: &system.name,
            domain: &system.domain,
            template_base_url: &system.template_base_url,
            auth_scheme_configs: &system.configs,
        }
    }
}
