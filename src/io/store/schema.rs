//! The tables, and how an older file comes to have them.

use rusqlite::{Connection, params};

use super::error::Tenant;

/// The version of the tables after every step of [`STEPS`], kept in the file's `user_version`.
#[allow(clippy::cast_possible_wrap, reason = "there will never be so many")]
pub(super) const SCHEMA_VERSION: i64 = STEPS.len() as i64;

/// From each version to the next. A step is never edited once it was released: files that took it exist.
const STEPS: [&str; 1] = [RESOURCES];

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
