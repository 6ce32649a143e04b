//! The rules for connection templates.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::answer::{Page, Query, Refusal, page};
use super::form::{self, Optional, Required};
use super::wire::{Config, rendered};
use super::world::{World, path_id};

/// A connection template as the platform keeps it. An answer shows less: no project, no environment,
/// and the system's id where one would look for the template's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// The template's own id: `connectionTemplateId` in an answer.
    pub id: String,
    /// The project that it is in.
    pub project: String,
    /// The environment that it is in.
    pub environment: String,
    /// The name by which code refers to it. Not unique.
    pub name: String,
    /// The system that it is of: `id` in an answer.
    pub system: String,
    /// Whether its connections are per end user.
    pub dynamic: bool,
    /// The ids of auth scheme configs of its system, in order.
    pub auth_scheme_configs: Vec<String>,
    /// When it was created.
    pub created_at: String,
}

/// Every template, in the order of creation, of the organisation and of each environment.
#[derive(Debug, Clone, Default)]
pub(super) struct Templates {
    all: BTreeMap<String, Template>,
    /// Their ids. One list after the other asks for them.
    of_environments: BTreeMap<String, BTreeSet<String>>,
}

impl Templates {
    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn get(&self, id: &str) -> Option<&Template> {
        self.all.get(id)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = &Template> {
        self.all.values()
    }

    /// The ids of those of an environment.
    fn ids_in(&self, environment: &str) -> impl Iterator<Item = &str> {
        self.of_environments.get(environment).into_iter().flatten().map(String::as_str)
    }

    /// Puts a template in the place of the one that has its id, if there is one.
    pub(super) fn insert(&mut self, template: Template) {
        self.remove(&template.id);
        self.of_environments.entry(template.environment.clone()).or_default().insert(template.id.clone());
        self.all.insert(template.id.clone(), template);
    }

    fn remove(&mut self, id: &str) -> Option<Template> {
        let template = self.all.remove(id)?;
        if let Some(ids) = self.of_environments.get_mut(&template.environment) {
            ids.remove(id);
        }
        Some(template)
    }

    /// Takes a config of a system off the lists of those that name it.
    pub(super) fn unlist(&mut self, system: &str, config: &str) {
        for template in self.all.values_mut().filter(|template| template.system == *system) {
            template.auth_scheme_configs.retain(|id| id != config);
        }
    }
}

impl World {
    /// Every template, in the order of creation.
    pub fn templates(&self) -> Vec<Template> {
        self.templates.values().cloned().collect()
    }

    /// Changes a template as somebody else would, behind the client's back and past every rule.
    /// `false` when there is none of that id. The id itself cannot be changed.
    pub fn edit_template(&mut self, id: &str, change: impl FnOnce(&mut Template)) -> bool {
        // A change that panics must not take the template with it.
        let Some(mut template) = self.templates.get(id).cloned() else {
            return false;
        };
        change(&mut template);
        id.clone_into(&mut template.id);
        self.templates.insert(template);
        true
    }

    /// `POST …/connection-templates`. Not idempotent: the same name twice is two templates, because
    /// the platform documents no uniqueness and no idempotency key.
    ///
    /// # Errors
    ///
    /// 404 for an unknown project, 400 for a body that is not valid, also when its system or
    /// environment does not exist.
    pub fn create_template(&mut self, project: &str, body: &Value) -> Result<Value, Refusal> {
        let (project, known) = self.project(project)?;
        let environments = &known.environments;
        let systems = &self.systems;
        let (name, system, environment, dynamic) = form::body(body, |form| {
            let name = form.text("name", Required);
            let system = form.ulid("systemId", Required);
            if system.as_ref().is_some_and(|id| !systems.contains_key(id)) {
                form.wrong("systemId", "is not a system of this organisation");
            }
            // Optional in one published version, required in another: the stricter one holds.
            let environment = form.ulid("environmentId", Required);
            if environment.as_ref().is_some_and(|id| !environments.iter().any(|it| it.id == *id)) {
                form.wrong("environmentId", "is not an environment of this project");
            }
            let dynamic = form.flag("dynamic", Optional).unwrap_or_default();
            (name.unwrap_or_default(), system.unwrap_or_default(), environment.unwrap_or_default(), dynamic)
        })?;
        let template = Template {
            id: self.mint.id(),
            project,
            environment,
            name,
            system,
            dynamic,
            auth_scheme_configs: Vec::new(),
            created_at: self.mint.now(),
        };
        let answer = rendered(&self.shown(&template));
        self.templates.insert(template);
        Ok(answer)
    }

