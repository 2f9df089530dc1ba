//! All routes, in groups by who may use them.

use axum::{
    Router,
    middleware::{from_fn, from_fn_with_state},
    routing::{any, get},
};
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::{router::OpenApiRouter, routes};
use workshop_edge::{Problem, known_host, own_site, protected, with_problems};
use workshop_wire::{ProblemBody, backend, terminal};

use super::{
    access::{Group, require},
    commands, events, help, instructor, metrics, recordings,
    service::Service,
    state, steps, supervisor, switch, terminals, validate,
};
use crate::pages;

type Routes = OpenApiRouter<Service>;

/// The routes that need a role, with their description; `layered` adds to each group what it needs.
fn api(layered: impl Fn(Group, Routes) -> Routes) -> Routes {
    let groups = [
        (Group::Read, reads()),
        (Group::Change, changes()),
        (Group::Switch, OpenApiRouter::new().routes(routes!(switch::switch))),
        (Group::Instructor, instructors()),
        (Group::Supervisor, OpenApiRouter::new().routes(routes!(supervisor::switch_failed))),
    ];
    let all = OpenApiRouter::with_openapi(document_head());
    groups.into_iter().fold(all, |all, (group, routes)| all.merge(layered(group, routes)))
}

fn reads() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(state::get_state))
        .routes(routes!(steps::list_steps))
        .routes(routes!(steps::get_content))
        .routes(routes!(steps::get_asset))
        .routes(routes!(events::events))
        .routes(routes!(commands::list_commands))
        .routes(routes!(terminals::list_terminals))
        .routes(routes!(recordings::list_recordings))
        .routes(routes!(recordings::get_recording))
        .routes(routes!(help::get_help))
        .routes(routes!(help::history))
}

fn changes() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(steps::viewed))
        .routes(routes!(steps::start))
        .routes(routes!(validate::validate))
        .routes(routes!(steps::done))
        .routes(routes!(help::open_help))
}

fn instructors() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(instructor::status))
        .routes(routes!(instructor::commands))
        .routes(routes!(instructor::timeline))
        .routes(routes!(instructor::goss))
        .routes(routes!(instructor::llm))
        .routes(routes!(instructor::recordings))
        .routes(routes!(instructor::at))
        .routes(routes!(instructor::events))
}

/// The terminals' sockets: their token comes with the first frame.
fn sockets() -> Router<Service> {
    Router::new()
        .route("/ws/terminal", get(terminals::student_socket))
        .route("/ws/instructor/terminal", get(terminals::instructor_socket))
}

fn document_head() -> OpenApi {
    let license =
        LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Workshop backend")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "The API of a workspace. Tokens go in `Authorization: Bearer`; errors are RFC 9457 problems.",
        ))
        .license(Some(license))
        .build();
    // What events and terminals carry has no place of its own in OpenAPI.
    let messages = ComponentsBuilder::new()
        .schema_from::<ProblemBody>()
        .schema_from::<backend::StorageChanged>()
        .schema_from::<backend::RecordingChanged>()
        .schema_from::<backend::Reset>()
        .schema_from::<terminal::ClientMessage>()
        .schema_from::<terminal::ServerMessage>();
    OpenApiBuilder::new().info(info).components(Some(messages.build())).build()
}

/// The OpenAPI document.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn openapi() -> Result<String, serde_json::Error> {
    with_problems(api(|_, routes| routes).split_for_parts().1).to_pretty_json()
}

/// Everything that is served: the API, the sockets, the pages.
pub fn router(service: Service) -> Router {
    let role = |group| from_fn_with_state((service.access.clone(), group), require);
    let (api, _) = api(|group, routes| routes.layer(role(group))).split_for_parts();
    let unknown = async || Problem::not_found("The API has no such path; see the OpenAPI document.");
    let api = api
        .route("/api/{*path}", any(unknown).layer(role(Group::Read)))
        .merge(sockets())
        .route("/ws/{*path}", any(unknown))
        .layer(from_fn(own_site));
    Router::new()
        .merge(api)
        .route("/metrics", get(metrics::metrics))
        .fallback(pages::page)
        .layer(from_fn_with_state(service.access.hosts().clone(), known_host))
        // Whoever asks for health reaches the workspace by its address.
        .route("/healthz", get(metrics::healthz))
        .route("/readyz", get(metrics::readyz))
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(from_fn(protected))
        .with_state(service)
}
