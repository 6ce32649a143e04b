//! What versync last applied: the memory that tells drift from an edit.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::address::{Address, Identity, Scope};
use super::approval::Approval;
use super::intent::Intent;
use super::plan::Source;
use super::schema::Fields;

/// A name as a file writes it. What it means is looked up on the platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reference {
    /// A project.
    Project(String),
    /// An environment, within the project that is written first.
    Environment(String, String),
    /// A system.
    System(String),
}

impl Reference {
    /// The text in the file.
    pub fn written(&self) -> &str {
        match self {
            Reference::Project(name) | Reference::Environment(_, name) | Reference::System(name) => name,
        }
    }
}

/// What references mean: as written → id. Most resources of one place have the same ones.
pub type References = BTreeMap<Reference, String>;

/// One resource as it was last applied or adopted.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordedResource {
    /// What the files called it then.
    pub address: Address,
    /// The platform's id of a connection template; configs are found by their own id.
    pub template_id: Option<String>,
    /// The declared fields as they were applied. A field that was never declared is not here.
    pub fields: Fields,
    /// What the references in the files meant then.
    pub references: Arc<References>,
    /// Where it was declared.
    pub source: Source,
    /// `lifecycle.prevent_delete`, kept here so that removing the file does not remove the protection.
    pub prevent_delete: bool,
    /// The template whose place it takes, for as long as that is not deleted: only what is written down here as ours
    /// is deleted for another. Hardly any has one, so that it takes no room of its own.
    pub replaces: Option<Box<OldTemplate>>,
}

/// A template whose place another takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldTemplate {
    /// Where it is.
    pub scope: Scope,
    /// The platform's id of it.
    pub id: String,
    /// The identity under which it is recorded, where it is not that of the new one.
    pub identity: Option<Identity>,
}

impl RecordedResource {
    /// How the files wrote the system of this id, if they did so here.
    pub fn system_written_as(&self, id: &str) -> Option<&str> {
        let mut references = self.references.iter().filter(|(_, meant)| *meant == id);
        references.find_map(|(reference, _)| match reference {
            Reference::System(written) => Some(written.as_str()),
            Reference::Project(_) | Reference::Environment(..) => None,
        })
    }
}

/// Every resource that versync has applied or adopted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Recorded {
    /// By what they are. Shared with whoever keeps them from pass to pass.
    pub resources: Arc<BTreeMap<Identity, RecordedResource>>,
    /// Creates that were begun and of which no outcome is recorded.
    pub intents: BTreeMap<Identity, Intent>,
    /// What somebody has approved and no pass has used yet.
    pub approvals: Vec<Approval>,
    /// Whether what was recorded before was damaged and set aside, and no pass has looked at everything since:
    /// then what is missing here may be versync's own, and under way.
    pub is_lost: bool,
}

/// Fields, by what files call the resources that have them.
pub type FieldsByAddress<'r> = HashMap<&'r Address, &'r Fields, foldhash::fast::RandomState>;

impl Recorded {
    /// What each resource was applied with, by what the files called it then.
    pub fn fields_by_address(&self) -> FieldsByAddress<'_> {
        self.resources.values().map(|record| (&record.address, &record.fields)).collect()
    }
}
