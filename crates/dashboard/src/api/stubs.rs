//! Documented, not built.

use crate::problem::{Problem, ProblemBody};

use super::types::{
    AtQuery, Class, ClassQuery, CommandPage, EventPage, FoundList, Funnel, LlmPage, LogQuery, LoginSettings,
    Matrix, Me, PageQuery, QuarantinePage, RecordingPage, SearchQuery, StateAt, TimelineView, WorkshopQuery,
    WorkspaceDetail,
};

/// How one can log in. Needs no login.
#[utoipa::path(get, path = "/api/settings", tag = "instructor",
    responses((status = 200, body = LoginSettings)))]
pub(super) async fn settings() -> Problem {
    Problem::not_found("not built")
}

/// Who asks.
#[utoipa::path(get, path = "/api/me", tag = "instructor",
    responses((status = 200, body = Me), (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn me() -> Problem {
    Problem::not_found("not built")
}

/// The class at a glance, who needs help most first.
#[utoipa::path(get, path = "/api/workspaces", tag = "instructor",
    params(ClassQuery),
    responses((status = 200, body = Class), (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn workspaces() -> Problem {
    Problem::not_found("not built")
}

/// A workspace in full.
#[utoipa::path(get, path = "/api/workspaces/{id}", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), LogQuery),
    responses((status = 200, body = WorkspaceDetail), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn workspace() -> Problem {
    Problem::not_found("not built")
}

/// The commands, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/commands", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, body = CommandPage), (status = 400, body = ProblemBody, content_type = "application/problem+json"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn commands() -> Problem {
    Problem::not_found("not built")
}

/// The state events, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/events", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, body = EventPage), (status = 400, body = ProblemBody, content_type = "application/problem+json"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn events() -> Problem {
    Problem::not_found("not built")
}

/// Questions to the language model and its answers, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/llm", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, body = LlmPage), (status = 400, body = ProblemBody, content_type = "application/problem+json"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn llm() -> Problem {
    Problem::not_found("not built")
}

/// The recordings, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/recordings", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, body = RecordingPage), (status = 400, body = ProblemBody, content_type = "application/problem+json"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn recordings() -> Problem {
    Problem::not_found("not built")
}

/// The lines that are no records, newest first; or all of them as a download.
#[utoipa::path(get, path = "/api/workspaces/{id}/quarantine", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), PageQuery),
    responses((status = 200, body = QuarantinePage), (status = 400, body = ProblemBody, content_type = "application/problem+json"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn quarantine() -> Problem {
    Problem::not_found("not built")
}

/// The state at a moment.
#[utoipa::path(get, path = "/api/workspaces/{id}/state", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), AtQuery),
    responses((status = 200, body = StateAt), (status = 400, body = ProblemBody, content_type = "application/problem+json"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json"), (status = 410, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn state() -> Problem {
    Problem::not_found("not built")
}

/// All that moves under the slider.
#[utoipa::path(get, path = "/api/workspaces/{id}/timeline", tag = "instructor",
    params(("id" = String, Path, description = "Name of the workspace"), LogQuery),
    responses((status = 200, body = TimelineView), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json"), (status = 410, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn timeline() -> Problem {
    Problem::not_found("not built")
}

/// A recording: asciicast v2, up to its last whole line; live ones too.
#[utoipa::path(get, path = "/api/recordings/{log}/{name}", tag = "instructor",
    params(("log" = String, Path, description = "Its log"), ("name" = String, Path, description = "As in the list"), ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The cast", body = String, content_type = "application/x-asciicast"), (status = 206, description = "A part of it", body = String, content_type = "application/x-asciicast"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json"), (status = 416, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn recording() -> Problem {
    Problem::not_found("not built")
}

/// Follows the class: `snapshot` (Class) first and whenever the reader was too slow, then `changed` (Changed) and `removed` (Removed); a comment every 15 s.
#[utoipa::path(get, path = "/api/stream", tag = "instructor",
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"), (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn stream() -> Problem {
    Problem::not_found("not built")
}

/// Students by steps.
#[utoipa::path(get, path = "/api/matrix", tag = "instructor",
    params(WorkshopQuery),
    responses((status = 200, body = Matrix), (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn matrix() -> Problem {
    Problem::not_found("not built")
}

/// Where students are lost.
#[utoipa::path(get, path = "/api/funnel", tag = "instructor",
    params(WorkshopQuery),
    responses((status = 200, body = Funnel), (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn funnel() -> Problem {
    Problem::not_found("not built")
}

/// Looks for commands in all workspaces.
#[utoipa::path(get, path = "/api/search", tag = "instructor",
    params(SearchQuery),
    responses((status = 200, body = FoundList), (status = 400, body = ProblemBody, content_type = "application/problem+json"), (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn search() -> Problem {
    Problem::not_found("not built")
}

/// A table of the whole class as a download.
#[utoipa::path(get, path = "/api/export/{table}", tag = "instructor",
    params(("table" = String, Path, description = "workspaces, matrix, steps or commands, with .csv or .json"), WorkshopQuery),
    responses((status = 200, description = "The table", body = String, content_type = "text/csv"), (status = 401, body = ProblemBody, content_type = "application/problem+json"), (status = 404, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn export() -> Problem {
    Problem::not_found("not built")
}

/// Ends the login.
#[utoipa::path(post, path = "/auth/logout", tag = "instructor",
    responses((status = 204, description = "Logged out"), (status = 403, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn logout() -> Problem {
    Problem::not_found("not built")
}
