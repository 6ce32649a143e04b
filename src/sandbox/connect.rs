//! The connect API, `/connect/v1`: the auth scheme configs of connectors. Every change answers the
//! whole connector.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, put};

use super::configs::Owner;
use super::http::{Answer, At, Body, Shared, answer};

pub(super) fn routes() -> Router<Shared> {
    let connector = "/api/connect/v1/o/{organisation_id}/connectors/{connector_id}";
    Router::new()
        .route(connector, get(read))
        .route(&format!("{connector}/auth-scheme-configs/{{id}}"), put(put_config).delete(delete_config))
}

async fn read(State(shared): State<Shared>, At((org, connector)): At<(String, String)>) -> Answer {
    let world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.read_connector(&connector))
}

async fn put_config(
    State(shared): State<Shared>,
    At((org, connector, id)): At<(String, String, String)>,
    Body(body): Body,
) -> Answer {
    let mut world = shared.world();
    world.admit(&org)?;
    world.put_config(&Owner::Connector(connector.clone()), &id, &body)?;
    answer(StatusCode::OK, world.read_connector(&connector))
}

async fn delete_config(State(shared): State<Shared>, At((org, connector, id)): At<(String, String, String)>) -> Answer {
    let mut world = shared.world();
    world.admit(&org)?;
    world.delete_config(&Owner::Connector(connector.clone()), &id)?;
    answer(StatusCode::OK, world.read_connector(&connector))
}
