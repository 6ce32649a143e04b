//! How the last pass went, and which plans held deletes.

use rusqlite::{OptionalExtension, params};

use super::database::Database;
use super::error::StoreError;
use crate::model::approval::HeldPlan;
use crate::model::pass::Pass;

/// How many plans that held deletes are kept for approvals to name.
const KEPT_PLANS: i64 = 100;

impl Database {
    /// Keeps how a pass went, no more history than there is room for, and no references that nobody has.
    pub(super) fn save_pass_as_one(&self, pass: &Pass) -> Result<(), StoreError> {
        self.begin()?;
        self.end(self.save_pass(pass).and_then(|()| self.trim_events()).and_then(|()| self.trim_reference_sets()))
    }

    /// Replaces the last pass. What it found stays when a later one cannot be made.
    fn save_pass(&self, pass: &Pass) -> Result<(), StoreError> {
        let report = serde_json::to_string(pass).map_err(|_| self.damaged("pass"))?;
        let save = || -> rusqlite::Result<()> {
            let made = pass.result.is_ok();
            let mut save = self.connection.prepare_cached("INSERT OR REPLACE INTO pass VALUES (?1, ?2)")?;
            save.execute(params![made, report])?;
            if let Ok(found) = &pass.result {
                self.connection.prepare_cached("DELETE FROM pass WHERE made = 0")?.execute([])?;
                if let Some(held_hash) = &found.held_hash {
                    self.keep_held_plan(&found.hash, held_hash)?;
                }
            }
            Ok(())
        };
        save().map_err(|source| self.error(source))
    }

    fn keep_held_plan(&self, hash: &str, held_hash: &str) -> rusqlite::Result<()> {
        let sql = "INSERT INTO held_plan (hash, held_hash) VALUES (?1, ?2) \
                   ON CONFLICT (hash) DO UPDATE SET held_hash = excluded.held_hash WHERE held_hash <> excluded.held_hash";
        if self.connection.execute(sql, [hash, held_hash])? > 0 {
            let sql = "DELETE FROM held_plan WHERE id <= (SELECT max(id) FROM held_plan) - ?1";
            self.connection.execute(sql, [KEPT_PLANS])?;
        }
        Ok(())
    }

    /// The last pass that was made, or the last that could not be made since.
    pub(super) fn pass(&self, made: bool) -> Result<Option<Pass>, StoreError> {
        if !self.has_journal()? {
            return Ok(None);
        }
        let found =
            self.connection.query_row("SELECT report FROM pass WHERE made = ?1", [made], |row| row.get::<_, String>(0));
        let report = found.optional().map_err(|source| self.error(source))?;
        report.map(|report| serde_json::from_str(&report).map_err(|_| self.damaged("pass"))).transpose()
    }

    pub(super) fn held_plans(&self) -> Result<Vec<HeldPlan>, StoreError> {
        if !self.has_journal()? {
            return Ok(Vec::new());
        }
        let read = || {
            let mut statement = self.connection.prepare("SELECT hash, held_hash FROM held_plan")?;
            let rows = statement.query_map([], |row| Ok(HeldPlan { hash: row.get(0)?, held_hash: row.get(1)? }))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        };
        read().map_err(|source| self.error(source))
    }
}
