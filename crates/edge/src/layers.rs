//! What every route of a service has in common, as layers of its router.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use crate::headers::protect;
use crate::origin::{Hosts, check_origin};

/// Adds the headers of [`protect`]. The outermost layer: refusals have them, too.
pub async fn protected(request: Request, next: Next) -> Response {
    protect(next.run(request).await)
}

/// Refuses requests to a host name that is not one of the service's.
pub async fn known_host(State(hosts): State<Hosts>, request: Request, next: Next) -> Response {
    match hosts.check(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// Refuses requests of other sites' pages. Not for pages themselves, which any site may link to.
pub async fn own_site(request: Request, next: Next) -> Response {
    match check_origin(request.headers()) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}
