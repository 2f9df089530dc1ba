//! The terminals: the list, and the sockets on which they are worked at and watched.

use axum::{
    Json,
    extract::{State, WebSocketUpgrade},
    response::Response,
};
use workshop_edge::Problem;
use workshop_wire::backend::TerminalView;

use super::{
    access::{Group, Role},
    service::Service,
};
use crate::terminal::{self, socket};

/// The terminals, by name.
#[utoipa::path(get, path = "/api/terminals", tag = "student", responses((status = 200, body = Vec<TerminalView>)))]
pub(super) async fn list_terminals(State(service): State<Service>) -> Json<Vec<TerminalView>> {
    Json(service.terminals.list())
}

/// A student's terminal.
pub(super) async fn student_socket(State(service): State<Service>, upgrade: WebSocketUpgrade) -> Response {
    open(service, terminal::Role::Student, upgrade)
}

/// A terminal as the instructor sees it: nothing typed there reaches the shell.
pub(super) async fn instructor_socket(
    State(service): State<Service>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, Problem> {
    service.access.check_on(Group::Instructor)?;
    Ok(open(service, terminal::Role::Instructor, upgrade))
}

/// Opens a socket to those whose hello has a token of the viewer's role: a browser cannot set a header here.
fn open(service: Service, viewer: terminal::Role, upgrade: WebSocketUpgrade) -> Response {
    let needed = match viewer {
        terminal::Role::Student => Role::Student,
        terminal::Role::Instructor => Role::Instructor,
    };
    socket::sized(upgrade).on_upgrade(async move |socket| {
        let access = service.access.clone();
        let allows = move |token: Option<&str>| access.role(token) == Some(needed);
        socket::serve(socket, service.terminals.clone(), viewer, allows).await;
    })
}
