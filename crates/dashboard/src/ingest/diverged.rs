//! A shipper says that its files are not those that were taken in.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ingest::{Diverged, DivergedNoted, LogState, kind};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use sqlx::Row;
use workshop_events::codec::cut;

use super::{access, body, parse_log};
use crate::Dashboard;
use crate::projections::columns::shown;
use workshop_edge::Path;
use workshop_edge::Problem;

const MAX_REASON: usize = 300;

/// `POST /ingest/{workspace}/{log}/diverged`. Nothing more is taken of the log from then on.
pub(super) async fn diverged(
    State(dashboard): State<Arc<Dashboard>>,
    Path((workspace, log)): Path<(String, String)>,
    request: Request,
) -> Result<Json<DivergedNoted>, ApiError> {
    let log = parse_log(&log)?;
    let (head, body) = request.into_parts();
    let pool = dashboard.store.ingest();
    let known = access::check(pool, &head.headers, &workspace, log, "").await?;
    let told: Diverged = body::json(body).await?;
    match known.state {
        None => return Err(Problem::not_found("Nothing of this log was taken in.").into()),
        Some(LogState::Expired) => access::check_open(LogState::Expired)?,
        Some(_) => {}
    }
    let mut transaction = pool.begin().await?;
    access::enter(&mut transaction, &workspace, log).await?;
    let query = "select next from cursors where log = $1 and stream = $2";
    let row =
        sqlx::query(query).bind(log.to_string()).bind(&told.stream).fetch_optional(&mut *transaction).await?;
    let next = row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))?.unsigned_abs();
    if next != told.next {
        let detail = format!("The stream is taken in up to byte {next} by now. Compare again.");
        return Err(Problem::new(StatusCode::CONFLICT, kind::OFFSET_GAP, "Moved on", detail)
            .with_next(next)
            .into());
    }
    let reason = format!("{}: {}", told.stream, cut(&told.reason, MAX_REASON));
    let query = "with log as (update logs set state = 'diverged', reason = $3 where log = $1 and state = 'open') \
                 update workspaces set version = version + 1 where workspace = $2";
    sqlx::query(query)
        .bind(log.to_string())
        .bind(&workspace)
        .bind(shown(&reason))
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    tracing::warn!(workspace, %log, reason, "a log diverged");
    dashboard.touched();
    Ok(Json(DivergedNoted { state: LogState::Diverged }))
}
