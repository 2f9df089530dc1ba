//! Bodies: bounded in length, in lines, in time, and all together.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use http_body::{Frame, SizeHint};
use serde::de::DeserializeOwned;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use workshop_edge::Problem;

/// The longest body, as it is sent and unpacked.
pub const MAX_BODY: usize = 4 * 1024 * 1024;
/// The most lines of a body that is parsed as a whole.
pub const MAX_LINES: usize = 32 * 1024;
/// The longest JSON body.
const MAX_JSON: usize = 16 * 1024;
/// A body that is not here by then is refused.
const SLOW: Duration = Duration::from_secs(30);
/// The most memory for all bodies together, from when they begin to come until they are stored.
const MAX_HELD: usize = 256 * 1024 * 1024;
/// The most memory for the lines of all parsed bodies together, until they are stored. One of the largest fits.
const MAX_PARSED: usize = 24 * 1024 * 1024;
/// What a parsed line takes besides its bytes, at most: a refused one has a reason and a row.
const LINE: usize = 512;
const LARGEST: usize = MAX_BODY + MAX_LINES * LINE;
const _: () = assert!(LARGEST <= MAX_PARSED);
/// Who finds no room for so long is told to come back.
const BUSY: Duration = Duration::from_secs(5);

/// So much is read of what is refused, and so long, for the sake of the answer.
const MAX_REFUSED: usize = 4 * MAX_BODY;
const REFUSED: Duration = Duration::from_secs(5);

/// Room for the bodies that are being taken in.
#[derive(Clone, Debug)]
pub struct Bodies {
    held: Arc<Semaphore>,
    parsed: Arc<Semaphore>,
}

/// Memory that a body may take, given back when this is dropped.
#[derive(Debug)]
pub struct Room(OwnedSemaphorePermit);

impl Default for Bodies {
    fn default() -> Self {
        let room = |bytes| Arc::new(Semaphore::new(bytes));
        Self { held: room(MAX_HELD), parsed: room(MAX_PARSED) }
    }
}

impl Bodies {
    /// Reads a body of whole lines.
    ///
    /// # Errors
    /// It is too long, too slow, empty or ends within a line, or there is no room for it.
    pub async fn read_lines(&self, body: Body, announced: Option<u64>) -> Result<(Bytes, Room), Problem> {
        let (bytes, room) = self.read(body, announced).await?;
        match bytes.last() {
            Some(b'\n') => Ok((bytes, room)),
            Some(_) => Err(Problem::bad_request("The body ends within a line: post whole lines only.")),
            None => Err(Problem::bad_request("The body is empty.")),
        }
    }

    /// Reads a body. Its room has to be kept until it is stored.
    ///
    /// # Errors
    /// It is too long or too slow, or there is no room for it.
    pub async fn read(&self, body: Body, announced: Option<u64>) -> Result<(Bytes, Room), Problem> {
        let len = announced.map_or(MAX_BODY, |len| usize::try_from(len).unwrap_or(MAX_BODY).min(MAX_BODY));
        let room = room(&self.held, len).await?;
        let mut bytes = BytesMut::with_capacity(len.min(64 * 1024));
        in_time(pieces(body, MAX_BODY, |piece| bytes.extend_from_slice(piece))).await?;
        Ok((bytes.freeze(), room))
    }

    /// Room to unpack and parse any body. It has to be kept until what was parsed is stored.
    ///
    /// # Errors
    /// There is none.
    pub async fn parsing(&self) -> Result<Room, Problem> {
        room(&self.parsed, LARGEST).await
    }
}

async fn room(of: &Arc<Semaphore>, bytes: usize) -> Result<Room, Problem> {
    let permits = u32::try_from(bytes).unwrap_or(u32::MAX);
    match timeout(BUSY, of.clone().acquire_many_owned(permits)).await {
        Ok(Ok(permit)) => Ok(Room(permit)),
        _ => Err(Problem::unavailable("too much is being taken in", &"no room for another body")),
    }
}

