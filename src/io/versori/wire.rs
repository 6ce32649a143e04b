//! The shapes of answers that both dialects share. Fields that are not named here are passed over;
//! absent and `null` lists and flags are empty and false.

use std::sync::Arc;

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::listed::Listed;
use crate::model::observed::{self as model, LiveTemplate, Project as LiveProject};

/// A page of a list. The platform calls the items differently in different lists.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "T: Deserialize<'de>"))]
pub(super) struct Page<T> {
    #[serde(default)]
    pub(super) total_count: Option<u64>,
    #[serde(alias = "projects", alias = "connectors")]
    pub(super) items: Option<Vec<T>>,
    #[serde(default)]
    pub(super) next: Option<String>,
}

impl Page<LiveTemplate> {
    /// A page as it was read before.
    pub(super) fn known(page: &model::Page, templates: &[LiveTemplate]) -> Self {
        Self { total_count: page.total, items: Some(templates.to_vec()), next: page.next.clone() }
    }
}

impl Page<Template> {
    /// The page, with the hash of its bytes where it is to be known again.
    pub(super) fn into_live(self, hash: Option<model::Hash>) -> Page<LiveTemplate> {
        let Self { total_count, items, next } = self;
        let count = items.as_ref().map_or(0, Vec::len);
        let page = Arc::new(model::Page { hash, count, total: total_count, next: next.clone() });
        let live = |template: Template| LiveTemplate { page: Some(Arc::clone(&page)), ..template.into_live() };
        Page { total_count, items: items.map(|items| items.into_iter().map(live).collect()), next }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Named {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    name: String,
}

impl Named {
    pub(super) fn into_named(self) -> super::Named {
        super::Named { id: self.id, name: self.name }
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Project {
    id: String,
    #[serde(default, deserialize_with = "null_is_default")]
    environments: Vec<Named>,
}

impl Project {
    pub(super) fn into_project(self) -> LiveProject {
        let environments = self.environments.into_iter().map(|found| (found.id, found.name)).collect();
        LiveProject { id: self.id, environments }
    }
}

/// A connection template. Its `id` is the system's; its own is `connectionTemplateId`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Template {
    id: String,
    connection_template_id: String,
    name: String,
    #[serde(default, deserialize_with = "null_is_default")]
    dynamic: bool,
    #[serde(default, deserialize_with = "null_is_default")]
    auth_scheme_configs: Vec<Listed>,
}

impl Template {
    pub(super) fn into_live(self) -> LiveTemplate {
        let mut auth_scheme_configs: Vec<_> =
            self.auth_scheme_configs.into_iter().filter_map(Listed::into_id).collect();
        auth_scheme_configs.shrink_to_fit();
        LiveTemplate {
            id: self.connection_template_id,
            name: self.name,
            system: self.id,
            dynamic: self.dynamic,
            auth_scheme_configs,
            page: None,
        }
    }
}

/// A system or a connector, for its configs.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Owner {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) auth_scheme_configs: Vec<Box<RawValue>>,
}

/// The body of an error.
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorBody {
    #[serde(default)]
    pub(super) message: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) fields: Vec<ErrorField>,
    #[serde(default)]
    pub(super) details: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ErrorField {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) field: String,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) message: String,
}

fn null_is_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
