//! The API of a workspace: bodies of requests and answers, and what its events carry.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use workshop_events::{SwitchKind, Timestamp};
use workshop_projector::{HelpMode, Navigation};

use crate::history::{CheckReport, CommandView, OpenSwitch};

mod help;
mod instructor;

pub use help::{HelpBody, HelpEntry, HelpText};
pub use instructor::{AtQuery, InstructorStatus};

/// The workspace as it is now: a fold of its log.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StateView {
    /// Name of the workshop.
    pub workshop: String,
    /// How the student moves.
    pub navigation: Navigation,
    /// The step being worked on.
    pub active: String,
    /// Steps completed by the student.
    pub completed: Vec<String>,
    /// Steps that the image already brought; they open the way, but were not done by the student.
    pub given: Vec<String>,
    /// Steps that the log knows and the workshop no longer has.
    pub former: Vec<String>,
    /// The swap being waited for.
    #[schema(required)]
    pub switch: Option<OpenSwitch>,
    /// The last swap, when it failed and nothing was asked for since.
    #[schema(required)]
    pub switch_failed: Option<FailedSwitch>,
    /// What this workspace can do.
    pub capabilities: Capabilities,
    /// The step whose image this is; `step-0` is the beginning.
    pub image_step: String,
    /// Whether terminals are being recorded.
    pub recording: RecordingState,
    /// Whether events can be stored; `full` when the disk has no space.
    pub storage: Storage,
    /// The newest check by the student of each step that has one.
    pub checks: Vec<CheckReport>,
    /// The cluster of this workshop, if its definition asks for one.
    #[schema(required)]
    pub cluster: Option<ClusterView>,
    /// Version of the backend.
    pub version: String,
    /// When this backend took the volume; changes with every restart.
    #[schema(value_type = String, format = DateTime)]
    pub started: Timestamp,
    /// Where `/api/events` goes on from: `<log>.<state>` (for an instructor `<log>.<state>.<commands>.<llm>`).
    pub cursor: String,
}

/// What a supervisor reads of a [`StateView`]: no more than it needs, since the backend may be of another version.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SwitchState {
    /// The swap being waited for.
    pub switch: Option<OpenSwitch>,
    /// The last swap, when it failed and nothing was asked for since.
    pub switch_failed: Option<FailedSwitch>,
    /// As in [`StateView::cursor`].
    pub cursor: String,
}

/// Whether terminals are being recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum RecordingState {
    /// Everything shown is recorded.
    On,
    /// Paused: size limit or low space. Commands and progress are still stored.
    Paused,
}

/// Whether events can be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Storage {
    /// Yes.
    Ok,
    /// Not at the moment: no space, or the disk fails. What was acknowledged is safe; it goes on by itself.
    Full,
}

/// What this workspace can do.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capabilities {
    /// Help by a language model.
    pub llm: bool,
    /// A supervisor swaps images; otherwise a switch answers with the command to run on the host.
    pub switch: bool,
    /// The instructor API is on.
    pub instructor: bool,
    /// The shell cannot reach the log, nor the backend's environment.
    pub isolated: bool,
}

/// A swap that failed.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct FailedSwitch {
    /// Its id.
    pub request: String,
    /// The step that it was to begin at.
    pub step: String,
    /// Why, in words.
    pub reason: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
}

/// The cluster that a workshop's definition asks for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ClusterView {
    /// `k3d` or `vcluster`.
    pub provider: String,
    /// `unavailable` until a provisioner exists.
    pub phase: String,
    /// Version of Kubernetes, once it runs.
    #[schema(required)]
    pub version: Option<String>,
}

/// A step as the student may see it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepView {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its group, in guided workshops.
    #[schema(required)]
    pub group: Option<String>,
    /// The steps that it requires, in guided workshops.
    pub requires: Vec<String>,
    /// Its place, from 1.
    pub position: u32,
    /// Completed by the student.
    pub completed: bool,
    /// Brought by the image.
    pub given: bool,
    /// Whether it may be opened now.
    pub accessible: bool,
    /// Why not, in words.
    #[schema(required)]
    pub locked: Option<String>,
    /// Whether a check completes it; otherwise the student marks it as done.
    pub has_goss: bool,
    /// Help that can be opened.
    pub help_modes: Vec<HelpOffer>,
    /// The mode to show first.
    #[schema(required)]
    pub default_help: Option<HelpMode>,
}

/// A help mode and where its answer comes from.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct HelpOffer {
    /// The mode.
    pub mode: HelpMode,
    /// From the author's file, or from a language model.
    pub source: HelpSource,
}

/// Where help comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HelpSource {
    /// The author's file.
    File,
    /// A language model.
    Llm,
}

/// Where the log stands after a request.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Accepted {
    /// As in [`StateView::cursor`].
    pub cursor: String,
}

/// Asks for an image swap.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchBody {
    /// Switch or reset.
    pub kind: SwitchKind,
}

/// A swap was asked for.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct SwitchAccepted {
    /// Its id.
    pub request: String,
}

/// The supervisor could not swap.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwitchFailedBody {
    /// The request's id.
    #[schema(max_length = 64)]
    pub request: String,
    /// Why, in words for the student.
    #[schema(max_length = 2000)]
    pub reason: String,
}

/// A page of commands, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommandPage {
    /// The commands.
    pub commands: Vec<CommandView>,
    /// Pass it as `before` for the next page; null on the last.
    #[schema(required)]
    pub next: Option<u64>,
}

/// Which page of a list.
#[derive(Clone, Copy, Debug, Default, Deserialize, IntoParams)]
pub struct PageQuery {
    /// Only records with a smaller `seq`.
    pub before: Option<u64>,
    /// At most so many, 1 to 1000; 100 when absent.
    pub limit: Option<u32>,
}

/// A recording of a terminal.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordingView {
    /// Its file name, and its name in `/api/recordings/{name}`.
    pub name: String,
    /// The shell session that it records; null for a cast of another tool.
    #[schema(required)]
    pub session: Option<String>,
    /// Name of the session's tab.
    #[schema(required)]
    pub terminal: Option<String>,
    /// When the session was opened: second 0 of the cast's times.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub opened: Option<Timestamp>,
    /// The second of the session at which this file begins (0 for its first).
    pub at: f64,
    /// Its size in bytes.
    pub bytes: u64,
    /// Whether it is still being written.
    pub live: bool,
}

/// A terminal of the workspace.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TerminalView {
    /// Its name: the tab's.
    pub name: String,
    /// The shell session in it.
    pub session: String,
    /// The title that the program in it has set; empty if none.
    pub title: String,
    /// Whether its shell runs.
    pub running: bool,
}

/// Where to follow from.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
pub struct EventsQuery {
    /// The cursor of a state already seen.
    pub after: Option<String>,
}

/// Data of the event `storage` of `/api/events`: whether events can be stored has changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct StorageChanged {
    /// As it is now.
    pub storage: Storage,
}

/// Data of the event `recording` of `/api/events`: whether terminals are recorded has changed.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct RecordingChanged {
    /// As it is now.
    pub recording: RecordingState,
}

/// Data of the event `reset` of `/api/events`: what was seen before cannot be continued, and the page loads the state anew.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub struct Reset {}
