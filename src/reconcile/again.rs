//! Reading the platform again, without taking apart what reads as it did before.

use crate::io::versori::{ApiError, Named, Read};
use crate::model::address::{Owner, Scope};
use crate::model::observed::{LiveConfig, LiveTemplate, Observed, Project};

/// A reader that knows what was seen last. Nothing is taken from there but what the platform says once more.
#[derive(Debug)]
pub(super) struct Again<'a, A> {
    pub(super) api: &'a A,
    pub(super) last: Option<&'a Observed>,
}

impl<A: Read> Read for Again<'_, A> {
    fn at_once(&self) -> usize {
        self.api.at_once()
    }

    async fn projects(&self) -> Result<Vec<Named>, ApiError> {
        self.api.projects().await
    }

    async fn systems(&self) -> Result<Vec<Named>, ApiError> {
        self.api.systems().await
    }

    async fn project(&self, id: &str) -> Result<Project, ApiError> {
        self.api.project(id).await
    }

    async fn templates(&self, scope: &Scope) -> Result<Vec<LiveTemplate>, ApiError> {
        match self.last {
            Some(last) => {
                let last = last.templates.get(scope).and_then(|list| list.as_deref().ok());
                self.api.templates_again(scope, last.unwrap_or_default()).await
            }
            // There may be no later time.
            None => self.api.templates(scope).await,
        }
    }

    async fn configs(&self, owner: &Owner) -> Result<Vec<LiveConfig>, ApiError> {
        let last = self.last.and_then(|last| last.configs.get(owner)?.as_deref().ok());
        self.api.configs_again(owner, last.unwrap_or_default()).await
    }
}
