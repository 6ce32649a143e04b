//! What the stand-in promises: its rules on the pure world, and the server over a real socket.

mod configs;
mod credentials;
mod server;
mod templates;
mod world_file;

use serde_json::{Value, json};

use super::{Owner, Refusal, World, ids};

fn world() -> World {
    World::seeded().predictable()
}

fn shopify() -> Owner {
    Owner::System(ids::SHOPIFY.into())
}

fn warehouse() -> Owner {
    Owner::Connector(ids::WAREHOUSE.into())
}

/// The fields at fault of a 400.
fn faults<T: std::fmt::Debug>(result: Result<T, Refusal>) -> Vec<String> {
    let refusal = result.unwrap_err();
    assert_eq!(refusal.status, 400, "{refusal}");
    refusal.fields.into_iter().map(|it| it.field).collect()
}

/// An OAuth 2 config in the platform dialect, with the grant given.
fn oauth2(grant: &Value) -> Value {
    json!({"type": "oauth2", "oauth2": {
        "id": "o", "description": "d", "tokenUrl": "https://a.example/t",
        "scopes": [{"name": "read"}], "defaultScopes": ["read"], "pkce": true, "grant": grant,
    }})
}

/// The same in the connect dialect.
fn flat_oauth2(grant: &Value) -> Value {
    json!({
        "id": "o", "description": "d", "schemeType": "oauth2", "tokenUrl": "https://a.example/t",
        "authorizeUrl": "https://a.example/a", "scopes": [], "defaultScopes": [], "grant": grant,
    })
}
