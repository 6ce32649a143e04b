//! Reads a world from a file: `versync sandbox --world FILE`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};
use toml::Spanned;

use super::SandboxError;
use super::answer::Refusal;
use super::configs::Owner;
use super::mint::{LONG_AGO, Mint, ulid};
use super::templates::{Template, Templates};
use super::world::{Connector, Environment, Project, System, World};

const DEFAULT_TOKEN: &str = "sandbox";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WorldFile {
    organisation: Spanned<OrganisationFile>,
    token: Option<Spanned<String>>,
    #[serde(default)]
    projects: Vec<Spanned<ProjectFile>>,
    #[serde(default)]
    systems: Vec<Spanned<SystemFile>>,
    #[serde(default)]
    connectors: Vec<Spanned<ConnectorFile>>,
    #[serde(default)]
    connection_templates: Vec<Spanned<TemplateFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OrganisationFile {
    id: Option<String>,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProjectFile {
    id: Option<String>,
    name: String,
    environments: Vec<Spanned<EnvironmentFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnvironmentFile {
    id: Option<String>,
    name: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SystemFile {
    id: Option<String>,
    name: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    template_base_url: String,
    #[serde(default)]
    auth_scheme_configs: Vec<Spanned<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectorFile {
    id: Option<String>,
    name: String,
    #[serde(default)]
    base_url: String,
    #[serde(default)]
    auth_scheme_configs: Vec<Spanned<Value>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateFile {
    id: Option<String>,
    name: String,
    project: String,
    environment: String,
    system: String,
    #[serde(default)]
    dynamic: bool,
    #[serde(default)]
    auth_scheme_configs: Vec<String>,
}

impl World {
    /// Reads a world from TOML.
    ///
    /// ```toml
    /// organisation = { name = "Acme" }         # the only thing that has to be there
    /// token = "sandbox"                        # what clients have to send; this is the default
    ///
    /// [[projects]]
    /// name = "storefront"
    /// environments = [{ name = "production" }, { name = "staging" }]
    ///
    /// [[systems]]
    /// name = "shopify"
    /// domain = "shopify.com"                   # optional, like template_base_url
    /// template_base_url = "https://api.shopify.com"
    /// auth_scheme_configs = [                  # each one is the body of a PUT to the platform API
    ///     { type = "api-key", apiKey = { id = "key", description = "", name = "X-Key", in = "header" } },
    /// ]
    ///
    /// [[connectors]]
    /// name = "warehouse"
    /// base_url = "https://warehouse.example"   # optional
    /// auth_scheme_configs = [                  # each one is the body of a PUT to the connect API
    ///     { id = "open", description = "", schemeType = "none" },
    /// ]
    ///
    /// [[connection_templates]]
    /// name = "shop"
    /// project = "storefront"                   # these three by name or by id
    /// environment = "production"
    /// system = "shopify"
    /// dynamic = false                          # optional, like auth_scheme_configs
    /// auth_scheme_configs = ["key"]
    /// ```
    ///
    /// The organisation, projects, environments, systems, connectors and templates can have an `id`, a
    /// ULID; without one they get a new one each time. Auth scheme configs pass the same checks as over
    /// HTTP. Unknown keys are refused, except inside auth scheme configs, where the platform ignores
    /// them.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong: where, and what. Never repeats the text, which may hold secrets.
    pub fn from_toml(text: &str) -> Result<World, SandboxError> {
        let file: WorldFile = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            failure(text, at, plain(error.message()))
        })?;
        let mut reader = Reader { text, taken: BTreeSet::new(), mint: Mint::default() };
        let at = file.organisation.span().start;
        let organisation = file.organisation.into_inner();
        let mut world = World::empty(&reader.id(at, organisation.id)?);
        world.organisation_name = organisation.name;
        if let Some(token) = file.token {
            if token.get_ref().is_empty() {
                return Err(reader.wrong(token.span().start, "the token must not be empty"));
            }
            world.token = token.into_inner();
        }
        for project in file.projects {
            reader.project(&mut world, project)?;
        }
        for system in file.systems {
            reader.system(&mut world, system)?;
        }
        for connector in file.connectors {
            reader.connector(&mut world, connector)?;
        }
        for template in file.connection_templates {
            reader.template(&mut world, template)?;
        }
        world.mint = reader.mint;
        // What the world starts with is not what the platform has created since.
        world.credentials_made = 0;
        Ok(world)
    }

    /// An organisation with nothing in it.
    pub(super) fn empty(organisation: &str) -> World {
        World {
            organisation: organisation.to_owned(),
            organisation_name: String::new(),
            token: DEFAULT_TOKEN.to_owned(),
            projects: BTreeMap::new(),
            systems: BTreeMap::new(),
            connectors: BTreeMap::new(),
            templates: Templates::default(),
            credentials: BTreeMap::new(),
            credentials_made: 0,
            mint: Mint::default(),
        }
    }
}

/// What is needed to place an error, and to tell ids apart.
struct Reader<'a> {
    text: &'a str,
    taken: BTreeSet<String>,
    mint: Mint,
}

impl Reader<'_> {
    fn project(&mut self, world: &mut World, project: Spanned<ProjectFile>) -> Result<(), SandboxError> {
        let (at, project) = (project.span().start, project.into_inner());
        let id = self.id(at, project.id)?;
        let mut environments: Vec<Environment> = Vec::with_capacity(project.environments.len());
        for environment in project.environments {
            let (at, environment) = (environment.span().start, environment.into_inner());
            if environments.iter().any(|known| known.name == environment.name) {
                return Err(self.wrong(at, "the project has another environment of this name"));
            }
            environments.push(Environment { id: self.id(at, environment.id)?, name: environment.name });
        }
        world.projects.insert(id, Project { name: project.name, environments });
        Ok(())
    }

    fn system(&mut self, world: &mut World, system: Spanned<SystemFile>) -> Result<(), SandboxError> {
        let (at, system) = (system.span().start, system.into_inner());
        let id = self.id(at, system.id)?;
        let SystemFile { name, domain, template_base_url, .. } = system;
        world.systems.insert(id.clone(), System { name, domain, template_base_url, configs: Vec::new() });
        self.configs(world, &Owner::System(id), system.auth_scheme_configs)
    }

    fn connector(&mut self, world: &mut World, connector: Spanned<ConnectorFile>) -> Result<(), SandboxError> {
        let (at, connector) = (connector.span().start, connector.into_inner());
        let id = self.id(at, connector.id)?;
        let ConnectorFile { name, base_url, .. } = connector;
        let made = Connector { name, base_url, updated_at: LONG_AGO.to_owned(), configs: Vec::new() };
        world.connectors.insert(id.clone(), made);
        let owner = Owner::Connector(id.clone());
        self.configs(world, &owner, connector.auth_scheme_configs)?;
        if let Some(made) = world.connectors.get_mut(&id) {
            LONG_AGO.clone_into(&mut made.updated_at);
        }
        Ok(())
    }

    fn configs(&mut self, world: &mut World, owner: &Owner, configs: Vec<Spanned<Value>>) -> Result<(), SandboxError> {
        for config in configs {
            let (at, body) = (config.span().start, config.into_inner());
            // The id is where the dialect puts it: beside the rest, or inside the member.
            let inside = || body.as_object().and_then(|body| body.values().find_map(|member| member.get("id")));
            let id = body.get("id").or_else(inside).and_then(Value::as_str).unwrap_or_default();
            if world.config(owner, id).is_some() {
                return Err(self.wrong(at, "there is another auth scheme config of this id here"));
            }
            let put = world.put_config(owner, id, &body);
            put.map_err(|refusal| self.refused(at, &refusal))?;
        }
        Ok(())
    }

    fn template(&mut self, world: &mut World, template: Spanned<TemplateFile>) -> Result<(), SandboxError> {
        let (at, file) = (template.span().start, template.into_inner());
        let named = |found: Option<String>, what: &str| {
            found.ok_or_else(|| failure(self.text, at, format!("there is no such {what}")))
        };
        let known = |id: &String| world.projects.contains_key(id);
        let project = ulid(&file.project).filter(known).or_else(|| world.project_id(&file.project));
        let project = named(project, "project")?;
        let known = |id: &String| {
            let project = world.projects.get(&project);
            project.is_some_and(|project| project.environments.iter().any(|it| it.id == *id))
        };
        let environment = ulid(&file.environment).filter(known);
        let environment = environment.or_else(|| world.environment_id(&project, &file.environment));
        let environment = named(environment, "environment in the project")?;
        let known = |id: &String| world.systems.contains_key(id);
        let system = ulid(&file.system).filter(known).or_else(|| world.system_id(&file.system));
        let system = named(system, "system")?;
        let id = self.id(at, file.id)?;
        let template = Template {
            id: id.clone(),
            project: project.clone(),
            environment,
            name: file.name.clone(),
            system,
            dynamic: file.dynamic,
            auth_scheme_configs: Vec::new(),
            created_at: LONG_AGO.to_owned(),
        };
        world.templates.insert(template);
        // The name and the auth scheme configs pass the same checks as over HTTP.
        let body = json!({"name": file.name, "authSchemeConfigIds": file.auth_scheme_configs});
        let update = world.update_template(&project, &id, &body);
        update.map(|_| ()).map_err(|refusal| self.refused(at, &refusal))
    }

    fn id(&mut self, at: usize, given: Option<String>) -> Result<String, SandboxError> {
        let id = match given {
            None => self.mint.id(),
            Some(given) => ulid(&given).ok_or_else(|| self.wrong(at, "the id must be a ULID"))?,
        };
        if !self.taken.insert(id.clone()) {
            return Err(self.wrong(at, "the id is used twice"));
        }
        Ok(id)
    }

    fn refused(&self, at: usize, refusal: &Refusal) -> SandboxError {
        let fields: Vec<String> = refusal.fields.iter().map(|it| format!("{} {}", it.field, it.message)).collect();
        let message = if fields.is_empty() { refusal.message.clone() } else { fields.join("; ") };
        self.wrong(at, message)
    }

    fn wrong(&self, at: usize, message: impl Into<String>) -> SandboxError {
        failure(self.text, at, message.into())
    }
}

fn failure(text: &str, at: usize, message: String) -> SandboxError {
    let before = text.get(..at).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    SandboxError::World { line, column, message }
}

/// What the parser says, without what it read: its messages can quote a key or a value.
fn plain(message: &str) -> String {
    let first = message.lines().next().unwrap_or_default();
    let expected = first.rsplit_once(", expected ").map(|(_, expected)| expected);
    match expected {
        Some(expected) if first.starts_with("unknown field") => {
            format!("unknown key; expected {expected}")
        }
        Some(expected) => format!("not what belongs here; expected {expected}"),
        // Names a key of ours, not one of the file's.
        None if first.starts_with("missing field") => first.to_owned(),
        None if first.starts_with("unknown field") => "unknown key".to_owned(),
        None if first.starts_with("duplicate key") => "duplicate key".to_owned(),
        None => "not valid TOML".to_owned(),
    }
}
