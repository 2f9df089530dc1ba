//! Errors as the API tells them: RFC 9457 problem details.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use workshop_journal::AppendError;

use super::types::ProblemBody;

/// A request that was not done, and why.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
}

impl Problem {
    /// `kind` is a short name such as `step-locked`; `detail` says what happened, what is safe and what to do.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            command: None,
        };
        Self { status, body }
    }

    /// With a command to run on the host.
    pub fn with_command(mut self, command: String) -> Self {
        self.body.command = Some(command);
        self
    }

    /// Nothing there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The request is not what it should be.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    /// It does not fit the state.
    pub fn conflict(kind: &str, title: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, title, detail)
    }

    /// No token, or a wrong one.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Token needed", detail)
    }

    /// Not for this token, host or origin.
    pub fn forbidden(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, kind, "Refused", detail)
    }

    /// Something of ours failed.
    pub fn internal(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "{what}");
        let detail = format!("{what}: {error}. Your progress is safe; try again.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Something failed here", detail)
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        match error {
            AppendError::NoSpace { .. } => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage-full",
                "The log's disk is full",
                "This was not stored for certain. What was stored before is safe, and the terminal works. \
                 Free some space on the host; it goes on by itself.",
            ),
            AppendError::Io(error) => Self::new(
                StatusCode::INSUFFICIENT_STORAGE,
                "storage-failed",
                "The log's disk fails",
                format!(
                    "This was not stored for certain ({error}). What was stored before is safe. Try again."
                ),
            ),
            AppendError::Closed => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "stopping",
                "The workspace is stopping",
                "This was not stored. The page reconnects when the workspace is back; try again then.",
            ),
        }
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
        response
    }
}
