//! An auth scheme config as the platform shows it, in the form in which it is compared and in that in which it came.

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::Hash;
use crate::model::address::OwnerKind;
use crate::model::auth_scheme_config::{self, field_named};
use crate::model::schema::{Field, Fields};

/// An auth scheme config as the platform shows it.
#[derive(Debug, Clone)]
pub struct LiveConfig {
    /// Its id, unique among its owner's.
    pub id: String,
    /// Its fields in the form in which they are compared. One that is not here is at its default.
    pub fields: Fields,
    /// The members of the answer that hold its fields, also those that versync does not know:
    /// an update sends them back unchanged.
    pub raw: Raw,
}

impl LiveConfig {
    /// The same config as it came anew, if it did so in the same text.
    pub fn come_again(&self, raw: &mut Raw) -> Option<Self> {
        let known = self.raw.hash?;
        if raw.hash() != known {
            return None;
        }
        Some(Self { id: self.id.clone(), fields: self.fields.clone(), raw: std::mem::take(raw) })
    }

    /// Keeps no second copy of fields that are the same as these, secrets aside, which no answer shows. Then a field may
    /// not be here that is at its default.
    pub fn share_with(&mut self, fields: &Fields) {
        if self.fields.is_shared_with(fields) {
            return;
        }
        match secrets_beside(&self.fields, fields) {
            Some(secrets) => self.fields = fields.without(&secrets),
            None => self.fields.share_with(fields),
        }
    }
}

/// The secrets among recorded fields that are the same as live ones otherwise, but for those that are at their default.
fn secrets_beside(live: &Fields, recorded: &Fields) -> Option<Vec<&'static str>> {
    let is_at_default =
        |(name, value): (&&str, &Value)| field_named(name).is_some_and(|it| it.default_value() == *value);
    // Both are in the order of names.
    let (mut live, mut secrets) = (live.iter().peekable(), Vec::new());
    for (name, value) in recorded.iter() {
        while let Some(other) = live.next_if(|(other, _)| *other < name) {
            is_at_default(other).then_some(())?;
        }
        match live.next_if(|(other, _)| *other == name) {
            Some((_, shown)) if shown == value => {}
            None if field_named(name).is_some_and(Field::is_secret) => secrets.push(*name),
            _ => return None,
        }
    }
    live.all(is_at_default).then_some(secrets)
}

/// The members of an answer as they came. They are only taken apart again for what is sent back.
#[derive(Debug, Clone, Default)]
pub struct Raw {
    text: Box<str>,
    /// The text's SHA-256, once it was asked for.
    hash: Option<Hash>,
}

impl Raw {
    /// The text of a JSON object.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self { text: text.into(), hash: None }
    }

    /// The members; of what is no JSON object, or was let go, none.
    pub fn members(&self) -> Map<String, Value> {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// Keeps of the text only by what it is known again.
    pub fn let_go(&mut self) {
        self.hash();
        self.text = Box::default();
    }

    fn hash(&mut self) -> Hash {
        *self.hash.get_or_insert_with(|| Sha256::digest(self.text.as_bytes()).into())
    }
}

/// The fields of a config out of its members on the wire, with what the API leaves out filled in. A
/// grant's members have to stand flat in it, beside its type as files write it.
pub fn config_fields(type_name: &str, owner: OwnerKind, wire: &Map<String, Value>) -> Fields {
    let shown = auth_scheme_config::fields_of(type_name, owner).filter(|field| !field.is_secret());
    shown
        .map(|field| {
            let value = if field.name == auth_scheme_config::TYPE.name {
                Value::String(type_name.to_owned())
            } else {
                field.normalise(at_path(wire, field.wire))
            };
            (field.name, value)
        })
        .collect()
}

/// What stands at a dotted path.
fn at_path<'a>(object: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    match path.split_once('.') {
        Some((outer, inner)) => at_path(object.get(outer)?.as_object()?, inner),
        None => object.get(path),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn raw(description: &str) -> Raw {
        Raw::new(json!({"id": "key", "description": description}).to_string())
    }

    #[test]
    fn fields_that_are_recorded_just_so_are_kept_once() {
        let live = |type_name: &str, wire: &Value| {
            let fields = config_fields(type_name, OwnerKind::System, wire.as_object().unwrap());
            LiveConfig { id: "c".to_owned(), fields, raw: Raw::default() }
        };
        let copy = |fields: &Fields| fields.iter().map(|(name, value)| (*name, value.clone())).collect::<Fields>();
        let is_one =
            |one: &Fields, other: &Fields, name: &str| std::ptr::eq(one.get(name).unwrap(), other.get(name).unwrap());
        let key = |name: &str| live("api-key", &json!({"description": "d", "name": name, "in": "header"}));
        let recorded = copy(&key("k").fields);
        let (mut same, mut other) = (key("k"), key("other"));
        same.share_with(&recorded);
        other.share_with(&recorded);
        assert!(same.fields.is_shared_with(&recorded));
        assert!(is_one(&other.fields, &recorded, "description") && other.fields["name"] == "other");

        // What is recorded of a secret is no part of what is live.
        let grant = json!({"grantType": "password", "clientId": "c"});
        let mut oauth = live("oauth2", &json!({"description": "d", "tokenUrl": "https://t.example", "grant": grant}));
        let before = copy(&oauth.fields);
        let mut declared = copy(&before);
        // What no file says is at its default, or is not the same.
        assert_eq!(declared.remove("pkce"), Some(json!(false)));
        let mut recorded = copy(&declared);
        recorded.insert("grant.client_secret", json!("hash"));
        let mut with_pkce = LiveConfig { fields: copy(&before), ..oauth.clone() };
        with_pkce.fields.insert("pkce", json!(true));
        oauth.share_with(&recorded);
        assert_eq!(oauth.fields, declared);
        assert!(is_one(&oauth.fields, &recorded, "description"));
        with_pkce.share_with(&recorded);
        assert_eq!(with_pkce.fields["pkce"], true);
    }

    #[test]
    fn a_config_that_comes_in_the_same_text_is_known_again() {
        let fields = Fields::from([("description", json!("one"))]);
        let mut seen = LiveConfig { id: "key".to_owned(), fields, raw: raw("one") };
        assert!(seen.come_again(&mut raw("one")).is_none(), "by what it is known is found out when it is let go");
        seen.raw.let_go();
        assert!(seen.raw.members().is_empty());
        let again = seen.come_again(&mut raw("one")).unwrap();
        assert!(again.fields.is_shared_with(&seen.fields));
        assert_eq!(again.raw.members()["description"], "one", "an update sends back what came");
        let mut other = raw("another");
        assert!(seen.come_again(&mut other).is_none());
        assert_eq!(other.members()["description"], "another", "it can still be read");
    }
}
