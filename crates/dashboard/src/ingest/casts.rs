//! Takes in recordings: the bytes go to the cast store first, then chunk and cursor are named in one transaction.

use crate::error::ApiError;
use std::sync::Arc;
use workshop_wire::ProblemBody;
use workshop_wire::ingest::Stored;

use axum::Json;
use axum::extract::{Request, State};
use bytes::Bytes;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, Row};
use workshop_events::{LogId, cast};

use super::access::{self, Entered};
use super::body;
use super::commit::{Taken, not_at_a_line, seen, settle};
use super::headers::offset;
use super::layers::Target;
use super::lines::{QUARANTINE, Refused, quarantine};
use crate::casts::chunks::{self, Chunk};
use crate::projections::columns::bigint;
use crate::service::Dashboard;
use workshop_edge::Problem;

/// How recordings are called.
const SUFFIX: &str = ".cast";
/// No file name is longer.
const MAX_NAME: usize = 255;
/// How often others may be first with the same recording until this post has to come again.
const ATTEMPTS: usize = 4;

/// How far a recording was taken in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    /// Offset of the next byte.
    next: u64,
    /// How many bytes are stored. Fewer than were taken in when a line was none of a recording: it ends before that.
    stored: u64,
}

/// What a body brings.
struct Piece {
    /// What is stored of it.
    bytes: Bytes,
    chunk: Chunk,
    /// The line with which the recording ends.
    refused: Option<Refused>,
    /// Offset after it.
    end: u64,
    last_len: Option<i32>,
    last_sha256: [u8; 32],
}

/// A recording of a log.
#[derive(Clone)]
struct Recording {
    workspace: String,
    log: LogId,
    name: String,
}

impl Recording {
    fn stream(&self) -> String {
        format!("cast/{}", self.name)
    }
}

/// Stores whole lines of a recording, as they stand in the file from `Workshop-Offset` on.
#[utoipa::path(post, path = "/ingest/{workspace}/{log}/cast/{name}", tag = "ingest",
    params(("workspace" = String, Path, description = "Name of the workspace"),
        ("log" = String, Path, description = "Id of the log", pattern = "^[0-9a-f]{16}$"),
        ("name" = String, Path, description = "File name of the recording, which ends in .cast"),
        ("Workshop-Offset" = u64, Header, description = "Byte offset of the body's first byte in its file")),
    request_body(content = String, content_type = "application/x-asciicast"),
    responses((status = 200, body = Stored), (status = 401, body = ProblemBody, content_type = "application/problem+json"),
        (status = 409, body = ProblemBody, content_type = "application/problem+json")))]
pub(crate) async fn post_recording(
    State(dashboard): State<Arc<Dashboard>>,
    target: Target,
    request: Request,
) -> Result<Json<Stored>, ApiError> {
    let name = &target.name;
    if name.len() > MAX_NAME || !name.ends_with(SUFFIX) || name.contains(['/', '\0']) {
        return Err(
            Problem::bad_request("A recording is named by its file name, which ends in .cast.").into()
        );
    }
    let (head, body) = request.into_parts();
    let next = target.open()?.next;
    let offset = offset(&head.headers)?;
    body::plain(&head.headers)?;
    let announced = body::announced(&head.headers)?;
    if let Some(len) = announced
        && offset.checked_add(len).is_some_and(|end| end <= next)
    {
        body::drain(body).await?;
        dashboard.taken.count(len, false);
        return Ok(Json(Stored { next, seq: None }));
    }
    let place = dashboard.casts.room().await;
    let place = place
        .ok_or_else(|| Problem::unavailable("too much is being taken in", &"no room for another cast"))?;
    let (bytes, room) = dashboard.bodies.read_lines(body, announced).await?;
    let len = bytes.len() as u64;
    let recording = Recording { workspace: target.workspace, log: target.log, name: target.name };
    // A client that goes away does not stop what is being stored, nor give back what that takes.
    let storing = dashboard.clone();
    let storing = tokio::spawn(async move {
        let _until_stored = (place, room);
        take(storing, recording, offset, bytes).await
    });
    let taken =
        storing.await.map_err(|error| Problem::unavailable("the recording could not be stored", &error))?;
    let taken = taken?;
    dashboard.taken.count(len, taken.new);
    Ok(Json(taken.stored()))
}

/// Takes in what begins at `offset` of a recording. Nothing of the database is locked while the cast store is asked: when
/// another post was first meanwhile, what is left of this one is stored anew, and what it put is swept.
async fn take(
    dashboard: Arc<Dashboard>,
    recording: Recording,
    offset: u64,
    bytes: Bytes,
) -> Result<Taken, ApiError> {
    let pool = dashboard.store.ingest();
    let log = recording.log.to_string();
    let mut begin = position(&mut *pool.acquire().await?, &recording).await?;
    for _ in 0..ATTEMPTS {
        let seen = usize::try_from(seen(begin.next, offset, bytes.len() as u64)?).unwrap_or(usize::MAX);
        if seen == bytes.len() {
            return Ok(Taken { next: begin.next, seq: None, new: false });
        }
        if seen > 0 && bytes[seen - 1] != b'\n' {
            return Err(not_at_a_line(begin.next).into());
        }
        let new = bytes.slice(seen..);
        let name = recording.name.clone();
        let (of, log_of) = (begin, log.clone());
        let reading = tokio::task::spawn_blocking(move || read(&log_of, &name, of, new)).await;
        let piece =
            reading.map_err(|error| Problem::unavailable("the recording could not be read", &error))?;
        if !piece.bytes.is_empty() {
            let key = &piece.chunk.key;
            chunks::claim(pool, key).await?;
            let put = dashboard.casts.put(key, piece.bytes.clone()).await;
            put.map_err(|error| Problem::unavailable("the recording could not be stored", &error))?;
        }
        let mut transaction = pool.begin().await?;
        let entered = access::enter(&mut transaction, &recording.workspace, recording.log).await?;
        access::check_open(entered.state)?;
        let now = position(&mut transaction, &recording).await?;
        if now == begin {
            write(&mut transaction, &entered, &recording, &piece).await?;
            transaction.commit().await?;
            dashboard.touched();
            return Ok(Taken { next: piece.end, seq: None, new: true });
        }
        begin = now;
    }
    Err(Problem::unavailable("the recording could not be stored", &"others store the same one").into())
}

