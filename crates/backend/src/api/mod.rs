//! The HTTP API: who may ask, what is asked, what is answered.

pub mod access;
mod commands;
mod events;
mod help;
mod instructor;
mod metrics;
mod problem;
mod recordings;
mod state;
mod steps;
mod supervisor;
mod switch;
mod terminals;
mod views;

use std::sync::Arc;

use axum::{Router, middleware, routing::get};
use tokio::sync::Mutex;
use utoipa::openapi::{ComponentsBuilder, InfoBuilder, LicenseBuilder, OpenApi, OpenApiBuilder};
use utoipa_axum::{router::OpenApiRouter, routes};

use workshop_edge::{Problem, with_problems};
use workshop_wire::{ProblemBody, backend, terminal};

use crate::{check::Checks, terminal::Terminals, workspace::Workspace};
use access::Access;
pub(crate) use steps::check as check_step;

/// What the handlers work with. A handle; clones are the same service.
#[derive(Clone)]
pub struct Service(Arc<Parts>);

/// The parts of a service.
pub struct Parts {
    /// The workspace.
    pub workspace: Workspace,
    /// Who may ask for what.
    pub access: Access,
    /// Runs goss.
    pub checks: Checks,
    /// The terminals.
    pub terminals: Terminals,
    /// Whether shell and log are kept apart.
    pub isolated: bool,
}

impl std::ops::Deref for Service {
    type Target = Parts;
    fn deref(&self) -> &Parts {
        &self.0
    }
}

impl Service {
    /// A service of these parts.
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }
}

/// State of the API itself, beside the service: what makes requests one after the other.
#[derive(Default)]
struct Turns {
    /// One switch is asked for at a time.
    switching: Mutex<()>,
    /// The step whose text was opened last.
    viewed: Mutex<Option<String>>,
}

/// All routes of the API, with their description.
fn api(turns: Arc<Turns>) -> OpenApiRouter<Service> {
    let documented = OpenApiRouter::with_openapi(document_head())
        .routes(routes!(state::get_state))
        .routes(routes!(steps::list_steps))
        .routes(routes!(steps::get_content))
        .routes(routes!(steps::get_asset))
        .routes(routes!(steps::viewed))
        .routes(routes!(steps::start))
        .routes(routes!(steps::validate))
        .routes(routes!(steps::done))
        .routes(routes!(switch::switch))
        .routes(routes!(events::events))
        .routes(routes!(commands::list_commands))
        .routes(routes!(terminals::list_terminals))
        .routes(routes!(recordings::list_recordings))
        .routes(routes!(recordings::get_recording))
        .routes(routes!(help::get_help, help::open_help))
        .routes(routes!(help::history))
        .routes(routes!(supervisor::switch_failed))
        .routes(routes!(instructor::status))
        .routes(routes!(instructor::commands))
        .routes(routes!(instructor::timeline))
        .routes(routes!(instructor::goss))
        .routes(routes!(instructor::llm))
        .routes(routes!(instructor::recordings))
        .routes(routes!(instructor::at))
        .routes(routes!(instructor::events))
        .layer(axum::Extension(turns));
    documented
        .route("/ws/terminal", get(terminals::student_socket))
        .route("/ws/instructor/terminal", get(terminals::instructor_socket))
        .route("/metrics", get(metrics::metrics))
        .route("/healthz", get(metrics::healthz))
        .route("/readyz", get(metrics::readyz))
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
    with_problems(api(Arc::default()).split_for_parts().1).to_pretty_json()
}

/// Everything that is served: the API, the sockets, the pages.
pub fn router(service: Service) -> Router {
    let access = service.access.clone();
    let (router, _) = api(Arc::default()).split_for_parts();
    router
        .fallback(crate::pages::page)
        .method_not_allowed_fallback(async || Problem::method_not_allowed())
        .layer(middleware::from_fn_with_state(access, access::guard))
        .with_state(service)
}
