//! The recorded state: one SQLite file below the state directory. The only room that knows SQL.
//!
//! One process at a time may write it; it holds a lock beside the file for as long as it lives. Reading
//! needs no lock, so a plan can be made beside a running daemon.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags, OptionalExtension, params};
use serde_json::Value;

use crate::model::address::{Address, Identity};
use crate::model::auth_scheme_config;
use crate::model::connection_template;
use crate::model::plan::Source;
use crate::model::recorded::{Recorded, RecordedResource, Reference};
use crate::model::schema::Fields;

const FILE: &str = "versync.db";
const LOCK: &str = "lock";

/// The version of the tables below, kept in the file's `user_version`.
const SCHEMA_VERSION: i64 = 1;

const SCHEMA: &str = "
    CREATE TABLE tenant (organisation TEXT NOT NULL, base_url TEXT NOT NULL) STRICT;
    CREATE TABLE resource (
        identity       TEXT PRIMARY KEY,
        address        TEXT NOT NULL,
        template_id    TEXT,
        fields         TEXT NOT NULL,
        reference      TEXT NOT NULL,
        file           TEXT NOT NULL,
        line           INTEGER NOT NULL,
        prevent_delete INTEGER NOT NULL,
        applied_at     TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// The recorded state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The directory or the lock file cannot be made or opened.
    #[error("the state directory {} cannot be used: {source}", .path.display())]
    Directory {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes this state.
    #[error("the state in {} is in use by {holder}", .path.display())]
    Locked {
        /// The state directory.
        path: PathBuf,
        /// What the other process says of itself.
        holder: String,
    },
    /// The state belongs to another organisation or platform.
    #[error("the state in {} was written for {theirs}, not for {ours}", .path.display())]
    OtherTenant {
        /// The state directory.
        path: PathBuf,
        /// Whose it is.
        theirs: Tenant,
        /// Whose it would have to be.
        ours: Tenant,
    },
    /// A newer versync wrote it.
    #[error("the state in {} was written by a newer versync (schema {found}; this one knows {SCHEMA_VERSION})", .path.display())]
    Newer {
        /// The state directory.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// SQLite cannot read or write it.
    #[error("the state in {} cannot be read or written: {source}", .path.display())]
    Database {
        /// The state directory.
        path: PathBuf,
        /// Why.
        source: rusqlite::Error,
    },
    /// A row makes no sense.
    #[error("the state in {} is damaged at {row}", .path.display())]
    Damaged {
        /// The state directory.
        path: PathBuf,
        /// The row.
        row: String,
    },
}

impl StoreError {
    /// What the user can do about it.
    pub fn help(&self) -> &'static str {
        match self {
            StoreError::Directory { .. } => "name a directory that versync may write with `state` in versync.toml",
            StoreError::Locked { .. } => "stop it first, or use `versync plan`, which works beside it",
            StoreError::OtherTenant { .. } => {
                "give every organisation and every platform a `state` directory of its own"
            }
            StoreError::Newer { .. } => "use that version, or another `state` directory",
            StoreError::Database { .. } | StoreError::Damaged { .. } => {
                "nothing was changed; move the file away to start anew: what exists as declared is then adopted"
            }
        }
    }
}

/// Whose objects a state is about. A state is never used for another tenant's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// The organisation's ULID.
    pub organisation: String,
    /// The platform.
    pub base_url: String,
}

impl std::fmt::Display for Tenant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "organisation {} at {}", self.organisation, self.base_url)
    }
}

/// Reads what is recorded, without a lock and without making anything. A state that does not exist
/// yet is empty.
///
/// # Errors
///
/// Where there is a state that cannot be used.
pub fn read(directory: &Path, tenant: &Tenant) -> Result<Recorded, StoreError> {
    let file = directory.join(FILE);
    match fs::metadata(&file) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Recorded::default()),
        Err(source) => return Err(StoreError::Directory { path: file, source }),
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let database = Connection::open_with_flags(&file, flags).map_err(|source| database_error(directory, source))?;
    let store = Store { directory: directory.to_owned(), database, _lock: None };
    store.database.busy_timeout(BUSY_TIMEOUT).map_err(|source| store.error(source))?;
    // A writer that was stopped between making the file and its tables left nothing behind.
    if store.version()? == 0 {
        return Ok(Recorded::default());
    }
    store.check(tenant)?;
    store.recorded()
}

