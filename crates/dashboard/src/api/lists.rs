//! Lists of what happened in a workspace: a page at a time, newest first, or all of it as a download.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::dashboard::{
    CommandPage, EventPage, EventView, Format, Listed, LlmPage, LlmView, PageQuery, QuarantinePage,
    QuarantineView, RecordingPage, RecordingView,
};
use workshop_wire::history::CommandView;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use sqlx::{AssertSqlSafe, PgPool};

use super::download::{BATCH, Row, download};
use super::params::{self, Log};
use super::rows::{self, Numbered};
use crate::service::Dashboard;
use workshop_edge::{Path, Query};

/// Entries of a page when nothing is said.
const USUAL: u32 = 100;
/// And at most.
const MOST: u32 = 1000;

/// Up to `limit` rows: the newest before a number, or the oldest after one.
async fn read<R: Numbered>(
    pool: &PgPool,
    log: &Log,
    step: Option<&str>,
    bound: Bound,
    limit: i64,
) -> Result<Vec<R>, sqlx::Error> {
    let (columns, table) = (R::COLUMNS, R::TABLE);
    let (comparison, order, number) = match bound {
        Bound::Before(number) => ("<", "desc", number),
        Bound::After(number) => (">", "asc", number),
    };
    let sql = format!(
        "select {columns} from {table}
         where opened = $1::date and log = $2 and seq {comparison} $3 and ($4::text is null or step = $4)
         order by seq {order} limit $5"
    );
    // Made of constants alone; what a request says is bound.
    sqlx::query(AssertSqlSafe(sql))
        .bind(&log.opened)
        .bind(&log.log)
        .bind(number)
        .bind(step)
        .bind(limit)
        .try_map(|row| R::read(&row))
        .fetch_all(pool)
        .await
}

#[derive(Clone, Copy, Debug)]
enum Bound {
    Before(i64),
    After(i64),
}

/// The newest commands of a log, oldest of them first.
pub(crate) async fn newest_commands(
    pool: &PgPool,
    log: &Log,
    limit: i64,
) -> Result<Vec<CommandView>, sqlx::Error> {
    let mut commands = read(pool, log, None, Bound::Before(i64::MAX), limit).await?;
    commands.reverse();
    Ok(commands)
}

/// How many entries a page may have.
pub(crate) fn limit(asked: Option<u32>, most: u32) -> i64 {
    i64::from(asked.unwrap_or(USUAL).clamp(1, most))
}

/// Cuts a list that was read one too long, and says where the next page begins.
pub(crate) fn cut<R>(rows: &mut Vec<R>, limit: i64, number: impl Fn(&R) -> i64) -> Option<i64> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if rows.len() <= limit {
        return None;
    }
    rows.truncate(limit);
    rows.last().map(number)
}

/// A page, or a download, of what is numbered.
async fn list<R: Numbered, P: Serialize>(
    dashboard: &Dashboard,
    id: &str,
    name: &str,
    query: PageQuery,
    page: impl FnOnce(Vec<R>, Option<i64>) -> P,
) -> Result<Response, ApiError> {
    let pool = dashboard.store.views().clone();
    let step = params::text(query.step.as_deref())?.map(str::to_owned);
    let log = params::log(&pool, id, query.log.as_deref()).await?;
    if let Some(format) = query.format {
        let batches = async_stream::try_stream! {
            let Some(log) = log else { return };
            let mut after = -1;
            loop {
                let rows: Vec<R> = read(&pool, &log, step.as_deref(), Bound::After(after), BATCH).await?;
                let Some(last) = rows.last() else { return };
                after = last.seq();
                yield rows;
            }
        };
        return download(&format!("{id}-{name}"), format, batches).await;
    }
    let limit = limit(query.limit, MOST);
    let mut rows = match log {
        Some(log) => {
            let before = Bound::Before(query.before.unwrap_or(i64::MAX));
            read(&pool, &log, step.as_deref(), before, limit + 1).await?
        }
        None => Vec::new(),
    };
    let next = cut(&mut rows, limit, R::seq);
    Ok(Json(page(rows, next)).into_response())
}

/// The commands, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/commands", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, content((Listed<CommandPage, CommandView> = "application/json"), (String = "text/csv"))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn commands(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    list(&dashboard, &id, "commands", query, |commands: Vec<CommandView>, next| CommandPage {
        commands,
        next,
    })
    .await
}

