//! Recordings as the browser plays them: one resource over all chunks, with ranges, while it grows.

use crate::error::ApiError;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

use super::chunks::{self, Chunk};
use super::{Casts, CastsError};
use crate::Dashboard;
use workshop_edge::Path;
use workshop_edge::{Part, Problem};

/// So many objects are asked for ahead of the one that is sent; their bytes come when it is their turn.
const AHEAD: usize = 4;

/// What players ask for.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/api/recordings/{log}/{name}", get(recording))
}

async fn recording(
    State(dashboard): State<Arc<Dashboard>>,
    Path((log, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let mut connection = dashboard.store.views().acquire().await?;
    // Neither is in any name; Postgres would refuse the one.
    let chunks = match name.contains(['\0', '/']) || log.contains('\0') {
        true => Vec::new(),
        false => chunks::of_recording(&mut connection, &log, &name).await?,
    };
    drop(connection);
    let Some(len) = chunks.last().map(Chunk::end) else {
        return Err(Problem::not_found("There is no such recording, or nothing of it has come yet.").into());
    };
    let part = match Part::of(&headers, len) {
        Ok(part) => part,
        Err(outside) => return Ok(outside.into_response()),
    };
    let failed = |error: CastsError| Problem::unavailable("the recording cannot be read", &error);
    let mut bytes = bytes(dashboard.casts.clone(), chunks, part.first, part.end).boxed();
    // Before it is said that it comes, some of it is here.
    let begin = bytes.try_next().await.map_err(failed)?;
    let body = Body::from_stream(stream::iter(begin.map(Ok)).chain(bytes));
    Ok(part.answer("application/x-asciicast", body))
}

/// The bytes from `first` to before `end` of the recording that these chunks make, one object after the other.
pub(super) fn bytes(
    casts: Casts,
    chunks: Vec<Chunk>,
    first: u64,
    end: u64,
) -> impl Stream<Item = Result<Bytes, CastsError>> + Send + 'static {
    let parts = chunks.into_iter().filter(move |chunk| chunk.end() > first && chunk.offset < end);
    let opened = stream::iter(parts).map(move |chunk| {
        let casts = casts.clone();
        let from = first.saturating_sub(chunk.offset);
        let to = chunk.len.min(end - chunk.offset);
        async move { casts.read(&chunk.key, from, to).await }
    });
    opened.buffered(AHEAD).try_flatten()
}
