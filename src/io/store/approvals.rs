//! What somebody has approved.

use jiff::{SignedDuration, Timestamp};
use rusqlite::params;

use super::database::Database;
use super::error::StoreError;
use crate::model::approval::Approval;

/// An approval that nothing has used for so long is void: nobody remembers it when, much later, the same
/// deletes come up again.
const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

impl Database {
    /// Every approval that still counts.
    pub(super) fn approvals(&self) -> Result<Vec<Approval>, StoreError> {
        if !self.has_journal()? {
            return Ok(Vec::new());
        }
        let read = || {
            let sql = "SELECT hash, held_hash, approved_at FROM approval ORDER BY hash";
            let mut statement = self.connection.prepare_cached(sql)?;
            let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, String>(2)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(|source| self.error(source))?;
        let approvals = rows.into_iter().map(|(hash, held_hash, approved_at)| {
            let approved_at = approved_at.parse().map_err(|_| self.damaged("approval"))?;
            Ok(Approval { hash, held_hash, approved_at })
        });
        let oldest = Timestamp::now() - LIFETIME;
        let mut approvals = approvals.collect::<Result<Vec<_>, StoreError>>()?;
        approvals.retain(|approval| approval.approved_at >= oldest);
        Ok(approvals)
    }

    /// Keeps an approval until a pass uses it.
    pub(super) fn save_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        let values = params![approval.hash, approval.held_hash, approval.approved_at.to_string()];
        let saved = self.connection.execute("INSERT OR REPLACE INTO approval VALUES (?1, ?2, ?3)", values);
        saved.map(drop).map_err(|source| self.error(source))
    }

    pub(super) fn void_approval(&self, approval: &Approval) -> Result<(), StoreError> {
        let sql = "DELETE FROM approval WHERE hash = ?1 AND approved_at = ?2";
        let gone = self.connection.execute(sql, params![approval.hash, approval.approved_at.to_string()]);
        gone.map(drop).map_err(|source| self.error(source))
    }

    /// Uses an approval up. It has to be on the disk before the deletes are sent, so that it counts once
    /// whatever happens.
    pub(super) fn use_approval(&self, hash: &str) -> Result<(), StoreError> {
        let used = self.durably(|| {
            let used = self.connection.execute("DELETE FROM approval WHERE hash = ?1", [hash]);
            used.map_err(|source| self.error(source))
        })?;
        match used {
            0 => Err(self.damaged(format!("approval {hash}, which somebody has removed"))),
            _ => Ok(()),
        }
    }
}
