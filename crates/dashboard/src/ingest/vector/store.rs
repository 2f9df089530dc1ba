//! Stores the lines of one stream of a log that comes by Vector: each once, in whatever order they come.

use std::collections::hash_map::Entry;

use sqlx::{PgConnection, Row};

use super::read::{Line, Malformed};
use crate::ingest::access::Entered;
use crate::ingest::late;
use crate::ingest::lines::Refused;
use crate::projections::{Place, Projected, event_row};
use crate::store::copy::CopyRows;
use workshop_wire::ingest::LogState;

/// What came in a body, before it is known what of it is new. A connection makes it once; it is empty between transactions.
const MAKE_ARRIVED: &str = "create temporary table if not exists arrived (like events) on commit delete rows";
const INTO_ARRIVED: &str = "pg_temp.arrived (opened, log, stream, seq, ts, kind, line)";

/// What a stream's lines came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Stored {
    /// How many records are new.
    pub(super) new: u64,
    /// Whether one of them lies where the log was projected already.
    pub(super) late: bool,
}

/// Stores the lines that are new, and adds those to `malformed` in whose place another stands. What is projected already
/// gets the rows of its own table; the rest waits to be projected.
pub(super) async fn store<K: Projected>(
    connection: &mut PgConnection,
    entered: &Entered,
    lines: Vec<Line>,
    malformed: &mut Vec<Malformed>,
) -> Result<Stored, sqlx::Error> {
    let place = &entered.place;
    if lines.is_empty() {
        return Ok(Stored::default());
    }
    let (projected, highest) = reached::<K>(connection, place).await?;
    arrive::<K>(connection, place, &lines).await?;
    let new =
        if entered.state == LogState::Open { insert::<K>(connection, place).await? } else { Vec::new() };
    refuse::<K>(connection, place, lines, &new, malformed).await?;
    let (inside, ahead) = new.split_at(new.partition_point(|seq| *seq <= highest));
    if !inside.is_empty() {
        late::close_gaps::<K>(connection, place, inside.to_vec()).await?;
    }
    late::store_gaps::<K>(connection, place, &holes(highest, ahead)).await?;
    let late = &new[..new.partition_point(|seq| *seq <= projected)];
    project_late::<K>(connection, place, late).await?;
    Ok(Stored { new: new.len() as u64, late: !late.is_empty() })
}

/// Up to which record the stream is projected, and the highest that is stored.
async fn reached<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
) -> Result<(u64, u64), sqlx::Error> {
    let query = "select coalesce((select seq from cursors where log = $2 and stream = $3), 0), \
                 coalesce((select max(seq) from events where opened = $1 and log = $2 and stream = $3), 0)";
    let query = sqlx::query(query).bind(place.opened).bind(&place.log).bind(K::STREAM.name());
    let row = query.fetch_one(connection).await?;
    let number = |at| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(at)?.unsigned_abs());
    Ok((number(0)?, number(1)?))
}

async fn arrive<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    lines: &[Line],
) -> Result<(), sqlx::Error> {
    sqlx::query(MAKE_ARRIVED).execute(&mut *connection).await?;
    let mut rows = CopyRows::default();
    for Line { seq, ts, kind, text } in lines {
        event_row(&mut rows, place, K::STREAM, *seq, *ts, kind, text);
    }
    rows.write(connection, INTO_ARRIVED).await
}

/// Stores what is not there, of several lines with one `seq` the first. Gives their `seq`, in order.
async fn insert<K: Projected>(connection: &mut PgConnection, place: &Place) -> Result<Vec<u64>, sqlx::Error> {
    let query = "insert into events (opened, log, stream, seq, ts, kind, line) \
                 select opened, log, stream, seq, ts, kind, line from pg_temp.arrived where log = $1 and stream = $2 \
                 on conflict do nothing returning seq";
    let rows = sqlx::query(query).bind(&place.log).bind(K::STREAM.name()).fetch_all(connection).await?;
    let seqs = rows.iter().map(|row| Ok(row.try_get::<i64, _>(0)?.unsigned_abs()));
    let mut seqs = seqs.collect::<Result<Vec<u64>, sqlx::Error>>()?;
    seqs.sort_unstable();
    Ok(seqs)
}

/// Adds the lines to `malformed` in whose place another stands, or that are new and are not stored. `new` has, in order,
/// the `seq` of those that are.
async fn refuse<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    lines: Vec<Line>,
    new: &[u64],
    malformed: &mut Vec<Malformed>,
) -> Result<(), sqlx::Error> {
    let is_new = |seq: u64| new.binary_search(&seq).is_ok();
    let known = lines.iter().map(|line| line.seq).filter(|seq| !is_new(*seq));
    let mut standing = late::stored::<K>(connection, place, known).await?;
    for Line { seq, text, .. } in lines {
        let refused = match standing.entry(seq) {
            Entry::Occupied(stored) if *stored.get() == text => continue,
            Entry::Occupied(_) => Refused::conflict(0, text.as_bytes(), seq),
            Entry::Vacant(place) if is_new(seq) => {
                place.insert(text);
                continue;
            }
            // Nothing new is stored of a log that diverged.
            Entry::Vacant(_) => {
                Refused::new(0, text.as_bytes(), "the log diverged: nothing more is taken of it")
            }
        };
        malformed.push(Malformed { stream: K::STREAM.name(), log: place.log.parse().ok(), line: refused });
    }
    Ok(())
}

/// First and last missing `seq` of each hole after `highest` and between `seqs`, which are in order.
fn holes(highest: u64, seqs: &[u64]) -> Vec<(u64, u64)> {
    let before = std::iter::once(&highest).chain(seqs);
    let holes = before.zip(seqs).filter(|(before, seq)| **seq > **before + 1);
    holes.map(|(before, seq)| (before + 1, seq - 1)).collect()
}

/// Makes the rows of records that come where the log was projected already.
async fn project_late<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    seqs: &[u64],
) -> Result<(), sqlx::Error> {
    let mut own = CopyRows::default();
    for (seq, line) in late::stored::<K>(connection, place, seqs.iter().copied()).await? {
        // It was parsed a moment ago.
        if let Ok(record) = K::parse(&line) {
            K::row(place, seq, &record, &mut own);
        }
    }
    own.write(connection, K::TABLE).await
}

#[cfg(test)]
mod tests {
    use super::holes;

    #[test]
    fn holes_between() {
        assert_eq!(holes(0, &[1, 2, 3]), []);
        assert_eq!(holes(0, &[2, 3, 7]), [(1, 1), (4, 6)]);
        assert_eq!(holes(5, &[]), []);
        assert_eq!(holes(5, &[9]), [(6, 8)]);
    }
}
