//! Why a request failed, and how that is answered.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use workshop_edge::Problem;

/// Why a request failed.
#[derive(Debug)]
pub enum ApiError {
    /// It was refused.
    Refused(Problem),
    /// The database failed.
    Database(sqlx::Error),
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self::Refused(problem)
    }
}

impl From<sqlx::Error> for ApiError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<ApiError> for Problem {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Refused(problem) => problem,
            ApiError::Database(error) if passes(&error) => {
                Self::unavailable("the database does not answer", &error)
            }
            ApiError::Database(error) => {
                // Asked again, it would be the same.
                tracing::error!(%error, "the database refuses what it was asked");
                let detail =
                    "The database refuses what the dashboard asked of it; the dashboard's own log says why.";
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "Internal error", detail)
            }
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        Problem::from(self).into_response()
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
        let status = |error: sqlx::Error| Problem::from(ApiError::from(error)).status();
        assert_eq!(status(sqlx::Error::PoolTimedOut), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(
            status(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())),
            StatusCode::SERVICE_UNAVAILABLE
        );
        assert_eq!(status(sqlx::Error::ColumnNotFound("x".to_owned())), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(status(sqlx::Error::RowNotFound), StatusCode::INTERNAL_SERVER_ERROR);
    }
}
