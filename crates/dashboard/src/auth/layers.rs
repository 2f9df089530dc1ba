//! The layers of the groups of routes: what each needs of whoever asks.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use workshop_edge::{Problem, bearer, check_own};

use super::{Auth, Instructor};

/// Lets in instructors only, by their token or their login.
pub(crate) async fn require_instructor(
    State(auth): State<Arc<Auth>>,
    mut request: Request,
    next: Next,
) -> Response {
    match instructor(&auth, &request) {
        Ok(who) => request.extensions_mut().insert(who),
        Err(problem) => return problem.into_response(),
    };
    next.run(request).await
}

/// Adds the [`Instructor`] of the login cookie, if there is one. For sockets, whose token comes with the first frame: a
/// browser cannot set a header.
pub(crate) async fn note_login(State(auth): State<Arc<Auth>>, mut request: Request, next: Next) -> Response {
    if let Some(who) = auth.by_cookie(request.headers()) {
        request.extensions_mut().insert(who);
    }
    next.run(request).await
}

/// Lets in only what the dashboard's own pages ask for.
pub(crate) async fn require_own(request: Request, next: Next) -> Response {
    match check_own(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

fn instructor(auth: &Auth, request: &Request) -> Result<Instructor, Problem> {
    if !auth.has_token() && !auth.has_provider() {
        return Err(Problem::unauthorized(
            "Nobody can log in: neither WORKSHOP_INSTRUCTOR_TOKEN nor WORKSHOP_OIDC_ISSUER is set for this dashboard.",
        ));
    }
    if let Some(token) = bearer(request.headers())? {
        let who = auth.by_token(token);
        return who.ok_or_else(|| Problem::unauthorized("The token is not the instructors' one."));
    }
    let Some(who) = auth.by_cookie(request.headers()) else {
        return Err(Problem::unauthorized("Log in, or bring the token."));
    };
    // Browsers send the cookie with requests from any page, so a change must come from our own.
    if !request.method().is_safe() {
        check_own(request.headers())?;
    }
    Ok(who)
}
