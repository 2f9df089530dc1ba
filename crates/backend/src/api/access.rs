//! Roles: what a token makes of a request, and what each group of routes permits.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, request::Parts},
    middleware::Next,
    response::{IntoResponse, Response},
};
use workshop_edge::{Hosts, Problem, Token, bearer};

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

/// The role that the layer of the route's group found.
impl<S: Send + Sync> FromRequestParts<S> for Role {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let role = parts.extensions.get().copied();
        role.ok_or_else(|| Problem::internal("The request has no role", &"its route is in no group"))
    }
}

/// A group of routes, by who may use it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// What everyone with a token of the workspace may read.
    Read,
    /// What the student does.
    Change,
    /// What student and supervisor do.
    Switch,
    /// What the instructor reads, and the supervisor.
    Instructor,
    /// What the supervisor reports.
    Supervisor,
}

impl Group {
    fn permits(self, role: Role) -> bool {
        match self {
            Self::Read => true,
            Self::Change => role == Role::Student,
            Self::Switch => role != Role::Instructor,
            Self::Instructor => role != Role::Student,
            Self::Supervisor => role == Role::Supervisor,
        }
    }
}

/// The tokens of one workspace, and the names that it answers to.
#[derive(Clone, Debug)]
pub struct Access {
    hosts: Hosts,
    student: Option<Token>,
    instructor: Option<Token>,
    supervisor: Option<Token>,
}

impl Access {
    /// What the settings say.
    pub fn new(settings: &Settings) -> Self {
        let token = |t: &Option<String>| t.as_deref().map(Token::from);
        Self {
            hosts: Hosts::new("workspace", settings.allowed_hosts.clone()),
            student: token(&settings.access_token),
            instructor: token(&settings.instructor_token),
            supervisor: token(&settings.supervisor_token),
        }
    }

    /// The names that the workspace answers to.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
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

    /// Refuses a group whose token is not set.
    ///
    /// # Errors
    /// 404, with the variable to set.
    pub fn check_on(&self, group: Group) -> Result<(), Problem> {
        match group {
            Group::Instructor if !self.has_instructor() => {
                Err(Problem::not_found("The instructor API is off: WORKSHOP_INSTRUCTOR_TOKEN is not set."))
            }
            Group::Supervisor if !self.has_supervisor() => {
                Err(Problem::not_found("There is no supervisor: WORKSHOP_SUPERVISOR_TOKEN is not set."))
            }
            _ => Ok(()),
        }
    }

    fn admit(&self, group: Group, headers: &HeaderMap) -> Result<Role, Problem> {
        let token = bearer(headers)?;
        self.check_on(group)?;
        let Some(role) = self.role(token) else {
            return Err(Problem::unauthorized(match token {
                Some(_) => {
                    "The token is not one of this workspace. Use the address that was printed at its start."
                }
                None => "A token is needed. Use the address that was printed at the workspace's start.",
            }));
        };
        match (group.permits(role), token) {
            (true, _) => Ok(role),
            (false, None) => Err(Problem::unauthorized("This needs a token of its own.")),
            (false, Some(_)) => Err(Problem::wrong_role()),
        }
    }
}

/// The layer of a group: lets those through that it permits, and leaves their [`Role`] among the request's extensions.
pub async fn require(
    State((access, group)): State<(Access, Group)>,
    mut request: Request,
    next: Next,
) -> Response {
    match access.admit(group, request.headers()) {
        Ok(role) => {
            request.extensions_mut().insert(role);
            next.run(request).await
        }
        Err(problem) => problem.into_response(),
    }
}
