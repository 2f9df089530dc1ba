//! The instructor API of the dashboard: bodies of requests and answers, and what its events carry.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use workshop_events::Timestamp;

use crate::ingest::LogState;

mod classes;
mod records;

pub use classes::{
    Cell, CellState, Failure, Funnel, FunnelStep, Matrix, MatrixRow, MatrixStep, WorkshopFunnel,
    WorkshopMatrix,
};
pub use records::{
    AtQuery, CommandPage, EventPage, EventView, Format, Found, FoundList, Listed, LlmPage, LlmView, LogQuery,
    PageQuery, QuarantinePage, QuarantineView, RecordingPage, RecordingView, SearchQuery, WorkshopQuery,
};

/// Who asks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Me {
    /// E-mail address or name at the provider; `instructor` for who has the token.
    pub name: String,
    /// How it is known.
    pub via: Via,
}

/// How an instructor is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Via {
    /// By the instructors' token.
    Token,
    /// By a login at the OpenID Connect provider.
    Oidc,
}

/// How one can log in.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct LoginSettings {
    /// At an OpenID Connect provider: `/auth/login`.
    pub oidc: bool,
    /// With the instructors' token.
    pub token: bool,
}

/// Why someone may need help.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// Three failed checks or more in the active step, the last of them too.
    Fails,
    /// Nothing happened for more than ten minutes, and it is not finished.
    Idle,
    /// For more than fifteen minutes in the active step, and active.
    Slow,
    /// No browser is connected, nothing happened for two hours, and it is not finished.
    Left,
    /// Nobody has opened it yet.
    New,
}

impl Mark {
    const ALL: [Self; 5] = [Self::Fails, Self::Idle, Self::Slow, Self::Left, Self::New];

    /// The word on the wire and in SQL.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fails => "fails",
            Self::Idle => "idle",
            Self::Slow => "slow",
            Self::Left => "left",
            Self::New => "new",
        }
    }

    /// Of a word in SQL, which has no others.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mark| mark.name() == name)
    }
}

/// A workspace at a glance: the newest of its logs.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// Its name.
    pub workspace: String,
    /// Who works in it.
    pub student: String,
    /// Name of the workshop.
    pub workshop: String,
    /// The active step.
    #[schema(required)]
    pub step: Option<String>,
    /// Its title.
    #[schema(required)]
    pub step_title: Option<String>,
    /// Its place, from 1; null for one that the workshop no longer has.
    #[schema(required)]
    pub step_position: Option<u32>,
    /// How many steps the workshop has.
    pub steps: u32,
    /// How many of them the student completed.
    pub completed: u32,
    /// How many of the others an image brought.
    pub given: u32,
    /// How each of the workshop's steps stands, in their order.
    pub path: Vec<CellState>,
    /// When a browser was first connected to one of its terminals.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub begun: Option<Timestamp>,
    /// When the last step was completed, or the backend started if an image brought them all; null until every step is done.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub finished: Option<Timestamp>,
    /// Browsers connected to a terminal.
    pub clients: u32,
    /// Whether there is one.
    pub connected: bool,
    /// Time of the newest record.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_activity: Option<Timestamp>,
    /// The newest command.
    #[schema(required)]
    pub last_command: Option<LastCommand>,
    /// How much the student did in each half minute of the clock: commands, checks, steps looked at, help opened. The
    /// newest comes last and is that of `lastActivity`; at most 30, a quarter of an hour.
    pub activity: Vec<u32>,
    /// Since when the step is active.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub active_since: Option<Timestamp>,
    /// Checks by the student in the active step.
    pub tries: u32,
    /// How often help was opened in it.
    pub helps: u32,
    /// Whether the newest check in it passed; null if there was none.
    #[schema(required)]
    pub last_passed: Option<bool>,
    /// Why the student may need help.
    #[schema(required)]
    pub mark: Option<Mark>,
    /// How much the student needs help: higher comes first. Among equals, the longest in the step does.
    pub need: u32,
    /// The step that an open swap goes to.
    #[schema(required)]
    pub switch_step: Option<String>,
    /// Why the last swap failed, until the next.
    #[schema(required)]
    pub switch_failed: Option<String>,
    /// Whether its terminal can be watched: its address is known, and the workspaces' token.
    pub live: bool,
    /// Whether the newest log is taken in; null without any.
    #[schema(required)]
    pub log_state: Option<LogState>,
    /// Holes in its logs.
    pub gaps: u32,
    /// Lines of it that are no records.
    pub quarantined: u32,
    /// Since when its token is refused; null while it is good.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub revoked: Option<Timestamp>,
    /// Grows with every change of what is stored of it.
    pub version: i64,
}

