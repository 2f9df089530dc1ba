//! `GET /api/stream`: the class as it is, then every change, to one watcher.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use workshop_wire::ProblemBody;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use tokio::sync::broadcast::error::RecvError;

use crate::live::ended;
use crate::service::Dashboard;

/// So that neither side nor a proxy takes the connection for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// Follows the class: `snapshot` (Class) first and whenever the reader was too slow, then `changed` (Changed) and
/// `removed` (Removed); a comment every 15 s.
#[utoipa::path(get, path = "/api/stream", tag = "instructor",
    responses((status = 200, description = "Server-sent events", body = String, content_type = "text/event-stream"),
        (status = 401, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn stream(State(dashboard): State<Arc<Dashboard>>) -> Response {
    let hub = dashboard.live.hub().clone();
    let mut ending = dashboard.live.ending();
    let frames = async_stream::stream! {
        // Headers go out at once, whatever the database does.
        yield Ok::<_, Infallible>(Bytes::from_static(b": the class\n\n"));
        let mut watch = tokio::select! {
            watch = hub.watch() => watch,
            () = ended(&mut ending) => return,
        };
        yield Ok(std::mem::take(&mut watch.snapshot));
        loop {
            tokio::select! {
                frame = watch.frames.recv() => match frame {
                    Ok(frame) => yield Ok(frame),
                    // Too slow for every change: what is now is enough.
                    Err(RecvError::Lagged(_)) => {
                        watch = hub.again();
                        yield Ok(std::mem::take(&mut watch.snapshot));
                    }
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep(KEEP_ALIVE) => yield Ok(Bytes::from_static(b": still here\n\n")),
                () = ended(&mut ending) => return,
            }
        }
    };
    let mut response = Body::from_stream(frames).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // For proxies that would wait for more.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
