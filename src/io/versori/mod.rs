//! The Versori platform over HTTP. [`Read`] is all that a dry run has; [`Write`] is what applying needs.
//! The two dialects (`platform`, `connect`) turn values into requests and answers into values;
//! [`client`] sends them, and [`token`] says who is asking.

pub mod client;
mod connect;
mod error;
mod jwt;
mod listed;
pub mod meter;
mod nobody;
mod observe;
mod platform;
mod request;
mod retry;
mod scheme;
pub mod token;
mod urls;
mod wire;

use std::future::Future;
use std::sync::Arc;

pub use client::{Client, Connection};
pub use error::{ApiError, ErrorKind};
pub use jwt::KeyError;
pub use meter::Meter;
pub use nobody::Nobody;
pub use observe::{Names, observe, observe_elsewhere};
pub(in crate::io) use retry::asked_for;
pub use token::{Credential, CredentialError, Credentials, SigningKey, TokenScheme};

use secrecy::ExposeSecret;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::model::address::{Owner, OwnerKind, Scope};
use crate::model::blame::Refused;
use crate::model::echo;
use crate::model::observed::{LiveConfig, LiveTemplate, Page, Project, Raw, Remark};
use crate::model::plan::{ConfigStep, TemplateStep};

/// A thing that has a name and an id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// Its ULID.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// What can be asked of the platform. Lists are complete or an error, never a part.
pub trait Read {
    /// How many of many requests to begin at once: as many as may be under way, and as many again that wait for their
    /// turn, so that no turn is lost while answers are read. More would only stand in the way of what is begun later.
    fn begun_at_once(&self) -> usize;
    /// Every project of the organisation.
    fn projects(&self) -> impl Future<Output = Result<Vec<Named>, ApiError>>;
    /// Every system of the organisation.
    fn systems(&self) -> impl Future<Output = Result<Vec<Named>, ApiError>>;
    /// A project with its environments.
    fn project(&self, id: &str) -> impl Future<Output = Result<Project, ApiError>>;
    /// Every connection template of an environment. What comes in the same bytes as the `last` time may be taken from
    /// there; nothing is there for whoever asks only once.
    fn templates(
        &self,
        scope: &Scope,
        last: Option<&[LiveTemplate]>,
    ) -> impl Future<Output = Result<Vec<LiveTemplate>, ApiError>>;
    /// Every auth scheme config of a system or connector. What comes in the same text as the `last` time may be taken
    /// from there, once [`Raw::let_go`] was called for it.
    fn configs(
        &self,
        owner: &Owner,
        last: Option<&[LiveConfig]>,
    ) -> impl Future<Output = Result<Vec<LiveConfig>, ApiError>>;
}

/// What can be done to the platform.
pub trait Write: Read {
    /// Makes a template, with no auth scheme configs yet. Not idempotent: never sent twice.
    fn create_template(&self, step: &TemplateStep) -> impl Future<Output = Result<LiveTemplate, ApiError>>;
    /// Gives the template `id` the name, the flag and the list of configs of `step`.
    fn update_template(&self, id: &str, step: &TemplateStep) -> impl Future<Output = Result<(), ApiError>>;
    /// Deletes a template. One that is gone already counts as deleted.
    fn delete_template(&self, scope: &Scope, id: &str) -> impl Future<Output = Result<(), ApiError>>;
    /// Creates or updates a config. Gives back what the platform remarks on it.
    fn put_config(&self, step: &ConfigStep) -> impl Future<Output = Result<Vec<Remark>, ApiError>>;
    /// Deletes a config. One that is gone already counts as deleted.
    fn delete_config(&self, owner: &Owner, id: &str) -> impl Future<Output = Result<(), ApiError>>;
}

/// A client that can only read: what a dry run holds.
#[derive(Debug, Clone)]
pub struct Reader {
    client: Arc<Client>,
}

/// A client that can read and write.
#[derive(Debug, Clone)]
pub struct Writer {
    reader: Reader,
}

impl Reader {
    /// Reads through this client.
    pub fn new(client: Client) -> Self {
        Self { client: Arc::new(client) }
    }
}

impl Writer {
    /// Reads and writes through this client.
    pub fn new(client: Client) -> Self {
        Self { reader: Reader::new(client) }
    }
}

impl Read for Reader {
    fn begun_at_once(&self) -> usize {
        2 * self.client.at_once()
    }

    async fn projects(&self) -> Result<Vec<Named>, ApiError> {
        let pages = self.client.all_pages::<wire::Named>(platform::list_projects).await?;
        Ok(pages.into_iter().map(wire::Named::into_named).collect())
    }

    async fn systems(&self) -> Result<Vec<Named>, ApiError> {
        let pages = self.client.all_pages::<wire::Named>(platform::list_systems).await?;
        Ok(pages.into_iter().map(wire::Named::into_named).collect())
    }

    async fn project(&self, id: &str) -> Result<Project, ApiError> {
        let answer: wire::Project = self.client.send(&platform::get_project(id)).await?;
        Ok(answer.into_project())
    }

