//! Takes in what shippers post: whole lines of a file at a byte offset, each once, answered once they are stored.

pub mod access;
pub mod body;
mod casts;
pub mod commit;
mod diverged;
mod late;
pub mod lines;
mod position;
pub mod vector;

use crate::error::ApiError;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use workshop_wire::ingest::{LogState, OFFSET, Stored, TOO_LONG};

use axum::Json;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::middleware;
use axum::routing::{get, post};
use workshop_events::{Commands, Llm, LogId, State as StateKind, Stream};

use crate::Dashboard;
use commit::{Brought, Taken, take};
use workshop_edge::Path;
use workshop_edge::Problem;

/// What was taken in since the dashboard started: posts, and their bytes.
#[derive(Debug, Default)]
pub struct Counts {
    new: (AtomicU64, AtomicU64),
    again: (AtomicU64, AtomicU64),
}

impl Counts {
    /// Of posts that brought something.
    pub fn fresh(&self) -> (u64, u64) {
        (self.new.0.load(Relaxed), self.new.1.load(Relaxed))
    }

    /// Of posts that brought only what was there.
    pub fn again(&self) -> (u64, u64) {
        (self.again.0.load(Relaxed), self.again.1.load(Relaxed))
    }

    fn count(&self, len: u64, new: bool) {
        let (posts, bytes) = if new { &self.new } else { &self.again };
        posts.fetch_add(1, Relaxed);
        bytes.fetch_add(len, Relaxed);
    }
}

/// What shippers ask for.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new()
        .route("/ingest/vector/{workspace}", post(vector::vector))
        .route("/ingest/{workspace}/{log}", get(position::position))
        .route("/ingest/{workspace}/{log}/diverged", post(diverged::diverged))
        .route("/ingest/{workspace}/{log}/{stream}", post(lines_of))
        .route("/ingest/{workspace}/{log}/cast/{name}", post(casts::cast))
        .layer(middleware::from_fn(body::read_refused))
}

/// Lines of one of the three JSONL streams.
async fn lines_of(
    State(dashboard): State<Arc<Dashboard>>,
    Path((workspace, log, stream)): Path<(String, String, String)>,
    request: Request,
) -> Result<Json<Stored>, ApiError> {
    let log = parse_log(&log)?;
    let stream = Stream::ALL.into_iter().find(|known| known.name() == stream);
    let stream =
        stream.ok_or_else(|| Problem::not_found("The streams are state, commands, llm and cast/<name>."))?;
    let (head, body) = request.into_parts();
    let pool = dashboard.store.ingest();
    let known = access::check(pool, &head.headers, &workspace, log, stream.name()).await?;
    access::check_open(known.state.unwrap_or(LogState::Open))?;
    let offset = number(&head.headers, OFFSET)?.ok_or_else(|| {
        Problem::bad_request("Workshop-Offset is missing: the offset of the body's first byte.")
    })?;
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
    let taken = store(&dashboard, workspace, log, stream, offset, brought, room).await?;
    dashboard.taken.count(len, taken.new);
    Ok(Json(taken.stored()))
}

/// A client that goes away does not stop what is being stored.
async fn store(
    dashboard: &Arc<Dashboard>,
    workspace: String,
    log: LogId,
    stream: Stream,
    offset: u64,
    brought: Brought,
    room: Option<body::Room>,
) -> Result<Taken, ApiError> {
    let dashboard = dashboard.clone();
    let storing = tokio::spawn(async move {
        let _room = room;
        let pool = dashboard.store.ingest();
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

fn parse_log(log: &str) -> Result<LogId, Problem> {
    log.parse().map_err(|_| Problem::bad_request("A log is named by 16 hex digits."))
}

/// A header that is a number.
fn number(headers: &HeaderMap, name: &str) -> Result<Option<u64>, Problem> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let number: Option<u64> = value.to_str().ok().and_then(|text| text.parse().ok());
    // Offsets are kept as bigint.
    let number = number.filter(|number| i64::try_from(*number).is_ok());
    number.map(Some).ok_or_else(|| Problem::bad_request(format!("{name} is no number of bytes.")))
}
