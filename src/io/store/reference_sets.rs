//! What references meant when something was applied, kept once for all rows that have the same ones.

use std::collections::HashMap;
use std::sync::Arc;

use rusqlite::Row;

use super::database::Database;
use super::error::StoreError;
use super::schema::WITH_REFERENCE_SETS;
use crate::model::recorded::{Reference, References};

/// By their numbers.
pub(super) type ReferenceSets = HashMap<i64, Arc<References>, foldhash::fast::RandomState>;

impl Database {
    /// The number under which rows have these, which they are given where they have none.
    pub(super) fn reference_set(&self, references: &Arc<References>) -> Result<i64, StoreError> {
        if let Some(number) = self.reference_sets.borrow().get(references) {
            return Ok(*number);
        }
        let meanings = serde_json::to_string(&references.iter().collect::<Vec<_>>());
        let meanings = meanings.map_err(|_| self.damaged("reference_set"))?;
        let keep = || -> rusqlite::Result<i64> {
            let known = "INSERT OR IGNORE INTO reference_set (meanings) VALUES (?1)";
            self.connection.prepare_cached(known)?.execute([&meanings])?;
            let number = "SELECT id FROM reference_set WHERE meanings = ?1";
            self.connection.prepare_cached(number)?.query_row([&meanings], |row| row.get(0))
        };
        let number = keep().map_err(|source| self.error(source))?;
        self.reference_sets.borrow_mut().insert(Arc::clone(references), number);
        Ok(number)
    }

    /// All of them. In an older file they stand in the rows.
    pub(super) fn reference_sets(&self) -> Result<ReferenceSets, StoreError> {
        if self.version()? < WITH_REFERENCE_SETS {
            return Ok(ReferenceSets::default());
        }
        let read = || {
            let mut statement = self.connection.prepare_cached("SELECT id, meanings FROM reference_set")?;
            let one = |row: &Row<'_>| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?));
            statement.query_map([], one)?.collect::<rusqlite::Result<Vec<_>>>()
        };
        let rows = read().map_err(|source| self.error(source))?;
        let set = |(number, meanings): (i64, String)| {
            let references =
                read_references(&meanings).ok_or_else(|| self.damaged(format!("reference_set {number}")))?;
            Ok((number, Arc::new(references)))
        };
        let sets = rows.into_iter().map(set).collect::<Result<ReferenceSets, _>>()?;
        let by_set = sets.iter().map(|(number, references)| (Arc::clone(references), *number));
        self.reference_sets.borrow_mut().extend(by_set);
        Ok(sets)
    }

    /// Lets go of a copy of references that are known here.
    pub(super) fn share(&self, references: &mut Arc<References>) {
        if let Some((known, _)) = self.reference_sets.borrow().get_key_value(references) {
            *references = Arc::clone(known);
        }
    }

    /// Forgets those that no row has any more, once something was forgotten that had some.
    pub(super) fn trim_reference_sets(&self) -> Result<(), StoreError> {
        if !self.has_forgotten.take() {
            return Ok(());
        }
        self.reference_sets.take();
        let sql = "DELETE FROM reference_set WHERE id NOT IN \
                   (SELECT reference_set FROM resource UNION SELECT reference_set FROM intent)";
        self.connection.execute(sql, []).map(drop).map_err(|source| self.error(source))
    }
}

/// Nothing where the text makes no sense.
pub(super) fn read_references(meanings: &str) -> Option<References> {
    let references: Vec<(Reference, String)> = serde_json::from_str(meanings).ok()?;
    Some(references.into_iter().collect())
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;
    use tempfile::TempDir;

    use super::super::database::FILE;
    use super::super::sample::{resource, tenant};
    use super::super::schema::STEPS;
    use super::super::{Books, Store, access};
    use super::*;
    use crate::model::address::Identity;
    use crate::model::recorded::Recorded;

    fn references(project: &str) -> Arc<References> {
        Arc::new([(Reference::Project(project.to_owned()), format!("id of {project}"))].into())
    }

    #[test]
    fn rows_of_the_version_before_keep_what_their_references_meant() {
        let folder = TempDir::new().unwrap();
        let database = Connection::open(folder.path().join(FILE)).unwrap();
        let before = &STEPS[..5];
        before.iter().for_each(|step| database.execute_batch(step).unwrap());
        database.pragma_update(None, "user_version", 5).unwrap();
        database.execute("INSERT INTO tenant VALUES (?1, ?2)", [tenant().organisation, tenant().base_url]).unwrap();
        let (resource, intent) =
            (("resource", ", applied_at", ", ''"), ("intent", ", payload, existing, missed", ", '', '[]', 0"));
        for ((table, columns, values), name, project) in
            [(resource, "a", "shop"), (resource, "b", "shop"), (resource, "c", "other"), (intent, "d", "third")]
        {
            let sql = format!(
                "INSERT INTO {table} (identity, address, fields, reference, file, line, prevent_delete{columns}) VALUES \
                 ('connection_template.p/e/{name}', 'connection_template.p/e/{name}', '{{}}', ?1, 'a.toml', 1, 0{values})"
            );
            database.execute(&sql, [format!(r#"[[{{"project":"{project}"}},"id of {project}"]]"#)]).unwrap();
        }
        drop(database);
        let meant = |recorded: &Recorded| {
            let intents = recorded.intents.values().map(|intent| &intent.record);
            recorded.resources.values().chain(intents).map(|it| Arc::clone(&it.references)).collect::<Vec<_>>()
        };
        let expected = ["shop", "shop", "other", "third"].map(references);
        // Whoever only looks reads the older tables as they are.
        assert_eq!(meant(&super::super::read(folder.path(), &tenant()).unwrap()), expected);
        let store = Store::open(folder.path(), &tenant(), "test").unwrap();
        assert_eq!(meant(&store.recorded().unwrap()), expected);
        assert_eq!(access(&store.database).reference_sets().unwrap().len(), 3);
    }

    #[test]
    fn references_are_kept_once_and_for_as_long_as_some_row_has_them() {
        let store = Store::in_memory(&tenant()).unwrap();
        let database = access(&store.database);
        let text = |name: &str| format!("connection_template.p/e/{name}");
        let identity = |name: &str| Identity::parse(&text(name)).unwrap();
        let save = |name: &str, project: &str| {
            let (identity, resource) = resource(&text(name), references(project));
            database.save_resource(&identity, &resource).unwrap();
        };
        let kept = || {
            database.trim_reference_sets().unwrap();
            let mut kept: Vec<_> = database.reference_sets().unwrap().into_values().collect();
            kept.sort();
            kept
        };
        [("a", "shop"), ("b", "shop"), ("c", "other")].iter().for_each(|(name, project)| save(name, project));
        assert_eq!(kept(), ["other", "shop"].map(references));
        database.forget_resource(&identity("a")).unwrap();
        assert_eq!(kept(), ["other", "shop"].map(references));
        database.forget_resource(&identity("b")).unwrap();
        assert_eq!(kept(), ["other"].map(references));
        save("a", "shop");
        assert_eq!(kept(), ["other", "shop"].map(references));
        assert_eq!(database.resources().unwrap()[&identity("a")].references, references("shop"));
    }

    #[test]
    fn what_was_not_kept_has_no_number() {
        let store = Store::in_memory(&tenant()).unwrap();
        let database = access(&store.database);
        database.begin().unwrap();
        database.reference_set(&references("shop")).unwrap();
        database.end::<()>(Err(database.damaged("test"))).unwrap_err();
        let number = database.reference_set(&references("shop")).unwrap();
        assert_eq!(database.reference_sets().unwrap()[&number], references("shop"));
    }
}
