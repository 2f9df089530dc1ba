//! The past of a workspace, in the shapes of the workspace's own instructor API: the pages share their components.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use workshop_events::{SwitchKind, Timestamp};

use super::CommandView;

/// The kinds of image swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum SwapKind {
    /// Go to another step.
    Switch,
    /// Begin a step again.
    Reset,
}

impl From<SwitchKind> for SwapKind {
    fn from(kind: SwitchKind) -> Self {
        match kind {
            SwitchKind::Switch => Self::Switch,
            SwitchKind::Reset => Self::Reset,
        }
    }
}

/// A swap that was asked for and is neither done nor failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct OpenSwitch {
    /// Its id.
    pub request: String,
    /// Switch or reset.
    pub kind: SwapKind,
    /// The step that it begins at.
    pub step: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
}

/// What a check found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The step that was checked.
    pub step: String,
    /// Whether every test passed.
    pub passed: bool,
    /// How many tests there are.
    pub total: u32,
    /// How many passed.
    pub passed_count: u32,
    /// Who asked: `student` or `periodic`.
    pub trigger: CheckTrigger,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The tests that failed.
    pub tests: Vec<TestReport>,
}

/// Who asked for a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckTrigger {
    /// The student.
    Student,
    /// The backend's own interval.
    Periodic,
}

/// One test of a check.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TestReport {
    /// What was tested, in the student's words.
    pub title: String,
    /// Whether it passed.
    pub passed: bool,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// Not begun.
    Ahead,
    /// Being worked on, not checked or not failed.
    Active,
    /// Being worked on; the last check failed.
    Failing,
    /// Completed by the student.
    Completed,
    /// Brought by the image.
    Given,
    /// Not in the workshop any more.
    Former,
}

/// A step with what the student did in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepProgress {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its group.
    #[schema(required)]
    pub group: Option<String>,
    /// How it stands.
    pub status: StepStatus,
    /// Whether it is the active step.
    pub active: bool,
    /// Checks by the student.
    pub tries: u32,
    /// Seconds for which it was active.
    pub seconds: f64,
    /// The newest check, by whomever.
    #[schema(required)]
    pub last_check: Option<CheckReport>,
}

/// The state at a moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StateAt {
    /// The log that was folded.
    pub log: String,
    /// The moment asked for.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The last `seq` that counts.
    pub seq: u64,
    /// The active step then.
    #[schema(required)]
    pub active: Option<String>,
    /// Each step then.
    pub steps: Vec<StepProgress>,
    /// Browsers connected then.
    pub clients: u32,
    /// The swap that was open then.
    #[schema(required)]
    pub switch: Option<OpenSwitch>,
}

/// The moment to look at.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AtQuery {
    /// RFC 3339.
    #[param(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// The log; the newest when absent.
    pub log: Option<String>,
}

/// All that moves under the one slider.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineView {
    /// The log that was folded.
    pub log: String,
    /// The first record's time; null in an empty log.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub from: Option<Timestamp>,
    /// The last record's time.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub to: Option<Timestamp>,
    /// Which step was active when, in order.
    pub steps: Vec<StepBand>,
    /// Every check, in order, the newest 5,000.
    pub checks: Vec<CheckReport>,
    /// Every command, in order, the newest 5,000.
    pub commands: Vec<CommandView>,
    /// Everything else that an instructor wants to see in the list, in order, the newest 5,000.
    pub moments: Vec<Moment>,
    /// The shell sessions, in order.
    pub sessions: Vec<SessionBand>,
}

/// A stretch of time in which a step was active.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepBand {
    /// The step.
    pub step: String,
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until when; null: still.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub to: Option<Timestamp>,
    /// `initial`, `navigate`, `switch`, `reset`.
    pub cause: String,
}

/// Something that happened besides commands and checks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Moment {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The event's name as in the state stream: `help_opened`, `switch_requested`, `backend_started`, …
    pub kind: String,
    /// The step that it is about.
    #[schema(required)]
    pub step: Option<String>,
    /// In words.
    pub text: String,
}

/// A shell session and its recordings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionBand {
    /// Its id.
    pub session: String,
    /// Name of its tab.
    pub name: String,
    /// When it was opened: second 0 of its casts.
    #[schema(value_type = String, format = DateTime)]
    pub opened: Timestamp,
    /// When it ended; null: still runs.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub closed: Option<Timestamp>,
    /// Its recordings, in order, each with the second of the session at which it begins.
    pub casts: Vec<CastRef>,
}

/// A recording of a session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CastRef {
    /// File name.
    pub name: String,
    /// The second of the session at which it begins.
    pub at: f64,
}
