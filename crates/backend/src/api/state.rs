//! The workspace's state.

use axum::{Json, extract::State};
use workshop_wire::backend::StateView;

use super::{access::Role, service::Service, views};

/// The state as it is now, with the cursor from which `/api/events` goes on.
#[utoipa::path(get, path = "/api/state", tag = "student", responses((status = 200, body = StateView)))]
pub(super) async fn get_state(State(service): State<Service>, role: Role) -> Json<StateView> {
    Json(views::state(&service, role))
}
