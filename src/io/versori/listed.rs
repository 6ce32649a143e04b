//! The configs that a template lists. The platform repeats each of them whole; only their ids matter, so nothing
//! else of them is kept.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::auth_scheme_config;

/// A listed config, as far as it takes to find its id: in the member that its type names, or beside it.
#[derive(Debug)]
pub(super) struct Listed {
    type_name: String,
    id: Option<String>,
    members: Vec<(String, Option<String>)>,
}

impl Listed {
    /// The id; nothing where there is none to be found.
    pub(super) fn into_id(self) -> Option<String> {
        let named = auth_scheme_config::scheme(&self.type_name).map(|scheme| scheme.member);
        let mut members = self.members.into_iter();
        let member = members.find(|(name, _)| named.is_none_or(|named| name == named));
        member.and_then(|(_, id)| id).or(self.id)
    }
}

impl<'de> Deserialize<'de> for Listed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ListedVisitor)
    }
}

struct ListedVisitor;

impl<'de> Visitor<'de> for ListedVisitor {
    type Value = Listed;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an auth scheme config")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Listed, A::Error> {
        let mut listed = Listed { type_name: String::new(), id: None, members: Vec::new() };
        while let Some(key) = map.next_key::<String>()? {
            match (key.as_str(), map.next_value()?) {
                ("type", Part::Text(text)) => listed.type_name = text,
                ("id", Part::Text(text)) => listed.id = Some(text),
                (_, Part::Object(id)) => listed.members.push((key, id)),
                _ => {}
            }
        }
        Ok(listed)
    }
}

/// A value of which a text is kept, and of an object its id.
enum Part {
    Text(String),
    Object(Option<String>),
    Other,
}

impl<'de> Deserialize<'de> for Part {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Part, E> {
        Ok(Part::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part, A::Error> {
        let mut id = None;
        while let Some(key) = map.next_key::<String>()? {
            if key == "id" {
                if let Part::Text(text) = map.next_value()? {
                    id = Some(text);
                }
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Part::Object(id))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Part, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part, E> {
        Ok(Part::Other)
    }

    fn visit_unit<E>(self) -> Result<Part, E> {
        Ok(Part::Other)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn id(value: Value) -> Option<String> {
        serde_json::from_value::<Listed>(value).ok()?.into_id()
    }

    #[test]
    fn the_id_is_the_one_of_the_member_that_the_type_names() {
        let config = json!({"id": "beside", "type": "api-key", "other": {"id": "x"}, "apiKey": {"novel": [1, {"id": "y"}], "id": "key"}});
        assert_eq!(id(config).as_deref(), Some("key"));
        assert_eq!(id(json!({"type": "api-key", "id": "beside", "apiKey": {"id": null}})).as_deref(), Some("beside"));
        assert_eq!(id(json!({"jwtBearer": {"id": "j"}, "n": 1, "type": "jwt-bearer"})).as_deref(), Some("j"));
        assert_eq!(id(json!({"type": "none", "none": {"description": "d"}})), None);
    }
}
