//! The instructor API: what is asked, what is answered.

mod stubs;
pub mod types;

use std::sync::Arc;

use axum::Router;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::Dashboard;

/// All routes of the API, with their description.
fn api() -> OpenApiRouter<Arc<Dashboard>> {
    OpenApiRouter::with_openapi(document_head())
        .routes(routes!(stubs::settings))
        .routes(routes!(stubs::me))
        .routes(routes!(stubs::workspaces))
        .routes(routes!(stubs::workspace))
        .routes(routes!(stubs::commands))
        .routes(routes!(stubs::events))
        .routes(routes!(stubs::llm))
        .routes(routes!(stubs::recordings))
        .routes(routes!(stubs::quarantine))
        .routes(routes!(stubs::state))
        .routes(routes!(stubs::timeline))
        .routes(routes!(stubs::recording))
        .routes(routes!(stubs::stream))
        .routes(routes!(stubs::matrix))
        .routes(routes!(stubs::funnel))
        .routes(routes!(stubs::search))
        .routes(routes!(stubs::export))
        .routes(routes!(stubs::logout))
}

fn document_head() -> OpenApi {
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
    // Server-sent events have no schema of their own in OpenAPI.
    let told =
        ComponentsBuilder::new().schema_from::<types::Changed>().schema_from::<types::Removed>().build();
    OpenApiBuilder::new().info(info).components(Some(told)).build()
}

/// The OpenAPI document.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn openapi() -> Result<String, serde_json::Error> {
    api().split_for_parts().1.to_pretty_json()
}

/// The API's routes.
pub fn routes() -> Router<Arc<Dashboard>> {
    api().split_for_parts().0
}