const BUSY_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The recorded state, open for writing.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    database: Connection,
    /// Held for as long as the state is open; the system lets go of it when the process ends.
    _lock: Option<File>,
}

impl Store {
    /// Opens the state for writing, and makes it where there is none. `purpose` is what another process
    /// is told while this one holds it.
    ///
    /// # Errors
    ///
    /// Where another process writes it, and where it cannot be used.
    pub fn open(directory: &Path, tenant: &Tenant, purpose: &str) -> Result<Self, StoreError> {
        let failed = |source| StoreError::Directory { path: directory.to_owned(), source };
        fs::DirBuilder::new().recursive(true).mode(0o700).create(directory).map_err(failed)?;
        let lock = take_lock(directory, purpose)?;
        let database = Connection::open(directory.join(FILE)).map_err(|source| database_error(directory, source))?;
        Self { directory: directory.to_owned(), database, _lock: Some(lock) }.prepare(tenant)
    }

    /// A state that lives as long as the process, for the sandbox.
    ///
    /// # Errors
    ///
    /// Where SQLite cannot be started.
    pub fn in_memory(tenant: &Tenant) -> Result<Self, StoreError> {
        let directory = PathBuf::from("memory");
        let database = Connection::open_in_memory().map_err(|source| database_error(&directory, source))?;
        Self { directory, database, _lock: None }.prepare(tenant)
    }

    fn prepare(self, tenant: &Tenant) -> Result<Self, StoreError> {
        let set_up = || -> rusqlite::Result<()> {
            self.database.busy_timeout(BUSY_TIMEOUT)?;
            self.database.pragma_update(None, "journal_mode", "WAL")?;
            self.database.pragma_update(None, "synchronous", "NORMAL")
        };
        set_up().map_err(|source| self.error(source))?;
        if self.version()? == 0 {
            let create = || -> rusqlite::Result<()> {
                let transaction = self.database.unchecked_transaction()?;
                transaction.execute_batch(SCHEMA)?;
                transaction
                    .execute("INSERT INTO tenant VALUES (?1, ?2)", params![tenant.organisation, tenant.base_url])?;
                transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
                transaction.commit()
            };
            create().map_err(|source| self.error(source))?;
        }
        self.check(tenant)?;
        Ok(self)
    }

    /// Everything that is recorded.
    ///
    /// # Errors
    ///
    /// Where it cannot be read, or where a row makes no sense: a part of the state is never taken for
    /// the whole.
    pub fn recorded(&self) -> Result<Recorded, StoreError> {
        let sql = "SELECT identity, address, template_id, fields, reference, file, line, prevent_delete FROM resource";
        let mut statement = self.database.prepare_cached(sql).map_err(|source| self.error(source))?;
        let rows = statement
            .query_map([], |row| {
                Ok(Row {
                    identity: row.get(0)?,
                    address: row.get(1)?,
                    template_id: row.get(2)?,
                    fields: row.get(3)?,
                    references: row.get(4)?,
                    file: row.get(5)?,
                    line: row.get(6)?,
                    prevent_delete: row.get(7)?,
                })
            })
            .map_err(|source| self.error(source))?;
        let mut recorded = Recorded::default();
        for row in rows {
            let row = row.map_err(|source| self.error(source))?;
            let name = row.identity.clone();
            let (identity, resource) =
                row.read().ok_or_else(|| StoreError::Damaged { path: self.directory.clone(), row: name })?;
            recorded.resources.insert(identity, resource);
        }
        Ok(recorded)
    }

