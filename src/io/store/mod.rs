//! The recorded state: one SQLite file below the state directory. The only room that knows SQL.
//!
//! One process at a time may write it; it holds a lock beside the file for as long as it lives. Reading
//! needs no lock, so a plan can be made beside a running daemon, and neither does an approval, which is
//! one row that the writer reads.

mod approvals;
mod books;
mod database;
mod error;
mod history;
mod intents;
mod journal;
mod lock;
mod passes;
mod reading;
mod resources;
mod schema;
mod set_aside;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use rusqlite::OpenFlags;

use crate::model::address::Identity;
use crate::model::approval::Approval;
use crate::model::history::Event;
use crate::model::intent::Intent;
use crate::model::pass::Pass;
use crate::model::plan::Change;
use crate::model::recorded::{Recorded, RecordedResource};
use database::Database;

pub use books::Books;
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
    database: Database,
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
        let known = RefCell::new(Some(Arc::new(resources)));
        Ok((Self { database, known, command: command.to_owned(), _lock: Some(lock) }, worked))
    }

    /// A state that lives as long as the process, for the sandbox.
    ///
    /// # Errors
    ///
    /// Where SQLite cannot be started.
    pub fn in_memory(tenant: &Tenant) -> Result<Self, StoreError> {
        let database = Database::in_memory()?.prepare(tenant)?;
        Ok(Self { database, known: RefCell::default(), command: "sandbox".to_owned(), _lock: None })
    }
}

impl Books for Store {
    fn recorded(&self) -> Result<Recorded, StoreError> {
        let mut known = self.known.borrow_mut();
        let resources = match &*known {
            Some(resources) => Arc::clone(resources),
            None => Arc::clone(known.insert(Arc::new(self.database.resources()?))),
        };
        recorded(&self.database, resources)
    }

    fn save(&mut self, identity: &Identity, resource: &RecordedResource) -> Result<(), StoreError> {
        self.database.save_resource(identity, resource)?;
        self.know(|resources| {
            let mut resource = resource.clone();
            // Most often those of one beside it are the same. They come in no order.
            let beside = [resources.range(..identity).next_back(), resources.range(identity..).next()];
            let same = beside.into_iter().flatten().find(|(_, beside)| beside.references == resource.references);
            if let Some((_, beside)) = same {
                resource.references = Arc::clone(&beside.references);
            }
            resources.insert(identity.clone(), resource);
        });
        self.database.forget_intent(identity)
    }

    fn intend(&mut self, intents: &[(&Identity, Intent)]) -> Result<(), StoreError> {
        self.database.save_intents(intents)
    }

    fn miss(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.database.miss_intent(identity)
    }

    fn abandon(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.database.forget_intent(identity)
    }

    fn forget(&mut self, identity: &Identity) -> Result<(), StoreError> {
        self.database.forget_resource(identity)?;
        self.know(|resources| drop(resources.remove(identity)));
        Ok(())
    }

    fn note(&mut self, row: Option<i64>, change: &Change, revision: Option<&str>) -> Result<i64, StoreError> {
        let event = Event::of(change, revision, &self.command, jiff::Timestamp::now());
        self.database.save_event(row, &event)
    }

    fn remember(&mut self, mut pass: Pass) -> Result<(), StoreError> {
        pass.command.clone_from(&self.command);
        if let Ok(found) = &mut pass.result
            && found.lasts()
            && let Ok(Some(Pass { result: Ok(before), .. })) = self.database.pass(true)
        {
            found.carry_on(&before);
        }
        if pass.result.as_ref().is_ok_and(|found| found.applied == 0) {
            return self.database.save_pass_as_one(&pass);
        }
        // What was applied is on the disk before anything else happens.
        self.database.durably(|| self.database.save_pass_as_one(&pass))
    }

    fn use_approval(&mut self, hash: &str) -> Result<(), StoreError> {
        self.database.use_approval(hash)
    }

    fn void(&mut self, approval: &Approval) -> Result<(), StoreError> {
        self.database.void_approval(approval)
    }

    fn looked_at_everything(&mut self) -> Result<(), StoreError> {
        self.database.forget_set_aside()
    }

    fn together<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.database.begin()?;
        let result = work(self);
        let ended = self.database.end(result);
        if ended.is_err() {
            // What was taken back is read again.
            self.known.take();
        }
        ended
    }
}

impl Store {
    /// Does to what is known what was done to the file.
    fn know(&mut self, change: impl FnOnce(&mut Resources)) {
        if let Some(known) = self.known.get_mut() {
            change(Arc::make_mut(known));
        }
    }
}

fn recorded(database: &Database, resources: Arc<Resources>) -> Result<Recorded, StoreError> {
    Ok(Recorded {
        resources,
        intents: database.intents()?,
        approvals: database.approvals()?,
        is_lost: database.is_set_aside()?,
    })
}
