//! The plan: a value that says what differs, why, and what would be done about it. Text, JSON, exit
//! codes and the applier all read this one value.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::sync::Arc;

use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::address::{Address, Identity, Owner, Scope};
use super::approval::Approval;
use super::connection_template::NAME;
use super::manifest::Declared;
use super::recorded::{OldTemplate, RecordedResource};
use super::schema::Fields;
use super::source::{Problem, Severity};

/// Everything that one pass found out and would do. Changes are ordered by address.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The git commit of the manifests folder, if it is in a repository.
    pub revision: Option<String>,
    /// Every resource that is not simply in sync.
    pub changes: Vec<Change>,
    /// Every resource that is as declared.
    pub in_sync: Vec<InSync>,
    /// What is live of what each change is about, in a few letters that are others where anything of it differs.
    pub marks: BTreeMap<Address, String>,
    /// What may only be done once others are done, and which: those give up the names that these want. Some may wait
    /// for each other.
    pub turns: BTreeMap<Identity, Vec<Identity>>,
    /// How many live objects, in the places that were read, no file declares.
    pub unmanaged: usize,
    /// How many recorded resources are left as they are, since the files that declared them are in error.
    pub in_broken_files: usize,
    /// What is declared or recorded and could not be compared: whether it has drifted is not known.
    pub not_compared: BTreeSet<Address>,
    /// What is wrong with files or answers, in the order in which it is listed.
    pub problems: Vec<Problem>,
    /// What is to be remembered or forgotten although nothing is to be sent.
    pub bookkeeping: Vec<Bookkeeping>,
    /// Whether nothing was planned, since something that was asked for means nothing; a problem says what.
    pub refused: bool,
    /// The hash of the approval that lets its deletes through; used up by the pass that does them.
    pub approval: Option<String>,
}

/// A resource that is as declared.
#[derive(Debug, Clone)]
pub struct InSync(Arc<Declared>);

impl InSync {
    /// As this declares it.
    pub fn new(declared: &Arc<Declared>) -> Self {
        Self(Arc::clone(declared))
    }

    /// What people call it.
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// Where it is declared.
    pub fn source(&self) -> Source {
        Source::of(&self.0)
    }
}

/// A change of the recorded state alone.
#[derive(Debug, Clone, PartialEq)]
pub enum Bookkeeping {
    /// Remember this.
    Record(Identity, Box<RecordedResource>),
    /// Forget this: neither declared nor live any more.
    Forget(Identity),
    /// A create that was begun was looked for and not found.
    Missed(Identity),
    /// A create that was begun is nobody's any more.
    Abandon(Identity),
    /// An approval of deletes that are held no more, or not those alone: it must not wait for them to come back.
    Void(Approval),
    /// Everything was looked at since the state was lost.
    LookedAtEverything,
}

/// What plans call the protection of a resource, which versync alone remembers.
pub const PROTECTION: &str = "lifecycle.prevent_delete";

/// What differs about one resource.
#[derive(Debug, Clone)]
pub struct Change {
    /// What people call it.
    pub address: Address,
    /// What it is.
    pub identity: Identity,
    /// What is to be done.
    pub action: Action,
    /// Why.
    pub causes: BTreeSet<Cause>,
    /// Where it is declared, or was last.
    pub source: Option<Source>,
    /// Why it is not done although it should be, and the way out. With [`Action::None`]: a remark.
    pub held: Option<Held>,
    /// The fields that differ, by name.
    pub fields: Vec<FieldChange>,
    /// How it is done.
    pub step: Step,
}

impl Change {
    /// Whether somebody changed it behind versync's back.
    pub fn is_drifted(&self) -> bool {
        self.causes.contains(&Cause::Drift)
    }

    /// Whether it is drift, and the resource itself is what is missing.
    pub fn was_deleted(&self) -> bool {
        let is_missing = self.action == Action::Create || self.fields.iter().all(|field| field.before.is_null());
        self.is_drifted() && is_missing
    }

