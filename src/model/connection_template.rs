//! Connection templates: which system a project's environment connects to, and how.

use super::schema::{Field, Kind};

/// The system that it connects to, by id. It cannot change in place.
pub const SYSTEM: Field = Field { name: "system", wire: "systemId", kind: Kind::Text, required: true };

/// Its name; part of its identity, and changed in place by `renamed_from`.
pub const NAME: Field = Field { name: "name", wire: "name", kind: Kind::Text, required: true };

/// Whether every end user makes a connection of their own.
pub const DYNAMIC: Field = Field { name: "dynamic", wire: "dynamic", kind: Kind::Flag, required: false };

/// The ids of the system's auth scheme configs that it offers, in order.
pub const AUTH_SCHEME_CONFIGS: Field =
    Field { name: "auth_scheme_configs", wire: "authSchemeConfigIds", kind: Kind::Sequence, required: false };

/// The fields that can change in place.
pub const FIELDS: [&Field; 2] = [&AUTH_SCHEME_CONFIGS, &DYNAMIC];
