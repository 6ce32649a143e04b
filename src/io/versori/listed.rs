//! The configs that a template lists. The platform repeats each of them whole; only their ids matter, so nothing
//! else of them is kept.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::model::auth_scheme_config;

/// A listed config, of which its id is kept: out of the member that its type names, or from beside it. Nothing where
/// there is none to be found.
#[derive(Debug)]
pub(super) struct Listed(Option<String>);

impl Listed {
    /// The id; nothing where there is none to be found.
    pub(super) fn into_id(self) -> Option<String> {
        self.0
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
        let mut type_name = Cow::Borrowed("");
        let mut beside = None;
        let mut members: Vec<(Cow<'de, str>, Option<Cow<'de, str>>)> = Vec::new();
        while let Some(Text(key)) = map.next_key()? {
            match (&*key, map.next_value()?) {
                ("type", Part::Text(text)) => type_name = text,
                ("id", Part::Text(text)) => beside = Some(text),
                (_, Part::Object(id)) => members.push((key, id)),
                _ => {}
            }
        }
        let named = auth_scheme_config::scheme(&type_name).map(|scheme| scheme.member);
        let mut members = members.into_iter();
        let member = members.find(|(name, _)| named.is_none_or(|named| name == named));
        Ok(Listed(member.and_then(|(_, id)| id).or(beside).map(Cow::into_owned)))
    }
}

/// A text, out of the answer itself where it stands there as it is.
struct Text<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Text<'de>, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// A value of which a text is kept, and of an object its id.
enum Part<'de> {
    Text(Cow<'de, str>),
    Object(Option<Cow<'de, str>>),
    Other,
}

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PartVisitor)
    }
}

struct PartVisitor;

impl<'de> Visitor<'de> for PartVisitor {
    type Value = Part<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Part<'de>, E> {
        Ok(Part::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Part<'de>, E> {
        Ok(Part::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Part<'de>, A::Error> {
        let mut id = None;
        while let Some(Text(key)) = map.next_key()? {
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

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Part<'de>, A::Error> {
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Part::Other)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Part<'de>, E> {
        Ok(Part::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Part<'de>, E> {
        Ok(Part::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Part<'de>, E> {
        Ok(Part::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Part<'de>, E> {
        Ok(Part::Other)
    }

    fn visit_unit<E>(self) -> Result<Part<'de>, E> {
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
