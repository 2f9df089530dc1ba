//! Takes in lines of one of the three JSONL streams.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use workshop_edge::Problem;
use workshop_events::{Commands, Llm, State as StateKind, Stream};
use workshop_wire::ProblemBody;
use workshop_wire::ingest::{Stored, TOO_LONG};

use super::body;
use super::commit::{Brought, Taken, take};
use super::headers::{number, offset};
use super::layers::Target;
use crate::error::ApiError;
use crate::service::Dashboard;

/// Stores whole lines of one of the three JSONL streams, as they stand in the file from `Workshop-Offset` on.
#[utoipa::path(post, path = "/ingest/{workspace}/{log}/{stream}", tag = "ingest",
    params(("workspace" = String, Path, description = "Name of the workspace"),
        ("log" = String, Path, description = "Id of the log", pattern = "^[0-9a-f]{16}$"),
        ("stream" = String, Path, description = "state, commands or llm"),
        ("Workshop-Offset" = u64, Header, description = "Byte offset of the body's first byte in its file"),
        ("Workshop-Too-Long" = Option<u64>, Header, description = "Instead of a body: the length in bytes of a line that is too long to be posted")),
    request_body(content = String, content_type = "application/x-ndjson"),
    responses((status = 200, body = Stored), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn post_lines(
    State(dashboard): State<Arc<Dashboard>>,
    target: Target,
    request: Request,
) -> Result<Json<Stored>, ApiError> {
    let stream = Stream::ALL.into_iter().find(|known| known.name() == target.name);
    let stream =
        stream.ok_or_else(|| Problem::not_found("The streams are state, commands, llm and cast/<name>."))?;
    let (head, body) = request.into_parts();
    let known = target.open()?;
    let offset = offset(&head.headers)?;
    let too_long = number(&head.headers, TOO_LONG)?;
    body::plain(&head.headers)?;
    let announced = body::announced(&head.headers)?;
    let (brought, room) = match (too_long, announced) {
        (Some(0), _) => return Err(Problem::bad_request("Workshop-Too-Long: no line has 0 bytes.").into()),
        (Some(len), _) => (Brought::TooLong(len), None),
        // Delivered again: nothing of it has to be kept.
        (None, Some(len)) if offset.checked_add(len).is_some_and(|end| end <= known.next) => {
            body::drain(body).await?;
            dashboard.taken.count(len, false);
            return Ok(Json(Stored { next: known.next, seq: known.seq.map(i64::unsigned_abs) }));
        }
        (None, announced) => {
            let (lines, room) = dashboard.bodies.read_lines(body, announced).await?;
            (Brought::Lines(lines), Some(room))
        }
    };
    let len = if let Brought::Lines(bytes) = &brought { bytes.len() as u64 } else { 0 };
    let taken = store(&dashboard, target, stream, offset, brought, room).await?;
    dashboard.taken.count(len, taken.new);
    Ok(Json(taken.stored()))
}

/// A client that goes away does not stop what is being stored.
async fn store(
    dashboard: &Arc<Dashboard>,
    target: Target,
    stream: Stream,
    offset: u64,
    brought: Brought,
    room: Option<body::Room>,
) -> Result<Taken, ApiError> {
    let dashboard = dashboard.clone();
    let storing = tokio::spawn(async move {
        let _room = room;
        let (pool, Target { workspace, log, .. }) = (dashboard.store.ingest(), target);
        let taken = match stream {
            Stream::State => take::<StateKind>(pool, &workspace, log, offset, brought).await?,
            Stream::Commands => take::<Commands>(pool, &workspace, log, offset, brought).await?,
            Stream::Llm => take::<Llm>(pool, &workspace, log, offset, brought).await?,
        };
        if taken.new {
            dashboard.touched();
        }
        Ok(taken)
    });
    storing.await.map_err(|error| Problem::unavailable("the lines could not be stored", &error))?
}
