//! What the applier executes, with all that it needs.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde_json::{Map, Value};

use crate::model::address::{Identity, Owner, Scope};
use crate::model::recorded::{OldTemplate, RecordedResource};
use crate::model::schema::Fields;

/// What the applier executes, with all that it needs.
#[derive(Debug, Clone)]
pub enum Step {
    /// Send nothing.
    Nothing,
    /// Only remember it.
    Record {
        /// As what.
        record: Box<RecordedResource>,
        /// The identity under which it was recorded, where that was another.
        renamed_from: Option<Identity>,
    },
    /// `POST` a template, then `PUT` its list of configs if it has one.
    CreateTemplate(Box<TemplateStep>),
    /// `PUT` a template.
    UpdateTemplate {
        /// The platform's id of it.
        id: String,
        /// The identity under which it was recorded, where it was renamed.
        renamed_from: Option<Identity>,
        /// What to send.
        step: Box<TemplateStep>,
    },
    /// Create a template, then `DELETE` the old one.
    ReplaceTemplate {
        /// The old one.
        old: OldTemplate,
        /// The new one.
        step: Box<TemplateStep>,
    },
    /// `DELETE` the template whose place another has taken.
    FinishReplacement {
        /// The old one.
        old: OldTemplate,
        /// The new one, to be remembered.
        record: Box<RecordedResource>,
    },
    /// `DELETE` a template.
    DeleteTemplate {
        /// Where it is.
        scope: Scope,
        /// The platform's id of it.
        id: String,
    },
    /// `PUT` a config: the same request creates and updates.
    PutConfig(Box<ConfigStep>),
    /// `DELETE` a config.
    DeleteConfig {
        /// Whose it is.
        owner: Owner,
        /// Its id.
        id: String,
    },
}

impl Step {
    /// Whether a template is gone once it is done.
    pub fn deletes_a_template(&self) -> bool {
        let is_replacement = matches!(self, Step::ReplaceTemplate { .. } | Step::FinishReplacement { .. });
        is_replacement || matches!(self, Step::DeleteTemplate { .. })
    }

    /// The platform's id of the template that it changes, replaces, deletes or remembers. What it makes has none
    /// yet, and a config has no other id than its address says.
    pub fn template_id(&self) -> Option<&str> {
        match self {
            Step::UpdateTemplate { id, .. } | Step::DeleteTemplate { id, .. } => Some(id),
            Step::ReplaceTemplate { old, .. } | Step::FinishReplacement { old, .. } => Some(&old.id),
            Step::Record { record, .. } => record.template_id.as_deref(),
            Step::Nothing | Step::CreateTemplate(_) | Step::PutConfig(_) | Step::DeleteConfig { .. } => None,
        }
    }
}

/// A template as it is to be.
#[derive(Debug, Clone)]
pub struct TemplateStep {
    /// Where it is.
    pub scope: Scope,
    /// Its name.
    pub name: String,
    /// The id of its system.
    pub system: String,
    /// Whether it is dynamic.
    pub dynamic: bool,
    /// The ids of its configs, in order.
    pub auth_scheme_configs: Vec<String>,
    /// The ids of the templates of this name that exist before, for the intent of a create.
    pub existing: Vec<String>,
    /// What to remember when it is done.
    pub record: RecordedResource,
}

/// A config as it is to be.
#[derive(Debug, Clone)]
pub struct ConfigStep {
    /// Whose it is.
    pub owner: Owner,
    /// Its id.
    pub id: String,
    /// The fields to send, without secrets.
    pub fields: Fields,
    /// The secrets to send, by their fields' names.
    pub secrets: BTreeMap<&'static str, SecretString>,
    /// The live members, which are sent back where `fields` does not say otherwise.
    pub base: Map<String, Value>,
    /// What to remember when it is done.
    pub record: RecordedResource,
}