/// The state events, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/events", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, content((Listed<EventPage, EventView> = "application/json"), (String = "text/csv"))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn events(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    list(&dashboard, &id, "events", query, |events: Vec<EventView>, next| EventPage { events, next }).await
}

/// Questions to the language model and its answers, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/llm", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, content((Listed<LlmPage, LlmView> = "application/json"), (String = "text/csv"))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn llm(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    list(&dashboard, &id, "llm", query, |exchanges: Vec<LlmView>, next| LlmPage { exchanges, next }).await
}

/// The recordings, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/recordings", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, content((Listed<RecordingPage, RecordingView> = "application/json"), (String = "text/csv"))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn recordings(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let pool = dashboard.store.views();
    params::workspace(pool, &id).await?;
    let recordings = sqlx::query(
        "select log, name, session, session_name, (extract(epoch from opened_at) * 1000)::bigint as opened, at, bytes,
                session is not null and closed_at is null as live
         from recording_refs where workspace = $1 and ($2::text is null or log = $2)
         order by opened_at desc nulls last, log, name desc limit $3",
    )
    .bind(&id)
    .bind(params::text(query.log.as_deref())?)
    .bind(limit(query.limit.or(Some(MOST)), MOST))
    .try_map(|row| rows::recording(&row))
    .fetch_all(pool)
    .await?;
    one_batch(&id, "recordings", query.format, recordings, |recordings| RecordingPage {
        recordings,
        next: None,
    })
    .await
}

/// The lines that are no records, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/quarantine", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, content((Listed<QuarantinePage, QuarantineView> = "application/json"), (String = "text/csv"))),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn quarantine(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    Query(query): Query<PageQuery>,
) -> Result<Response, ApiError> {
    let pool = dashboard.store.views().clone();
    params::workspace(&pool, &id).await?;
    let log = params::text(query.log.as_deref())?.map(str::to_owned);
    if let Some(format) = query.format {
        let (name, workspace) = (format!("{id}-quarantine"), id);
        let batches = async_stream::try_stream! {
            let mut after = -1;
            loop {
                let rows = quarantined(&pool, &workspace, log.as_deref(), Bound::After(after), BATCH).await?;
                let Some(last) = rows.last() else { return };
                after = last.id;
                yield rows;
            }
        };
        return download(&name, format, batches).await;
    }
    let limit = limit(query.limit, MOST);
    let before = Bound::Before(query.before.unwrap_or(i64::MAX));
    let mut lines = quarantined(&pool, &id, log.as_deref(), before, limit + 1).await?;
    let next = cut(&mut lines, limit, |line| line.id);
    Ok(Json(QuarantinePage { lines, next }).into_response())
}

async fn quarantined(
    pool: &PgPool,
    id: &str,
    log: Option<&str>,
    bound: Bound,
    limit: i64,
) -> Result<Vec<QuarantineView>, sqlx::Error> {
    let (comparison, order, number) = match bound {
        Bound::Before(number) => ("<", "desc", number),
        Bound::After(number) => (">", "asc", number),
    };
    let sql = format!(
        "select id, log, stream, \"offset\", reason, substring(line for 4096) as line,
                (extract(epoch from received_at) * 1000)::bigint as received_at
         from quarantine
         where workspace = $1 and ($2::text is null or log = $2) and id {comparison} $3 order by id {order} limit $4"
    );
    sqlx::query(AssertSqlSafe(sql))
        .bind(id)
        .bind(log)
        .bind(number)
        .bind(limit)
        .try_map(|row| rows::quarantine(&row))
        .fetch_all(pool)
        .await
}

/// A page, or a download, of what was read at once.
async fn one_batch<R: Row, P: Serialize>(
    id: &str,
    name: &str,
    format: Option<Format>,
    rows: Vec<R>,
    page: impl FnOnce(Vec<R>) -> P,
) -> Result<Response, ApiError> {
    match format {
        Some(format) => {
            let batches = futures_util::stream::iter([Ok(rows)]);
            download(&format!("{id}-{name}"), format, batches).await
        }
        None => Ok(Json(page(rows)).into_response()),
    }
}
