//! The transaction that takes lines in: rows, cursor and projections, or nothing.

use crate::error::ApiError;
use axum::http::StatusCode;
use bytes::Bytes;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, Row};
use workshop_events::{LogId, Timestamp};
use workshop_projector::Projection;
use workshop_wire::ingest::{Stored, kind};

use super::access::{self, Entered, Via};
use super::late::{self, Late};
use super::lines::{self, MAX_LINES, Position, QUARANTINE, Refused};
use crate::projections::{Place, Projected, RecordRows, columns::bigint, fold};
use crate::store::types::Timestamptz;
use workshop_edge::Problem;

/// A body longer than this is read on a thread of its own: others' requests do not wait for it.
const LONG: usize = 64 * 1024;

/// How far a stream is taken in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Where the next post begins.
    pub next: u64,
    /// The highest `seq`; `None` for recordings.
    pub seq: Option<u64>,
    /// Whether this request brought something.
    pub new: bool,
}

impl Taken {
    /// The answer to the post.
    pub(super) fn stored(self) -> Stored {
        Stored { next: self.next, seq: self.seq }
    }
}

/// What a request brings.
#[derive(Clone, Debug)]
pub enum Brought {
    /// Whole lines.
    Lines(Bytes),
    /// A line that is too long to be sent, of so many bytes with its newline.
    TooLong(u64),
}

impl Brought {
    fn len(&self) -> u64 {
        match self {
            Self::Lines(bytes) => bytes.len() as u64,
            Self::TooLong(len) => *len,
        }
    }
}

/// A piece of a stream, read and ready to be written.
struct Prepared {
    rows: RecordRows,
    refused: Vec<Refused>,
    late: Vec<Late>,
    gaps: Vec<(u64, u64)>,
    end: Position,
    last: Option<LastLine>,
    last_ts: Option<Timestamp>,
    /// The state after the piece, when the stream makes it.
    fold: Option<Fold>,
    rest: Bytes,
}

/// The last line taken in, for the shipper to compare.
#[derive(Clone)]
struct LastLine {
    len: i32,
    sha256: [u8; 32],
}

/// A log's state before and after what is being taken in.
pub(super) struct Fold {
    /// `None` when it was made by another version of this program.
    pub(super) before: Option<Projection>,
    pub(super) after: Projection,
}

/// Takes in what begins at `offset` of a stream. All of it is stored once this returns.
///
/// # Errors
/// It cannot be taken in; nothing of it is stored then.
pub async fn take<K: Projected>(
    pool: &PgPool,
    workspace: &str,
    log: LogId,
    offset: u64,
    brought: Brought,
) -> Result<Taken, ApiError> {
    let mut transaction = pool.begin().await?;
    let connection = &mut *transaction;
    let entered = access::enter(connection, workspace, log).await?;
    access::check_open(entered.state)?;
    if entered.via == Some(Via::Vector) {
        return Err(other_path().into());
    }
    let begin = cursor::<K>(connection, &entered.place).await?;
    let seen = seen(begin.next, offset, brought.len())?;
    if seen == brought.len() {
        return Ok(Taken { next: begin.next, seq: Some(begin.seq), new: false });
    }
    let end = match brought {
        Brought::TooLong(_) if seen > 0 => return Err(not_at_a_line(begin.next).into()),
        Brought::TooLong(len) => pass_over::<K>(connection, &entered, begin, len).await?,
        Brought::Lines(bytes) => {
            let seen = usize::try_from(seen).unwrap_or(usize::MAX);
            if seen > 0 && bytes[seen - 1] != b'\n' {
                return Err(not_at_a_line(begin.next).into());
            }
            write::<K>(connection, &entered, begin, bytes.slice(seen..)).await?
        }
    };
    transaction.commit().await?;
    Ok(Taken { next: end.next, seq: Some(end.seq), new: true })
}

