//! What a request names: a workspace, one of its logs, a text. Everything is checked before a query is made of it.

use crate::error::ApiError;
use sqlx::{FromRow, PgPool};

use workshop_edge::Problem;

/// A log of a workspace.
#[derive(Clone, Debug, FromRow)]
pub(crate) struct Log {
    pub(crate) log: String,
    /// The day of its partition.
    pub(crate) opened: String,
    pub(crate) state: String,
}

impl Log {
    /// Refuses a log whose records are no more.
    pub(crate) fn not_expired(self) -> Result<Self, Problem> {
        if self.state != "expired" {
            return Ok(self);
        }
        Err(Problem::new(
            axum::http::StatusCode::GONE,
            "expired",
            "Gone",
            format!("The records of log {} are past their retention.", self.log),
        ))
    }
}

/// Whether a text can be the name of a workspace.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// A text of a query: Postgres has no U+0000.
pub(crate) fn text(text: Option<&str>) -> Result<Option<&str>, Problem> {
    match text {
        Some(text) if text.contains('\0') => Err(Problem::bad_request("U+0000 stands in no text here.")),
        text => Ok(text.filter(|text| !text.is_empty())),
    }
}

/// That there is such a workspace.
pub(crate) async fn workspace(pool: &PgPool, id: &str) -> Result<(), ApiError> {
    let known = is_name(id)
        && sqlx::query_scalar("select exists (select from workspaces where workspace = $1)")
            .bind(id)
            .fetch_one(pool)
            .await?;
    if known { Ok(()) } else { Err(Problem::not_found(format!("There is no workspace {id:?}.")).into()) }
}

/// The log that is asked for, the newest without one; `None` for a workspace without logs.
pub(crate) async fn log(pool: &PgPool, id: &str, log: Option<&str>) -> Result<Option<Log>, ApiError> {
    workspace(pool, id).await?;
    let log = text(log)?;
    let found: Option<Log> = sqlx::query_as(
        "select log, opened::text as opened, state from logs where workspace = $1 and ($2::text is null or log = $2)
         order by first_seen desc, log desc limit 1",
    )
    .bind(id)
    .bind(log)
    .fetch_optional(pool)
    .await?;
    match (found, log) {
        (None, Some(log)) => Err(Problem::not_found(format!("Workspace {id:?} has no log {log:?}.")).into()),
        (found, _) => Ok(found),
    }
}

/// As [`log`], of a workspace that has to have one.
pub(crate) async fn some_log(pool: &PgPool, id: &str, asked: Option<&str>) -> Result<Log, ApiError> {
    let found = log(pool, id, asked).await?;
    let nothing = || Problem::not_found(format!("Nothing has come of workspace {id:?} yet."));
    Ok(found.ok_or_else(nothing)?.not_expired()?)
}
