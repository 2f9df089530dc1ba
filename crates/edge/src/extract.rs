//! Parts of a request's address; malformed ones are answered with a problem.

use axum::extract::rejection::{PathRejection, QueryRejection, RawPathParamsRejection};
use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::request::Parts;

use crate::Problem;

/// The parameters in the path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

/// The parameters in the path by name, for layers that serve several routes.
pub struct RawPath(pub RawPathParams);

impl<S: Send + Sync> FromRequestParts<S> for RawPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Ok(Self(RawPathParams::from_request_parts(parts, state).await?))
    }
}

/// The parameters in the query.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(format!("The path is not what it should be: {}.", rejection.body_text()))
    }
}

impl From<RawPathParamsRejection> for Problem {
    fn from(rejection: RawPathParamsRejection) -> Self {
        Self::bad_request(format!("The path is not what it should be: {}.", rejection.body_text()))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        Self::bad_request(format!("The query is not what it should be: {}.", rejection.body_text()))
    }
}