async fn position(connection: &mut PgConnection, recording: &Recording) -> Result<Position, sqlx::Error> {
    let query = "select coalesce((select next from cursors where log = $1 and stream = $2), 0), \
                 coalesce((select max(\"offset\" + len) from recording_chunks where log = $1 and name = $3), 0)";
    let row = sqlx::query(query)
        .bind(recording.log.to_string())
        .bind(recording.stream())
        .bind(&recording.name)
        .fetch_one(connection)
        .await?;
    let number = |at| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(at)?.unsigned_abs());
    Ok(Position { next: number(0)?, stored: number(1)? })
}

/// Looks at whole lines that follow what was taken in.
fn read(log: &str, name: &str, begin: Position, bytes: Bytes) -> Piece {
    let over = begin.stored < begin.next;
    let valid = match begin.next {
        _ if over => 0,
        0 => cast::whole_lines(&bytes),
        _ => cast::whole_events(&bytes),
    };
    let refused = bytes[valid..].split(|b| *b == b'\n').next().filter(|_| !over && valid < bytes.len());
    let refused = refused.map(|line| {
        let reason = "no line of a recording: the recording ends before it";
        Refused::new(begin.next + valid as u64, line, reason)
    });
    let line = bytes.len().checked_sub(1).and_then(|end| memchr::memrchr(b'\n', &bytes[..end]));
    let last = &bytes[line.map_or(0, |newline| newline + 1)..];
    Piece {
        chunk: Chunk::of(log, name, begin.next, &bytes[..valid]),
        refused,
        end: begin.next + bytes.len() as u64,
        last_len: i32::try_from(last.len()).ok(),
        last_sha256: Sha256::digest(last).into(),
        bytes: bytes.slice(..valid),
    }
}

async fn write(
    connection: &mut PgConnection,
    entered: &Entered,
    recording: &Recording,
    piece: &Piece,
) -> Result<(), ApiError> {
    let (place, stream) = (&entered.place, recording.stream());
    if !piece.bytes.is_empty() {
        chunks::name(connection, &place.log, &recording.name, &piece.chunk).await?;
        let query = "insert into recording_refs (log, workspace, name, at, bytes) values ($1, $2, $3, 0, $4) \
                     on conflict (log, name) do update set bytes = excluded.bytes";
        sqlx::query(query)
            .bind(&place.log)
            .bind(&place.workspace)
            .bind(&recording.name)
            .bind(bigint(piece.chunk.end()))
            .execute(&mut *connection)
            .await?;
    }
    if let Some(refused) = &piece.refused {
        let rows = quarantine(&place.workspace, &place.log, &stream, vec![refused.clone()]);
        rows.write(connection, QUARANTINE).await?;
    }
    let query = "with cursor as (insert into cursors (log, stream, next, last_len, last_sha256) \
                 values ($1, $2, $3, $4, $5) on conflict (log, stream) do update set next = excluded.next, \
                 last_len = excluded.last_len, last_sha256 = excluded.last_sha256), \
                 log as (update logs set last_seen = clock_timestamp() where log = $1) \
                 update workspaces set version = version + 1 where workspace = $6";
    sqlx::query(query)
        .bind(&place.log)
        .bind(stream)
        .bind(bigint(piece.end))
        .bind(piece.last_len)
        .bind(piece.last_sha256)
        .bind(&place.workspace)
        .execute(&mut *connection)
        .await?;
    Ok(settle(connection, entered).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "0123456789abcdef";
    const HEADER: &str = "{\"version\":2,\"width\":80,\"height\":24}\n";
    const EVENT: &str = "[0.5, \"o\", \"a\"]\n";

    fn piece(next: u64, stored: u64, text: &str) -> Piece {
        read(LOG, "a.cast", Position { next, stored }, Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn whole_valid_lines_count() {
        let all = piece(0, 0, &format!("{HEADER}{EVENT}"));
        assert_eq!((all.bytes.len(), all.end, all.refused), (HEADER.len() + EVENT.len(), 53, None));
        assert_eq!((all.last_len, all.last_sha256), (Some(16), Sha256::digest(EVENT).into()));
        let none = piece(0, 0, EVENT);
        assert_eq!((none.bytes.len(), none.end, none.refused.map(|line| line.offset)), (0, 16, Some(0)));
        let second_header = piece(40, 40, &format!("{EVENT}{HEADER}{EVENT}"));
        let refused = second_header.refused.unwrap();
        assert_eq!((second_header.bytes.len(), refused.offset), (EVENT.len(), 40 + 16));
        assert_eq!(refused.line, HEADER.trim_end().as_bytes());
        // It has ended: told once.
        let after = piece(100, 40, EVENT);
        assert_eq!((after.bytes.len(), after.end, after.refused), (0, 116, None));
    }
}
