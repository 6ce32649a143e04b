//! The fields that resources have: what they are called in files and on the wire, what values they
//! take, and what the platform assumes where they are absent. Parsing, comparing and sending all
//! read these tables, so a field is described once.

use std::collections::BTreeMap;

use serde_json::Value;

/// A resource's fields by their names in manifests; a nested field has a dotted name.
pub type Fields = BTreeMap<&'static str, Value>;

/// One field of a resource.
#[derive(Debug)]
pub struct Field {
    /// The name in manifests and plans.
    pub name: &'static str,
    /// The name in the API's JSON.
    pub wire: &'static str,
    /// Which values it takes.
    pub kind: Kind,
    /// Whether the platform refuses a resource without it.
    pub required: bool,
}

/// Which values a field takes.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Any text. Absent means empty.
    Text,
    /// True or false. Absent means false.
    Flag,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A list of texts in which the order counts. Absent means empty.
    Sequence,
}

impl Field {
    /// The value in the form in which it is compared: what the API leaves out becomes its default.
    pub fn normalise(&self, value: Option<&Value>) -> Value {
        match value {
            None | Some(Value::Null) => self.default_value(),
            Some(value) => value.clone(),
        }
    }

    /// What the platform takes an absent field for.
    pub fn default_value(&self) -> Value {
        match self.kind {
            Kind::Text | Kind::Choice(_) => Value::String(String::new()),
            Kind::Flag => Value::Bool(false),
            Kind::Sequence => Value::Array(Vec::new()),
        }
    }
}

/// A list of texts as a field's value.
pub fn sequence(items: impl IntoIterator<Item = impl Into<String>>) -> Value {
    Value::Array(items.into_iter().map(|item| Value::String(item.into())).collect())
}

/// The texts of a list; anything else in it is passed over.
pub fn texts(value: &Value) -> Vec<String> {
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect()
}
