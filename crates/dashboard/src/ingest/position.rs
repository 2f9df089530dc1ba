//! How far each file of a log was taken in: where a shipper goes on.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ingest::{LastLine, LogPosition, LogState, StreamPosition};

use axum::Json;
use axum::extract::State;
use sqlx::Row;
use workshop_wire::ProblemBody;

use super::access;
use super::layers::Target;
use crate::service::Dashboard;

/// How far each file of a log was taken in.
#[utoipa::path(get, path = "/ingest/{workspace}/{log}", tag = "ingest",
    params(("workspace" = String, Path, description = "Name of the workspace"),
        ("log" = String, Path, description = "Id of the log", pattern = "^[0-9a-f]{16}$")),
    responses((status = 200, body = LogPosition), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn position(
    State(dashboard): State<Arc<Dashboard>>,
    target: Target,
) -> Result<Json<LogPosition>, ApiError> {
    let (pool, log, state) = (dashboard.store.ingest(), target.log, target.state());
    if state == LogState::Expired {
        access::check_open(state)?;
    }
    let reason: Option<Option<String>> = sqlx::query_scalar("select reason from logs where log = $1")
        .bind(log.to_string())
        .fetch_optional(pool)
        .await?;
    let query = "select stream, next, seq, last_len, encode(last_sha256, 'hex') from cursors where log = $1";
    let rows = sqlx::query(query).bind(log.to_string()).fetch_all(pool).await?;
    let streams = rows.iter().map(|row| {
        let (len, sha256): (Option<i32>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
        let last = len.zip(sha256).map(|(len, sha256)| LastLine { len: len.unsigned_abs().into(), sha256 });
        let seq: Option<i64> = row.try_get(2)?;
        let next: i64 = row.try_get(1)?;
        let position = StreamPosition { next: next.unsigned_abs(), seq: seq.map(i64::unsigned_abs), last };
        Ok((row.try_get(0)?, position))
    });
    let streams = streams.collect::<Result<_, sqlx::Error>>()?;
    Ok(Json(LogPosition { state, reason: reason.flatten(), streams }))
}
