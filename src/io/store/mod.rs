//! The recorded state: one SQLite file below the state directory. The only room that knows SQL.
//!
//! One process at a time may write it; it holds a lock beside the file for as long as it lives. Reading
//! needs no lock, so a plan can be made beside a running daemon, and neither does an approval, which is
//! one row that the writer reads.

mod approvals;
mod books;
mod database;
mod entries;
mod error;
mod history;
mod intents;
mod journal;
mod lock;
mod passes;
mod reading;
mod reference_sets;
mod resources;
#[cfg(test)]
mod sample;
mod schema;
mod set_aside;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::OpenFlags;

use crate::io::aside;
use crate::model::address::Identity;
use crate::model::intent::Intent;
use crate::model::pass::Pass;
use crate::model::plan::Bookkeeping;
use crate::model::recorded::{Recorded, RecordedResource};
use database::Database;

pub use books::{Books, Entry};
pub use error::{StoreError, Tenant};
pub use journal::{Journal, approve};
pub use lock::{refuse_second_writer, writer};
pub use reading::Reading;

/// Reads what is recorded, without a lock and without making anything. A state that does not exist
/// yet is empty.
///
/// # Errors
///
/// Where there is a state that cannot be used.
pub fn read(directory: &Path, tenant: &Tenant) -> Result<Recorded, StoreError> {
    read_after(directory, tenant, |_| ())
}

/// The same, after something else that is read. All of it is of one moment, however long it takes.
fn read_after(directory: &Path, tenant: &Tenant, first: impl FnOnce(&Database)) -> Result<Recorded, StoreError> {
    let Some(database) = Database::existing(directory, OpenFlags::SQLITE_OPEN_READ_ONLY)? else {
        return Ok(Recorded::default());
    };
    database.stand_still()?;
    database.check(tenant)?;
    first(&database);
    let resources = database.resources()?;
    recorded(&database, Arc::new(resources))
}

type Resources = BTreeMap<Identity, RecordedResource>;

/// The recorded state, open for writing.
#[derive(Debug)]
pub struct Store {
    /// Another thread has it while that writes.
    database: Arc<Mutex<Database>>,
    /// The resources of the file, as this process has read and changed them: nobody else writes it.
    known: RefCell<Option<Arc<Resources>>>,
    /// What passes and history say who it was.
    command: String,
    /// Held for as long as the state is open; the system lets go of it when the process ends.
    _lock: Option<File>,
}

impl Store {
    /// Opens the state for writing, and makes it where there is none. A damaged one is set aside: see
    /// [`Recorded::is_lost`]. `command` is what another process
    /// is told while this one holds it, and what is kept with everything that is written.
    ///
    /// # Errors
    ///
    /// Where another process writes it, and where it cannot be used.
    pub fn open(directory: &Path, tenant: &Tenant, command: &str) -> Result<Self, StoreError> {
        Self::open_and(directory, tenant, command, || ()).map(|(store, ())| store)
    }

    /// The same, with something else that only who holds the state may do beside it: both may wait for the disk.
    ///
    /// # Errors
    ///
    /// As [`Self::open`].
    pub fn open_and<T: Send>(
        directory: &Path,
        tenant: &Tenant,
        command: &str,
        work: impl FnOnce() -> T + Send,
    ) -> Result<(Self, T), StoreError> {
        let failed = |source| StoreError::Directory { path: directory.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let lock = lock::take(directory, command)?;
        let (opened, worked) = rayon::join(|| set_aside::open_or_set_aside(directory, tenant), work);
        let (database, resources) = opened?;
        let (database, known) = (Arc::new(Mutex::new(database)), RefCell::new(Some(Arc::new(resources))));
        Ok((Self { database, known, command: command.to_owned(), _lock: Some(lock) }, worked))
    }

    /// A state that lives as long as the process, for the sandbox.
    ///
    /// # Errors
    ///
    /// Where SQLite cannot be started.
    pub fn in_memory(tenant: &Tenant) -> Result<Self, StoreError> {
        let database = Database::in_memory()?.prepare(tenant)?;
        let (database, known) = (Arc::new(Mutex::new(database)), RefCell::default());
        Ok(Self { database, known, command: "sandbox".to_owned(), _lock: None })
    }
}

impl Books for Store {
    fn recorded(&self) -> Result<Recorded, StoreError> {
        let mut known = self.known.borrow_mut();
        let resources = match &*known {
            Some(resources) => Arc::clone(resources),
            None => Arc::clone(known.insert(Arc::new(access(&self.database).resources()?))),
        };
        recorded(&access(&self.database), resources)
    }

    async fn keep(&mut self, entries: Arc<[Entry]>) -> Result<Vec<Option<i64>>, StoreError> {
        // If nobody waits for the end, or it goes wrong, what is known is read again.
        let known = self.known.take();
        let (database, command) = (Arc::clone(&self.database), self.command.clone());
        let keep = move || {
            let database = access(&database);
            let rows = database.keep(&entries, &command)?;
            Ok((rows, known.map(|known| after(known, &entries, &database))))
        };
        let (rows, known) = aside(keep).await?;
        self.known.replace(known);
        Ok(rows)
    }

    fn intend(&mut self, intents: &[(&Identity, Intent)]) -> Result<(), StoreError> {
        access(&self.database).save_intents(intents)
    }

    fn remember(&mut self, mut pass: Pass) -> Result<(), StoreError> {
        pass.command.clone_from(&self.command);
        let database = access(&self.database);
        if let Ok(found) = &mut pass.result
            && found.lasts()
            && let Ok(Some(Pass { result: Ok(before), .. })) = database.pass(true)
        {
            found.carry_on(&before);
        }
        if pass.result.as_ref().is_ok_and(|found| found.applied == 0) {
            return database.save_pass_as_one(&pass);
        }
        // What was applied is on the disk before anything else happens.
        database.durably(|| database.save_pass_as_one(&pass))
    }

    fn use_approval(&mut self, hash: &str) -> Result<(), StoreError> {
        access(&self.database).use_approval(hash)
    }
}

fn access(database: &Mutex<Database>) -> MutexGuard<'_, Database> {
    // What a thread that panicked had begun was never ended, so it does not count.
    database.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is known once `database` has these.
fn after(mut known: Arc<Resources>, entries: &[Entry], database: &Database) -> Arc<Resources> {
    let resources = Arc::make_mut(&mut known);
    for books in entries.iter().flat_map(|entry| &entry.books) {
        match books {
            Bookkeeping::Record(identity, resource) => {
                let mut resource = RecordedResource::clone(resource);
                database.share(&mut resource.references);
                resources.insert(identity.clone(), resource);
            }
            Bookkeeping::Forget(identity) => drop(resources.remove(identity)),
            Bookkeeping::Missed(_)
            | Bookkeeping::Abandon(_)
            | Bookkeeping::Void(_)
            | Bookkeeping::LookedAtEverything => {}
        }
    }
    known
}

fn recorded(database: &Database, resources: Arc<Resources>) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        resources,
        intents: database.intents()?,
        approvals: database.approvals()?,
        is_lost: database.is_set_aside()?,
    })
}
