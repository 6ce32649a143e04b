//! What differs about one resource, why, and what keeps it from being done.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Step;
use crate::model::address::{Address, Identity};
use crate::model::connection_template::NAME;
use crate::model::manifest::Declared;

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

    /// Whether it is protected from now on, or no longer, where all that is to be done is to remember that.
    pub fn protection(&self) -> Option<bool> {
        let field = self.fields.iter().find(|field| field.path == PROTECTION)?;
        field.after.as_bool().filter(|_| self.action == Action::Adopt)
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
