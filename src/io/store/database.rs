//! One connection to the file, whatever it is used for.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::{StoreError, Tenant};
use super::schema::{SCHEMA_VERSION, WITH_JOURNAL, migrate};
use crate::model::recorded::References;

/// Below the state directory.
pub(super) const FILE: &str = "versync.db";

/// What it is called until it has its tables.
const UNFINISHED: &str = "versync.db.new";

/// How many pages the journal may have before they are taken over into the file, which waits for the disk three times.
const JOURNAL_PAGES: u32 = 4_000;

/// How long a connection waits for another one to end its transaction.
const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// A connection, and where the file is, for messages.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) directory: PathBuf,
    pub(super) connection: Connection,
    /// The numbers under which references are kept, as far as they were asked for.
    pub(super) reference_sets: RefCell<HashMap<Arc<References>, i64>>,
    /// Whether some of them may have become unused.
    pub(super) has_forgotten: Cell<bool>,
    /// Whether the tables are those of this version, as nobody else makes them.
    is_current: Cell<bool>,
}

impl Database {
    /// `tenant`'s file below `directory`, which is made where there is none.
    pub(super) fn create(directory: &Path, tenant: &Tenant) -> Result<Self, StoreError> {
        let file = directory.join(FILE);
        if !file.exists() {
            Self::make(directory, &file, tenant)?;
        }
        Self::of(directory, Connection::open(file))
    }

    /// Makes the file under another name with all of its tables, and gives it to the disk once, not with every step.
    /// Its name follows with that of its journal, before the first intent is on the disk.
    fn make(directory: &Path, file: &Path, tenant: &Tenant) -> Result<(), StoreError> {
        let new = directory.join(UNFINISHED);
        let failed = |source| StoreError::Directory { path: new.clone(), source };
        match fs::remove_file(&new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let database = Self::of(directory, Connection::open(&new))?;
        let set_up = || -> rusqlite::Result<()> {
            database.connection.pragma_update(None, "synchronous", "OFF")?;
            database.connection.pragma_update(None, "journal_mode", "MEMORY")?;
            migrate(&database.connection, 0, tenant)?;
            database.connection.pragma_update(None, "journal_mode", "WAL")
        };
        set_up().map_err(|source| database.error(source))?;
        drop(database);
        fs::File::open(&new).and_then(|made| made.sync_all()).and_then(|()| fs::rename(&new, file)).map_err(failed)
    }

    /// A database that lives as long as the process.
    pub(super) fn in_memory() -> Result<Self, StoreError> {
        Self::of(Path::new("memory"), Connection::open_in_memory())
    }

    /// The file below `directory`, opened without making anything; nothing where there is no file, or
    /// one without tables: a writer that was stopped between making the two left nothing behind.
    pub(super) fn existing(directory: &Path, access: OpenFlags) -> Result<Option<Self>, StoreError> {
        let file = directory.join(FILE);
        match fs::metadata(&file) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Directory { path: file, source }),
        }
        let opened = Connection::open_with_flags(&file, access | OpenFlags::SQLITE_OPEN_NO_MUTEX);
        let database = Self::of(directory, opened)?;
        Ok((database.version()? != 0).then_some(database))
    }

    fn of(directory: &Path, opened: rusqlite::Result<Connection>) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Database { path: directory.to_owned(), source };
        let connection = opened.map_err(failed)?;
        connection.busy_timeout(BUSY_TIMEOUT).map_err(failed)?;
        let (directory, reference_sets) = (directory.to_owned(), RefCell::default());
        let (has_forgotten, is_current) = (Cell::default(), Cell::default());
        Ok(Self { directory, connection, reference_sets, has_forgotten, is_current })
    }

    /// Makes it ready for writing: the journal that lets others read meanwhile, and the tables.
    ///
    /// `synchronous = NORMAL`: in WAL mode a crash of the process loses nothing, and one of the machine
    /// at most the last records, which the next pass finds out on the platform again.
    pub(super) fn prepare(self, tenant: &Tenant) -> Result<Self, StoreError> {
        let set_up = || -> rusqlite::Result<()> {
            self.connection.pragma_update(None, "journal_mode", "WAL")?;
            self.connection.pragma_update(None, "wal_autocheckpoint", JOURNAL_PAGES)?;
            self.connection.pragma_update(None, "synchronous", "NORMAL")
        };
        set_up().map_err(|source| self.error(source))?;
        let version = self.version()?;
        migrate(&self.connection, version, tenant).map_err(|source| self.error(source))?;
        self.check(tenant)?;
        self.is_current.set(true);
        Ok(self)
    }

    /// Begins a transaction that [`Database::end`] ends.
    pub(super) fn begin(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN IMMEDIATE").map_err(|source| self.error(source))
    }

    /// Lets what is read from now on be of one moment, for as long as this connection lives.
    pub(super) fn stand_still(&self) -> Result<(), StoreError> {
        self.connection.execute_batch("BEGIN").map_err(|source| self.error(source))
    }

    /// Keeps everything since [`Database::begin`] where `result` is a success, and nothing otherwise.
    pub(super) fn end<T>(&self, result: Result<T, StoreError>) -> Result<T, StoreError> {
        let ended = if result.is_ok() { self.connection.execute_batch("COMMIT") } else { Ok(()) };
        if result.is_err() || ended.is_err() {
            // What could not be kept must not stand in the way of the next transaction.
            let _ = self.connection.execute_batch("ROLLBACK");
            self.reference_sets.take();
        }
        let value = result?;
        ended.map(|()| value).map_err(|source| self.error(source))
    }

    /// Does something that has to be on the disk when it returns, whatever happens to the machine then.
    pub(super) fn durably<T>(&self, work: impl FnOnce() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let synchronous =
            |level| self.connection.pragma_update(None, "synchronous", level).map_err(|source| self.error(source));
        synchronous("FULL")?;
        let result = work();
        synchronous("NORMAL")?;
        result
    }

    pub(super) fn version(&self) -> Result<i64, StoreError> {
        if self.is_current.get() {
            return Ok(SCHEMA_VERSION);
        }
        let version = self.connection.pragma_query_value(None, "user_version", |row| row.get(0));
        let version = version.map_err(|source| self.error(source))?;
        if version > SCHEMA_VERSION {
            return Err(StoreError::Newer { path: self.directory.clone(), found: version });
        }
        Ok(version)
    }

    /// Whether passes, history and approvals have their tables; a reader may meet an older file.
    pub(super) fn has_journal(&self) -> Result<bool, StoreError> {
        Ok(self.version()? >= WITH_JOURNAL)
    }

    /// Refuses a state that is not `ours`.
    pub(super) fn check(&self, ours: &Tenant) -> Result<(), StoreError> {
        let found = self.connection.query_row("SELECT organisation, base_url FROM tenant", [], |row| {
            Ok(Tenant { organisation: row.get(0)?, base_url: row.get(1)? })
        });
        match found.optional().map_err(|source| self.error(source))? {
            Some(theirs) if theirs == *ours => Ok(()),
            Some(theirs) => Err(StoreError::OtherTenant { path: self.directory.clone(), theirs, ours: ours.clone() }),
            None => Err(self.damaged("tenant")),
        }
    }

    pub(super) fn error(&self, source: rusqlite::Error) -> StoreError {
        StoreError::Database { path: self.directory.clone(), source }
    }

    pub(super) fn damaged(&self, row: impl Into<String>) -> StoreError {
        StoreError::Damaged { path: self.directory.clone(), row: row.into() }
    }
}
