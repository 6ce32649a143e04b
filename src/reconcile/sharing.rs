//! Reading the platform without keeping what is known a second time.

use crate::io::versori::{ApiError, Named, Read};
use crate::model::address::{Identity, Owner, Scope};
use crate::model::observed::{LiveConfig, LiveTemplate, Project};
use crate::model::recorded::Recorded;

/// A reader whose configs share their fields with what is recorded, where the two are the same: of a world in sync
/// there is one copy then, and comparing the two is quick.
#[derive(Debug)]
pub(super) struct Sharing<'a, A> {
    pub(super) api: &'a A,
    pub(super) recorded: &'a Recorded,
}

impl<A: Read> Read for Sharing<'_, A> {
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
        self.api.templates(scope).await
    }

    async fn configs(&self, owner: &Owner) -> Result<Vec<LiveConfig>, ApiError> {
        let mut configs = self.api.configs(owner).await?;
        for config in &mut configs {
            let identity = Identity::AuthSchemeConfig { owner: owner.clone(), id: config.id.clone() };
            if let Some(recorded) = self.recorded.resources.get(&identity) {
                config.share_with(owner.kind, &recorded.fields);
            }
        }
        Ok(configs)
    }
}
