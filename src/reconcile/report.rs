//! How a pass went, or why none could be made.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;

use super::apply::{Failure, Outcome};
use crate::io::manifests::FolderError;
use crate::io::secrets::DigestKeyError;
use crate::io::store::StoreError;
use crate::io::versori::{ApiError, ErrorKind};
use crate::model::address::Address;
use crate::model::observed::Remark;
use crate::model::plan::{Change, Plan};
use crate::model::source::Problem;

/// How a pass went.
#[derive(Debug)]
pub struct Report {
    /// When the pass began.
    pub began_at: Timestamp,
    /// When everything was looked at: by this pass, or before it where it looked only at what an edit is about.
    pub checked_at: Timestamp,
    /// What was found.
    pub plan: Plan,
    /// What came of every change that was due; nothing where none was tried.
    pub outcomes: Option<Vec<Outcome>>,
    /// The lines that the platform refuses, by the resource that they are of.
    pub blamed: BTreeMap<Address, Vec<Problem>>,
    /// How long until there is more to do: what waits for `delete_grace` or rests, or what a first look held.
    pub again_in: Option<Duration>,
}

impl Report {
    /// Whether everything was looked at.
    pub fn is_whole(&self) -> bool {
        self.checked_at >= self.began_at
    }

    /// Whether something failed, or could not be read.
    pub fn has_failures(&self) -> bool {
        self.plan.has_errors() || self.failures().next().is_some()
    }

    /// Whether all that was found was done.
    pub fn has_done_all(&self) -> bool {
        !self.has_failures() && self.tried().count() == self.plan.changes.len()
    }

    /// The changes that failed or were not tried.
    pub fn failures(&self) -> impl Iterator<Item = (&Outcome, &Failure)> {
        self.outcomes.iter().flatten().filter_map(|outcome| Some((outcome, outcome.result.as_ref().err()?)))
    }

    /// The changes that were tried, each with what came of it.
    pub fn tried(&self) -> impl Iterator<Item = (&Change, &Outcome)> {
        let outcomes: BTreeMap<&Address, &Outcome> =
            self.outcomes.iter().flatten().map(|outcome| (&outcome.address, outcome)).collect();
        self.plan.changes.iter().filter_map(move |change| Some((change, *outcomes.get(&change.address)?)))
    }

    /// What the platform remarks on what was applied, with the change that it is about.
    pub fn remarks(&self) -> impl Iterator<Item = (&Change, &Remark)> {
        self.tried().flat_map(|(change, outcome)| outcome.remarks().map(move |remark| (change, remark)))
    }

    /// The changes that were applied.
    pub fn applied_changes(&self) -> impl Iterator<Item = &Change> {
        self.tried().filter(|(_, outcome)| outcome.result.is_ok()).map(|(change, _)| change)
    }

    /// What was applied of which no drift is left.
    pub fn mended(&self) -> BTreeSet<&Address> {
        self.applied_changes().filter(|change| !change.leaves_drift()).map(|change| &change.address).collect()
    }

    /// The changes that drift is among the causes of, and that were not put right.
    pub fn drifting(&self) -> impl Iterator<Item = &Change> {
        let mended = self.mended();
        self.plan.changes.iter().filter(move |it| it.is_drifted() && !mended.contains(&it.address))
    }

    /// How many changes were applied.
    pub fn applied(&self) -> usize {
        self.outcomes.iter().flatten().filter(|outcome| outcome.result.is_ok()).count()
    }
}

/// No plan could be made.
#[derive(Debug, thiserror::Error)]
pub enum PassError {
    /// The manifests folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The recorded state cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Secrets cannot be compared.
    #[error(transparent)]
    Key(#[from] DigestKeyError),
    /// The platform refuses the token, or cannot be reached at all.
    #[error("{error}")]
    Api {
        /// Why.
        error: ApiError,
        /// What is wrong with the files, which is worth saying all the same.
        problems: Vec<Problem>,
    },
}

impl PassError {
    /// What it means, in a few words.
    pub fn means(&self) -> &'static str {
        match self {
            PassError::Folder(_) => "The manifests cannot be read",
            PassError::Store(_) => "The recorded state cannot be used",
            PassError::Key(_) => "Secrets cannot be compared",
            PassError::Api { error, .. } => match error.kind {
                ErrorKind::Unconnected | ErrorKind::Unreachable | ErrorKind::TimedOut => {
                    "The platform cannot be reached"
                }
                ErrorKind::Unauthorised | ErrorKind::Forbidden => "The platform refuses the token",
                ErrorKind::Setup => "The platform cannot be asked",
                _ => "The platform does not answer as it should",
            },
        }
    }

    /// What the user can do about it.
    pub fn help(&self) -> Option<&'static str> {
        match self {
            PassError::Folder(error) => Some(error.help()),
            PassError::Store(error) => Some(error.help()),
            PassError::Key(error) => Some(error.help()),
            PassError::Api { error, .. } => error.help(),
        }
    }
}
