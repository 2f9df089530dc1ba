//! A shipper says that its files are not those that were taken in.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::ingest::{Diverged, DivergedNoted, LogState, kind};

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use sqlx::Row;
use workshop_events::codec::cut;

use super::layers::Target;
use super::{access, body};
use crate::projections::columns::shown;
use crate::service::Dashboard;
use workshop_edge::Problem;

const MAX_REASON: usize = 300;

/// Notes that a file is not the one that was taken in. Nothing more is taken of the log from then on.
#[utoipa::path(post, path = "/ingest/{workspace}/{log}/diverged", tag = "ingest",
    params(("workspace" = String, Path, description = "Name of the workspace"),
        ("log" = String, Path, description = "Id of the log", pattern = "^[0-9a-f]{16}$")),
    request_body = Diverged,
    responses((status = 200, body = DivergedNoted), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn diverged(
    State(dashboard): State<Arc<Dashboard>>,
    target: Target,
    request: Request,
) -> Result<Json<DivergedNoted>, ApiError> {
    let report: Diverged = body::json(request.into_body()).await?;
    if !target.exists() {
        return Err(Problem::not_found("Nothing of this log was taken in.").into());
    }
    if target.state() == LogState::Expired {
        access::check_open(LogState::Expired)?;
    }
    let (pool, Target { workspace, log, .. }) = (dashboard.store.ingest(), target);
    let mut transaction = pool.begin().await?;
    access::enter(&mut transaction, &workspace, log).await?;
    let query = "select next from cursors where log = $1 and stream = $2";
    let row = sqlx::query(query)
        .bind(log.to_string())
        .bind(&report.stream)
        .fetch_optional(&mut *transaction)
        .await?;
    let next = row.map_or(Ok(0), |row| row.try_get::<i64, _>(0))?.unsigned_abs();
    if next != report.next {
        let detail = format!("The stream is taken in up to byte {next} by now. Compare again.");
        return Err(Problem::new(StatusCode::CONFLICT, kind::OFFSET_GAP, "Moved on", detail)
            .with_next(next)
            .into());
    }
    let reason = format!("{}: {}", report.stream, cut(&report.reason, MAX_REASON));
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
