//! How far each file of a log was taken in: where a shipper goes on.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use serde::Serialize;
use sqlx::Row;

use super::{access, parse_log};
use crate::Dashboard;
use crate::address::Path;
use crate::problem::Problem;

/// A log as the dashboard has it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Position {
    state: &'static str,
    /// By stream; recordings are `cast/<name>`.
    streams: BTreeMap<String, StreamPosition>,
}

#[derive(Clone, Debug, Serialize)]
struct StreamPosition {
    next: u64,
    seq: Option<u64>,
    /// The last line before `next`, its newline included; null when it was never sent.
    last: Option<Last>,
}

#[derive(Clone, Debug, Serialize)]
struct Last {
    len: u64,
    sha256: String,
}

/// `GET /ingest/{workspace}/{log}`
pub(super) async fn position(
    State(dashboard): State<Arc<Dashboard>>,
    Path((workspace, log)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Position>, Problem> {
    let log = parse_log(&log)?;
    let pool = dashboard.store.ingest();
    let state = access::check(pool, &headers, &workspace, log, "").await?.state;
    let state = state.unwrap_or(access::LogState::Open);
    if state == access::LogState::Expired {
        state.takes()?;
    }
    let query = "select stream, next, seq, last_len, encode(last_sha256, 'hex') from cursors where log = $1";
    let rows = sqlx::query(query).bind(log.to_string()).fetch_all(pool).await?;
    let streams = rows.iter().map(|row| {
        let (len, sha256): (Option<i32>, Option<String>) = (row.try_get(3)?, row.try_get(4)?);
        let last = len.zip(sha256).map(|(len, sha256)| Last { len: len.unsigned_abs().into(), sha256 });
        let seq: Option<i64> = row.try_get(2)?;
        let next: i64 = row.try_get(1)?;
        let position = StreamPosition { next: next.unsigned_abs(), seq: seq.map(i64::unsigned_abs), last };
        Ok((row.try_get(0)?, position))
    });
    Ok(Json(Position { state: state.as_str(), streams: streams.collect::<Result<_, sqlx::Error>>()? }))
}
