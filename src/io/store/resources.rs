//! What was last applied.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use rusqlite::params;
use rusqlite::types::{ToSql, ToSqlOutput, ValueRef};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::database::Database;
use super::error::StoreError;
use super::reference_sets::{ReferenceSets, read_references};
use super::schema::{WITH_REFERENCE_SETS, WITH_REPLACES};
use crate::model::address::{Address, Identity, Scope};
use crate::model::auth_scheme_config;
use crate::model::connection_template;
use crate::model::plan::Source;
use crate::model::recorded::{OldTemplate, RecordedResource, References};
use crate::model::schema::Fields;

/// The columns of a [`Row`], in its order.
macro_rules! columns {
    () => {
        "identity, address, template_id, fields, reference_set, file, line, prevent_delete, replaces"
    };
}
pub(super) use columns;

/// How many places are looked up before everything is read: enough to ask about until then.
const GLIMPSE: usize = 256;

impl Database {
    /// [`columns`] as this file has them: a reader may meet an older one.
    pub(super) fn columns(&self) -> Result<String, StoreError> {
        let (mut all, version) = (columns!().to_owned(), self.version()?);
        if version < WITH_REPLACES {
            all = all.replace("replaces", "NULL");
        }
        if version < WITH_REFERENCE_SETS {
            all = all.replace("reference_set", "reference");
        }
        Ok(all)
    }

    pub(super) fn resources(&self) -> Result<BTreeMap<Identity, RecordedResource>, StoreError> {
        let sql = format!("SELECT {} FROM resource", self.columns()?);
        let mut statement = self.connection.prepare_cached(&sql).map_err(|source| self.error(source))?;
        let mut rows = statement.query([]).map_err(|source| self.error(source))?;
        let mut resources = Vec::new();
        let mut known = Known::of(self)?;
        while let Some(row) = rows.next().map_err(|source| self.error(source))? {
            let row = Row::of(row).map_err(|source| self.error(source))?;
            let (identity, resource) = row.read(&mut known).ok_or_else(|| self.damaged(row.identity))?;
            resources.push((identity, resource));
        }
        // Put together at once, a tree takes half the room of one that has grown.
        Ok(resources.into_iter().collect())
    }

    /// One resource of each place where something is recorded, as far as [`GLIMPSE`] goes.
    pub(super) fn glimpse(&self) -> Result<BTreeMap<Identity, RecordedResource>, StoreError> {
        let mut resources = BTreeMap::new();
        let mut known = Known::of(self)?;
        // Lists of templates take longest to read.
        for kind in ["connection_template", "auth_scheme_config"] {
            let (mut from, end) = (format!("{kind}."), format!("{kind}/"));
            while resources.len() < GLIMPSE
                && let Some((identity, resource)) = self.first_resource(&from, &end, &mut known)?
            {
                from = beyond_the_place_of(&identity);
                resources.insert(identity, resource);
            }
        }
        Ok(resources)
    }

