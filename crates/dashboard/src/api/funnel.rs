//! Where students are lost: each step over all of them, and the tests that fail most.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::dashboard::{Failure, Funnel, FunnelStep, WorkshopFunnel, WorkshopQuery};

use axum::Json;
use axum::extract::State;
use sqlx::{FromRow, PgPool};

use super::params;
use crate::service::Dashboard;
use crate::values::count;
use workshop_edge::Query;

/// Failing tests of a workshop that are told.
const FAILURES: i64 = 50;

/// Where students are lost.
#[utoipa::path(get, path = "/api/funnel", tag = "instructor", params(WorkshopQuery), responses((status = 200, body = Funnel),
    (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn funnel(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<WorkshopQuery>,
) -> Result<Json<Funnel>, ApiError> {
    let pool = dashboard.store.views();
    let workshop = params::text(query.workshop.as_deref())?;
    let steps = steps(pool, workshop).await?;
    let mut failures = failures(pool, workshop).await?;
    let workshops = steps
        .chunk_by(|a, b| a.workshop == b.workshop)
        .map(|own| {
            let workshop = own[0].workshop.clone();
            let failures =
                failures.extract_if(.., |failure| failure.workshop == workshop).map(Into::into).collect();
            WorkshopFunnel { steps: own.iter().map(StoredStep::view).collect(), failures, workshop }
        })
        .collect();
    Ok(Json(Funnel { workshops }))
}

#[derive(FromRow)]
pub(super) struct StoredStep {
    pub(super) workshop: String,
    step: String,
    title: String,
    position: i32,
    started: i64,
    completed: i64,
    given: i64,
    here_now: i64,
    median_ms: Option<i64>,
    p90_ms: Option<i64>,
    first_try_rate: Option<f64>,
    students: i64,
    helps: i64,
}

impl StoredStep {
    pub(super) fn view(&self) -> FunnelStep {
        FunnelStep {
            id: self.step.clone(),
            title: self.title.clone(),
            position: count(self.position),
            started: self.started,
            completed: self.completed,
            given: self.given,
            here_now: self.here_now,
            median_ms: self.median_ms,
            p90_ms: self.p90_ms,
            first_try_rate: self.first_try_rate,
            students: self.students,
            helps: self.helps,
        }
    }
}

pub(super) async fn steps(pool: &PgPool, workshop: Option<&str>) -> Result<Vec<StoredStep>, sqlx::Error> {
    sqlx::query_as(
        "select workshop, step, title, position, started, completed, given, here_now, median_ms, p90_ms, first_try_rate,
                students, helps
         from step_funnel where $1::text is null or workshop = $1
         order by workshop, position, step limit 10000",
    )
    .bind(workshop)
    .fetch_all(pool)
    .await
}

#[derive(FromRow)]
struct StoredFailure {
    workshop: String,
    step: String,
    title: String,
    found: String,
    expected: String,
    students: i64,
    times: i64,
}

impl From<StoredFailure> for Failure {
    fn from(row: StoredFailure) -> Self {
        Self {
            step: row.step,
            title: row.title,
            found: row.found,
            expected: row.expected,
            students: row.students,
            times: row.times,
        }
    }
}

async fn failures(pool: &PgPool, workshop: Option<&str>) -> Result<Vec<StoredFailure>, sqlx::Error> {
    sqlx::query_as(
        "select workshop, step, title, found, expected, students, times from (
             select workshop, coalesce(step, '') as step, coalesce(title, '') as title, coalesce(found, '') as found,
                    coalesce(expected, '') as expected, students, times,
                    row_number() over (partition by workshop order by students desc, times desc, step, title) as place
             from common_failures where $1::text is null or workshop = $1
         ) ranked where place <= $2 order by workshop, place",
    )
    .bind(workshop)
    .bind(FAILURES)
    .fetch_all(pool)
    .await
}
