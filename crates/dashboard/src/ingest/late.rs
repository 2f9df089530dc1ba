//! Records whose `seq` was passed already: repeats, conflicts, and those that fill a gap.

use std::collections::HashMap;

use sqlx::{PgConnection, Row};

use super::lines::{Found, Refused};
use crate::projections::{Place, Projected, RecordRows, columns::bigint};
use crate::store::types::Timestamptz;

/// A record that comes after a higher `seq`.
pub(super) struct Late {
    seq: u64,
    offset: u64,
    line: String,
}

impl<K: Projected> From<Found<'_, K>> for Late {
    fn from(found: Found<'_, K>) -> Self {
        Self { seq: found.seq, offset: found.offset, line: found.line.to_owned() }
    }
}

/// Stores those that were missing, and adds those to `refused` in whose place another stands. True when one was stored:
/// then the log has to be folded again.
pub(super) async fn settle<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    late: Vec<Late>,
    refused: &mut Vec<Refused>,
) -> Result<bool, sqlx::Error> {
    let mut stored = stored::<K>(connection, place, late.iter().map(|late| late.seq)).await?;
    let mut rows = RecordRows::default();
    let mut filled = Vec::new();
    for Late { seq, offset, line } in late {
        match stored.get(&seq) {
            Some(known) if *known == line => {}
            Some(_) => refused.push(Refused::conflict(offset, line.as_bytes(), seq)),
            None => {
                // It was parsed a moment ago.
                if let Ok(record) = K::parse(&line) {
                    rows.push::<K>(place, seq, &line, &record);
                }
                filled.push(seq);
                stored.insert(seq, line);
            }
        }
    }
    if filled.is_empty() {
        return Ok(false);
    }
    rows.write::<K>(connection).await?;
    close_gaps::<K>(connection, place, filled).await?;
    Ok(true)
}

/// The stored lines of these records.
pub(super) async fn stored<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    seqs: impl Iterator<Item = u64>,
) -> Result<HashMap<u64, String>, sqlx::Error> {
    let seqs: Vec<i64> = seqs.map(bigint).collect();
    if seqs.is_empty() {
        return Ok(HashMap::new());
    }
    let query =
        "select seq, line from events where opened = $1 and log = $2 and stream = $3 and seq = any($4)";
    let query = sqlx::query(query).bind(place.opened).bind(&place.log).bind(K::STREAM.name()).bind(seqs);
    let rows = query.fetch_all(connection).await?;
    rows.iter().map(|row| Ok((row.try_get::<i64, _>(0)?.unsigned_abs(), row.try_get(1)?))).collect()
}

/// Takes what is there now out of the gaps. What is left of one is missing since when it was.
pub(super) async fn close_gaps<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    mut filled: Vec<u64>,
) -> Result<(), sqlx::Error> {
    filled.sort_unstable();
    let seqs: Vec<i64> = filled.iter().map(|seq| bigint(*seq)).collect();
    let query = "delete from gaps where log = $1 and stream = $2 \
                 and exists (select from unnest($3::bigint[]) seq where seq between from_seq and to_seq) \
                 returning from_seq, to_seq, since";
    let rows = sqlx::query(query)
        .bind(&place.log)
        .bind(K::STREAM.name())
        .bind(seqs)
        .fetch_all(&mut *connection)
        .await?;
    for row in rows {
        let (from, to): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
        let (from, to) = (from.unsigned_abs(), to.unsigned_abs());
        let inside =
            &filled[filled.partition_point(|seq| *seq < from)..filled.partition_point(|seq| *seq <= to)];
        let left = without(from, to, inside);
        store_gaps_since::<K>(connection, place, &left, Some(row.try_get(2)?)).await?;
    }
    Ok(())
}

/// What is left of `from` to `to` without `filled`, which is sorted and lies within.
fn without(from: u64, to: u64, filled: &[u64]) -> Vec<(u64, u64)> {
    let mut left = Vec::new();
    let mut begin = from;
    for seq in filled {
        if *seq > begin {
            left.push((begin, seq - 1));
        }
        begin = seq + 1;
    }
    if begin <= to {
        left.push((begin, to));
    }
    left
}

/// Stores gaps that were noticed now.
pub(super) async fn store_gaps<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    gaps: &[(u64, u64)],
) -> Result<(), sqlx::Error> {
    store_gaps_since::<K>(connection, place, gaps, None).await
}

async fn store_gaps_since<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    gaps: &[(u64, u64)],
    since: Option<Timestamptz>,
) -> Result<(), sqlx::Error> {
    if gaps.is_empty() {
        return Ok(());
    }
    let (from, to): (Vec<i64>, Vec<i64>) = gaps.iter().map(|(from, to)| (bigint(*from), bigint(*to))).unzip();
    let query = "insert into gaps (log, stream, from_seq, to_seq, since) \
                 select $1, $2, first, last, coalesce($5, now()) from unnest($3::bigint[], $4::bigint[]) gap (first, last)";
    sqlx::query(query)
        .bind(&place.log)
        .bind(K::STREAM.name())
        .bind(from)
        .bind(to)
        .bind(since)
        .execute(connection)
        .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::without;

    #[test]
    fn what_is_left_of_a_gap() {
        assert_eq!(without(3, 9, &[3, 5, 6, 9]), [(4, 4), (7, 8)]);
        assert_eq!(without(3, 3, &[3]), []);
        assert_eq!(without(3, 5, &[4]), [(3, 3), (5, 5)]);
    }
}