    /// Remembers a resource as it was applied just now.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn save(&mut self, identity: &Identity, resource: &RecordedResource) -> Result<(), StoreError> {
        let references: Vec<_> = resource.references.iter().collect();
        let (Ok(fields), Ok(references)) =
            (serde_json::to_string(&resource.fields), serde_json::to_string(&references))
        else {
            return Err(StoreError::Damaged { path: self.directory.clone(), row: identity.to_string() });
        };
        let sql = "INSERT OR REPLACE INTO resource VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let values = params![
            identity.to_string(),
            resource.address.to_string(),
            resource.template_id,
            fields,
            references,
            resource.source.file,
            i64::try_from(resource.source.line).unwrap_or_default(),
            resource.prevent_delete,
            jiff::Timestamp::now().to_string(),
        ];
        let saved = self.database.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        saved.map(drop).map_err(|source| self.error(source))
    }

    /// Forgets a resource.
    ///
    /// # Errors
    ///
    /// Where it cannot be written.
    pub fn forget(&mut self, identity: &Identity) -> Result<(), StoreError> {
        let forgotten = self.database.execute("DELETE FROM resource WHERE identity = ?1", [identity.to_string()]);
        forgotten.map(drop).map_err(|source| self.error(source))
    }

    /// Does several changes as one: all of them are kept, or none.
    ///
    /// # Errors
    ///
    /// Those of `work`, and where the whole cannot be written.
    pub fn together(&mut self, work: impl FnOnce(&mut Self) -> Result<(), StoreError>) -> Result<(), StoreError> {
        self.database.execute_batch("BEGIN IMMEDIATE").map_err(|source| self.error(source))?;
        let result = work(self);
        let end = if result.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.database.execute_batch(end).map_err(|source| self.error(source));
        result.and(ended)
    }

    fn version(&self) -> Result<i64, StoreError> {
        let version = self.database.pragma_query_value(None, "user_version", |row| row.get(0));
        let version = version.map_err(|source| self.error(source))?;
        if version > SCHEMA_VERSION {
            return Err(StoreError::Newer { path: self.directory.clone(), found: version });
        }
        Ok(version)
    }

    fn check(&self, ours: &Tenant) -> Result<(), StoreError> {
        let found = self.database.query_row("SELECT organisation, base_url FROM tenant", [], |row| {
            Ok(Tenant { organisation: row.get(0)?, base_url: row.get(1)? })
        });
        match found.optional().map_err(|source| self.error(source))? {
            Some(theirs) if theirs == *ours => Ok(()),
            Some(theirs) => Err(StoreError::OtherTenant { path: self.directory.clone(), theirs, ours: ours.clone() }),
            None => Err(StoreError::Damaged { path: self.directory.clone(), row: "tenant".to_owned() }),
        }
    }

    fn error(&self, source: rusqlite::Error) -> StoreError {
        database_error(&self.directory, source)
    }
}

fn database_error(directory: &Path, source: rusqlite::Error) -> StoreError {
    StoreError::Database { path: directory.to_owned(), source }
}

fn take_lock(directory: &Path, purpose: &str) -> Result<File, StoreError> {
    let path = directory.join(LOCK);
    let failed = |source| StoreError::Directory { path: path.clone(), source };
    let mut lock = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = lock.take(200).read_to_string(&mut holder);
            let holder = if holder.trim().is_empty() { "another process".to_owned() } else { holder.trim().to_owned() };
            return Err(StoreError::Locked { path: directory.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    let note = format!("`versync {purpose}` (process {})\n", std::process::id());
    lock.set_len(0).and_then(|()| lock.rewind()).and_then(|()| lock.write_all(note.as_bytes())).map_err(failed)?;
    Ok(lock)
}

/// A row as it is stored.
struct Row {
    identity: String,
    address: String,
    template_id: Option<String>,
    fields: String,
    references: String,
    file: String,
    line: i64,
    prevent_delete: bool,
}

impl Row {
    fn read(self) -> Option<(Identity, RecordedResource)> {
        let identity = Identity::parse(&self.identity)?;
        let stored: BTreeMap<String, Value> = serde_json::from_str(&self.fields).ok()?;
        let references: Vec<(Reference, String)> = serde_json::from_str(&self.references).ok()?;
        let resource = RecordedResource {
            address: Address::parse(&self.address)?,
            template_id: self.template_id,
            // A field that this version does not know cannot be compared, so it is as if it were not recorded.
            fields: stored
                .into_iter()
                .filter_map(|(name, value)| Some((field_name(&identity, &name)?, value)))
                .collect::<Fields>(),
            references: references.into_iter().collect(),
            source: Source { file: self.file, line: usize::try_from(self.line).ok()? },
            prevent_delete: self.prevent_delete,
        };
        Some((identity, resource))
    }
}

fn field_name(identity: &Identity, name: &str) -> Option<&'static str> {
    match identity {
        Identity::AuthSchemeConfig { .. } => auth_scheme_config::field_named(name).map(|field| field.name),
        Identity::ConnectionTemplate { .. } => {
            let known = connection_template::FIELDS.iter().copied().chain([&connection_template::SYSTEM]);
            known.map(|field| field.name).find(|known| *known == name)
        }
    }
}