impl Room {
    /// Counts the lines of a body that is to be parsed, and gives back the room that it does not need.
    ///
    /// # Errors
    /// There are too many.
    pub fn count_lines(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        let open = bytes.last().is_some_and(|last| *last != b'\n');
        let lines = memchr::memchr_iter(b'\n', bytes).count() + usize::from(open);
        if lines > MAX_LINES {
            let detail = format!("A body has at most {MAX_LINES} lines.");
            return Err(too_large("too-many-lines", "Too many lines", detail));
        }
        let needed = bytes.len() + lines * LINE;
        drop(self.0.split(LARGEST.saturating_sub(needed)));
        Ok(())
    }
}

/// The length that a request says its body has.
///
/// # Errors
/// It is too long.
pub fn announced(headers: &HeaderMap) -> Result<Option<u64>, Problem> {
    let len = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if len.is_some_and(|len| len > MAX_BODY as u64) { Err(too_long(MAX_BODY)) } else { Ok(len) }
}

/// Refuses a body that is not sent as it is: a small one could be huge, and offsets are those of the file's bytes.
///
/// # Errors
/// It is compressed, or changed in another way.
pub fn plain(headers: &HeaderMap) -> Result<(), Problem> {
    let mut encodings = headers.get_all(header::CONTENT_ENCODING).iter();
    if encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Ok(());
    }
    let detail = "Bodies are taken as they are, without Content-Encoding.";
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "encoded-body", "Encoded body", detail))
}

/// Reads a short JSON body.
///
/// # Errors
/// It is too long, too slow, or not of this form.
pub async fn json<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let mut bytes = Vec::new();
    in_time(pieces(body, MAX_JSON, |piece| bytes.extend_from_slice(piece))).await?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Problem::bad_request(format!("The body is not what it should be: {error}.")))
}

/// Reads a body that is not needed, so that its connection can be used again.
///
/// # Errors
/// It is too long or too slow.
pub async fn drain(body: Body) -> Result<(), Problem> {
    in_time(pieces(body, MAX_BODY, |_| {})).await
}

/// Reads on what was refused before it was read whole, up to a bound. A connection that is closed with something unread
/// may take the answer with it: its sender would not learn what was wrong, and come again.
pub async fn read_refused(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let body = Shared(Arc::new(Mutex::new(body)));
    let response = next.run(Request::from_parts(head, Body::new(body.clone()))).await;
    if !response.status().is_success() && !body.is_end_stream() {
        tokio::spawn(timeout(REFUSED, pieces(Body::new(body), MAX_REFUSED, |_| {})));
    }
    response
}

/// A body that can be read on when its reader has let it go.
#[derive(Clone, Debug)]
struct Shared(Arc<Mutex<Body>>);

impl HttpBody for Shared {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let mut body = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Pin::new(&mut *body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).size_hint()
    }
}

async fn in_time(reading: impl Future<Output = Result<(), Problem>>) -> Result<(), Problem> {
    let slow = |_| {
        let detail = "The body did not come within 30 seconds.";
        Problem::new(StatusCode::REQUEST_TIMEOUT, "slow-body", "Too slow", detail).retry_after(1)
    };
    timeout(SLOW, reading).await.map_err(slow)?
}

async fn pieces(body: Body, most: usize, mut take: impl FnMut(&[u8])) -> Result<(), Problem> {
    let mut pieces = body.into_data_stream();
    let mut len = 0;
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Problem::bad_request("The body broke off."))?;
        len += piece.len();
        if len > most {
            return Err(too_long(most));
        }
        take(&piece);
    }
    Ok(())
}

pub(super) fn too_long(most: usize) -> Problem {
    let detail =
        format!("This body has at most {most} bytes. A longer line is told by Workshop-Too-Long instead.");
    too_large("body-too-long", "Body too long", detail)
}

fn too_large(kind: &str, title: &str, detail: impl Into<String>) -> Problem {
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, kind, title, detail)
}
