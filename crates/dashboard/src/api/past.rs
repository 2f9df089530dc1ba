//! A workspace at any moment: its stored lines, folded by the same projector as in the workspace itself.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::dashboard::{AtQuery, LogQuery};
use workshop_wire::history::{StateAt, TimelineView};

use axum::Json;
use axum::extract::State;
use sqlx::PgPool;
use workshop_events::StateRecord;
use workshop_projector::{FoldUntil, Timeline};

use super::lists;
use super::params::{self, Log};
use crate::service::Dashboard;
use workshop_edge::{Path, Query};

/// How much of each kind stands on the timeline.
const KEEP: usize = 5000;
/// Lines that are folded at once.
const BATCH: i64 = 5000;

/// The state at a moment.
#[utoipa::path(get, path = "/api/workspaces/{id}/state", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), AtQuery),
    responses((status = 200, body = StateAt), (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn state(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(AtQuery { at, log }): Query<AtQuery>,
) -> Result<Json<StateAt>, ApiError> {
    let pool = dashboard.store.views();
    let log = params::some_log(pool, &id, log.as_deref()).await?;
    let mut fold = FoldUntil::new(at);
    each_record(pool, &log, |seq, record| fold.apply(seq, record)).await?;
    Ok(Json(StateAt::of(log.log, at, &fold.into_projection())))
}

/// All that moves under the slider.
#[utoipa::path(get, path = "/api/workspaces/{id}/timeline", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), LogQuery),
    responses((status = 200, body = TimelineView), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 410, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn timeline(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<TimelineView>, ApiError> {
    let pool = dashboard.store.views();
    let log = params::some_log(pool, &id, query.log.as_deref()).await?;
    let mut timeline = Timeline::new(KEEP);
    each_record(pool, &log, |seq, record| timeline.apply(seq, record)).await?;
    let commands = lists::newest_commands(pool, &log, i64::try_from(KEEP).unwrap_or(i64::MAX)).await?;
    Ok(Json(TimelineView::of(log.log, &timeline, commands)))
}

/// Every state record of a log in the order of `seq`, up to where it is projected.
async fn each_record(
    pool: &PgPool,
    log: &Log,
    mut take: impl FnMut(u64, &StateRecord<'_>),
) -> Result<(), ApiError> {
    let mut after = -1i64;
    loop {
        let lines: Vec<(i64, String)> = sqlx::query_as(
            "select seq, line from events where opened = $1::date and log = $2 and stream = 'state' and seq > $3
             and seq <= coalesce((select seq from cursors where log = $2 and stream = 'state'), 9223372036854775807)
             order by seq limit $4",
        )
        .bind(&log.opened)
        .bind(&log.log)
        .bind(after)
        .bind(BATCH)
        .fetch_all(pool)
        .await?;
        let Some((last, _)) = lines.last() else { return Ok(()) };
        after = *last;
        for (seq, line) in &lines {
            // Only what could be read was stored.
            if let (Ok(seq), Ok(record)) = (u64::try_from(*seq), StateRecord::from_line(line)) {
                take(seq, &record);
            }
        }
        tokio::task::yield_now().await;
    }
}