    /// The fields that applying it changes.
    pub fn changed_fields(&self) -> impl Iterator<Item = &FieldChange> {
        self.fields.iter().filter(|field| !field.kept)
    }

    /// Whether all that is to be done is to remember whether it is protected.
    pub fn is_protection(&self) -> bool {
        self.action == Action::Adopt && self.fields.iter().any(|field| field.path == PROTECTION)
    }

    /// Whether it gives a template another name, as its file wants it.
    pub fn is_rename(&self) -> bool {
        let renames = |field: &FieldChange| field.path == NAME.name && field.cause == Cause::Manifest;
        let is_template = matches!(self.address, Address::ConnectionTemplate { .. });
        self.action == Action::Update && is_template && self.fields.iter().any(renames)
    }

    /// How many declared fields an update leaves as they are.
    pub fn unchanged_fields(&self) -> usize {
        let declared = match &self.step {
            Step::UpdateTemplate { step, .. } => &step.record.fields,
            Step::PutConfig(step) if self.action == Action::Update => &step.record.fields,
            _ => return 0,
        };
        declared.keys().filter(|name| self.fields.iter().all(|field| field.path != **name)).count()
    }

    /// Whether drift is left of it once it is applied.
    pub fn leaves_drift(&self) -> bool {
        self.fields.iter().any(|field| field.kept)
    }

    /// Why, in one word: what both sides changed counts before drift, and drift before the files.
    pub fn cause(&self) -> Cause {
        match (self.is_drifted(), self.fields.iter().any(|field| field.cause == Cause::Conflict)) {
            (true, true) => Cause::Conflict,
            (true, false) => Cause::Drift,
            (false, _) => Cause::Manifest,
        }
    }

    /// Whether applying the plan does something about it.
    pub fn is_due(&self) -> bool {
        self.action != Action::None && self.held.is_none()
    }

    /// Whether it is a delete that an approval would let through.
    pub fn awaits_approval(&self) -> bool {
        self.action == Action::Delete && self.held.as_ref().is_some_and(|held| held.approvable)
    }
}

/// Why a change is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The reason, and the way out.
    pub reason: String,
    /// Whether an approval lifts it.
    pub approvable: bool,
    /// Whether it passes without anybody's doing anything about this very change.
    pub for_now: bool,
}

impl Held {
    /// For a reason that lasts whatever anybody approves.
    pub fn because(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), approvable: false, for_now: false }
    }

    /// For a reason that passes by itself, or with something else that is said anyway.
    pub fn for_now(reason: impl Into<String>) -> Self {
        Self { for_now: true, ..Self::because(reason) }
    }

    /// For the delete of a config that some template may list, which nobody has looked for.
    pub fn unlooked() -> Self {
        Self::for_now("it has not been looked whether a connection template of another environment lists it")
    }

    /// For a name that another template has which is to be deleted: that comes last.
    pub fn until_its_name_is_free() -> Self {
        Self::for_now("another template has this name until it is deleted, which comes first: the next pass goes on")
    }

    /// For a reason that an approval lifts.
    pub fn until_approved(reason: impl Into<String>) -> Self {
        Self { approvable: true, ..Self::because(reason) }
    }
}

/// A place in the files that outlives their text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The file, relative to the manifests folder.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
}

impl Source {
    /// Where a resource is declared.
    pub fn of(declared: &Declared) -> Self {
        Self { file: declared.place.file().to_owned(), line: declared.place.line() }
    }
}

/// What is to be done about a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Make it.
    Create,
    /// Change it in place.
    Update,
    /// Make a new one, then delete the old one.
    Replace,
    /// Delete it.
    Delete,
    /// Remember it: it exists already, as declared.
    Adopt,
    /// Nothing; it is only reported.
    None,
}

