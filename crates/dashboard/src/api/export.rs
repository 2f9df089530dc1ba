//! Tables of the whole class as downloads.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::dashboard::{Card, Format, Mark, WorkshopQuery};
use workshop_wire::history::CommandView;
use workshop_wire::ingest::LogState;

use axum::extract::State;
use axum::response::Response;
use futures_util::stream;
use serde::Serialize;
use sqlx::postgres::PgRow;
use sqlx::{FromRow, PgPool, Row as _};

use super::download::{BATCH, Cell, Row, download};
use super::matrix::{self, StepOfStudent};
use super::params;
use super::rows::Numbered as _;
use crate::cards::{self, Which};
use crate::service::Dashboard;
use workshop_edge::Problem;
use workshop_edge::{Path, Query};

/// A table of the whole class as a download: `workspaces`, `matrix` (each student in each step), `steps` (each step
/// over all students), `commands`; each with `.csv` or `.json`.
#[utoipa::path(get, path = "/api/export/{table}", tag = "instructor",
    params(("table" = String, Path, description = "workspaces, matrix, steps or commands, with .csv or .json"), WorkshopQuery),
    responses((status = 200, description = "The table", content((String = "text/csv"), (Vec<Object> = "application/json"))),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn export(
    State(dashboard): State<Arc<Dashboard>>,
    Path(table): Path<String>,
    Query(query): Query<WorkshopQuery>,
) -> Result<Response, ApiError> {
    let pool = dashboard.store.views();
    let workshop = params::text(query.workshop.as_deref())?;
    let (name, format) = match table.rsplit_once('.') {
        Some((name, "csv")) => (name, Format::Csv),
        Some((name, "json")) => (name, Format::Json),
        _ => (table.as_str(), Format::Csv),
    };
    match name {
        "workspaces" => {
            let which = Which { workshop, revoked: true, ..Which::default() };
            let rows = cards::rows(pool, which).await?;
            let cards: Vec<Card> = rows.iter().map(|row| row.card(dashboard.relays())).collect();
            download(name, format, stream::iter([Ok(cards)])).await
        }
        "matrix" => {
            let rows = matrix::stored(pool, workshop).await?;
            let rows: Vec<StepOfStudent> = rows.into_iter().map(Into::into).collect();
            download(name, format, stream::iter([Ok(rows)])).await
        }
        "steps" => {
            let rows = steps(pool, workshop).await?;
            download(name, format, stream::iter([Ok(rows)])).await
        }
        "commands" => download(name, format, all_commands(pool.clone(), workshop.map(str::to_owned))).await,
        _ => Err(Problem::not_found(
            "There are the tables workspaces, matrix, steps and commands, as .csv and .json.",
        )
        .into()),
    }
}

impl Row for Card {
    const NAMES: &'static [&'static str] = &[
        "workspace",
        "student",
        "workshop",
        "step",
        "stepTitle",
        "stepPosition",
        "steps",
        "completed",
        "given",
        "begun",
        "finished",
        "clients",
        "lastActivity",
        "lastCommand",
        "activeSince",
        "tries",
        "helps",
        "lastPassed",
        "mark",
        "logState",
        "gaps",
        "quarantined",
        "revoked",
    ];
    fn cells(&self) -> Vec<Cell> {
        vec![
            Cell::Text(self.workspace.clone()),
            Cell::Text(self.student.clone()),
            Cell::Text(self.workshop.clone()),
            Cell::text(self.step.as_ref()),
            Cell::text(self.step_title.as_ref()),
            Cell::maybe(self.step_position),
            Cell::plain(self.steps),
            Cell::plain(self.completed),
            Cell::plain(self.given),
            Cell::maybe(self.begun),
            Cell::maybe(self.finished),
            Cell::plain(self.clients),
            Cell::maybe(self.last_activity),
            Cell::text(self.last_command.as_ref().map(|command| &command.cmd)),
            Cell::maybe(self.active_since),
            Cell::plain(self.tries),
            Cell::plain(self.helps),
            Cell::maybe(self.last_passed),
            Cell::maybe(self.mark.map(Mark::name)),
            Cell::maybe(self.log_state.map(LogState::as_str)),
            Cell::plain(self.gaps),
            Cell::plain(self.quarantined),
            Cell::maybe(self.revoked),
        ]
    }
}

