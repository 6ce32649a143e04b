//! The fields of one resource as a value of few bytes: there are three of them for every resource.

use std::ops::Index;
use std::sync::Arc;

use serde::{Serialize, Serializer};
use serde_json::Value;

/// A resource's fields by their names in manifests, in the order of those; a nested field has a dotted name. Values
/// are in the form in which they are compared; that of a secret is its keyed hash.
///
/// A copy shares what it was made from until one of the two changes, and then still the values. Many resources have
/// the same ones, so that they may share them too.
#[derive(Debug, Clone, Default, Eq)]
pub struct Fields(Arc<Vec<Field>>);

type Field = (&'static str, Arc<Value>);

impl Fields {
    /// None.
    pub fn new() -> Self {
        Self::default()
    }

    /// The value of a field, if it is here.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.get_shared(name).map(|value| &**value)
    }

    /// Whether a field is here.
    pub fn contains_key(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Every field with its value.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&&'static str, &Value)> {
        self.0.iter().map(|(name, value)| (name, &**value))
    }

    /// The name of every field.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &&'static str> {
        self.0.iter().map(|(name, _)| name)
    }

    /// Gives a field a value.
    pub fn insert(&mut self, name: &'static str, value: Value) {
        let place = self.place_of(name);
        let (fields, value) = (Arc::make_mut(&mut self.0), Arc::new(value));
        match place {
            Ok(at) => fields[at].1 = value,
            Err(at) => fields.insert(at, (name, value)),
        }
    }

    /// Takes a field out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.place_of(name).ok()?;
        Some(Arc::unwrap_or_clone(Arc::make_mut(&mut self.0).remove(at).1))
    }

    /// Keeps no second copy of what is equal, and no room for more of what is not.
    pub fn share_with(&mut self, other: &Fields) {
        if self == other {
            *self = other.clone();
        } else if let Some(fields) = Arc::get_mut(&mut self.0) {
            for (name, value) in fields.iter_mut() {
                if let Some(known) = other.get_shared(name).filter(|known| *known == value) {
                    *value = Arc::clone(known);
                }
            }
            fields.shrink_to_fit();
        }
    }

    /// The same without room for more, to be kept.
    #[must_use]
    pub fn compact(mut self) -> Self {
        if let Some(fields) = Arc::get_mut(&mut self.0) {
            fields.shrink_to_fit();
        }
        self
    }

    /// A copy without the fields of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        if names.is_empty() {
            return self.clone();
        }
        self.0.iter().filter(|(name, _)| !names.contains(name)).cloned().collect()
    }

    /// Whether these and the others are one copy.
    pub fn is_shared_with(&self, other: &Fields) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn get_shared(&self, name: &str) -> Option<&Arc<Value>> {
        // They are few: going through them is quicker than halving them.
        self.0.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    fn place_of(&self, name: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (*known).cmp(name))
    }
}

impl PartialEq for Fields {
    fn eq(&self, other: &Self) -> bool {
        self.is_shared_with(other) || self.0 == other.0
    }
}

impl Index<&str> for Fields {
    type Output = Value;

    /// `null` where the field is not here.
    fn index(&self, name: &str) -> &Value {
        self.get(name).unwrap_or(&Value::Null)
    }
}

impl Extend<(&'static str, Value)> for Fields {
    fn extend<I: IntoIterator<Item = (&'static str, Value)>>(&mut self, fields: I) {
        fields.into_iter().for_each(|(name, value)| self.insert(name, value));
    }
}

impl FromIterator<(&'static str, Value)> for Fields {
    fn from_iter<I: IntoIterator<Item = (&'static str, Value)>>(fields: I) -> Self {
        fields.into_iter().map(|(name, value)| (name, Arc::new(value))).collect()
    }
}

impl FromIterator<Field> for Fields {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        let mut fields: Vec<_> = fields.into_iter().collect();
        fields.sort_by_key(|(name, _)| *name);
        fields.dedup_by(|next, kept| {
            let is_same = next.0 == kept.0;
            if is_same {
                std::mem::swap(next, kept);
            }
            is_same
        });
        // They are mostly kept.
        fields.shrink_to_fit();
        Self(Arc::new(fields))
    }
}

impl<const N: usize> From<[(&'static str, Value); N]> for Fields {
    fn from(fields: [(&'static str, Value); N]) -> Self {
        fields.into_iter().collect()
    }
}

impl IntoIterator for Fields {
    type Item = (&'static str, Value);
    type IntoIter = std::iter::Map<std::vec::IntoIter<Field>, fn(Field) -> Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        Arc::unwrap_or_clone(self.0).into_iter().map(|(name, value)| (name, Arc::unwrap_or_clone(value)))
    }
}

impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_order_in_which_fields_come_does_not_count_and_the_last_value_does() {
        let one = Fields::from([("b", json!(1)), ("a", json!(2)), ("b", json!(3))]);
        let mut other = Fields::from([("a", json!(2))]);
        assert_ne!(one, other);
        other.insert("b", json!(3));
        assert_eq!(one, other);
        assert_eq!(serde_json::to_string(&one).unwrap(), r#"{"a":2,"b":3}"#);
        assert_eq!((one.get("a"), one.get("c"), one.contains_key("b")), (Some(&json!(2)), None, true));
    }

    #[test]
    fn a_copy_changes_alone() {
        let one = Fields::from([("a", json!(1))]);
        let mut other = one.clone();
        other.insert("a", json!(2));
        assert_eq!((&one["a"], &other["a"]), (&json!(1), &json!(2)));
        assert_eq!((other.remove("a"), other.remove("a")), (Some(json!(2)), None));
        assert_eq!(one.keys().copied().collect::<Vec<_>>(), ["a"]);
    }

    #[test]
    fn what_is_equal_is_kept_once_also_where_not_all_of_it_is() {
        let known = Fields::from([("a", json!(1)), ("b", json!(2)), ("c", json!(3))]);
        let is_one = |other: &Fields, name: &str| {
            Arc::ptr_eq(&known.0[known.place_of(name).unwrap()].1, &other.0[other.place_of(name).unwrap()].1)
        };
        let mut same = Fields::from([("a", json!(1)), ("b", json!(2)), ("c", json!(3))]);
        same.share_with(&known);
        assert!(Arc::ptr_eq(&same.0, &known.0));
        let mut part = Fields::from([("a", json!(1)), ("b", json!(4))]);
        part.share_with(&known);
        assert_eq!((is_one(&part, "a"), is_one(&part, "b")), (true, false));
        assert_eq!(part, Fields::from([("a", json!(1)), ("b", json!(4))]));
    }
}
