//! Values from outside that stand in for those of a text.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::de::{DeTable, DeValue};

use crate::model::source::SourceFile;

/// Values from outside that stand in for keys of a text: environment variables, for settings.
/// Every value is text, and takes the type that is asked for.
#[derive(Debug, Default)]
pub struct Overlay {
    pub(super) values: BTreeMap<String, Arc<SourceFile>>,
    pub(super) tables: BTreeMap<String, Overlay>,
}

impl Overlay {
    /// Sets the value at a path of keys. `name` is what messages call its source. An inline table, such as
    /// `{ env = "NAME" }`, is taken apart.
    pub fn set(&mut self, path: &[String], name: &str, value: &str) {
        match path {
            [] => {}
            [key] => match inline_table(value) {
                Some(entries) => {
                    let table = self.tables.entry(key.clone()).or_default();
                    entries.iter().for_each(|(inner, value)| table.set(std::slice::from_ref(inner), name, value));
                }
                None => {
                    self.values.insert(key.clone(), SourceFile::new(name, value));
                }
            },
            [key, rest @ ..] => self.tables.entry(key.clone()).or_default().set(rest, name, value),
        }
    }

    /// Where the first of the values comes from.
    pub(super) fn source(&self) -> Option<Arc<SourceFile>> {
        self.keys().into_iter().next().map(|(_, file)| file)
    }

    /// Every key at this level, with a source to point at.
    pub(super) fn keys(&self) -> Vec<(&str, Arc<SourceFile>)> {
        let values = self.values.iter().map(|(key, file)| (key.as_str(), Arc::clone(file)));
        let tables = self.tables.iter().filter_map(|(key, table)| {
            let (_, file) = table.keys().into_iter().next()?;
            Some((key.as_str(), file))
        });
        values.chain(tables).collect()
    }
}

/// The entries of an inline table of strings and numbers; nothing where the text is none.
fn inline_table(text: &str) -> Option<Vec<(String, String)>> {
    let document = format!("v = {}", text.trim().strip_prefix('{').map(|_| text)?);
    let table = DeTable::parse(&document).ok()?;
    let entries = table.get_ref().get("v")?.get_ref().as_table()?;
    entries
        .iter()
        .map(|(key, value)| {
            let value = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.as_str().to_owned(),
                DeValue::Boolean(flag) => flag.to_string(),
                _ => return None,
            };
            Some((key.get_ref().to_string(), value))
        })
        .collect()
}