    fn first_resource(
        &self,
        from: &str,
        end: &str,
        known: &mut Known,
    ) -> Result<Option<(Identity, RecordedResource)>, StoreError> {
        let sql = format!(
            "SELECT {} FROM resource WHERE identity >= ?1 AND identity < ?2 ORDER BY identity LIMIT 1",
            self.columns()?
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(|source| self.error(source))?;
        let mut rows = statement.query([from, end]).map_err(|source| self.error(source))?;
        let Some(row) = rows.next().map_err(|source| self.error(source))? else { return Ok(None) };
        let row = Row::of(row).map_err(|source| self.error(source))?;
        row.read(known).map(Some).ok_or_else(|| self.damaged(row.identity))
    }

    pub(super) fn save_resource(&self, identity: &Identity, resource: &RecordedResource) -> Result<(), StoreError> {
        let row = self.as_row(identity, resource)?;
        let sql = concat!(
            "INSERT OR REPLACE INTO resource (",
            columns!(),
            ", applied_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
        );
        let values = params![
            row.identity,
            row.address,
            row.template_id,
            row.fields,
            row.reference_set,
            row.file,
            row.line,
            row.prevent_delete,
            row.replaces,
            jiff::Timestamp::now().to_string(),
        ];
        let saved = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        saved.map(drop).map_err(|source| self.error(source))
    }

    pub(super) fn as_row<'r>(
        &self,
        identity: &Identity,
        resource: &'r RecordedResource,
    ) -> Result<Row<'r>, StoreError> {
        let fields = serde_json::to_string(&resource.fields).map_err(|_| self.damaged(identity.to_string()))?;
        Ok(Row {
            identity: identity.to_string().into(),
            address: resource.address.to_string().into(),
            template_id: resource.template_id.as_deref().map(Cow::Borrowed),
            fields: fields.into(),
            reference_set: ReferenceSet::Number(self.reference_set(&resource.references)?),
            file: Cow::Borrowed(&resource.source.file),
            line: i64::try_from(resource.source.line).unwrap_or_default(),
            prevent_delete: resource.prevent_delete,
            replaces: resource.replaces.as_deref().map(written),
        })
    }

    pub(super) fn forget_resource(&self, identity: &Identity) -> Result<(), StoreError> {
        self.has_forgotten.set(true);
        let forgotten = self.connection.execute("DELETE FROM resource WHERE identity = ?1", [identity.to_string()]);
        forgotten.map(drop).map_err(|source| self.error(source))
    }
}

/// The first text that sorts past everything in the place of this: 0 comes after the slash that follows a place.
fn beyond_the_place_of(identity: &Identity) -> String {
    match identity {
        Identity::AuthSchemeConfig { owner, .. } => format!("auth_scheme_config.{}/{}0", owner.kind, owner.id),
        Identity::ConnectionTemplate { scope, .. } => {
            format!("connection_template.{}/{}0", scope.project, scope.environment)
        }
    }
}

/// What was read before: few references and values stand in many rows.
#[derive(Default)]
pub(super) struct Known {
    reference_sets: ReferenceSets,
    /// Those of an older file.
    references: ByText<References>,
    values: ByText<Value>,
}

impl Known {
    /// The references that this file keeps beside its rows.
    pub(super) fn of(database: &Database) -> Result<Self, StoreError> {
        Ok(Self { reference_sets: database.reference_sets()?, ..Self::default() })
    }
}

type ByText<T> = HashMap<Box<str>, Arc<T>, foldhash::fast::RandomState>;

/// A resource as it is stored.
pub(super) struct Row<'r> {
    pub(super) identity: Cow<'r, str>,
    pub(super) address: Cow<'r, str>,
    pub(super) template_id: Option<Cow<'r, str>>,
    pub(super) fields: Cow<'r, str>,
    pub(super) reference_set: ReferenceSet<'r>,
    pub(super) file: Cow<'r, str>,
    pub(super) line: i64,
    pub(super) prevent_delete: bool,
    pub(super) replaces: Option<String>,
}

/// What the references of a row meant.
pub(super) enum ReferenceSet<'r> {
    /// Under this number.
    Number(i64),
    /// In an older file.
    Meanings(&'r str),
}

impl ToSql for ReferenceSet<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            ReferenceSet::Number(number) => number.to_sql(),
            ReferenceSet::Meanings(meanings) => meanings.to_sql(),
        }
    }
}

impl<'r> Row<'r> {
    /// Out of a query for [`columns`].
    pub(super) fn of(row: &'r rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let text = |column| Ok::<_, rusqlite::Error>(Cow::Borrowed(row.get_ref(column)?.as_str()?));
        Ok(Self {
            identity: text(0)?,
            address: text(1)?,
            template_id: row.get_ref(2)?.as_str_or_null()?.map(Cow::Borrowed),
            fields: text(3)?,
            reference_set: match row.get_ref(4)? {
                ValueRef::Integer(number) => ReferenceSet::Number(number),
                older => ReferenceSet::Meanings(older.as_str()?),
            },
            file: text(5)?,
            line: row.get(6)?,
            prevent_delete: row.get(7)?,
            replaces: row.get(8)?,
        })
    }

