//! Who may ask for what: Host, Origin, and the token that decides a request's role.

use std::sync::Arc;

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderValue, Method, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use subtle::ConstantTimeEq;
use workshop_pages::protect;

use super::problem::Problem;
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
    hosts: Arc<[String]>,
    student: Option<Arc<str>>,
    instructor: Option<Arc<str>>,
    supervisor: Option<Arc<str>>,
}

impl Access {
    /// The rules that the settings make.
    pub fn new(settings: &Settings) -> Self {
        let token = |t: &Option<String>| t.as_deref().map(Arc::from);
        Self {
            hosts: settings.allowed_hosts.clone().into(),
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
        let is = |expected: &Option<Arc<str>>| {
            expected.as_deref().is_some_and(|e| bool::from(e.as_bytes().ct_eq(token.as_bytes())))
        };
        // All three are compared, so that the time taken tells nothing.
        match (is(&self.student), is(&self.instructor), is(&self.supervisor)) {
            (true, ..) => Some(Role::Student),
            (_, true, _) => Some(Role::Instructor),
            (_, _, true) => Some(Role::Supervisor),
            _ => None,
        }
    }

    fn check_host(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let host = text(headers, header::HOST).unwrap_or_default();
        let name = host_name(host).to_ascii_lowercase();
        if self.hosts.contains(&name) {
            return Ok(());
        }
        Err(Problem::forbidden(
            "host",
            format!(
                "This workspace does not answer to the host {name:?}. Open it by 127.0.0.1 or localhost, or add the name to WORKSHOP_ALLOWED_HOSTS."
            ),
        ))
    }

    fn check_token(&self, request: &Request) -> Result<Role, Problem> {
        let token = match request.headers().get(header::AUTHORIZATION) {
            None => None,
            Some(value) => Some(bearer(value).ok_or_else(|| {
                Problem::unauthorized("The Authorization header must be \"Bearer <token>\".")
            })?),
        };
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
            (false, Some(_)) => Err(Problem::forbidden("role", "This token is not for this.")),
        }
    }
}

/// Refuses what comes from another site: cross-site WebSockets, DNS rebinding.
fn check_origin(headers: &HeaderMap) -> Result<(), Problem> {
    if let Some(site) = headers.get("sec-fetch-site")
        && !matches!(site.as_bytes(), b"same-origin" | b"none")
    {
        return Err(Problem::forbidden("origin", "Requests from other sites are refused."));
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return Ok(()) };
    let own = text(headers, header::HOST).unwrap_or_default();
    let authority =
        origin.to_str().ok().and_then(|o| o.strip_prefix("http://").or_else(|| o.strip_prefix("https://")));
    if authority.is_some_and(|a| a.eq_ignore_ascii_case(own)) {
        return Ok(());
    }
    Err(Problem::forbidden("origin", "Requests from other origins are refused."))
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
    access.check_host(request.headers())?;
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

fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// A Host without its port.
fn host_name(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') && port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    }
}
