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

impl Database {
    pub(super) fn resources(&self) -> Result<BTreeMap<Identity, RecordedResource>, StoreError> {
        let sql = "SELECT identity, address, template_id, fields, reference, file, line, prevent_delete FROM resource";
        let mut statement = self.connection.prepare_cached(sql).map_err(|source| self.error(source))?;
        let rows = statement
            .query_map([], |row| {
                Ok(Row {
                    identity: row.get(0)?,
                    address: row.get(1)?,
                    template_id: row.get(2)?,
                    fields: row.get(3)?,
                    references: row.get(4)?,
                    file: row.get(5)?,
                    line: row.get(6)?,
                    prevent_delete: row.get(7)?,
                })
            })
            .map_err(|source| self.error(source))?;
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
        let references: Vec<_> = resource.references.iter().collect();
        let (Ok(fields), Ok(references)) =
            (serde_json::to_string(&resource.fields), serde_json::to_string(&references))
        else {
            return Err(self.damaged(identity.to_string()));
        };
        let sql = "INSERT OR REPLACE INTO resource VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let values = params![
            identity.to_string(),
            resource.address.to_string(),
            resource.template_id,
            fields,
            references,
            resource.source.file,
            i64::try_from(resource.source.line).unwrap_or_default(),
            resource.prevent_delete,
            jiff::Timestamp::now().to_string(),
        ];
        let saved = self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute(values));
        saved.map(drop).map_err(|source| self.error(source))
    }

    pub(super) fn forget_resource(&self, identity: &Identity) -> Result<(), StoreError> {
        let forgotten = self.connection.execute("DELETE FROM resource WHERE identity = ?1", [identity.to_string()]);
        forgotten.map(drop).map_err(|source| self.error(source))
    }
}

/// A row as it is stored.
struct Row {
    identity: String,
    address: String,
    template_id: Option<String>,
    fields: String,
    references: String,
    file: String,
    line: i64,
    prevent_delete: bool,
}

impl Row {
    fn read(self) -> Option<(Identity, RecordedResource)> {
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
        Identity::ConnectionTemplate { .. } => {
            let known = connection_template::FIELDS.iter().copied().chain([&connection_template::SYSTEM]);
            known.map(|field| field.name).find(|known| *known == name)
        }
    }
}