/// A step over all students.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StepOfAll {
    workshop: String,
    #[serde(flatten)]
    step: workshop_wire::dashboard::FunnelStep,
}

impl Row for StepOfAll {
    const NAMES: &'static [&'static str] = &[
        "workshop",
        "position",
        "id",
        "title",
        "students",
        "started",
        "completed",
        "given",
        "hereNow",
        "medianMs",
        "p90Ms",
        "firstTryRate",
        "helps",
    ];
    fn cells(&self) -> Vec<Cell> {
        let step = &self.step;
        vec![
            Cell::Text(self.workshop.clone()),
            Cell::plain(step.position),
            Cell::Text(step.id.clone()),
            Cell::Text(step.title.clone()),
            Cell::plain(step.students),
            Cell::plain(step.started),
            Cell::plain(step.completed),
            Cell::plain(step.given),
            Cell::plain(step.here_now),
            Cell::maybe(step.median_ms),
            Cell::maybe(step.p90_ms),
            Cell::maybe(step.first_try_rate),
            Cell::plain(step.helps),
        ]
    }
}

async fn steps(pool: &PgPool, workshop: Option<&str>) -> Result<Vec<StepOfAll>, sqlx::Error> {
    let stored = super::funnel::steps(pool, workshop).await?;
    Ok(stored.into_iter().map(|row| StepOfAll { workshop: row.workshop.clone(), step: row.view() }).collect())
}

/// A command with whose it is.
#[derive(Serialize)]
struct CommandOfAll {
    workspace: String,
    student: String,
    log: String,
    #[serde(flatten)]
    command: CommandView,
}

impl Row for CommandOfAll {
    const NAMES: &'static [&'static str] =
        &["workspace", "student", "log", "seq", "ts", "step", "cmd", "exit", "session", "cwd", "ms", "at"];
    fn cells(&self) -> Vec<Cell> {
        let mut cells = vec![
            Cell::Text(self.workspace.clone()),
            Cell::Text(self.student.clone()),
            Cell::Text(self.log.clone()),
        ];
        cells.extend(self.command.cells());
        cells
    }
}

impl FromRow<'_, PgRow> for CommandOfAll {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(Self {
            workspace: row.try_get("workspace")?,
            student: row.try_get("student")?,
            log: row.try_get("log")?,
            command: CommandView::read(row)?,
        })
    }
}

/// All commands, log by log, each log in its order: so that no sort of everything is needed.
fn all_commands(
    pool: PgPool,
    workshop: Option<String>,
) -> impl futures_util::Stream<Item = Result<Vec<CommandOfAll>, sqlx::Error>> + Send {
    async_stream::try_stream! {
        let logs: Vec<(String, String)> = sqlx::query_as(
            "select l.log, l.opened::text from logs l join workspaces w using (workspace)
             left join workspace_status s using (workspace)
             where $1::text is null or coalesce(nullif(s.workshop, ''), w.workshop) = $1
             order by w.student, w.workspace, l.first_seen, l.log",
        )
        .bind(&workshop)
        .fetch_all(&pool)
        .await?;
        for (log, opened) in logs {
            let mut after = -1i64;
            loop {
                let rows: Vec<CommandOfAll> = sqlx::query_as(
                    "select c.workspace, w.student, c.log, seq, (extract(epoch from ts) * 1000)::bigint as ts_ms, cmd, exit,
                            session, step, cwd, ms, at
                     from command_log c join workspaces w using (workspace)
                     where c.opened = $1::date and c.log = $2 and seq > $3 order by seq limit $4",
                )
                .bind(&opened)
                .bind(&log)
                .bind(after)
                .bind(BATCH)
                .fetch_all(&pool)
                .await?;
                let Some(last) = rows.last() else { break };
                after = last.command.seq();
                let full = i64::try_from(rows.len()).unwrap_or(i64::MAX) == BATCH;
                yield rows;
                if !full {
                    break;
                }
            }
        }
    }
}
