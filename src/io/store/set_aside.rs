//! A state that is damaged makes room for a new one, and is never taken for an empty one: what it knew is not
//! known any more, which is something else than that there was nothing.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::database::{Database, FILE};
use super::error::{StoreError, Tenant};
use super::schema::WITH_SET_ASIDE;
use super::{Resources, recorded};

const FIRST_LOOK: &str = "what exists as declared is adopted, and nothing is made, changed or deleted before one full look at \
                          the platform";

/// How much of the file is held in memory while all of it is read, and otherwise, in negative KiB. The room that was
/// used once is not given back to the system.
const FEW_PAGES: i32 = -128;
const USUAL_PAGES: i32 = -2000;

/// Opens the state for writing. A damaged one is moved aside, with a warning, and a new one is begun that
/// remembers it.
pub(super) fn open_or_set_aside(directory: &Path, tenant: &Tenant) -> Result<(Database, Resources), StoreError> {
    let was_there = directory.join(FILE).exists();
    let opened = Database::create(directory, tenant).and_then(|database| {
        // A file without tables was cut off, or its first writer was.
        let is_blank = was_there && database.version()? == 0;
        let database = database.prepare(tenant)?;
        if is_blank {
            database.remember_set_aside(FILE)?;
            tracing::warn!(
                "the state {} is empty, as if it had been cut off: {FIRST_LOOK}",
                directory.join(FILE).display()
            );
        }
        // Everything is read once, to find out whether it makes sense, and no page of it twice.
        database.hold_pages(FEW_PAGES)?;
        database.check_whole()?;
        let resources = database.resources()?;
        recorded(&database, Arc::default())?;
        database.hold_pages(USUAL_PAGES)?;
        Ok((database, resources))
    });
    match opened {
        Err(error) if error.is_damage() => {
            let aside = move_aside(directory)?;
            let database = Database::create(directory, tenant)?.prepare(tenant)?;
            database.remember_set_aside(&aside.to_string_lossy())?;
            tracing::warn!("{error}: it was set aside as {}; {FIRST_LOOK}", aside.display());
            Ok((database, Resources::new()))
        }
        opened => opened,
    }
}

/// Moves the file and what belongs to it to names that are free.
fn move_aside(directory: &Path) -> Result<PathBuf, StoreError> {
    let free = |n: &u32| !directory.join(format!("{FILE}.damaged-{n}")).exists();
    let number = (1_u32..u32::MAX).find(free).unwrap_or_default();
    for suffix in ["-wal", "-shm", ""] {
        let from = directory.join(format!("{FILE}{suffix}"));
        let to = directory.join(format!("{FILE}.damaged-{number}{suffix}"));
        match fs::rename(&from, &to) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(source) => return Err(StoreError::Directory { path: from, source }),
            Ok(()) => {}
        }
    }
    Ok(directory.join(format!("{FILE}.damaged-{number}")))
}

impl Database {
    /// Whether everything that was recorded before was lost, and nobody has looked at everything since.
    pub(super) fn is_set_aside(&self) -> Result<bool, StoreError> {
        if self.version()? < WITH_SET_ASIDE {
            return Ok(false);
        }
        let found = self.connection.query_row("SELECT count(*) > 0 FROM set_aside", [], |row| row.get(0));
        found.map_err(|source| self.error(source))
    }

    fn remember_set_aside(&self, file: &str) -> Result<(), StoreError> {
        let kept = self.connection.execute("INSERT INTO set_aside VALUES (?1)", [file]);
        kept.map(drop).map_err(|source| self.error(source))
    }

    pub(super) fn forget_set_aside(&self) -> Result<(), StoreError> {
        self.connection.execute("DELETE FROM set_aside", []).map(drop).map_err(|source| self.error(source))
    }

    /// Holds no more than so much of the file in memory, as `PRAGMA cache_size` takes it, and lets go of what is held
    /// now.
    fn hold_pages(&self, size: i32) -> Result<(), StoreError> {
        let held = self.connection.execute_batch(&format!("PRAGMA cache_size = {size}; PRAGMA shrink_memory"));
        held.map_err(|source| self.error(source))
    }

    /// Whether SQLite finds the file in order.
    fn check_whole(&self) -> Result<(), StoreError> {
        let found = self.connection.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0));
        match found.map_err(|source| self.error(source))?.as_str() {
            "ok" => Ok(()),
            what => Err(self.damaged(what)),
        }
    }
}
