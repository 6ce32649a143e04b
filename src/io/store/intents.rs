//! Creates that were begun, written down before they are sent.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::params;

use super::database::Database;
use super::error::StoreError;
use super::resources::{Known, Row, columns};
use super::schema::WITH_INTENTS;
use crate::model::address::Identity;
use crate::model::intent::Intent;

impl Database {
    pub(super) fn intents(&self) -> Result<BTreeMap<Identity, Intent>, StoreError> {
        // A reader may meet an older file.
        if self.version()? < WITH_INTENTS {
            return Ok(BTreeMap::new());
        }
        let sql = format!("SELECT {}, payload, existing, missed FROM intent", self.columns()?);
        let mut statement = self.connection.prepare_cached(&sql).map_err(|source| self.error(source))?;
        let mut rows = statement.query([]).map_err(|source| self.error(source))?;
        let mut intents = BTreeMap::new();
        let mut known = None;
        let begun = |row: &rusqlite::Row<'_>| Ok((row.get(9)?, row.get::<_, String>(10)?, row.get(11)?));
        while let Some(row) = rows.next().map_err(|source| self.error(source))? {
            let (payload, existing, missed) = begun(row).map_err(|source| self.error(source))?;
            let row = Row::of(row).map_err(|source| self.error(source))?;
            let existing: Option<BTreeSet<String>> = serde_json::from_str(&existing).ok();
            let known = match &mut known {
                Some(known) => known,
                // Hardly ever is there any.
                None => known.insert(Known::of(self)?),
            };
            let read = row.read(known).zip(existing);
            let ((identity, record), existing) = read.ok_or_else(|| self.damaged(row.identity))?;
            intents.insert(identity, Intent { record, payload, existing, missed });
        }
        Ok(intents)
    }

    /// Writes intents down. Once this has returned, they are on the disk, whatever happens.
    pub(super) fn save_intents(&self, intents: &[(&Identity, Intent)]) -> Result<(), StoreError> {
        self.durably(|| {
            self.begin()?;
            let written = intents.iter().try_for_each(|(identity, intent)| self.save_intent(identity, intent));
            self.end(written)
        })
    }

    fn save_intent(&self, identity: &Identity, intent: &Intent) -> Result<(), StoreError> {
        let Ok(existing) = serde_json::to_string(&intent.existing) else {
            return Err(self.damaged(identity.to_string()));
        };
        let record = self.as_row(identity, &intent.record)?;
        let sql = concat!(
            "INSERT OR REPLACE INTO intent (",
            columns!(),
            ", payload, existing, missed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)"
        );
        let values = params![
            record.identity,
            record.address,
            record.template_id,
            record.fields,
            record.reference_set,
            record.file,
            record.line,
            record.prevent_delete,
            record.replaces,
            intent.payload,
            existing,
            intent.missed
        ];
        let saved = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        saved.map(drop).map_err(|source| self.error(source))
    }

    pub(super) fn miss_intent(&self, identity: &Identity) -> Result<(), StoreError> {
        self.change_intent("UPDATE intent SET missed = 1 WHERE identity = ?1", identity)
    }

    pub(super) fn forget_intent(&self, identity: &Identity) -> Result<(), StoreError> {
        self.change_intent("DELETE FROM intent WHERE identity = ?1", identity)
    }

    fn change_intent(&self, sql: &str, identity: &Identity) -> Result<(), StoreError> {
        let values = [identity.to_string()];
        let changed = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        changed.map(drop).map_err(|source| self.error(source))
    }
}
