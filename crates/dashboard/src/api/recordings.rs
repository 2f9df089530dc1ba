//! Recordings as the browser plays them: one resource over all chunks, with ranges, while it grows.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use futures_util::{StreamExt, TryStreamExt, stream};
use workshop_edge::{Part, Path, Problem};
use workshop_wire::ProblemBody;

use crate::casts::CastsError;
use crate::casts::chunks::{self, Chunk};
use crate::casts::playback;
use crate::error::ApiError;
use crate::service::Dashboard;

/// A recording: asciicast v2, up to its last whole line; live ones too.
#[utoipa::path(get, path = "/api/recordings/{log}/{name}", tag = "instructor",
    params(("log" = String, Path, description = "Its log"), ("name" = String, Path, description = "As in the list"),
        ("Range" = Option<String>, Header, description = "One range of bytes")),
    responses((status = 200, description = "The cast", body = String, content_type = "application/x-asciicast"),
        (status = 206, description = "A part of it", body = String, content_type = "application/x-asciicast"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 404, body = ProblemBody, content_type = "application/problem+json"),
        (status = 416, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn recording(
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
    let mut bytes = playback::bytes(dashboard.casts.clone(), chunks, part.first, part.end).boxed();
    // Before it is said that it comes, some of it is here.
    let begin = bytes.try_next().await.map_err(failed)?;
    let body = Body::from_stream(stream::iter(begin.map(Ok)).chain(bytes));
    Ok(part.answer("application/x-asciicast", body))
}
