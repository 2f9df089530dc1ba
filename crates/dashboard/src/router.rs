//! All routes, in groups by who may use them.

use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{any, get};
use utoipa::openapi::{self, ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workshop_edge::{Problem, known_host, own_site, protected, with_problems};
use workshop_wire::dashboard::{Changed, Removed};
use workshop_wire::terminal;

use crate::api::{
    class, export, funnel, health, lists, login, matrix, pages, past, recordings, search, stream,
    terminal as socket,
};
use crate::auth::layers::{note_login, require_instructor, require_own};
use crate::ingest::body::read_refused;
use crate::ingest::layers::{require_log, require_workspace};
use crate::ingest::{casts, diverged, position, records, vector};
use crate::service::Dashboard;

type Routes = OpenApiRouter<Arc<Dashboard>>;

/// Who may use a group of routes.
#[derive(Clone, Copy, Debug)]
enum Group {
    /// Whoever has the token of the workspace that posts.
    Workspace,
    /// Whoever has the token of the workspace whose log it is.
    Log,
    /// Anybody who reaches the pages.
    Anybody,
    /// Instructors.
    Instructor,
    /// The dashboard's own pages.
    Own,
}

/// The routes that the document describes; `layered` adds to each group what it needs.
fn described(layered: impl Fn(Group, Routes) -> Routes) -> Routes {
    let groups = [
        (Group::Workspace, OpenApiRouter::new().routes(routes!(vector::post_vector))),
        (Group::Log, logs()),
        (Group::Anybody, OpenApiRouter::new().routes(routes!(class::settings))),
        (Group::Instructor, instructors()),
        (Group::Own, OpenApiRouter::new().routes(routes!(login::logout))),
    ];
    let all = OpenApiRouter::with_openapi(document_head());
    groups.into_iter().fold(all, |all, (group, routes)| all.merge(layered(group, routes)))
}

/// What shippers ask for.
fn logs() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(position::position))
        .routes(routes!(diverged::diverged))
        .routes(routes!(records::post_lines))
        .routes(routes!(casts::post_recording))
}

fn instructors() -> Routes {
    OpenApiRouter::new()
        .routes(routes!(class::me))
        .routes(routes!(class::workspaces))
        .routes(routes!(class::workspace))
        .routes(routes!(lists::commands))
        .routes(routes!(lists::events))
        .routes(routes!(lists::llm))
        .routes(routes!(lists::recordings))
        .routes(routes!(lists::quarantine))
        .routes(routes!(past::state))
        .routes(routes!(past::timeline))
        .routes(routes!(recordings::recording))
        .routes(routes!(stream::stream))
        .routes(routes!(matrix::matrix))
        .routes(routes!(funnel::funnel))
        .routes(routes!(search::search))
        .routes(routes!(export::export))
}

/// The pages, and their parts under `/assets/`. Which view an address means is decided in the browser: each is the same page.
fn views() -> Router<Arc<Dashboard>> {
    let views = ["/", "/matrix", "/steps", "/commands", "/trouble", "/students/{workspace}"];
    let parts = Router::new().route("/assets/{*name}", get(pages::part));
    views.into_iter().fold(parts, |router, view| router.route(view, get(pages::page)))
}

fn document_head() -> openapi::OpenApi {
    let license =
        LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Workshop dashboard")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What instructors see of all workspaces, and what shippers post. Instructors send a token in \
             `Authorization: Bearer`, or the cookie of a login; a shipper sends its workspace's token. Errors are RFC 9457 \
             problems.",
        ))
        .license(Some(license))
        .build();
    // What events and terminals carry has no place of its own in OpenAPI.
    let messages = ComponentsBuilder::new()
        .schema_from::<Changed>()
        .schema_from::<Removed>()
        .schema_from::<terminal::ClientMessage>()
        .schema_from::<terminal::ServerMessage>();
    OpenApiBuilder::new().info(info).components(Some(messages.build())).build()
}

/// The OpenAPI document.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn openapi() -> Result<String, serde_json::Error> {
    with_problems(described(|_, routes| routes).split_for_parts().1).to_pretty_json()
}

/// Everything that is served.
pub fn router(dashboard: &Arc<Dashboard>) -> Router {
    let (auth, pool) = (dashboard.auth.clone(), dashboard.store.ingest().clone());
    let known_host = from_fn_with_state(auth.hosts().clone(), known_host);
    let instructor = from_fn_with_state(auth.clone(), require_instructor);
    let layered = |group, routes: Routes| match group {
        // No Host check: shippers may use any name, and their token identifies them.
        Group::Workspace => {
            routes.layer(from_fn_with_state(pool.clone(), require_workspace)).layer(from_fn(read_refused))
        }
        Group::Log => {
            routes.layer(from_fn_with_state(pool.clone(), require_log)).layer(from_fn(read_refused))
        }
        Group::Anybody => routes.layer(from_fn(own_site)).layer(known_host.clone()),
        Group::Instructor => {
            routes.layer(instructor.clone()).layer(from_fn(own_site)).layer(known_host.clone())
        }
        Group::Own => routes.layer(from_fn(require_own)).layer(from_fn(own_site)).layer(known_host.clone()),
    };
    let (described, _) = described(layered).split_for_parts();
    let unknown = async || Problem::not_found("The API has no such path; see the OpenAPI document.");
    let unknown =
        Router::new().route("/api/{*path}", any(unknown)).layer(instructor).layer(from_fn(own_site));
    let sockets = Router::new()
        .route("/ws/workspaces/{id}/terminal", get(socket::socket))
        .layer(from_fn_with_state(auth, note_login))
        .layer(from_fn(own_site));
    // A provider sends the browser back from another site, and any site may link to a page.
    let browsers = views()
        .route("/auth/login", get(login::login))
        .route("/auth/callback", get(login::callback))
        .merge(unknown)
        .merge(sockets)
        .layer(known_host);
    // No Host check: probes, Prometheus and shippers use any name.
    Router::new()
        .fallback(async || Problem::not_found("There is nothing at this path."))
        .layer(from_fn(read_refused))
        .route("/healthz", get(async || "ok"))
        .route("/readyz", get(health::readyz))
        .route("/metrics", get(health::metrics))
        .merge(described)
        .merge(browsers)
        .layer(from_fn(protected))
        .with_state(dashboard.clone())
}
