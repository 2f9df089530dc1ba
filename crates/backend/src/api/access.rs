//! Who may ask for what: Host, Origin, and the token that decides a request's role.

use axum::{
    extract::{Request, State},
    http::Method,
    middleware::Next,
    response::{IntoResponse, Response},
};
use workshop_edge::{Hosts, Problem, Token, bearer, check_origin, protect};

use crate::settings::Settings;

/// What a token, or its absence, makes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The student: with the access token, or without one where none is set.
    Student,
    /// The instructor: reads everything, changes nothing.
    Instructor,
    /// The supervisor: reads everything, switches, reports.
    Supervisor,
}

/// The rules of one workspace.
#[derive(Clone, Debug)]
pub struct Access {
    hosts: Hosts,
    student: Option<Token>,
    instructor: Option<Token>,
    supervisor: Option<Token>,
}

impl Access {
    /// The rules that the settings make.
    pub fn new(settings: &Settings) -> Self {
        let token = |t: &Option<String>| t.as_deref().map(Token::from);
        Self {
            hosts: Hosts::new("workspace", settings.allowed_hosts.clone()),
            student: token(&settings.access_token),
            instructor: token(&settings.instructor_token),
            supervisor: token(&settings.supervisor_token),
        }
    }

    /// Whether the instructor API is on.
    pub fn has_instructor(&self) -> bool {
        self.instructor.is_some()
    }

    /// Whether a supervisor swaps images.
    pub fn has_supervisor(&self) -> bool {
        self.supervisor.is_some()
    }

    /// The role that a token gives; `None` for a wrong one, or for none where one is needed.
    pub fn role(&self, token: Option<&str>) -> Option<Role> {
        let Some(token) = token else { return self.student.is_none().then_some(Role::Student) };
        let is = |expected: &Option<Token>| expected.as_ref().is_some_and(|expected| expected.matches(token));
        // All three are compared, so that the time taken tells nothing.
        match (is(&self.student), is(&self.instructor), is(&self.supervisor)) {
            (true, ..) => Some(Role::Student),
            (_, true, _) => Some(Role::Instructor),
            (_, _, true) => Some(Role::Supervisor),
            _ => None,
        }
    }

    fn check_token(&self, request: &Request) -> Result<Role, Problem> {
        let token = bearer(request.headers())?;
        let path = request.uri().path();
        let (instructors, supervisors) =
            (path.starts_with("/api/instructor/"), path.starts_with("/api/supervisor/"));
        if instructors && !self.has_instructor() {
            return Err(Problem::not_found(
                "The instructor API is off: WORKSHOP_INSTRUCTOR_TOKEN is not set.",
            ));
        }
        if supervisors && !self.has_supervisor() {
            return Err(Problem::not_found("There is no supervisor: WORKSHOP_SUPERVISOR_TOKEN is not set."));
        }
        let Some(role) = self.role(token) else {
            return Err(Problem::unauthorized(match token {
                Some(_) => {
                    "The token is not one of this workspace. Use the address that was printed at its start."
                }
                None => "A token is needed. Use the address that was printed at the workspace's start.",
            }));
        };
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let allowed = match role {
            Role::Student => !instructors && !supervisors,
            Role::Instructor => reads,
            Role::Supervisor => reads || supervisors || path.ends_with("/switch"),
        };
        match (allowed, token) {
            (true, _) => Ok(role),
            (false, None) => Err(Problem::unauthorized("This needs a token of its own.")),
            (false, Some(_)) => Err(Problem::wrong_role()),
        }
    }
}

/// Checks every request, and leaves its [`Role`] among its extensions. The WebSockets bring their token later.
pub async fn guard(State(access): State<Access>, mut request: Request, next: Next) -> Response {
    match admit(&access, &mut request) {
        Ok(()) => protect(next.run(request).await),
        Err(problem) => protect(problem.into_response()),
    }
}

fn admit(access: &Access, request: &mut Request) -> Result<(), Problem> {
    let path = request.uri().path();
    if matches!(path, "/healthz" | "/readyz") {
        return Ok(());
    }
    access.hosts.check(request.headers())?;
    let (api, socket) = (path.starts_with("/api/"), path.starts_with("/ws/"));
    if api || socket {
        check_origin(request.headers())?;
    }
    if api {
        let role = access.check_token(request)?;
        request.extensions_mut().insert(role);
    }
    Ok(())
}
