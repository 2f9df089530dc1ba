//! The terminals: the list, and the sockets on which they are worked at and watched.

use axum::{
    Json,
    extract::{State, WebSocketUpgrade},
    response::Response,
};
use workshop_wire::backend::TerminalView;

use super::{Service, access::Role};
use crate::terminal::{self, socket};
use workshop_edge::Problem;

/// The terminals, by name.
#[utoipa::path(get, path = "/api/terminals", tag = "student", responses((status = 200, body = Vec<TerminalView>)))]
pub(super) async fn list_terminals(State(service): State<Service>) -> Json<Vec<TerminalView>> {
    Json(service.terminals.list())
}

/// A student's terminal. The token comes with the first frame: a browser cannot set a header here.
pub(super) async fn student_socket(State(service): State<Service>, upgrade: WebSocketUpgrade) -> Response {
    socket::sized(upgrade).on_upgrade(async move |socket| {
        let access = service.access.clone();
        let allows = move |token: Option<&str>| access.role(token) == Some(Role::Student);
        socket::serve(socket, service.terminals.clone(), terminal::Role::Student, allows).await;
    })
}

/// A terminal as the instructor sees it: nothing typed there reaches the shell.
pub(super) async fn instructor_socket(
    State(service): State<Service>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    if !service.access.has_instructor() {
        return Err(Problem::not_found("The instructor API is off: WORKSHOP_INSTRUCTOR_TOKEN is not set."));
    }
    Ok(socket::sized(upgrade).on_upgrade(async move |socket| {
        let access = service.access.clone();
        let allows =
            move |token: Option<&str>| token.is_some() && access.role(token) == Some(Role::Instructor);
        socket::serve(socket, service.terminals.clone(), terminal::Role::Instructor, allows).await;
    }))
}
