//! Reading the platform without keeping what is known a second time.

use std::collections::HashMap;

use crate::io::versori::{ApiError, Named, Read};
use crate::model::address::{Identity, Owner, Scope};
use crate::model::observed::{LiveConfig, LiveTemplate, Project};
use crate::model::recorded::Recorded;
use crate::model::schema::Fields;

/// A reader whose configs share their fields with what is recorded, where the two are the same: of a world in sync
/// there is one copy then, and comparing the two is quick.
#[derive(Debug)]
pub(super) struct Sharing<'a, A> {
    pub(super) api: &'a A,
    pub(super) recorded: &'a Recorded,
}

impl<A: Read> Read for Sharing<'_, A> {
    fn begun_at_once(&self) -> usize {
        self.api.begun_at_once()
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

    async fn templates(&self, scope: &Scope, last: Option<&[LiveTemplate]>) -> Result<Vec<LiveTemplate>, ApiError> {
        self.api.templates(scope, last).await
    }

    async fn configs(&self, owner: &Owner, last: Option<&[LiveConfig]>) -> Result<Vec<LiveConfig>, ApiError> {
        let mut configs = self.api.configs(owner, last).await?;
        share(owner, &mut configs, self.recorded);
        Ok(configs)
    }
}

/// Lets an owner's configs share their fields with what is recorded.
pub(super) fn share(owner: &Owner, configs: &mut [LiveConfig], recorded: &Recorded) {
    let recorded = fields_of(owner, recorded);
    for config in configs {
        if let Some(fields) = recorded.get(config.id.as_str()) {
            config.share_with(fields);
        }
    }
}

/// The recorded fields of an owner's configs, by their ids.
fn fields_of<'r>(owner: &Owner, recorded: &'r Recorded) -> HashMap<&'r str, &'r Fields> {
    let first = Identity::AuthSchemeConfig { owner: owner.clone(), id: String::new() };
    let of_owner = recorded.resources.range(first..).map_while(|(identity, record)| match identity {
        Identity::AuthSchemeConfig { owner: known, id } if known == owner => Some((id.as_str(), &record.fields)),
        _ => None,
    });
    of_owner.collect()
}
