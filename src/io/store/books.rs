//! What a pass asks of the recorded state.

use super::error::StoreError;
use crate::model::address::Identity;
use crate::model::approval::Approval;
use crate::model::intent::Intent;
use crate::model::pass::Pass;
use crate::model::plan::Change;
use crate::model::recorded::{Recorded, RecordedResource};

/// The recorded state in the hands of a pass. A trait, so that a simulation can stand in for the disk.
pub trait Books {
    /// Everything that is recorded.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or where a row makes no sense: a part of the state is never taken for
    /// the whole.
    fn recorded(&self) -> Result<Recorded, StoreError>;

    /// Remembers a resource as it was applied just now. A create that was begun for it has come to its end.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn save(&mut self, identity: &Identity, resource: &RecordedResource) -> Result<(), StoreError>;

    /// Writes down that these are about to be made. Once this has returned it is on the disk, whatever
    /// happens to the process or the machine.
    ///
    /// # Errors
    ///
    /// Where it cannot be written. Nothing may be made then.
    fn intend(&mut self, intents: &[(&Identity, Intent)]) -> Result<(), StoreError>;

    /// Keeps that a create that was begun was looked for and not found.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn miss(&mut self, identity: &Identity) -> Result<(), StoreError>;

    /// Strikes a create that was never executed, or that nobody waits for any more.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn abandon(&mut self, identity: &Identity) -> Result<(), StoreError>;

    /// Forgets a resource.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn forget(&mut self, identity: &Identity) -> Result<(), StoreError>;

    /// Keeps in the history that a change of a plan was applied just now, the plan having been made from
    /// `revision`. `row` is an earlier entry about the same that this one replaces. Returns the entry's row.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn note(&mut self, row: Option<i64>, change: &Change, revision: Option<&str>) -> Result<i64, StoreError>;

    /// Keeps how a pass went, in place of the one before.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn remember(&mut self, pass: Pass) -> Result<(), StoreError>;

    /// Uses an approval up, durably: once this has returned, it counts no more.
    ///
    /// # Errors
    ///
    /// Where it cannot be written, or is not there. Nothing may be deleted then.
    fn use_approval(&mut self, hash: &str) -> Result<(), StoreError>;

    /// Takes an approval back that nothing has used. One that was given anew meanwhile stays.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn void(&mut self, approval: &Approval) -> Result<(), StoreError>;

    /// Keeps that everything was looked at since the state was set aside: [`Recorded::is_lost`] no more.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn looked_at_everything(&mut self) -> Result<(), StoreError>;

    /// Does several changes as one: all of them are kept, or none.
    ///
    /// # Errors
    ///
    /// Those of `work`, and where the whole cannot be written.
    fn together<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError>;
}
