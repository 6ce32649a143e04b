//! Auth scheme configs: how a system or a connector wants to be authenticated with.

use super::schema::{Field, Kind};

/// What it is for; shown to whoever picks one.
pub const DESCRIPTION: Field = Field { name: "description", wire: "description", kind: Kind::Text, required: true };

/// Which scheme it is. On the wire it is called `type` or `schemeType`, by the API's dialect.
pub const TYPE: Field = Field { name: "type", wire: "type", kind: Kind::Choice(&TYPES), required: true };

/// The types that can be declared.
pub const TYPES: [&str; 4] = ["none", "api-key", "basic-auth", "certificate"];

/// The types that the platform knows, but whose shape it does not publish: tolerated when read.
pub const UNPUBLISHED_TYPES: [&str; 4] = ["jwt-bearer", "secret", "google-service-account", "custom-function"];

/// One auth scheme.
#[derive(Debug)]
pub struct Scheme {
    /// Its name in `type` and `schemeType`.
    pub name: &'static str,
    /// The member of the platform dialect's object that holds its fields.
    pub member: &'static str,
    /// Its fields beside `type` and `description`.
    pub fields: &'static [Field],
}

/// Every scheme that can be declared.
pub const SCHEMES: [Scheme; 4] = [
    Scheme { name: "none", member: "none", fields: &[] },
    Scheme {
        name: "api-key",
        member: "apiKey",
        fields: &[
            Field { name: "in", wire: "in", kind: Kind::Choice(&["query", "header", "cookie"]), required: true },
            Field { name: "name", wire: "name", kind: Kind::Text, required: true },
        ],
    },
    Scheme { name: "basic-auth", member: "basicAuth", fields: &[] },
    Scheme { name: "certificate", member: "certificate", fields: &[] },
];

/// The scheme of a type, if it can be declared.
pub fn scheme(name: &str) -> Option<&'static Scheme> {
    SCHEMES.iter().find(|scheme| scheme.name == name)
}

/// Every field that a config of this type has; of an unknown type, the common ones.
pub fn fields_of(type_name: &str) -> impl Iterator<Item = &'static Field> {
    let own: &'static [Field] = scheme(type_name).map_or(&[], |scheme| scheme.fields);
    [&DESCRIPTION, &TYPE].into_iter().chain(own)
}

/// The field of this name, whatever the type: names mean the same in every scheme.
pub fn field_named(name: &str) -> Option<&'static Field> {
    let own = SCHEMES.iter().flat_map(|scheme| scheme.fields);
    [&DESCRIPTION, &TYPE].into_iter().chain(own).find(|field| field.name == name)
}
