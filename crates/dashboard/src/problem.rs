//! Errors as the API tells them: RFC 9457 problem details.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use utoipa::ToSchema;

/// A request that was not done, and why.
#[derive(Clone, Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
    retry_after: Option<u32>,
}

/// The body of a problem.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ProblemBody {
    /// A short name, such as `offset-gap`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem it is.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do.
    pub detail: String,
    /// Of an ingest: the offset that the next post has to begin at, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

impl Problem {
    /// `kind` is a short name; `detail` says what happened and what to do.
    pub fn new(status: StatusCode, kind: &str, title: &str, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: kind.to_owned(),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            next: None,
        };
        Self { status, body, retry_after: None }
    }

    /// With the offset at which an ingest goes on.
    #[must_use]
    pub fn with_next(mut self, next: u64) -> Self {
        self.body.next = Some(next);
        self
    }

    /// To be tried again after so many seconds.
    #[must_use]
    pub fn retry_after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// Nothing there.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "Not found", detail)
    }

    /// The request is not what it should be.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "Bad request", detail)
    }

    /// No token, or a wrong one.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Token needed", detail)
    }

    /// Not for whoever asks.
    pub fn forbidden(kind: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, kind, "Refused", detail)
    }

    /// It cannot be done now.
    pub fn unavailable(what: &str, error: &dyn std::fmt::Display) -> Self {
        tracing::warn!(%error, "{what}");
        let detail = format!("{what}. Nothing is lost; it is tried again.");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail).retry_after(1)
    }
}

impl From<sqlx::Error> for Problem {
    fn from(error: sqlx::Error) -> Self {
        if passes(&error) {
            return Self::unavailable("the database does not answer", &error);
        }
        // Asked again, it would be the same.
        tracing::error!(%error, "the database refuses what it was asked");
        let detail = "The database refuses what the dashboard asked of it; the dashboard's own log says why.";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
    }
}

/// Whether the same question may be answered later: the database is away, busy, full, or changes hands.
fn passes(error: &sqlx::Error) -> bool {
    use sqlx::Error::{BeginFailed, Database, Io, PoolClosed, PoolTimedOut, Tls, WorkerCrashed};
    let error = match error {
        // The connection, or the wait for one.
        Io(_) | Tls(_) | PoolTimedOut | PoolClosed | WorkerCrashed | BeginFailed => return true,
        Database(error) => error,
        _ => return false,
    };
    error.code().is_some_and(|code| passing_state(&code))
}

/// Of the codes of SQLSTATE, those that say nothing of the statement.
fn passing_state(code: &str) -> bool {
    let class = code.get(..2).unwrap_or_default();
    // Connections; what is rolled back to be tried again; resources, such as disk and connections; the system's own errors.
    matches!(class, "08" | "40" | "53" | "58")
        // Ended by an administrator, or by a server that stops or starts; a server that follows another; a lock or a
        // statement that took too long.
        || matches!(code, "57P01" | "57P02" | "57P03" | "57P05" | "57014" | "25006" | "55P03")
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_passes_and_what_does_not() {
        for code in ["08006", "40001", "40P01", "53100", "53300", "57P01", "57P03", "25006", "57014", "58030"]
        {
            assert!(passing_state(code), "{code}");
        }
        // Syntax, a missing table, a missing right, a value out of range, a broken rule, a missing database.
        for code in ["42601", "42P01", "42501", "22003", "23505", "3D000", "28P01", "XX000", "", "é"] {
            assert!(!passing_state(code), "{code}");
        }
        let status = |error| Problem::from(error).status;
        assert_eq!(status(sqlx::Error::PoolTimedOut), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            status(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())),
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(status(sqlx::Error::ColumnNotFound("x".to_owned())), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status(sqlx::Error::RowNotFound), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
