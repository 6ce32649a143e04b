//! The tables, and how an older file comes to have them.

use rusqlite::{Connection, params};

use super::error::Tenant;

/// The version of the tables after every step of [`STEPS`], kept in the file's `user_version`.
#[allow(clippy::cast_possible_wrap, reason = "there will never be so many")]
pub(super) const SCHEMA_VERSION: i64 = STEPS.len() as i64;

/// From each version to the next. A step is never edited once it was released: files that took it exist.
pub(super) const STEPS: [&str; 6] = [RESOURCES, JOURNAL, INTENTS, SET_ASIDE, REPLACES, REFERENCE_SETS];

const RESOURCES: &str = "
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

/// The first version with [`JOURNAL`].
pub(super) const WITH_JOURNAL: i64 = 2;

/// `pass` has at most two rows: the last pass that was made, and the last that could not be made since.
const JOURNAL: &str = "
    CREATE TABLE pass (made INTEGER PRIMARY KEY CHECK (made IN (0, 1)), report TEXT NOT NULL) STRICT;
    CREATE TABLE held_plan (
        id        INTEGER PRIMARY KEY AUTOINCREMENT,
        hash      TEXT NOT NULL UNIQUE,
        held_hash TEXT NOT NULL
    ) STRICT;
    CREATE TABLE approval (
        hash        TEXT PRIMARY KEY,
        held_hash   TEXT,
        approved_at TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE history (
        id       INTEGER PRIMARY KEY AUTOINCREMENT,
        at       TEXT NOT NULL,
        command  TEXT NOT NULL,
        revision TEXT,
        address  TEXT NOT NULL,
        action   TEXT NOT NULL,
        causes   TEXT NOT NULL,
        file     TEXT,
        line     INTEGER,
        fields   TEXT NOT NULL
    ) STRICT;
";

/// The first version with [`INTENTS`].
pub(super) const WITH_INTENTS: i64 = 3;

const INTENTS: &str = "
    CREATE TABLE intent (
        identity       TEXT PRIMARY KEY,
        address        TEXT NOT NULL,
        template_id    TEXT,
        fields         TEXT NOT NULL,
        reference      TEXT NOT NULL,
        file           TEXT NOT NULL,
        line           INTEGER NOT NULL,
        prevent_delete INTEGER NOT NULL,
        payload        TEXT NOT NULL,
        existing       TEXT NOT NULL,
        missed         INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// The first version with [`SET_ASIDE`].
pub(super) const WITH_SET_ASIDE: i64 = 4;

/// The file in whose place this one was begun, for as long as nobody has looked at everything since.
const SET_ASIDE: &str = "CREATE TABLE set_aside (file TEXT NOT NULL) STRICT;";

/// The first version with [`REPLACES`].
pub(super) const WITH_REPLACES: i64 = 5;

/// The template whose place one takes, as JSON.
const REPLACES: &str = "
    ALTER TABLE resource ADD COLUMN replaces TEXT;
    ALTER TABLE intent ADD COLUMN replaces TEXT;
";

/// The first version with [`REFERENCE_SETS`].
pub(super) const WITH_REFERENCE_SETS: i64 = 6;

/// What references meant stood in every row, and was a third of it.
const REFERENCE_SETS: &str = "
    CREATE TABLE reference_set (id INTEGER PRIMARY KEY, meanings TEXT NOT NULL UNIQUE) STRICT;
    INSERT INTO reference_set (meanings) SELECT reference FROM resource UNION SELECT reference FROM intent;
    ALTER TABLE resource ADD COLUMN reference_set INTEGER NOT NULL DEFAULT 0;
    UPDATE resource SET reference_set = (SELECT id FROM reference_set WHERE meanings = reference);
    ALTER TABLE resource DROP COLUMN reference;
    ALTER TABLE intent ADD COLUMN reference_set INTEGER NOT NULL DEFAULT 0;
    UPDATE intent SET reference_set = (SELECT id FROM reference_set WHERE meanings = reference);
    ALTER TABLE intent DROP COLUMN reference;
";

/// Brings the tables from `version` to [`SCHEMA_VERSION`]: all steps, or none. A file without tables
/// becomes `tenant`'s.
pub(super) fn migrate(connection: &Connection, version: i64, tenant: &Tenant) -> rusqlite::Result<()> {
    let taken = usize::try_from(version).unwrap_or_default();
    if taken >= STEPS.len() {
        return Ok(());
    }
    let transaction = connection.unchecked_transaction()?;
    for step in &STEPS[taken..] {
        transaction.execute_batch(step)?;
    }
    if taken == 0 {
        transaction.execute("INSERT INTO tenant VALUES (?1, ?2)", params![tenant.organisation, tenant.base_url])?;
    }
    transaction.pragma_update(None, "user_version", SCHEMA_VERSION)?;
    transaction.commit()
}
