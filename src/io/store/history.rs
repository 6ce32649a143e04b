//! What was changed.

use jiff::Timestamp;
use rusqlite::{Row, params};
use serde_json::Value;

use super::database::Database;
use super::error::StoreError;
use crate::model::history::Event;
use crate::model::plan::Source;

/// How many changes are kept: the newest.
const KEPT: i64 = 10_000;

impl Database {
    /// Keeps an event of a command, in place of the one in `row` if it says more about the same. Returns its row.
    pub(super) fn save_event(&self, row: Option<i64>, event: &Event, command: &str) -> Result<i64, StoreError> {
        let (Ok(causes), Ok(fields)) = (serde_json::to_string(&event.causes), serde_json::to_string(&event.fields))
        else {
            return Err(self.damaged("history"));
        };
        let source = event.source.as_ref();
        let values = params![
            row,
            event.at.to_string(),
            command,
            event.revision,
            event.address,
            event.action.as_str(),
            causes,
            source.map(|source| &source.file),
            source.map(|source| i64::try_from(source.line).unwrap_or_default()),
            fields,
        ];
        let save = || -> rusqlite::Result<i64> {
            let sql = "INSERT OR REPLACE INTO history VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
            self.connection.prepare_cached(sql)?.execute(values)?;
            Ok(self.connection.last_insert_rowid())
        };
        save().map_err(|source| self.error(source))
    }

    /// Forgets the oldest events.
    pub(super) fn trim_events(&self) -> Result<(), StoreError> {
        let sql = "DELETE FROM history WHERE id <= (SELECT max(id) FROM history) - ?1";
        let trimmed = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([KEPT]));
        trimmed.map(drop).map_err(|source| self.error(source))
    }

    /// The newest events first; all of them where there is no `limit`.
    pub(super) fn events(&self, limit: Option<usize>) -> Result<Vec<Event>, StoreError> {
        if !self.has_journal()? {
            return Ok(Vec::new());
        }
        // To SQLite, a negative limit is none.
        let limit = limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(i64::MAX));
        let read = || {
            let sql = "SELECT id, at, command, revision, address, action, causes, file, line, fields FROM history \
                       ORDER BY id DESC LIMIT ?1";
            let mut statement = self.connection.prepare(sql)?;
            let rows = statement.query_map([limit], |row| Ok((row.get(0)?, event(row)?)))?;
            rows.collect::<rusqlite::Result<Vec<(i64, Option<Event>)>>>()
        };
        let rows = read().map_err(|source| self.error(source))?;
        rows.into_iter().map(|(id, event)| event.ok_or_else(|| self.damaged(format!("history {id}")))).collect()
    }
}

/// Nothing where the row makes no sense.
fn event(row: &Row) -> rusqlite::Result<Option<Event>> {
    let text = |at: usize| row.get::<_, String>(at);
    let source = row.get::<_, Option<String>>(7)?.zip(row.get::<_, Option<i64>>(8)?);
    let (at, action, causes, fields) = (text(1)?, text(5)?, text(6)?, text(9)?);
    let (command, revision, address) = (text(2)?, row.get(3)?, text(4)?);
    Ok((|| {
        Some(Event {
            at: at.parse::<Timestamp>().ok()?,
            command,
            revision,
            address,
            action: serde_json::from_value(Value::String(action)).ok()?,
            causes: serde_json::from_str(&causes).ok()?,
            source: match source {
                Some((file, line)) => Some(Source { file, line: usize::try_from(line).ok()? }),
                None => None,
            },
            fields: serde_json::from_str(&fields).ok()?,
        })
    })())
}
