//! Creates that were begun: what is written down before something is made, so that whatever happens then, what
//! came of it can be found out. The platform has no idempotency keys.

use std::collections::BTreeSet;

use serde_json::json;
use sha2::{Digest, Sha256};

use super::auth_scheme_config::field_named;
use super::observed::{LiveConfig, LiveTemplate};
use super::plan::{ConfigStep, TemplateStep, hex};
use super::recorded::RecordedResource;
use super::schema::{Field, Fields};

/// A create of which no outcome is recorded: it may have happened, or may yet happen.
#[derive(Debug, Clone, PartialEq)]
pub struct Intent {
    /// What is to be recorded once it has happened; the platform's id is not known yet.
    pub record: RecordedResource,
    /// The hash of what was sent.
    pub payload: String,
    /// The ids of the templates of this name that existed before. A config has no other id than its own.
    pub existing: BTreeSet<String>,
    /// Whether a pass has looked for it since, and not found it.
    pub missed: bool,
}

impl Intent {
    /// The intent of a step that makes a config.
    pub fn of_config(step: &ConfigStep) -> Self {
        let payload = config_payload(&step.record.fields, &step.record.fields);
        Self { record: step.record.clone(), payload, existing: BTreeSet::new(), missed: false }
    }

    /// Whether a live config is as this create would have made it, as far as the platform shows it.
    pub fn has_made_config(&self, live: &LiveConfig) -> bool {
        self.payload == config_payload(&self.record.fields, &live.fields)
    }

    /// The intent of a step that makes a template.
    pub fn of_template(step: &TemplateStep) -> Self {
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

/// The hash of what `live` has of the fields that were declared.
fn config_payload(declared: &Fields, live: &Fields) -> String {
    let shown = declared.keys().filter(|name| !field_named(name).is_some_and(Field::is_secret));
    let seen = |name: &str| live.get(name).cloned().or_else(|| Some(field_named(name)?.default_value()));
    // What an older answer does not show is taken to be there.
    let value = |name: &&str| seen(name).filter(|value| !value.is_null()).or_else(|| declared.get(name).cloned());
    let fields: Vec<_> = shown.map(|name| (name, value(name))).collect();
    hex(&Sha256::digest(json!(fields).to_string()))
}

fn payload(system: &str, environment: &str, name: &str, dynamic: bool) -> String {
    // Text and flags can always be written.
    hex(&Sha256::digest(serde_json::to_string(&(system, environment, name, dynamic)).unwrap_or_default()))
}
