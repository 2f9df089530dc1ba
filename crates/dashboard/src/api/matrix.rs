//! Students by steps.

use crate::error::ApiError;
use std::collections::HashMap;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::dashboard::{
    Cell, CellState, Matrix, MatrixRow, MatrixStep, WorkshopMatrix, WorkshopQuery,
};

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use sqlx::{AssertSqlSafe, FromRow, PgPool};

use super::asked;
use super::download;
use super::moments::{count, maybe};
use super::standing;
use crate::Dashboard;
use workshop_edge::Query;

/// Most students, over all workshops.
const MOST: i64 = 10_000;

/// Students by steps.
#[utoipa::path(get, path = "/api/matrix", tag = "instructor", params(WorkshopQuery), responses((status = 200, body = Matrix),
    (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn matrix(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<WorkshopQuery>,
) -> Result<Json<Matrix>, ApiError> {
    let workshop = asked::text(query.workshop.as_deref())?;
    Ok(Json(Matrix { workshops: workshops(dashboard.store.views(), workshop).await? }))
}

/// A student in a step, as it is stored.
#[derive(Clone, Debug, FromRow)]
pub(super) struct Stored {
    workshop: String,
    workspace: String,
    student: String,
    step: String,
    title: String,
    position: i32,
    step_group: Option<String>,
    state: String,
    completed: Option<i64>,
    tries: i32,
    first_passed: Option<bool>,
    last_passed: Option<bool>,
    helps: i32,
    active_ms: i64,
    here: bool,
}

impl Stored {
    fn cell(&self) -> Cell {
        Cell {
            state: CellState::named(&self.state),
            here: self.here,
            tries: count(self.tries),
            helps: count(self.helps),
            active_ms: self.active_ms,
        }
    }
}

/// Every step of the newest log of every workspace, in the order of workshop, student and step.
pub(super) async fn stored(pool: &PgPool, workshop: Option<&str>) -> Result<Vec<Stored>, sqlx::Error> {
    let state = standing::sql("shown.step");
    sqlx::query_as(AssertSqlSafe(format!(
        "with shown as (
             select status.*, w.student from workspace_status status join workspaces w using (workspace)
             where w.revoked is null and ($1::text is null or status.workshop = $1)
             order by status.workshop, w.student, status.workspace limit $2
         )
         select shown.workshop, shown.workspace, shown.student, step.step, step.title, step.position, step.step_group,
                {state} as state, (extract(epoch from step.completed) * 1000)::bigint as completed, step.tries,
                step.first_passed, step.last_passed, step.helps,
                step.active_ms
                    + greatest(0, coalesce(extract(epoch from shown.last_ts - step.active_since) * 1000, 0))::bigint
                    as active_ms,
                coalesce(shown.step = step.step, false) as here
         from shown join step_status step on step.log = shown.log and step.position is not null
         order by shown.workshop, shown.student, shown.workspace, step.position, step.step",
    )))
    .bind(workshop)
    .bind(MOST)
    .fetch_all(pool)
    .await
}

async fn workshops(pool: &PgPool, workshop: Option<&str>) -> Result<Vec<WorkshopMatrix>, sqlx::Error> {
    let stored = stored(pool, workshop).await?;
    Ok(stored.chunk_by(|a, b| a.workshop == b.workshop).map(workshop_matrix).collect())
}

/// Students may have different versions of a workshop: the columns are all steps that any of them has.
fn workshop_matrix(stored: &[Stored]) -> WorkshopMatrix {
    let mut steps: Vec<MatrixStep> = Vec::new();
    let mut places: HashMap<&str, usize> = HashMap::new();
    for row in stored {
        places.entry(&row.step).or_insert_with(|| {
            steps.push(MatrixStep {
                id: row.step.clone(),
                title: row.title.clone(),
                position: count(row.position),
                group: row.step_group.clone(),
            });
            steps.len() - 1
        });
    }
    steps.sort_by(|a, b| a.position.cmp(&b.position).then_with(|| a.id.cmp(&b.id)));
    let columns: HashMap<&str, usize> =
        steps.iter().enumerate().map(|(column, step)| (step.id.as_str(), column)).collect();
    let absent = Cell { state: CellState::None, here: false, tries: 0, helps: 0, active_ms: 0 };
    let rows = stored
        .chunk_by(|a, b| a.workspace == b.workspace)
        .map(|own| {
            let mut cells = vec![absent; steps.len()];
            for row in own {
                if let Some(cell) = columns.get(row.step.as_str()).and_then(|column| cells.get_mut(*column)) {
                    *cell = row.cell();
                }
            }
            MatrixRow { workspace: own[0].workspace.clone(), student: own[0].student.clone(), cells }
        })
        .collect();
    let workshop = stored.first().map(|row| row.workshop.clone()).unwrap_or_default();
    WorkshopMatrix { workshop, steps, rows }
}

/// A student in a step, as a row of a download.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepOfStudent {
    workshop: String,
    workspace: String,
    student: String,
    position: u32,
    step: String,
    title: String,
    group: Option<String>,
    #[serde(flatten)]
    cell: Cell,
    first_passed: Option<bool>,
    last_passed: Option<bool>,
    completed: Option<workshop_events::Timestamp>,
}

impl From<Stored> for StepOfStudent {
    fn from(row: Stored) -> Self {
        Self {
            cell: row.cell(),
            position: count(row.position),
            completed: maybe(row.completed),
            workshop: row.workshop,
            workspace: row.workspace,
            student: row.student,
            step: row.step,
            title: row.title,
            group: row.step_group,
            first_passed: row.first_passed,
            last_passed: row.last_passed,
        }
    }
}

impl download::Row for StepOfStudent {
    const NAMES: &'static [&'static str] = &[
        "workshop",
        "workspace",
        "student",
        "position",
        "step",
        "title",
        "group",
        "state",
        "here",
        "tries",
        "helps",
        "activeMs",
        "firstPassed",
        "lastPassed",
        "completed",
    ];
    fn cells(&self) -> Vec<download::Cell> {
        use download::Cell as Csv;
        vec![
            Csv::Text(self.workshop.clone()),
            Csv::Text(self.workspace.clone()),
            Csv::Text(self.student.clone()),
            Csv::plain(self.position),
            Csv::Text(self.step.clone()),
            Csv::Text(self.title.clone()),
            Csv::text(self.group.as_ref()),
            Csv::plain(self.cell.state.name()),
            Csv::plain(self.cell.here),
            Csv::plain(self.cell.tries),
            Csv::plain(self.cell.helps),
            Csv::plain(self.cell.active_ms),
            Csv::maybe(self.first_passed),
            Csv::maybe(self.last_passed),
            Csv::maybe(self.completed),
        ]
    }
}
