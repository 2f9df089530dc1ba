//! What the facts say, as rows: pure functions of a record, or of a log's fold. Ingest, rebuild and their tests use
//! these alone.

pub mod columns;
pub mod fold;
mod place;
mod rows;
pub mod status;

use std::borrow::Cow;

use workshop_events::{Commands, Kind, Llm, State, Stream, Timestamp};
use workshop_projector::Projection;

use crate::store::copy::CopyRows;
use crate::store::types::Timestamptz;
use columns::bigint;

pub use place::Place;

/// A stream whose records have rows.
pub trait Projected: Kind + 'static {
    /// The records' own table and its columns.
    const TABLE: &'static str;
    /// Whether the records make the state.
    const FOLDS: bool = false;
    /// The record as `events.kind` has it.
    fn kind<'r>(record: &'r Self::Record<'_>) -> &'r str;
    /// Appends the record's row.
    fn row(place: &Place, seq: u64, record: &Self::Record<'_>, rows: &mut CopyRows);
    /// Applies the record to the state.
    fn apply(projection: &mut Projection, seq: u64, record: &Self::Record<'_>) {
        let _ = (projection, seq, record);
    }
}

/// `events` and its columns.
pub const EVENTS: &str = "events (opened, log, stream, seq, ts, kind, line)";

/// Appends a row of `events`.
pub fn event_row(
    rows: &mut CopyRows,
    place: &Place,
    stream: Stream,
    seq: u64,
    ts: Timestamp,
    kind: &str,
    line: &str,
) {
    let Place { log, opened, .. } = place;
    let kind: Cow<'_, str> = columns::key(kind);
    let mut row = rows.row(7);
    row.put(*opened).put(log.as_str()).put(stream.name()).put(bigint(seq));
    row.put(Timestamptz(ts)).put(&*kind).put(line);
}

/// Rows of records of one stream: of `events`, and of the stream's own table.
#[derive(Debug, Default)]
pub struct RecordRows {
    /// Of `events`.
    pub events: CopyRows,
    /// Of the stream's own table.
    pub own: CopyRows,
}

impl RecordRows {
    /// Appends a record's rows.
    pub fn push<K: Projected>(&mut self, place: &Place, seq: u64, line: &str, record: &K::Record<'_>) {
        event_row(&mut self.events, place, K::STREAM, seq, K::ts(record), K::kind(record), line);
        K::row(place, seq, record, &mut self.own);
    }

    /// Writes them.
    ///
    /// # Errors
    /// The database refuses them or does not answer.
    pub async fn write<K: Projected>(self, connection: &mut sqlx::PgConnection) -> Result<(), sqlx::Error> {
        self.events.write(connection, EVENTS).await?;
        self.own.write(connection, K::TABLE).await
    }
}

impl Projected for State {
    const TABLE: &'static str = "state_timeline (opened, log, seq, workspace, ts, event, step, session, passed, checks_passed, \
         checks_total, trigger, kind, request, reason, failed)";
    const FOLDS: bool = true;
    fn kind<'r>(record: &'r Self::Record<'_>) -> &'r str {
        record.event.name()
    }
    fn row(place: &Place, seq: u64, record: &Self::Record<'_>, rows: &mut CopyRows) {
        rows::state(place, seq, record, rows);
    }
    fn apply(projection: &mut Projection, seq: u64, record: &Self::Record<'_>) {
        projection.apply(seq, record);
    }
}

impl Projected for Commands {
    const TABLE: &'static str =
        "command_log (opened, log, seq, workspace, ts, step, session, cmd, exit, cwd, ms, at)";
    fn kind<'r>(_: &'r Self::Record<'_>) -> &'r str {
        "command"
    }
    fn row(place: &Place, seq: u64, record: &Self::Record<'_>, rows: &mut CopyRows) {
        rows::command(place, seq, record, rows);
    }
}

impl Projected for Llm {
    const TABLE: &'static str = "llm_interactions (opened, log, seq, workspace, ts, step, mode, question, response, model, \
         input_tokens, output_tokens, ms, outcome)";
    fn kind<'r>(_: &'r Self::Record<'_>) -> &'r str {
        "help"
    }
    fn row(place: &Place, seq: u64, record: &Self::Record<'_>, rows: &mut CopyRows) {
        rows::help(place, seq, record, rows);
    }
}
