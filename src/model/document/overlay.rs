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

/// What a variable holds: a text, or a table of such.
enum Given {
    Text(String),
    Table(Vec<(String, Given)>),
}

impl Overlay {
    /// Sets the value at a path of keys. `name` is what messages call its source. An inline table, such as
    /// `{ env = "NAME" }`, is taken apart.
    pub fn set(&mut self, path: &[String], name: &str, value: &str) {
        match path {
            [] => {}
            [key] => self.put(key, name, inline_table(value).unwrap_or_else(|| Given::Text(value.to_owned()))),
            [key, rest @ ..] => self.tables.entry(key.clone()).or_default().set(rest, name, value),
        }
    }

    fn put(&mut self, key: &str, name: &str, given: Given) {
        match given {
            Given::Text(text) => {
                self.values.insert(key.to_owned(), SourceFile::new(name, text));
            }
            Given::Table(entries) => {
                let table = self.tables.entry(key.to_owned()).or_default();
                entries.into_iter().for_each(|(inner, given)| table.put(&inner, name, given));
            }
        }
    }

    /// Where the first of the values comes from.
    pub(super) fn source(&self) -> Option<Arc<SourceFile>> {
        self.keys().into_iter().next().map(|(_, file)| file)
    }

    /// Where the first of the values at or below a key comes from.
    pub(super) fn source_of(&self, key: &str) -> Option<Arc<SourceFile>> {
        self.values.get(key).cloned().or_else(|| self.tables.get(key)?.source())
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

/// An inline table of strings, numbers, flags and further such tables; nothing where the text is none.
fn inline_table(text: &str) -> Option<Given> {
    let document = format!("v = {}", text.trim().strip_prefix('{').map(|_| text)?);
    let table = DeTable::parse(&document).ok()?;
    given(table.get_ref().get("v")?.get_ref())
}

fn given(value: &DeValue<'_>) -> Option<Given> {
    Some(match value {
        DeValue::String(text) => Given::Text(text.to_string()),
        DeValue::Integer(number) => Given::Text(number.as_str().to_owned()),
        DeValue::Boolean(flag) => Given::Text(flag.to_string()),
        DeValue::Table(table) => {
            let entries = table.iter().map(|(key, value)| Some((key.get_ref().to_string(), given(value.get_ref())?)));
            Given::Table(entries.collect::<Option<_>>()?)
        }
        _ => return None,
    })
}
