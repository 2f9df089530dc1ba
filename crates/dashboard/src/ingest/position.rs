//! How far each file of a log was taken in: where a shipper goes on.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ingest::{LastLine, LogPosition, LogState, StreamPosition};

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use sqlx::Row;

use super::{access, parse_log};
use crate::Dashboard;
use workshop_edge::Path;

/// `GET /ingest/{workspace}/{log}`
pub(super) async fn position(
    State(dashboard): State<Arc<Dashboard>>,
    Path((workspace, log)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<LogPosition>, ApiError> {
    let log = parse_log(&log)?;
    let pool = dashboard.store.ingest();
    let state = access::check(pool, &headers, &workspace, log, "").await?.state.unwrap_or_default();
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
