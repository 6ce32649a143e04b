//! Creates that were begun: what is written down before a template is made, so that whatever happens
//! then, what came of it can be found out. The platform has no idempotency keys.

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::observed::LiveTemplate;
use super::plan::{TemplateStep, hex};
use super::recorded::RecordedResource;

/// A create of which no outcome is recorded: it may have happened, or may yet happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// What is to be recorded once it has happened; the platform's id is not known yet.
    pub record: RecordedResource,
    /// The hash of what was sent.
    pub payload: String,
    /// The ids of the templates of this name that existed before.
    pub existing: BTreeSet<String>,
    /// Whether a pass has looked for it since, and not found it.
    pub missed: bool,
}

impl Intent {
    /// The intent of a step that makes a template.
    pub fn of(step: &TemplateStep) -> Self {
        Self {
            record: step.record.clone(),
            payload: payload(&step.system, &step.scope.environment, &step.name, step.dynamic),
            existing: step.existing.iter().cloned().collect(),
            missed: false,
        }
    }

    /// Whether a live template of an environment can only be what this create has made.
    pub fn has_made(&self, environment: &str, live: &LiveTemplate) -> bool {
        !self.existing.contains(&live.id)
            && self.payload == payload(&live.system, environment, &live.name, live.dynamic)
    }
}

fn payload(system: &str, environment: &str, name: &str, dynamic: bool) -> String {
    hex(&Sha256::digest(json!([system, environment, name, dynamic]).to_string()))
}
