//! A request that was refused or failed, as the API answers it.

use std::fmt::Display;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use workshop_wire::ProblemBody;

/// Why a request was not served: an RFC 9457 problem.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    body: Box<ProblemBody>,
    retry_after: Option<u32>,
}

impl Problem {
    /// `kind` is a short name such as `step-locked`; `detail` says what happened, what is safe and what to do.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            ..ProblemBody::default()
        };
        Self { status, body: Box::new(body), retry_after: None }
    }

    /// With a command to run on the host.
    #[must_use]
    pub fn with_command(mut self, command: String) -> Self {
        self.body.command = Some(command);
        self
    }

    /// With the offset at which the next post of an ingest has to begin, in bytes.
    #[must_use]
    pub fn with_next(mut self, next: u64) -> Self {
        self.body.next = Some(next);
        self
    }

    /// To be tried again after this many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// 404.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// 400.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    /// 409: the request does not fit the state.
    pub fn conflict(kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, title, detail)
    }

    /// 401: no credential, or an unknown one.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Token needed", detail)
    }

    /// 403: the credential, the host or the origin does not permit the request.
    pub fn forbidden(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, kind, "Refused", detail)
    }

    /// 403: a known token of another role.
    pub fn wrong_role() -> Self {
        Self::forbidden("role", "This token does not permit this request.")
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        let detail = "This path does not take that method; see the OpenAPI document.";
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed", detail)
    }

    /// 503: the same request may succeed later. `error` goes to the service's own log only.
    pub fn unavailable(what: &str, error: &dyn Display) -> Self {
        tracing::warn!(%error, "{what}");
        let detail = format!("{what}. Nothing is lost; it is tried again.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail).retry_after(1)
    }

    /// 500: the service itself failed.
    pub fn internal(what: &str, error: &dyn Display) -> Self {
        tracing::error!(%error, "{what}");
        let detail = format!("{what}: {error}. Your progress is safe; try again.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed here", detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