impl Action {
    /// The word that plans use.
    pub fn as_str(self) -> &'static str {
        match self {
            Action::Create => "create",
            Action::Update => "update",
            Action::Replace => "replace",
            Action::Delete => "delete",
            Action::Adopt => "adopt",
            Action::None => "none",
        }
    }
}

/// Whose change it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The files changed.
    Manifest,
    /// The platform changed.
    Drift,
    /// Both did; the files win.
    Conflict,
}

impl Cause {
    /// The word that plans use.
    pub fn as_str(self) -> &'static str {
        match self {
            Cause::Manifest => "manifest",
            Cause::Drift => "drift",
            Cause::Conflict => "conflict",
        }
    }
}

/// One field that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct FieldChange {
    /// The field's name in manifests.
    pub path: &'static str,
    /// The live value; `null` where there is none, or where it may not be shown.
    pub before: Value,
    /// The value that the files want; `null` where there is none, or where it may not be shown.
    pub after: Value,
    /// Whose change it is.
    pub cause: Cause,
    /// Whether the values may not be shown.
    pub sensitive: bool,
    /// Whether it is drift that is only reported: applying the change leaves the live value as it is.
    pub kept: bool,
    /// Whether it is a secret of which nothing is recorded: it is declared for the first time.
    pub first: bool,
}

/// What the applier executes, with all that it needs.
#[derive(Debug, Clone)]
pub enum Step {
    /// Send nothing.
    Nothing,
    /// Only remember it.
    Record(Box<RecordedResource>),
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
            Step::Record(record) => record.template_id.as_deref(),
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

impl Plan {
    /// Whether applying it would do anything.
    pub fn has_work(&self) -> bool {
        self.changes.iter().any(Change::is_due)
    }

    /// Whether the world is not as declared: something is to be done or is held, or differs and is only reported.
    pub fn is_pending(&self) -> bool {
        self.changes.iter().any(|change| change.action != Action::None || !change.fields.is_empty())
    }

    /// Whether the delete of a config waits for somebody to look whether a template anywhere lists it.
    pub fn needs_every_template(&self) -> bool {
        let unlooked = Some(Held::unlooked());
        self.changes.iter().any(|change| change.held == unlooked)
    }

    /// Whether something is held that another pass can do once this one has deleted what is in its way.
    pub fn frees_a_name(&self) -> bool {
        let waits = Some(Held::until_its_name_is_free());
        self.changes.iter().any(|change| change.held == waits)
    }

    /// Whether deletes are held, those of replacements among them.
    pub fn holds_deletes(&self) -> bool {
        let deletes = |change: &&Change| matches!(change.action, Action::Delete | Action::Replace);
        self.changes.iter().filter(deletes).any(|change| change.held.is_some())
    }

    /// Whether some file or request is in error.
    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Whether something is in error that no file can mend: an answer that did not come.
    pub fn has_unread(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error && problem.file_name().is_none())
    }

    /// A name for exactly these changes: the same changes have the same hash.
    pub fn hash(&self) -> String {
        hash(self.changes.iter())
    }

    /// A name for exactly the deletes that are held until somebody approves them; nothing where there
    /// are none.
    pub fn held_hash(&self) -> Option<String> {
        let mut held = self.changes.iter().filter(|change| change.awaits_approval()).peekable();
        held.peek()?;
        Some(hash(held))
    }
}

fn hash<'a>(changes: impl Iterator<Item = &'a Change>) -> String {
    hex(&Sha256::digest(changes.map(in_one_line).collect::<String>()))
}

/// A name for exactly this change.
pub fn change_hash(change: &Change) -> String {
    hash(std::iter::once(change))
}

fn in_one_line(change: &Change) -> String {
    let fields: Vec<_> = change
        .fields
        .iter()
        .map(|field| serde_json::json!([field.path, field.before, field.after, field.cause.as_str()]))
        .collect();
    format!("{}\n", serde_json::json!([change.identity.to_string(), change.action.as_str(), fields]))
}

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
