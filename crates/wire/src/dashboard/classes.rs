//! A class as a whole: students by steps, and where they are lost.

use serde::Serialize;
use utoipa::ToSchema;

/// Students by steps.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Matrix {
    /// Each workshop that has students, by name.
    pub workshops: Vec<WorkshopMatrix>,
}

/// The students of a workshop by its steps.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WorkshopMatrix {
    /// Name of the workshop.
    pub workshop: String,
    /// Its steps in order.
    pub steps: Vec<MatrixStep>,
    /// Its students by name.
    pub rows: Vec<MatrixRow>,
}

/// A step as a column.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MatrixStep {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its place, from 1.
    pub position: u32,
    /// Its group.
    #[schema(required)]
    pub group: Option<String>,
}

/// A student as a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct MatrixRow {
    /// The workspace.
    pub workspace: String,
    /// Who works in it.
    pub student: String,
    /// One for each step, in their order.
    pub cells: Vec<Cell>,
}

/// A student in a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cell {
    /// How the step stands.
    pub state: CellState,
    /// Whether the student is in it now.
    pub here: bool,
    /// Checks by the student.
    pub tries: u32,
    /// How often help was opened.
    pub helps: u32,
    /// Milliseconds for which it was active, up to the last activity.
    pub active_ms: i64,
}

/// How a step stands for a student.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CellState {
    /// Completed by the student.
    Completed,
    /// The last check of it failed.
    Failed,
    /// Being worked on.
    Active,
    /// Brought by an image.
    Given,
    /// Begun, and left.
    Started,
    /// Not begun.
    None,
}

impl CellState {
    const ALL: [Self; 6] =
        [Self::Completed, Self::Failed, Self::Active, Self::Given, Self::Started, Self::None];

    /// The word on the wire and in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Active => "active",
            Self::Given => "given",
            Self::Started => "started",
            Self::None => "none",
        }
    }

    /// Of a word in SQL, which has no others.
    pub fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or(Self::None)
    }
}

/// Where students are lost.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Funnel {
    /// Each workshop that has students, by name.
    pub workshops: Vec<WorkshopFunnel>,
}

/// Where the students of a workshop are lost.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WorkshopFunnel {
    /// Name of the workshop.
    pub workshop: String,
    /// Its steps in order.
    pub steps: Vec<FunnelStep>,
    /// The tests that fail most, most students first: at most 50.
    pub failures: Vec<Failure>,
}

/// A step over all students.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FunnelStep {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its place, from 1.
    pub position: u32,
    /// How many students began it; who never opened the page is not among them.
    pub started: i64,
    /// How many completed it.
    pub completed: i64,
    /// To how many an image gave it, who did not complete it.
    pub given: i64,
    /// How many are in it now.
    pub here_now: i64,
    /// Half of those who completed it were in it for at most so many milliseconds; null if none did.
    #[schema(required)]
    pub median_ms: Option<i64>,
    /// Nine in ten of them.
    #[schema(required)]
    pub p90_ms: Option<i64>,
    /// Of those who checked it, the share whose first check passed, 0 to 1; null if none did.
    #[schema(required)]
    pub first_try_rate: Option<f64>,
    /// How many students there are.
    pub students: i64,
    /// How often help was opened in it.
    pub helps: i64,
}

/// A test that fails.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Failure {
    /// The step.
    pub step: String,
    /// What is tested.
    pub title: String,
    /// What was found.
    pub found: String,
    /// What is expected.
    pub expected: String,
    /// For how many students it failed.
    pub students: i64,
    /// How often.
    pub times: i64,
}