    /// `PUT …/connection-templates/{template}`: what is absent stays, and so do the system and the
    /// environment whatever is sent.
    ///
    /// # Errors
    ///
    /// 404 for an unknown project or template, 400 for a body that is not valid, also when it names an
    /// auth scheme config that is not one of the template's system.
    pub fn update_template(&mut self, project: &str, id: &str, body: &Value) -> Result<Value, Refusal> {
        let id = self.template_in(project, id)?;
        let mut template = self.templates.get(&id).cloned().ok_or_else(|| Refusal::absent("connection template"))?;
        let configs = self.systems.get(&template.system).map(|system| system.configs.as_slice()).unwrap_or_default();
        form::body(body, |form| {
            // Optional, but not blank when it is there.
            if form.has("name")
                && let Some(name) = form.text("name", Required)
            {
                template.name = name;
            }
            if let Some(dynamic) = form.flag("dynamic", Optional) {
                template.dynamic = dynamic;
            }
            if let Some(ids) = form.texts("authSchemeConfigIds", Optional, &[]) {
                for (index, id) in ids.iter().enumerate() {
                    if !configs.iter().any(|config| config.id == *id) {
                        let message = "is not an auth scheme config of the template's system";
                        form.wrong(&format!("authSchemeConfigIds[{index}]"), message);
                    }
                }
                template.auth_scheme_configs = ids;
            }
        })?;
        let answer = rendered(&self.shown(&template));
        self.templates.insert(template);
        Ok(answer)
    }

    /// `DELETE …/connection-templates/{template}`.
    ///
    /// # Errors
    ///
    /// 404 for an unknown project or template.
    pub fn delete_template(&mut self, project: &str, id: &str) -> Result<(), Refusal> {
        let id = self.template_in(project, id)?;
        self.templates.remove(&id);
        Ok(())
    }

    /// `GET …/connection-templates?env_id=`. The environment has to be named, because the answer's
    /// items do not say which one they are in.
    pub(super) fn list_templates(&self, project: &str, query: &Query) -> Result<Page<Shown<'_>>, Refusal> {
        let (_, project) = self.project(project)?;
        let environment = query.get("env_id").ok_or_else(|| Refusal::field("env_id", "is required"))?;
        let environment = path_id("env_id", environment)?;
        if !project.environments.iter().any(|it| it.id == environment) {
            return Err(Refusal::absent("environment in this project"));
        }
        page(&format!("templates/{environment}"), query, self.templates.ids_in(&environment), |id| {
            self.templates.get(id).map(|template| self.shown(template))
        })
    }

    /// The canonical id of a template that is in a project.
    fn template_in(&self, project: &str, id: &str) -> Result<String, Refusal> {
        let (project, _) = self.project(project)?;
        let id = path_id("template_id", id)?;
        match self.templates.get(&id) {
            Some(template) if template.project == project => Ok(id),
            _ => Err(Refusal::absent("connection template")),
        }
    }

    fn shown<'w>(&'w self, template: &'w Template) -> Shown<'w> {
        let system = self.systems.get(&template.system);
        let configs = system.map(|system| system.configs.as_slice()).unwrap_or_default();
        let used = template.auth_scheme_configs.iter();
        let used = used.filter_map(|id| configs.iter().find(|config| config.id == *id));
        Shown {
            id: &template.system,
            connection_template_id: &template.id,
            name: &template.name,
            domain: system.map(|system| system.domain.as_str()).unwrap_or_default(),
            dynamic: template.dynamic,
            template_base_url: system.map(|system| system.template_base_url.as_str()).unwrap_or_default(),
            auth_scheme_configs: used.collect(),
            created_at: &template.created_at,
        }
    }
}

/// A connection template as an answer shows it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Shown<'w> {
    id: &'w str,
    connection_template_id: &'w str,
    name: &'w str,
    domain: &'w str,
    dynamic: bool,
    template_base_url: &'w str,
    auth_scheme_configs: Vec<&'w Config>,
    /// In no document: unknown fields can appear at any time, and clients have to live with it.
    created_at: &'w str,
}
