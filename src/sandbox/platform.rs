//! The platform API, `/v2`: connection templates, and the auth scheme configs of systems.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, put};

use super::configs::Owner;
use super::http::{Answer, Asked, At, Body, Shared, answer, no_content};

type InOrganisation = At<String>;
type InProject = At<(String, String)>;
type OfTemplate = At<(String, String, String)>;
type OfConfig = At<(String, String, String)>;

pub(super) fn routes() -> Router<Shared> {
    let organisation = "/api/v2/o/{organisation_id}";
    let project = format!("{organisation}/projects/{{project_id}}");
    let system = format!("{organisation}/systems/{{system_id}}");
    let templates = format!("{project}/connection-templates");
    Router::new()
        .route(&format!("{organisation}/projects"), get(list_projects))
        .route(&project, get(read_project))
        .route(&templates, get(list_templates).post(create_template))
        .route(&format!("{templates}/{{template_id}}"), put(update_template).delete(delete_template))
        .route(&format!("{organisation}/systems"), get(list_systems))
        .route(&system, get(read_system))
        .route(&format!("{system}/auth-scheme-configs/{{id}}"), put(put_config).delete(delete_config))
}

async fn list_projects(State(shared): State<Shared>, At(org): InOrganisation, Asked(query): Asked) -> Answer {
    let world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.list_projects(&query))
}

async fn read_project(State(shared): State<Shared>, At((org, project)): InProject) -> Answer {
    let world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.read_project(&project))
}

async fn list_templates(State(shared): State<Shared>, At((org, project)): InProject, Asked(query): Asked) -> Answer {
    let world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.list_templates(&project, &query))
}

async fn create_template(State(shared): State<Shared>, At((org, project)): InProject, Body(body): Body) -> Answer {
    let mut world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.create_template(&project, &body))
}

async fn update_template(
    State(shared): State<Shared>,
    At((org, project, template)): OfTemplate,
    Body(body): Body,
) -> Answer {
    let mut world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.update_template(&project, &template, &body))
}

async fn delete_template(State(shared): State<Shared>, At((org, project, template)): OfTemplate) -> Answer {
    let mut world = shared.world();
    world.admit(&org)?;
    no_content(world.delete_template(&project, &template))
}

async fn list_systems(State(shared): State<Shared>, At(org): InOrganisation, Asked(query): Asked) -> Answer {
    let world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.list_systems(&query))
}

async fn read_system(State(shared): State<Shared>, At((org, system)): At<(String, String)>) -> Answer {
    let world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::OK, world.read_system(&system))
}

/// 201 whether it was created or updated: the document lists no other success.
async fn put_config(State(shared): State<Shared>, At((org, system, id)): OfConfig, Body(body): Body) -> Answer {
    let mut world = shared.world();
    world.admit(&org)?;
    answer(StatusCode::CREATED, world.put_config(&Owner::System(system), &id, &body))
}

async fn delete_config(State(shared): State<Shared>, At((org, system, id)): OfConfig) -> Answer {
    let mut world = shared.world();
    world.admit(&org)?;
    no_content(world.delete_config(&Owner::System(system), &id))
}
