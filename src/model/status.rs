//! How things stand, as far as the state can tell without asking the platform.

use super::approval::Approval;
use super::pass::{Found, Pass};

/// What a state and its lock tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// The process that works with the state now.
    pub writer: Option<Writer>,
    /// What passes left behind; nothing where there is no state yet.
    pub journal: Option<Entries>,
}

/// The process that holds the state's lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Writer {
    /// The command that it runs: `run` or `apply`.
    pub command: String,
    /// Its number, where it is certain that it is still the one.
    pub pid: Option<i32>,
}

/// What passes and people left in the state.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Entries {
    /// The last pass that was made.
    pub completed: Option<Pass>,
    /// The last pass that could not be made, if none was made since.
    pub failed: Option<Pass>,
    /// What was approved and not used yet.
    pub approvals: Vec<Approval>,
}

impl Entries {
    /// The last pass, however it went.
    pub fn last(&self) -> Option<&Pass> {
        self.failed.as_ref().or(self.completed.as_ref())
    }

    /// What the last pass found that was made.
    pub fn found(&self) -> Option<&Found> {
        self.completed.as_ref()?.result.as_ref().ok()
    }
}
