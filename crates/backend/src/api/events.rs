//! Server-sent events: what happens, as it happens, from any point that was seen before.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::Stream as FutureStream;
use serde::Serialize;
use workshop_edge::Query;
use workshop_events::Cursor;
use workshop_wire::backend::{EventsQuery, RecordingChanged, RecordingState, Reset, Storage, StorageChanged};

use super::service::Service;
use crate::workspace::{Batch, Entry, Health, Position, Workspace};

/// Follows the state: `state` with the log's line, `reset` when the page must load anew, `storage` and `recording`.
#[utoipa::path(get, path = "/api/events", tag = "student", params(EventsQuery),
    responses((status = 200, description = "Events; the id of each is a cursor", body = String, content_type = "text/event-stream")))]
pub(super) async fn events(
    State(service): State<Service>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Response {
    follow(&service.workspace, false, &query, &headers)
}

/// The answer that follows a workspace.
pub(super) fn follow(
    workspace: &Workspace,
    instructor: bool,
    query: &EventsQuery,
    headers: &HeaderMap,
) -> Response {
    let last_seen = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let asked = last_seen.or(query.after.as_deref());
    let stream = stream(workspace.clone(), instructor, asked.map(ToOwned::to_owned));
    let mut response =
        Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))).into_response();
    // For proxies that would wait for more.
    response.headers_mut().insert("x-accel-buffering", axum::http::HeaderValue::from_static("no"));
    response
}

/// Where to begin: after the cursor that was asked for, or now. `None`: that cursor cannot be gone on from.
fn begin(workspace: &Workspace, instructor: bool, asked: Option<&str>) -> Option<Position> {
    let Some(asked) = asked else { return Some(workspace.position_now(instructor)) };
    let mut cursor: Cursor = asked.parse().ok()?;
    match (instructor, cursor.instructor) {
        (true, None) => return None,
        (false, Some(_)) => cursor.instructor = None,
        _ => {}
    }
    workspace.position(&cursor)
}

fn stream(
    workspace: Workspace,
    instructor: bool,
    asked: Option<String>,
) -> impl FutureStream<Item = Result<Event, Infallible>> {
    async_stream::stream! {
        let mut arrivals = workspace.arrivals();
        let mut health = workspace.health();
        let mut stopping = workspace.stopping();
        let mut told: Option<Health> = None;
        let mut position = match begin(&workspace, instructor, asked.as_deref()) {
            Some(position) => position,
            None => {
                let now = workspace.position_now(instructor);
                yield Ok(reset(&workspace, &now));
                now
            }
        };
        loop {
            arrivals.mark_unchanged();
            let now = *health.borrow_and_update();
            for event in health_events(told.replace(now), now) {
                yield Ok(event);
            }
            match workspace.recent(&position) {
                Batch::TooFarBehind => {
                    position = workspace.position_now(instructor);
                    yield Ok(reset(&workspace, &position));
                }
                Batch::Entries(entries) if entries.is_empty() => {
                    tokio::select! {
                        changed = arrivals.changed() => if changed.is_err() { return },
                        changed = health.changed() => if changed.is_err() { return },
                        _ = stopping.wait_for(|stop| *stop) => return,
                    }
                }
                Batch::Entries(entries) => {
                    for entry in entries {
                        position = position.after(&entry);
                        yield Ok(line(&workspace, &position, &entry));
                    }
                }
            }
        }
    }
}

fn line(workspace: &Workspace, position: &Position, entry: &Entry) -> Event {
    let id = workspace.cursor(position).to_string();
    Event::default().event(entry.stream.name()).id(id).data(&*entry.line)
}

fn reset(workspace: &Workspace, position: &Position) -> Event {
    event("reset", &Reset {}).id(workspace.cursor(position).to_string())
}

fn event(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).data(serde_json::to_string(data).unwrap_or_default())
}

/// What is worth saying of the log's health: at first only what is wrong, then every change.
fn health_events(before: Option<Health>, now: Health) -> Vec<Event> {
    let before = before.unwrap_or(Health { storing: true, recording: true });
    let mut events = Vec::new();
    if before.storing != now.storing {
        let storage = if now.storing { Storage::Ok } else { Storage::Full };
        events.push(event("storage", &StorageChanged { storage }));
    }
    if before.recording != now.recording {
        let recording = if now.recording { RecordingState::On } else { RecordingState::Paused };
        events.push(event("recording", &RecordingChanged { recording }));
    }
    events
}
