//! Connection templates: which system a project's environment connects to, and how.

use super::schema::{Field, Kind, Need};

/// The system that it connects to, by id. It cannot change in place.
pub const SYSTEM: Field = Field::new("system", "systemId", Kind::Text, Need::Always)
    .doc("The system that it connects to: its name or ULID.")
    .examples(&["shopify"]);

/// Its name; part of its identity, and changed in place by `renamed_from`.
pub const NAME: Field = Field::new("name", "name", Kind::Text, Need::Always)
    .doc("The template's name, where it is not the table's key.")
    .examples(&["shop"]);

/// Whether every end user makes a connection of their own.
pub const DYNAMIC: Field = Field::new("dynamic", "dynamic", Kind::Flag, Need::Never)
    .doc("Whether every end user makes a connection of their own.");

/// The ids of the system's auth scheme configs that it offers, in order.
pub const AUTH_SCHEME_CONFIGS: Field =
    Field::new("auth_scheme_configs", "authSchemeConfigIds", Kind::Sequence, Need::Never)
        .doc("The auth scheme configs that it offers, in order: ids on the same system.")
        .examples(&["shop-key"]);

/// The fields that can change in place.
pub const FIELDS: [&Field; 2] = [&AUTH_SCHEME_CONFIGS, &DYNAMIC];

/// The field of this name that is compared.
pub fn field_named(name: &str) -> Option<&'static Field> {
    FIELDS.into_iter().chain([&SYSTEM]).find(|field| field.name == name)
}