/// How many bytes from `offset` on were taken in before.
///
/// # Errors
/// Bytes are missing before them.
pub fn seen(next: u64, offset: u64, len: u64) -> Result<u64, Problem> {
    match next.checked_sub(offset) {
        Some(seen) => Ok(seen.min(len)),
        None => Err(Problem::new(
            StatusCode::CONFLICT,
            kind::OFFSET_GAP,
            "Bytes are missing",
            format!(
                "The post begins at byte {offset}, but only {next} bytes were taken in. Go on from there."
            ),
        )
        .with_next(next)),
    }
}

pub(super) fn not_at_a_line(next: u64) -> Problem {
    Problem::bad_request(format!(
        "Byte {next}, up to which the stream was taken in, begins no line of this body."
    ))
}

fn other_path() -> Problem {
    let detail = "The JSON lines of this log come by Vector. Ship only its recordings: --only casts.";
    Problem::new(StatusCode::CONFLICT, kind::OTHER_PATH, "Another path delivers", detail)
}

async fn cursor<K: Projected>(connection: &mut PgConnection, place: &Place) -> Result<Position, sqlx::Error> {
    let query = "select next, seq from cursors where log = $1 and stream = $2";
    let row = sqlx::query(query).bind(&place.log).bind(K::STREAM.name()).fetch_optional(connection).await?;
    let Some(row) = row else { return Ok(Position::default()) };
    let seq: Option<i64> = row.try_get(1)?;
    Ok(Position { next: row.try_get::<i64, _>(0)?.unsigned_abs(), seq: seq.unwrap_or(0).unsigned_abs() })
}

/// The stored fold; made again when it is of another version of this program.
pub(super) async fn load_fold(connection: &mut PgConnection, place: &Place) -> Result<Fold, sqlx::Error> {
    let query = "select projection from folds where log = $1";
    let row = sqlx::query(query).bind(&place.log).fetch_optional(&mut *connection).await?;
    let before: Option<Projection> = match &row {
        None => Some(Projection::default()),
        Some(row) => serde_json::from_str(row.try_get(0)?).ok(),
    };
    match before {
        Some(before) => Ok(Fold { after: before.clone(), before: Some(before) }),
        None => Ok(Fold { before: None, after: fold::refold(connection, place).await? }),
    }
}

async fn write<K: Projected>(
    connection: &mut PgConnection,
    entered: &Entered,
    begin: Position,
    mut bytes: Bytes,
) -> Result<Position, ApiError> {
    let place = &entered.place;
    let mut at = begin;
    let mut fold = if K::FOLDS { Some(load_fold(connection, place).await?) } else { None };
    let (mut last, mut last_ts, mut came_late) = (None, None, false);
    while !bytes.is_empty() {
        let mut prepared = prepare::<K>(place.clone(), at, bytes, fold).await?;
        prepared.rows.write::<K>(connection).await?;
        if !prepared.late.is_empty() {
            came_late |= late::settle::<K>(connection, place, prepared.late, &mut prepared.refused).await?;
        }
        let refused = lines::quarantine(&place.workspace, &place.log, K::STREAM.name(), prepared.refused);
        refused.write(connection, QUARANTINE).await?;
        late::store_gaps::<K>(connection, place, &prepared.gaps).await?;
        at = prepared.end;
        last = prepared.last;
        last_ts = prepared.last_ts.or(last_ts);
        fold = prepared.fold;
        bytes = prepared.rest;
    }
    store_cursor::<K>(connection, entered, at, last, last_ts).await?;
    if let Some(fold) = &mut fold
        && came_late
    {
        fold.after = fold::refold(connection, place).await?;
    }
    settle_projections(connection, entered, fold).await?;
    Ok(at)
}

/// Reads the next lines and makes their rows.
async fn prepare<K: Projected>(
    place: Place,
    begin: Position,
    bytes: Bytes,
    fold: Option<Fold>,
) -> Result<Prepared, ApiError> {
    if bytes.len() <= LONG {
        return Ok(prepare_now::<K>(&place, begin, &bytes, fold));
    }
    let reading = tokio::task::spawn_blocking(move || prepare_now::<K>(&place, begin, &bytes, fold));
    Ok(reading.await.map_err(|error| Problem::unavailable("the lines could not be read", &error))?)
}