    /// Nothing where the row makes no sense.
    pub(super) fn read(&self, known: &mut Known) -> Option<(Identity, RecordedResource)> {
        let identity = Identity::parse(&self.identity)?;
        let stored: BTreeMap<&str, &RawValue> = serde_json::from_str(&self.fields).ok()?;
        let resource = RecordedResource {
            address: Address::parse(&self.address)?,
            template_id: self.template_id.as_deref().map(str::to_owned),
            // A field that this version does not know cannot be compared, so it is as if it were not recorded.
            fields: stored
                .into_iter()
                .filter_map(|(name, value)| Some((field_name(&identity, name)?, value)))
                .map(|(name, value)| Some((name, read_value(value, &mut known.values)?)))
                .collect::<Option<Fields>>()?,
            references: self.read_references(known)?,
            source: Source { file: self.file.clone().into_owned(), line: usize::try_from(self.line).ok()? },
            prevent_delete: self.prevent_delete,
            replaces: match &self.replaces {
                Some(replaces) => Some(Box::new(read_replaces(replaces)?)),
                None => None,
            },
        };
        Some((identity, resource))
    }

    fn read_references(&self, known: &mut Known) -> Option<Arc<References>> {
        let meanings = match self.reference_set {
            ReferenceSet::Number(number) => return known.reference_sets.get(&number).cloned(),
            ReferenceSet::Meanings(meanings) => meanings,
        };
        if let Some(references) = known.references.get(meanings) {
            return Some(Arc::clone(references));
        }
        let references = Arc::new(read_references(meanings)?);
        known.references.insert(meanings.into(), Arc::clone(&references));
        Some(references)
    }
}

fn read_value(stored: &RawValue, known: &mut ByText<Value>) -> Option<Arc<Value>> {
    if let Some(value) = known.get(stored.get()) {
        return Some(Arc::clone(value));
    }
    let mut value = serde_json::from_str(stored.get()).ok()?;
    shrink(&mut value);
    let value = Arc::new(value);
    known.insert(stored.get().into(), Arc::clone(&value));
    Some(value)
}

/// Lets go of the room that lists were given to grow: these stay as they are.
fn shrink(value: &mut Value) {
    match value {
        Value::Array(items) => {
            items.shrink_to_fit();
            items.iter_mut().for_each(shrink);
        }
        Value::Object(members) => members.values_mut().for_each(shrink),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn written(old: &OldTemplate) -> String {
    let OldTemplate { scope, id, identity } = old;
    json!([scope.project, scope.environment, id, identity.as_ref().map(Identity::to_string)]).to_string()
}

fn read_replaces(text: &str) -> Option<OldTemplate> {
    let (project, environment, id, identity): (String, String, String, Option<String>) =
        serde_json::from_str(text).ok()?;
    let identity = match identity {
        Some(identity) => Some(Identity::parse(&identity)?),
        None => None,
    };
    Some(OldTemplate { scope: Scope { project, environment }, id, identity })
}

fn field_name(identity: &Identity, name: &str) -> Option<&'static str> {
    match identity {
        Identity::AuthSchemeConfig { .. } => auth_scheme_config::field_named(name).map(|field| field.name),
        Identity::ConnectionTemplate { .. } => connection_template::field_named(name).map(|field| field.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_many_have_is_kept_once() {
        let mut known = Known::default();
        let mut fields = |id: &str, description: &str| {
            let fields =
                format!(r#"{{"description":"{description}","scopes":["read",{{"name":"a"}}],"type":"oauth2"}}"#);
            let row = Row {
                identity: format!("auth_scheme_config.system/s/{id}").into(),
                address: format!("auth_scheme_config.system/shop/{id}").into(),
                template_id: None,
                fields: fields.into(),
                reference_set: ReferenceSet::Meanings("[]"),
                file: "a.toml".into(),
                line: 1,
                prevent_delete: false,
                replaces: None,
            };
            row.read(&mut known).unwrap().1.fields
        };
        let (one, other) = (fields("a", "one"), fields("b", "other"));
        let is_one = |name: &str| std::ptr::eq(one.get(name).unwrap(), other.get(name).unwrap());
        assert_eq!(["description", "scopes", "type"].map(is_one), [false, true, true]);
        assert_eq!(other["scopes"], json!(["read", {"name": "a"}]));
    }
}
