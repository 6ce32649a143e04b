//! JSON whose members stay in the order in which they are best read.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value;

/// A JSON value, for what people read as well as programs.
#[derive(Debug, Clone, PartialEq)]
pub enum Json {
    /// A value in which no order counts.
    Value(Value),
    /// A list.
    List(Vec<Json>),
    /// Members in their order, each of another name.
    Object(Vec<(Cow<'static, str>, Json)>),
}

/// What has a form in JSON.
pub trait ToJson {
    /// This form.
    fn to_json(&self) -> Json;
}

/// An object, written as `object! { "name": value, … }` with anything that is [`ToJson`].
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::model::json::Json::Object(vec![
            $((std::borrow::Cow::Borrowed($name), $crate::model::json::ToJson::to_json(&$value))),*
        ])
    };
}
pub(crate) use object;

impl Json {
    /// Nothing.
    pub const NULL: Json = Json::Value(Value::Null);

    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Json> {
        self.members().iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The text that it is, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Json::Value(value) => value.as_str(),
            Json::List(_) | Json::Object(_) => None,
        }
    }

    /// The names of an object's members.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.members().iter().map(|(name, _)| name.as_ref())
    }

    /// The same object with a member more, or with another value for one that it has.
    #[must_use]
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl ToJson) -> Self {
        if let Json::Object(members) = &mut self {
            let (name, value) = (name.into(), value.to_json());
            match members.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = value,
                None => members.push((name, value)),
            }
        }
        self
    }

    /// The same object with the members of another one, as by [`Self::with`].
    #[must_use]
    pub fn extended(self, other: Json) -> Self {
        match other {
            Json::Object(members) => members.into_iter().fold(self, |whole, (name, value)| whole.with(name, value)),
            Json::Value(_) | Json::List(_) => self,
        }
    }

    /// The same object without a member.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        if let Json::Object(members) = &mut self {
            members.retain(|(known, _)| known != name);
        }
        self
    }

    fn members(&self) -> &[(Cow<'static, str>, Json)] {
        match self {
            Json::Object(members) => members,
            Json::Value(_) | Json::List(_) => &[],
        }
    }
}

/// In one line.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Value(value) => value.serialize(serializer),
            Json::List(items) => items.serialize(serializer),
            Json::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                members.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))?;
                map.end()
            }
        }
    }
}

impl<T: ToJson> FromIterator<T> for Json {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Json::List(items.into_iter().map(|item| item.to_json()).collect())
    }
}

impl ToJson for Json {
    fn to_json(&self) -> Json {
        self.clone()
    }
}

macro_rules! to_json {
    ($($type:ty),*) => {
        $(impl ToJson for $type {
            fn to_json(&self) -> Json {
                Json::Value(Value::from(self.clone()))
            }
        })*
    };
}
to_json!(Value, bool, i32, i64, u32, u64, usize, String);

impl ToJson for str {
    fn to_json(&self) -> Json {
        Json::Value(Value::from(self))
    }
}

impl ToJson for Cow<'_, str> {
    fn to_json(&self) -> Json {
        (**self).to_json()
    }
}

impl<T: ToJson + ?Sized> ToJson for &T {
    fn to_json(&self) -> Json {
        (**self).to_json()
    }
}

impl<T: ToJson> ToJson for Option<T> {
    fn to_json(&self) -> Json {
        self.as_ref().map_or(Json::NULL, ToJson::to_json)
    }
}

impl<T: ToJson> ToJson for [T] {
    fn to_json(&self) -> Json {
        Json::List(self.iter().map(ToJson::to_json).collect())
    }
}

impl<T: ToJson> ToJson for Vec<T> {
    fn to_json(&self) -> Json {
        self.as_slice().to_json()
    }
}

impl<T: ToJson, const N: usize> ToJson for [T; N] {
    fn to_json(&self) -> Json {
        self.as_slice().to_json()
    }
}

impl<T: ToJson> ToJson for BTreeMap<&'static str, T> {
    fn to_json(&self) -> Json {
        Json::Object(self.iter().map(|(name, value)| (Cow::Borrowed(*name), value.to_json())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stay_where_they_were_put() {
        let object = object! {"b": 1, "a": Some("x"), "c": [object! {"z": true, "y": None::<bool>}]};
        let more = object.with("b", 2).extended(object! {"0": "new", "a": Vec::<bool>::new()}).without("c");
        assert_eq!(more.to_string(), r#"{"b":2,"a":[],"0":"new"}"#);
        assert_eq!(more.names().collect::<Vec<_>>(), ["b", "a", "0"]);
        assert_eq!((more.get("b"), more.get("c")), (Some(&2.to_json()), None));
    }
}
