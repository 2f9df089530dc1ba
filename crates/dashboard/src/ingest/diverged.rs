//! A shipper says that its files are not those that were taken in.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use sqlx::Row;
use workshop_events::codec::cut;

use super::{access, body, parse_log};
use crate::Dashboard;
use crate::address::Path;
use crate::problem::Problem;
use crate::projections::columns::shown;

const MAX_REASON: usize = 300;

#[derive(Debug, Deserialize)]
pub(super) struct Diverged {
    stream: String,
    /// Up to where the stream was taken in when the shipper compared.
    next: u64,
    reason: String,
}

#[derive(Debug, Serialize)]
pub(super) struct Noted {
    state: &'static str,
}

/// `POST /ingest/{workspace}/{log}/diverged`. Nothing more is taken of the log from then on.
pub(super) async fn diverged(
    State(dashboard): State<Arc<Dashboard>>,
    Path((workspace, log)): Path<(String, String)>,
    request: Request,
) -> Result<Json<Noted>, Problem> {
    let log = parse_log(&log)?;
    let (head, body) = request.into_parts();
    let pool = dashboard.store.ingest();
    let known = access::check(pool, &head.headers, &workspace, log, "").await?;
    let told: Diverged = body::json(body).await?;
    match known.state {
        None => return Err(Problem::not_found("Nothing of this log was taken in.")),
        Some(access::LogState::Expired) => access::LogState::Expired.takes()?,
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
        return Err(Problem::new(StatusCode::CONFLICT, "offset-gap", "Moved on", detail).with_next(next));
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
    Ok(Json(Noted { state: access::LogState::Diverged.as_str() }))
}