/// A command at a glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct LastCommand {
    /// Its text: the first 200 characters.
    pub cmd: String,
    /// Its exit code; null when it is not known.
    #[schema(required)]
    pub exit: Option<i32>,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
}

/// The class. Also the data of the event `snapshot` of `/api/stream`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Class {
    /// The dashboard's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Who needs help most comes first.
    pub workspaces: Vec<Card>,
}

/// Data of the event `changed` of `/api/stream`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Changed {
    /// The dashboard's clock.
    #[schema(value_type = String, format = DateTime)]
    pub now: Timestamp,
    /// Those that are new or not as they were.
    pub workspaces: Vec<Card>,
}

/// Data of the event `removed` of `/api/stream`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(transparent)]
pub struct Removed(
    /// Names of workspaces that are no more.
    pub Vec<String>,
);

/// Which workspaces.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ClassQuery {
    /// Only those of this workshop.
    pub workshop: Option<String>,
    /// Also those whose token was revoked.
    #[serde(default)]
    pub revoked: bool,
}

/// A workspace in full.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceDetail {
    /// At a glance.
    #[serde(flatten)]
    pub card: Card,
    /// Its logs, newest first. A workspace whose volume was replaced has several.
    pub logs: Vec<LogView>,
    /// The steps of the log that was asked for, in the workshop's order, then former ones.
    pub steps_list: Vec<StepRow>,
    /// The shell sessions of that log, oldest first.
    pub sessions: Vec<SessionView>,
}

/// A log of a workspace.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LogView {
    /// Its id.
    pub log: String,
    /// First ingest.
    #[schema(value_type = String, format = DateTime)]
    pub first_seen: Timestamp,
    /// Last ingest that brought something.
    #[schema(value_type = String, format = DateTime)]
    pub last_seen: Timestamp,
    /// By which path its lines come, `shipper` or `vector`; null until one did.
    #[schema(required)]
    pub via: Option<String>,
    /// Whether it is taken in.
    pub state: LogState,
    /// Why it diverged.
    #[schema(required)]
    pub reason: Option<String>,
}

/// A step with what the student did in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepRow {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its place, from 1; null for one that the workshop no longer has.
    #[schema(required)]
    pub position: Option<u32>,
    /// Its group.
    #[schema(required)]
    pub group: Option<String>,
    /// Whether a check completes it.
    pub has_check: bool,
    /// Whether an image brought it.
    pub given: bool,
    /// Whether it was ever active.
    pub started: bool,
    /// When it was completed first.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub completed: Option<Timestamp>,
    /// Checks by the student.
    pub tries: u32,
    /// Whether the first of them passed.
    #[schema(required)]
    pub first_passed: Option<bool>,
    /// Whether the newest of them passed.
    #[schema(required)]
    pub last_passed: Option<bool>,
    /// How often help was opened.
    pub helps: u32,
    /// Milliseconds for which it was active, up to the last activity.
    pub active_ms: i64,
}

/// A shell session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionView {
    /// Its id; null for recordings that no session names.
    #[schema(required)]
    pub id: Option<String>,
    /// Name of its tab.
    #[schema(required)]
    pub name: Option<String>,
    /// When it was opened: second 0 of its recordings.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub opened: Option<Timestamp>,
    /// When it ended; null while it lasts.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub closed: Option<Timestamp>,
    /// Its recordings in order.
    pub recordings: Vec<SessionRecording>,
}

/// A recording of a session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionRecording {
    /// File name.
    pub name: String,
    /// The second of the session at which it begins.
    pub at: f64,
    /// Bytes that can be played.
    pub bytes: i64,
}