    async fn templates(&self, scope: &Scope, last: Option<&[LiveTemplate]>) -> Result<Vec<LiveTemplate>, ApiError> {
        let read = |request: &request::Request, body: &[u8], place| {
            let page = || self.client.read::<wire::Page<wire::Template>>(request, body);
            let Some(last) = last else { return Ok(page()?.into_live(None)) };
            let hash = Some(Sha256::digest(body).into());
            match Page::at(last, place).filter(|(page, _)| page.hash == hash) {
                Some((page, templates)) => Ok(wire::Page::known(page, templates)),
                None => Ok(page()?.into_live(hash)),
            }
        };
        let request = |after: Option<&str>| platform::list_templates(scope, after);
        let foreseen = last.map(Page::cursors).unwrap_or_default();
        let mut templates = self.client.all_pages_read(request, foreseen, read).await?;
        // They are kept, and would keep the room of the answer, which was larger.
        templates.shrink_to_fit();
        Ok(templates)
    }

    async fn configs(&self, owner: &Owner, last: Option<&[LiveConfig]>) -> Result<Vec<LiveConfig>, ApiError> {
        let (request, read): (_, fn(_) -> _) = match owner.kind {
            OwnerKind::System => (platform::get_system(&owner.id), platform::read_config),
            OwnerKind::Connector => (connect::get_connector(&owner.id), connect::read_config),
        };
        let answer: wire::Owner = self.client.send_and_read_later(&request).await?;
        // They come in the same order as long as none has come or gone.
        let mut last = last.into_iter().flatten();
        let read = |raw: Box<RawValue>| {
            let mut raw = Raw::new(raw);
            last.next().and_then(|last| last.come_again(&mut raw)).or_else(|| read(raw))
        };
        let configs: Option<Vec<_>> = answer.auth_scheme_configs.into_iter().map(read).collect();
        configs.ok_or_else(|| self.client.malformed(&request, "an auth scheme config in it has no id or no type"))
    }
}

impl Read for Writer {
    fn begun_at_once(&self) -> usize {
        self.reader.begun_at_once()
    }

    fn projects(&self) -> impl Future<Output = Result<Vec<Named>, ApiError>> {
        self.reader.projects()
    }

    fn systems(&self) -> impl Future<Output = Result<Vec<Named>, ApiError>> {
        self.reader.systems()
    }

    fn project(&self, id: &str) -> impl Future<Output = Result<Project, ApiError>> {
        self.reader.project(id)
    }

    fn templates(
        &self,
        scope: &Scope,
        last: Option<&[LiveTemplate]>,
    ) -> impl Future<Output = Result<Vec<LiveTemplate>, ApiError>> {
        self.reader.templates(scope, last)
    }

    fn configs(
        &self,
        owner: &Owner,
        last: Option<&[LiveConfig]>,
    ) -> impl Future<Output = Result<Vec<LiveConfig>, ApiError>> {
        self.reader.configs(owner, last)
    }
}

impl Writer {
    fn client(&self) -> &Client {
        &self.reader.client
    }
}

impl Write for Writer {
    async fn create_template(&self, step: &TemplateStep) -> Result<LiveTemplate, ApiError> {
        let answer: wire::Template = self.client().send(&platform::create_template(step)).await?;
        Ok(answer.into_live())
    }

    async fn update_template(&self, id: &str, step: &TemplateStep) -> Result<(), ApiError> {
        self.client().send_for_status(&platform::update_template(id, step)).await
    }

    async fn delete_template(&self, scope: &Scope, id: &str) -> Result<(), ApiError> {
        gone_is_fine(self.client().send_for_status(&platform::delete_template(scope, id)).await)
    }

    async fn put_config(&self, step: &ConfigStep) -> Result<Vec<Remark>, ApiError> {
        let (client, organisation) = (self.client(), self.client().organisation());
        // A platform that repeats a secret must not make us print or keep it.
        let redact = |text: &str| echo::without(text, step.secrets.values().map(|secret| secret.expose_secret()));
        let answer = async {
            Ok(match step.owner.kind {
                OwnerKind::System => {
                    let answer = client.send_and_read_if_any(&platform::put_config(step, organisation)).await?;
                    platform::remarks(&answer)
                }
                OwnerKind::Connector => {
                    let answer: wire::Owner =
                        client.send_and_read_if_any(&connect::put_config(step, organisation)).await?;
                    connect::remarks(&answer.auth_scheme_configs, &step.id)
                }
            })
        };
        let clean = |refused: &Refused| Refused { field: redact(&refused.field), message: redact(&refused.message) };
        let remarks: Vec<Remark> = answer.await.map_err(|error: ApiError| ApiError {
            message: redact(&error.message),
            fields: error.fields.iter().map(clean).collect(),
            ..error
        })?;
        let clean = |remark: Remark| Remark {
            text: redact(&remark.text),
            detail: remark.detail.iter().map(|detail| redact(detail)).collect(),
            ..remark
        };
        Ok(remarks.into_iter().map(clean).collect())
    }

    async fn delete_config(&self, owner: &Owner, id: &str) -> Result<(), ApiError> {
        let request = match owner.kind {
            OwnerKind::System => platform::delete_config(&owner.id, id),
            OwnerKind::Connector => connect::delete_config(&owner.id, id),
        };
        gone_is_fine(self.client().send_for_status(&request).await)
    }
}

fn gone_is_fine(result: Result<(), ApiError>) -> Result<(), ApiError> {
    match result {
        Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests;
