//! What a pass asks of the recorded state.

use std::sync::Arc;

use super::error::StoreError;
use crate::model::address::Identity;
use crate::model::history::Event;
use crate::model::intent::Intent;
use crate::model::pass::Pass;
use crate::model::plan::Bookkeeping;
use crate::model::recorded::Recorded;

/// What is kept of one change.
#[derive(Debug, Clone, Default)]
pub struct Entry {
    /// What is recorded, in this order.
    pub books: Vec<Bookkeeping>,
    /// What the history says. The store knows by which command it was done.
    pub event: Option<Event>,
    /// The row of an earlier event about the same that this one replaces.
    pub row: Option<i64>,
}

impl Entry {
    /// What the history has nothing to say of.
    pub fn of(books: Vec<Bookkeeping>) -> Self {
        Self { books, ..Self::default() }
    }
}

/// The recorded state in the hands of a pass. A trait, so that a simulation can stand in for the disk.
pub trait Books {
    /// Everything that is recorded.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or where a row makes no sense: a part of the state is never taken for
    /// the whole.
    fn recorded(&self) -> Result<Recorded, StoreError>;

    /// Keeps all of these as one, or none of them, beside the thread that talks to the platform. A create that was
    /// begun for what is recorded has come to its end. Returns the row of the history that each has.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    fn keep(&mut self, entries: Arc<[Entry]>) -> impl Future<Output = Result<Vec<Option<i64>>, StoreError>>;

    /// Writes down that these are about to be made. Once this has returned it is on the disk, whatever
    /// happens to the process or the machine.
    ///
    /// # Errors
    ///
    /// Where it cannot be written. Nothing may be made then.
    fn intend(&mut self, intents: &[(&Identity, Intent)]) -> Result<(), StoreError>;

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
}
