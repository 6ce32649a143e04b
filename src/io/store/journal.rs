//! The state as those see it who only ask, and who approve: without the lock, beside whoever holds it.

use std::path::Path;

use rusqlite::OpenFlags;

use super::database::Database;
use super::error::{StoreError, Tenant};
use crate::model::approval::{Approval, HeldPlan};
use crate::model::history::Event;
use crate::model::pass::Pass;

/// What passes left behind. An older file has nothing to tell.
#[derive(Debug)]
pub struct Journal {
    database: Database,
}

impl Journal {
    /// Opens the state for reading and makes nothing; nothing where there is none yet.
    ///
    /// # Errors
    ///
    /// Where there is one that cannot be used.
    pub fn open(directory: &Path) -> Result<Option<Self>, StoreError> {
        let database = Database::existing(directory, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(database.map(|database| Self { database }))
    }

    /// Refuses a state that is not `tenant`'s.
    ///
    /// # Errors
    ///
    /// Where it is not, or cannot be told.
    pub fn check(&self, tenant: &Tenant) -> Result<(), StoreError> {
        self.database.check(tenant)
    }

    /// The last pass that was made.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn last_made(&self) -> Result<Option<Pass>, StoreError> {
        self.database.pass(true)
    }

    /// The last pass that could not be made, if none was made since.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn last_failed(&self) -> Result<Option<Pass>, StoreError> {
        self.database.pass(false)
    }

    /// The latest plans that held deletes.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn held_plans(&self) -> Result<Vec<HeldPlan>, StoreError> {
        self.database.held_plans()
    }

    /// What was approved and not used yet.
    ///
    /// # Errors
    ///
    /// Where it cannot be read.
    pub fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        self.database.approvals()
    }

    /// The newest changes first; all of them where there is no `limit`.
    ///
    /// # Errors
    ///
    /// Where they cannot be read.
    pub fn history(&self, limit: Option<usize>) -> Result<Vec<Event>, StoreError> {
        self.database.events(limit)
    }
}

/// Keeps an approval for the next pass, through a connection of its own: the lock is not needed, and
/// whoever holds it reads the row with the recorded state.
///
/// # Errors
///
/// Where there is no state of this version, or one that cannot be written.
pub fn approve(directory: &Path, approval: &Approval) -> Result<(), StoreError> {
    match Database::existing(directory, OpenFlags::SQLITE_OPEN_READ_WRITE)? {
        Some(database) if database.has_journal()? => database.save_approval(approval),
        _ => Err(StoreError::Older { path: directory.to_owned() }),
    }
}
