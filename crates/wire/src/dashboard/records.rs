//! Lists of what happened: commands, events, help, recordings, quarantine, and what a search finds.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use workshop_events::Timestamp;

use crate::history::{CommandView, TestReport};

/// A page of commands, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommandPage {
    /// The commands.
    pub commands: Vec<CommandView>,
    /// Pass it as `before` for the next page; null on the last.
    #[schema(required)]
    pub next: Option<i64>,
}

/// A state event.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct EventView {
    /// Its number in the state stream.
    pub seq: i64,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// Its name.
    pub event: String,
    /// The step that it is about.
    #[schema(required)]
    pub step: Option<String>,
    /// The shell session.
    #[schema(required)]
    pub session: Option<String>,
    /// Of a check: whether every test passed.
    #[schema(required)]
    pub passed: Option<bool>,
    /// How many did.
    #[schema(required)]
    pub checks_passed: Option<i32>,
    /// Of how many.
    #[schema(required)]
    pub checks_total: Option<i32>,
    /// Of a check: `student` or `periodic`.
    #[schema(required)]
    pub trigger: Option<String>,
    /// A step's cause, help's mode, a swap's kind.
    #[schema(required)]
    pub kind: Option<String>,
    /// The swap that it belongs to.
    #[schema(required)]
    pub request: Option<String>,
    /// Why a swap failed or a recording stopped.
    #[schema(required)]
    pub reason: Option<String>,
    /// Of a check: the tests that failed.
    pub failed: Vec<TestReport>,
}

/// A page of state events, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct EventPage {
    /// The events.
    pub events: Vec<EventView>,
    /// Pass it as `before` for the next page; null on the last.
    #[schema(required)]
    pub next: Option<i64>,
}

/// A question to the language model, and its answer.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LlmView {
    /// Its number in the llm stream.
    pub seq: i64,
    /// When the answer ended.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The step.
    pub step: String,
    /// `hints`, `explain` or `solve`.
    pub mode: String,
    /// The question.
    pub question: String,
    /// The answer, in markdown.
    pub response: String,
    /// The model.
    pub model: String,
    /// Tokens it read.
    pub input_tokens: i64,
    /// Tokens it wrote.
    pub output_tokens: i64,
    /// How long it took, in milliseconds.
    pub ms: i64,
    /// `done`, `cancelled` or `error`.
    pub outcome: String,
}

/// A page of help exchanges, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LlmPage {
    /// The exchanges.
    pub exchanges: Vec<LlmView>,
    /// Pass it as `before` for the next page; null on the last.
    #[schema(required)]
    pub next: Option<i64>,
}

/// A recording of a terminal.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordingView {
    /// Its log, and in `/api/recordings/{log}/{name}`.
    pub log: String,
    /// Its file name.
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
    /// Bytes that can be played.
    pub bytes: i64,
    /// Whether its session still lasts.
    pub live: bool,
}

/// The recordings, newest first: at most 1,000.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RecordingPage {
    /// The recordings.
    pub recordings: Vec<RecordingView>,
    /// Always null: there is one page.
    #[schema(required)]
    pub next: Option<i64>,
}

/// A line that is no record.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QuarantineView {
    /// Its number, for `before`.
    pub id: i64,
    /// The log, if it is known.
    #[schema(required)]
    pub log: Option<String>,
    /// The stream.
    pub stream: String,
    /// Offset of the line in its file, in bytes; null if it came by Vector.
    #[schema(required)]
    pub offset: Option<i64>,
    /// What is wrong with it.
    pub reason: String,
    /// Its first 4 KiB as text; what is not UTF-8 is shown as U+FFFD.
    pub line: String,
    /// When it came.
    #[schema(value_type = String, format = DateTime)]
    pub received_at: Timestamp,
}

/// A page of lines that are no records, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct QuarantinePage {
    /// The lines.
    pub lines: Vec<QuarantineView>,
    /// Pass it as `before` for the next page; null on the last.
    #[schema(required)]
    pub next: Option<i64>,
}

/// A download instead of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated, with a line of names.
    Csv,
    /// A list of objects.
    Json,
}

/// A page of a list; or, where a format was asked for, all of its rows.
#[derive(ToSchema)]
#[serde(untagged)]
pub enum Listed<P, R> {
    /// A page.
    Page(P),
    /// All of them, oldest first.
    All(Vec<R>),
}

/// Which page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// The log; the newest when absent.
    pub log: Option<String>,
    /// Only those with a smaller number.
    pub before: Option<i64>,
    /// At most so many, 1 to 1000; 100 when absent.
    pub limit: Option<u32>,
    /// Only those of this step.
    pub step: Option<String>,
    /// All of them as a download, oldest first, instead of a page.
    #[param(inline)]
    pub format: Option<Format>,
}

/// Which log.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogQuery {
    /// The log; the newest when absent.
    pub log: Option<String>,
}

/// Which workshop.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WorkshopQuery {
    /// Only this one.
    pub workshop: Option<String>,
}

/// What to look for.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SearchQuery {
    /// A part of the command line; upper and lower case are one. At least two characters.
    #[param(min_length = 2, max_length = 200)]
    pub q: String,
    /// Only in this workshop.
    pub workshop: Option<String>,
    /// Only in this step.
    pub step: Option<String>,
    /// At most so many, 1 to 500; 100 when absent.
    pub limit: Option<u32>,
}

/// A command that was looked for.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Found {
    /// The workspace.
    pub workspace: String,
    /// Who works in it.
    pub student: String,
    /// The log.
    pub log: String,
    /// Its number in the commands stream.
    pub seq: i64,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The step that was active when it began.
    #[schema(required)]
    pub step: Option<String>,
    /// The command line.
    pub cmd: String,
    /// Its exit code.
    #[schema(required)]
    pub exit: Option<i32>,
    /// The shell session.
    #[schema(required)]
    pub session: Option<String>,
    /// Seconds from the session's opening to its beginning.
    #[schema(required)]
    pub at: Option<f64>,
}

/// What was found, newest first.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FoundList {
    /// The commands.
    pub commands: Vec<Found>,
    /// Whether there are more than were asked for.
    pub more: bool,
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
