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
use sqlx::{FromRow, PgPool};

use super::download;
use super::params;
use crate::service::Dashboard;
use crate::values::{count, maybe};
use workshop_edge::Query;

/// Most students, over all workshops.
const MOST: i64 = 10_000;

/// Students by steps.
#[utoipa::path(get, path = "/api/matrix", tag = "instructor", params(WorkshopQuery), responses((status = 200, body = Matrix),
    (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn matrix(
    State(dashboard): State<Arc<Dashboard>>,
    Query(query): Query<WorkshopQuery>,
) -> Result<Json<Matrix>, ApiError> {
    let workshop = params::text(query.workshop.as_deref())?;
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
    sqlx::query_as(
        "with shown as (
             select workspace from student_now where log is not null and ($1::text is null or workshop = $1)
             order by workshop, student, workspace limit $2
         )
         select workshop, workspace, student, step, title, position, step_group, state,
                (extract(epoch from completed) * 1000)::bigint as completed, tries, first_passed, last_passed, helps,
                active_ms, here
         from step_now join shown using (workspace)
         where position is not null
         order by workshop, student, workspace, position, step",
    )
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
