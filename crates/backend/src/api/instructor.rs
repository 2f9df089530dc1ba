//! What the instructor sees: all of it, now and at any moment.

use axum::{Json, extract::State, http::HeaderMap, response::Response};
use workshop_edge::{Problem, Query};
use workshop_events::State as StateStream;
use workshop_projector::{FoldUntil, Timeline};
use workshop_wire::ProblemBody;
use workshop_wire::backend::{
    AtQuery, CommandPage, EventsQuery, HelpEntry, InstructorStatus, PageQuery, RecordingView,
};
use workshop_wire::history::{CheckReport, StateAt, StepProgress, TimelineView};

use super::{
    access::Role, commands as command_pages, events as event_streams, help, recordings as recording_files,
    service::Service, views,
};
use crate::workspace::now;

/// How many commands stand on the timeline.
const TIMELINE_COMMANDS: usize = 5000;

/// The workspace at a glance.
#[utoipa::path(get, path = "/api/instructor/status", tag = "instructor", responses((status = 200, body = InstructorStatus)))]
pub(super) async fn status(State(service): State<Service>) -> Result<Json<InstructorStatus>, Problem> {
    let state = views::state(&service, Role::Instructor);
    let last_command = command_pages::newest(&service, 1, None).await?.pop_back().map(|c| c.ts);
    let terminals = service.terminals.list();
    Ok(Json(service.workspace.read(|folded| InstructorStatus {
        state,
        steps: StepProgress::all(folded, now()),
        clients: u32::try_from(folded.clients()).unwrap_or(u32::MAX),
        terminals,
        last_activity: folded.last().max(last_command),
    })))
}

/// The commands that were run, newest first.
#[utoipa::path(get, path = "/api/instructor/commands", tag = "instructor", params(PageQuery), responses((status = 200, body = CommandPage)))]
pub(super) async fn commands(
    State(service): State<Service>,
    Query(query): Query<PageQuery>,
) -> Result<Json<CommandPage>, Problem> {
    command_pages::page(&service, query).await.map(Json)
}

/// All that moves under the slider.
#[utoipa::path(get, path = "/api/instructor/timeline", tag = "instructor", responses((status = 200, body = TimelineView)))]
pub(super) async fn timeline(State(service): State<Service>) -> Result<Json<TimelineView>, Problem> {
    let commands = command_pages::newest(&service, TIMELINE_COMMANDS, None).await?;
    let log = service.workspace.log().to_string();
    Ok(Json(service.workspace.read_timeline(|timeline| TimelineView::of(log, timeline, commands.into()))))
}

fn checks(timeline: &Timeline) -> Vec<CheckReport> {
    timeline.checks().map(|(step, check)| CheckReport::of(step, check)).collect()
}

/// Every check, oldest first.
#[utoipa::path(get, path = "/api/instructor/goss", tag = "instructor", responses((status = 200, body = Vec<CheckReport>)))]
pub(super) async fn goss(State(service): State<Service>) -> Json<Vec<CheckReport>> {
    Json(service.workspace.read_timeline(checks))
}

/// All help that was opened, oldest first.
#[utoipa::path(get, path = "/api/instructor/llm", tag = "instructor", responses((status = 200, body = Vec<HelpEntry>)))]
pub(super) async fn llm(State(service): State<Service>) -> Result<Json<Vec<HelpEntry>>, Problem> {
    help::entries(&service).await.map(Json)
}

/// The recordings, oldest first.
#[utoipa::path(get, path = "/api/instructor/recordings", tag = "instructor", responses((status = 200, body = Vec<RecordingView>)))]
pub(super) async fn recordings(State(service): State<Service>) -> Result<Json<Vec<RecordingView>>, Problem> {
    recording_files::list(&service).map(Json)
}

/// The state at a moment.
#[utoipa::path(get, path = "/api/instructor/at", tag = "instructor", params(AtQuery),
    responses((status = 200, body = StateAt), (status = 400, body = ProblemBody, content_type = "application/problem+json")))]
pub(super) async fn at(
    State(service): State<Service>,
    Query(AtQuery { ts }): Query<AtQuery>,
) -> Result<Json<StateAt>, Problem> {
    let workspace = service.workspace.clone();
    let read = move || {
        let mut fold = FoldUntil::new(ts);
        let (dir, log) = (workspace.journal().dir(), Some(workspace.log()));
        workshop_journal::replay_dir::<StateStream>(dir, log, |item| fold.apply(item.seq, &item.record))?;
        Ok::<_, std::io::Error>(fold.into_projection())
    };
    let state = tokio::task::spawn_blocking(read)
        .await
        .map_err(|e| Problem::internal("Reading the log was cut off", &e))?
        .map_err(|e| Problem::internal("Cannot read the log", &e))?;
    Ok(Json(StateAt::of(service.workspace.log().to_string(), ts, &state)))
}

/// Follows everything: `state`, `commands` and `llm` with the log's lines, and what students get besides.
#[utoipa::path(get, path = "/api/instructor/events", tag = "instructor", params(EventsQuery),
    responses((status = 200, description = "Events; the id of each is a cursor", body = String, content_type = "text/event-stream")))]
pub(super) async fn events(
    State(service): State<Service>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Response {
    event_streams::follow(&service.workspace, true, &query, &headers)
}
