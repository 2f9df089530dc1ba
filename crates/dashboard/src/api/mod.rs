//! The instructor API: what is asked, what is answered.

pub(crate) mod asked;
pub(crate) mod cards;
mod class;
mod download;
mod export;
mod funnel;
mod health;
mod lists;
mod matrix;
pub(crate) mod moments;
mod past;
mod rows;
mod search;

use std::sync::Arc;
use workshop_wire::ProblemBody;

use axum::Router;
use axum::routing::get;
use utoipa::OpenApi;
use utoipa::openapi::{self, ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use workshop_edge::with_problems;
use workshop_wire::dashboard::{Changed, Removed};
use workshop_wire::terminal;

use crate::{Dashboard, auth, live};

/// All routes of the API, with their description.
fn api() -> OpenApiRouter<Arc<Dashboard>> {
    OpenApiRouter::with_openapi(document_head())
        .routes(routes!(class::settings))
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
        .routes(routes!(live::stream))
        .routes(routes!(matrix::matrix))
        .routes(routes!(funnel::funnel))
        .routes(routes!(search::search))
        .routes(routes!(export::export))
        .routes(routes!(auth::logout))
}

fn document_head() -> openapi::OpenApi {
    let license =
        LicenseBuilder::new().name("MIT OR Apache-2.0").identifier(Some("MIT OR Apache-2.0")).build();
    let info = InfoBuilder::new()
        .title("Workshop dashboard")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "What instructors see of all workspaces. A token goes in `Authorization: Bearer`, a login is a cookie; errors \
             are RFC 9457 problems.",
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

/// A recording: asciicast v2, up to its last whole line; live ones too.
#[utoipa::path(get, path = "/api/recordings/{log}/{name}", tag = "instructor",
    params(("log" = String, Path, description = "Its log"), ("name" = String, Path, description = "As in the list"),
        ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The cast", body = String, content_type = "application/x-asciicast"),
        (status = 206, description = "A part of it", body = String, content_type = "application/x-asciicast"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 416, body = ProblemBody, content_type = "application/problem+json")))]
#[expect(dead_code, reason = "served with the casts; here it is told only")]
fn recording() {}

/// What other modules serve under `/api/`.
#[derive(OpenApi)]
#[openapi(paths(recording))]
struct ServedElsewhere;

/// The OpenAPI document.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn openapi() -> Result<String, serde_json::Error> {
    let mut document = api().split_for_parts().1;
    document.merge(ServedElsewhere::openapi());
    with_problems(document).to_pretty_json()
}

/// The API's routes.
pub fn routes() -> Router<Arc<Dashboard>> {
    let (router, _) = api().split_for_parts();
    router.route("/readyz", get(health::readyz)).route("/metrics", get(health::metrics))
}