fn prepare_now<K: Projected>(
    place: &Place,
    begin: Position,
    bytes: &Bytes,
    mut fold: Option<Fold>,
) -> Prepared {
    let (piece, rest) = lines::read::<K>(&place.log, begin, bytes, MAX_LINES);
    let mut rows = RecordRows::default();
    for found in &piece.records {
        rows.push::<K>(place, found.seq, found.line, &found.record);
        if let Some(fold) = &mut fold {
            K::apply(&mut fold.after, found.seq, &found.record);
        }
    }
    let last = i32::try_from(piece.last.len()).ok().filter(|len| *len > 0);
    Prepared {
        rows,
        last_ts: piece.records.last().map(|found| K::ts(&found.record)),
        late: piece.late.into_iter().map(Late::from).collect(),
        refused: piece.refused,
        gaps: piece.gaps,
        end: piece.end,
        last: last.map(|len| LastLine { len, sha256: Sha256::digest(piece.last).into() }),
        fold,
        rest: bytes.slice_ref(rest),
    }
}

/// Moves the cursor over a line that is too long to be sent.
async fn pass_over<K: Projected>(
    connection: &mut PgConnection,
    entered: &Entered,
    begin: Position,
    len: u64,
) -> Result<Position, ApiError> {
    let Place { workspace, log, .. } = &entered.place;
    let refused = Refused::new(begin.next, b"", &format!("line is too long: {len} bytes"));
    let rows = lines::quarantine(workspace, log, K::STREAM.name(), vec![refused]);
    rows.write(connection, QUARANTINE).await?;
    let next = begin.next.checked_add(len).filter(|next| i64::try_from(*next).is_ok());
    let next = next.ok_or_else(|| Problem::bad_request("No file is that long."))?;
    let end = Position { next, ..begin };
    store_cursor::<K>(connection, entered, end, None, None).await?;
    settle_projections(connection, entered, None).await?;
    Ok(end)
}

/// Moves the cursor, and tells by the workspace's version that something changed.
async fn store_cursor<K: Projected>(
    connection: &mut PgConnection,
    entered: &Entered,
    end: Position,
    last: Option<LastLine>,
    last_ts: Option<Timestamp>,
) -> Result<(), sqlx::Error> {
    let query = "with cursor as (insert into cursors (log, stream, next, seq, last_len, last_sha256, last_ts) \
                 values ($1, $2, $3, $4, $5, $6, $7) on conflict (log, stream) do update set next = excluded.next, \
                 seq = excluded.seq, last_len = excluded.last_len, last_sha256 = excluded.last_sha256, \
                 last_ts = coalesce(excluded.last_ts, cursors.last_ts)), \
                 log as (update logs set last_seen = clock_timestamp(), via = coalesce(via, 'shipper') where log = $1) \
                 update workspaces set version = version + 1 where workspace = $8";
    sqlx::query(query)
        .bind(&entered.place.log)
        .bind(K::STREAM.name())
        .bind(bigint(end.next))
        .bind(bigint(end.seq))
        .bind(last.as_ref().map(|last| last.len))
        .bind(last.map(|last| last.sha256))
        .bind(last_ts.map(Timestamptz))
        .bind(&entered.place.workspace)
        .execute(connection)
        .await?;
    Ok(())
}

/// Something of the log was stored that says nothing of its state.
pub(super) async fn settle(connection: &mut PgConnection, entered: &Entered) -> Result<(), sqlx::Error> {
    settle_projections(connection, entered, None).await
}

/// Stores the fold and, for the newest log, the workspace's status.
pub(super) async fn settle_projections(
    connection: &mut PgConnection,
    entered: &Entered,
    fold: Option<Fold>,
) -> Result<(), sqlx::Error> {
    let place = &entered.place;
    let projection = match fold {
        Some(Fold { before, after }) => {
            fold::store(connection, place, before.as_ref(), &after).await?;
            after
        }
        None if !entered.newest || fold::store_activity(connection, place).await? => return Ok(()),
        None => load_fold(connection, place).await?.after,
    };
    if !entered.newest {
        return Ok(());
    }
    fold::store_status(connection, place, &projection).await
}
