//! The plan: a value that says what differs, why, and what would be done about it. Text, JSON, exit
//! codes and the applier all read this one value.

mod change;
mod in_sync;
mod step;

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::address::{Address, Identity, Owner, Scope};
use super::approval::Approval;
use super::observed::Wanted;
use super::recorded::RecordedResource;
use super::source::{Problem, Severity};

pub use change::{Action, Cause, Change, FieldChange, Held, PROTECTION, Source};
pub use in_sync::InSync;
pub use step::{ConfigStep, Step, TemplateStep};

/// Everything that one pass found out and would do. Changes are ordered by address.
#[derive(Debug, Clone, Default)]
pub struct Plan {
    /// The git commit of the manifests folder, if it is in a repository.
    pub revision: Option<String>,
    /// Every resource that is not simply in sync.
    pub changes: Vec<Change>,
    /// Every resource that is as declared.
    pub in_sync: InSync,
    /// What is live of what each change is about, in a few letters that are others where anything of it differs.
    pub marks: BTreeMap<Address, String>,
    /// What may only be done once others are done, and which: those give up the names that these want. Some may wait
    /// for each other.
    pub turns: BTreeMap<Identity, Vec<Identity>>,
    /// How many live objects, in the places that were read, no file declares.
    pub unmanaged: Unmanaged,
    /// Those objects, where the policy asks for them, in the order of their addresses.
    pub listed_unmanaged: Vec<Address>,
    /// How many recorded resources are left as they are, since the files that declared them are in error.
    pub in_broken_files: usize,
    /// What is declared or recorded and could not be compared: whether it has drifted is not known.
    pub not_compared: BTreeSet<Address>,
    /// What is wrong with files or answers, in the order in which it is listed.
    pub problems: Vec<Problem>,
    /// What is to be remembered or forgotten although nothing is to be sent.
    pub bookkeeping: Vec<Bookkeeping>,
    /// Where nobody has looked although something was changed there before: that is taken to be as it was applied.
    pub unlooked: Wanted,
    /// Whether nothing was planned, since something that was asked for means nothing; a problem says what.
    pub refused: bool,
    /// The hash of the approval that lets its deletes through; used up by the pass that does them.
    pub approval: Option<String>,
}

/// How many live objects of each place are no file's; of places without any, nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unmanaged {
    /// By environment.
    pub templates: BTreeMap<Scope, usize>,
    /// By system or connector.
    pub configs: BTreeMap<Owner, usize>,
}

impl Unmanaged {
    /// All of them.
    pub fn count(&self) -> usize {
        self.templates.values().chain(self.configs.values()).sum()
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
impl Plan {
    /// Whether there is nothing to do, to hold or to remember.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.bookkeeping.is_empty()
    }

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

    /// Whether another plan of the same files comes to the same.
    pub fn says_the_same(&self, other: &Self) -> bool {
        let said = |plan: &Self| (plan.problems.iter().map(|it| it.message.clone()).collect::<Vec<_>>(), plan.hash());
        self.bookkeeping == other.bookkeeping
            && (&self.marks, &self.unmanaged) == (&other.marks, &other.unmanaged)
            && said(self) == said(other)
            && self.in_sync.iter().map(|it| &it.address).eq(other.in_sync.iter().map(|it| &it.address))
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
    let fields: Vec<_> =
        change.fields.iter().map(|field| (field.path, &field.before, &field.after, field.cause.as_str())).collect();
    let line = (change.identity.to_string(), change.action.as_str(), fields);
    // Text and values can always be written.
    let mut text = serde_json::to_string(&line).unwrap_or_default();
    text.push('\n');
    text
}

/// Bytes as text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 0xf]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
