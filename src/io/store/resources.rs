//! What was last applied.

use std::collections::BTreeMap;

use rusqlite::params;
use serde_json::Value;

use super::database::Database;
use super::error::StoreError;
use crate::model::address::{Address, Identity};
use crate::model::auth_scheme_config;
use crate::model::connection_template;
use crate::model::plan::Source;
use crate::model::recorded::{RecordedResource, Reference};
use crate::model::schema::Fields;

/// The columns of a [`Row`], in its order.
macro_rules! columns {
    () => {
        "identity, address, template_id, fields, reference, file, line, prevent_delete"
    };
}
pub(super) use columns;

impl Database {
    pub(super) fn resources(&self) -> Result<BTreeMap<Identity, RecordedResource>, StoreError> {
        let sql = concat!("SELECT ", columns!(), " FROM resource");
        let mut statement = self.connection.prepare_cached(sql).map_err(|source| self.error(source))?;
        let rows = statement.query_map([], Row::of).map_err(|source| self.error(source))?;
        let mut resources = BTreeMap::new();
        for row in rows {
            let row = row.map_err(|source| self.error(source))?;
            let name = row.identity.clone();
            let (identity, resource) = row.read().ok_or_else(|| self.damaged(name))?;
            resources.insert(identity, resource);
        }
        Ok(resources)
    }

    pub(super) fn save_resource(&self, identity: &Identity, resource: &RecordedResource) -> Result<(), StoreError> {
        let row = self.as_row(identity, resource)?;
        let sql = concat!(
            "INSERT OR REPLACE INTO resource (",
            columns!(),
            ", applied_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"
        );
        let values = params![
            row.identity,
            row.address,
            row.template_id,
            row.fields,
            row.references,
            row.file,
            row.line,
            row.prevent_delete,
            jiff::Timestamp::now().to_string(),
        ];
        let saved = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        saved.map(drop).map_err(|source| self.error(source))
    }

    pub(super) fn as_row(&self, identity: &Identity, resource: &RecordedResource) -> Result<Row, StoreError> {
        let references: Vec<_> = resource.references.iter().collect();
        let (Ok(fields), Ok(references)) =
            (serde_json::to_string(&resource.fields), serde_json::to_string(&references))
        else {
            return Err(self.damaged(identity.to_string()));
        };
        Ok(Row {
            identity: identity.to_string(),
            address: resource.address.to_string(),
            template_id: resource.template_id.clone(),
            fields,
            references,
            file: resource.source.file.clone(),
            line: i64::try_from(resource.source.line).unwrap_or_default(),
            prevent_delete: resource.prevent_delete,
        })
    }

    pub(super) fn forget_resource(&self, identity: &Identity) -> Result<(), StoreError> {
        let forgotten = self.connection.execute("DELETE FROM resource WHERE identity = ?1", [identity.to_string()]);
        forgotten.map(drop).map_err(|source| self.error(source))
    }
}

/// A resource as it is stored.
pub(super) struct Row {
    pub(super) identity: String,
    pub(super) address: String,
    pub(super) template_id: Option<String>,
    pub(super) fields: String,
    pub(super) references: String,
    pub(super) file: String,
    pub(super) line: i64,
    pub(super) prevent_delete: bool,
}

impl Row {
    /// Out of a query for [`columns`].
    pub(super) fn of(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        Ok(Self {
            identity: row.get(0)?,
            address: row.get(1)?,
            template_id: row.get(2)?,
            fields: row.get(3)?,
            references: row.get(4)?,
            file: row.get(5)?,
            line: row.get(6)?,
            prevent_delete: row.get(7)?,
        })
    }

    /// Nothing where the row makes no sense.
    pub(super) fn read(self) -> Option<(Identity, RecordedResource)> {
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
        Identity::ConnectionTemplate { .. } => connection_template::field_named(name).map(|field| field.name),
    }
}
