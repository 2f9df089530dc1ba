//! The class at a glance, and one workspace in full.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::dashboard::{
    Class, ClassQuery, LogQuery, LogView, LoginSettings, Me, SessionRecording, SessionView, StepRow,
    WorkspaceDetail,
};
use workshop_wire::ingest::LogState;

use axum::extract::State;
use axum::{Extension, Json};
use sqlx::{FromRow, PgPool};

use super::params;
use crate::auth::Instructor;
use crate::cards::{self, Which};
use crate::service::Dashboard;
use crate::values::{count, maybe, moment, now};
use workshop_edge::Problem;
use workshop_edge::{Path, Query};

/// How one can log in. Needs no login.
#[utoipa::path(get, path = "/api/settings", tag = "instructor", responses((status = 200, body = LoginSettings)))]
pub(crate) async fn settings(State(dashboard): State<Arc<Dashboard>>) -> Json<LoginSettings> {
    Json(LoginSettings { oidc: dashboard.auth.has_provider(), token: dashboard.auth.has_token() })
}

/// Who asks.
#[utoipa::path(get, path = "/api/me", tag = "instructor", responses((status = 200, body = Me),
    (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn me(Extension(who): Extension<Instructor>) -> Json<Me> {
    Json(Me { name: who.name, via: who.via })
}

/// The class at a glance, who needs help most first.
#[utoipa::path(get, path = "/api/workspaces", tag = "instructor", params(ClassQuery), responses((status = 200, body = Class),
    (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn workspaces(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<ClassQuery>,
) -> Result<Json<Class>, ApiError> {
    let workshop = params::text(query.workshop.as_deref())?;
    let which = Which { workshop, revoked: query.revoked, ..Which::default() };
    let rows = cards::rows(dashboard.store.views(), which).await?;
    Ok(Json(Class { now: now(), workspaces: cards::sorted(&rows, dashboard.relays()) }))
}

/// A workspace in full.
#[utoipa::path(get, path = "/api/workspaces/{id}", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), LogQuery),
    responses((status = 200, body = WorkspaceDetail), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn workspace(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<LogQuery>,
) -> Result<Json<WorkspaceDetail>, ApiError> {
    let pool = dashboard.store.views();
    let log = params::log(pool, &id, query.log.as_deref()).await?;
    let names = [id.clone()];
    let which = Which { names: Some(&names), revoked: true, ..Which::default() };
    let Some(row) = cards::rows(pool, which).await?.pop() else {
        return Err(Problem::not_found(format!("There is no workspace {id:?}.")).into());
    };
    let logs = logs(pool, &id).await?;
    let (steps_list, sessions) = match log {
        Some(log) => (steps(pool, &log.log).await?, sessions(pool, &log.log).await?),
        None => (Vec::new(), Vec::new()),
    };
    Ok(Json(WorkspaceDetail { card: row.card(dashboard.relays()), logs, steps_list, sessions }))
}

async fn logs(pool: &PgPool, id: &str) -> Result<Vec<LogView>, sqlx::Error> {
    #[derive(FromRow)]
    struct Row {
        log: String,
        first_seen: i64,
        last_seen: i64,
        via: Option<String>,
        state: String,
        reason: Option<String>,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select log, (extract(epoch from first_seen) * 1000)::bigint as first_seen,
                (extract(epoch from last_seen) * 1000)::bigint as last_seen, via, state, reason
         from logs where workspace = $1 order by logs.first_seen desc, log desc limit 1000",
    )
    .bind(id)
    .fetch_all(pool)
    .await?;
    let view = |row: Row| LogView {
        log: row.log,
        first_seen: moment(row.first_seen),
        last_seen: moment(row.last_seen),
        via: row.via,
        state: LogState::of(&row.state),
        reason: row.reason,
    };
    Ok(rows.into_iter().map(view).collect())
}

async fn steps(pool: &PgPool, log: &str) -> Result<Vec<StepRow>, sqlx::Error> {
    #[derive(FromRow)]
    struct Row {
        step: String,
        title: String,
        position: Option<i32>,
        step_group: Option<String>,
        has_check: bool,
        given: bool,
        started: bool,
        completed: Option<i64>,
        tries: i32,
        first_passed: Option<bool>,
        last_passed: Option<bool>,
        helps: i32,
        active_ms: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select step.step, step.title, step.position, step.step_group, step.has_check, step.given, step.started,
                (extract(epoch from step.completed) * 1000)::bigint as completed, step.tries, step.first_passed,
                step.last_passed, step.helps, coalesce(now.active_ms, step.active_ms) as active_ms
         from step_status step left join step_now now using (log, step)
         where step.log = $1 order by step.position nulls last, step.step limit 2000",
    )
    .bind(log)
    .fetch_all(pool)
    .await?;
    let view = |row: Row| StepRow {
        id: row.step,
        title: row.title,
        position: row.position.map(count),
        group: row.step_group,
        has_check: row.has_check,
        given: row.given,
        started: row.started,
        completed: maybe(row.completed),
        tries: count(row.tries),
        first_passed: row.first_passed,
        last_passed: row.last_passed,
        helps: count(row.helps),
        active_ms: row.active_ms,
    };
    Ok(rows.into_iter().map(view).collect())
}

/// Sessions are known by their recordings; those of one follow each other.
async fn sessions(pool: &PgPool, log: &str) -> Result<Vec<SessionView>, sqlx::Error> {
    #[derive(FromRow)]
    struct Row {
        name: String,
        session: Option<String>,
        session_name: Option<String>,
        opened: Option<i64>,
        closed: Option<i64>,
        at: f64,
        bytes: i64,
    }
    let rows: Vec<Row> = sqlx::query_as(
        "select name, session, session_name, (extract(epoch from opened_at) * 1000)::bigint as opened,
                (extract(epoch from closed_at) * 1000)::bigint as closed, at, bytes
         from recording_refs where log = $1 order by opened_at nulls last, session, at, name limit 5000",
    )
    .bind(log)
    .fetch_all(pool)
    .await?;
    let mut sessions: Vec<SessionView> = Vec::new();
    for row in rows {
        let recording = SessionRecording { name: row.name, at: row.at, bytes: row.bytes };
        match sessions.last_mut() {
            Some(session) if session.id.is_some() && session.id == row.session => {
                session.recordings.push(recording)
            }
            _ => sessions.push(SessionView {
                id: row.session,
                name: row.session_name,
                opened: maybe(row.opened),
                closed: maybe(row.closed),
                recordings: vec![recording],
            }),
        }
    }
    Ok(sessions)
}
