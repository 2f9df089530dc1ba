//! The chunks of a recording become one object, once no more is to be expected; and fewer, when they are very many.

use std::ops::Range;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use object_store::buffered::BufWriter;
use object_store::path::Path;
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, PgPool, Row};
use tokio::io::AsyncWriteExt;

use super::chunks::{self, Chunk};
use super::{Casts, CastsError, playback};
use crate::projections::columns::bigint;
use crate::store::types::Timestamptz;

/// Of a recording that goes on, so many small chunks at its end become one.
pub const MANY: usize = 60;
/// What counts as small.
const SMALL: u64 = 1024 * 1024;
/// What is longer goes to the store in parts.
const PART: usize = 8 * 1024 * 1024;

/// A recording of several chunks.
#[derive(Clone, Debug)]
pub(super) struct Due {
    log: String,
    name: String,
    /// Whether no more of it is to be expected.
    over: bool,
}

/// The recordings to be merged: over and not written for `quiet`, silent for `silent`, or of very many chunks. A backend
/// that starts ends the sessions of the one before, in the log's fold.
pub(super) async fn due(
    connection: &mut PgConnection,
    quiet: Duration,
    silent: Duration,
) -> Result<Vec<Due>, sqlx::Error> {
    let query = "select log, name, over from (select c.log, c.name, count(*) as chunks, \
                 bool_or(r.closed_at is not null) and max(c.stored) <= now() - make_interval(secs => $1) \
                 or max(c.stored) <= now() - make_interval(secs => $2) as over \
                 from recording_chunks c left join recording_refs r using (log, name) group by c.log, c.name \
                 having count(*) > 1) found where over or chunks >= $3";
    let query = sqlx::query(query).bind(quiet.as_secs_f64()).bind(silent.as_secs_f64()).bind(MANY as i64);
    let rows = query.fetch_all(connection).await?;
    rows.iter()
        .map(|row| Ok(Due { log: row.try_get(0)?, name: row.try_get(1)?, over: row.try_get(2)? }))
        .collect()
}

/// Which of these chunks become one.
fn plan(chunks: &[Chunk], over: bool) -> Range<usize> {
    if over {
        return 0..chunks.len();
    }
    let small = chunks.iter().rev().take_while(|chunk| chunk.len < SMALL).count();
    if small >= MANY { chunks.len() - small..chunks.len() } else { 0..0 }
}

/// Merges a recording's chunks. False when there was nothing to be merged, or something else came between.
pub(super) async fn merge(pool: &PgPool, casts: &Casts, due: &Due) -> Result<bool, CastsError> {
    let Due { log, name, over } = due;
    let chunks = chunks::of_recording(&mut *pool.acquire().await?, log, name).await?;
    let parts = &chunks[plan(&chunks, *over)];
    let [first, .., last] = parts else { return Ok(false) };
    let sha256 = checksum(casts, parts).await?;
    let merged = Chunk::new(log, name, first.offset, last.end() - first.offset, sha256);
    chunks::claim(pool, &merged.key).await?;
    copy(casts, parts, &merged).await?;
    replace(pool, due, parts, &merged).await
}

/// SHA-256 of all of them together. What is damaged is not put among what is not.
async fn checksum(casts: &Casts, parts: &[Chunk]) -> Result<[u8; 32], CastsError> {
    let mut all = Sha256::new();
    for part in parts {
        let mut own = Sha256::new();
        let mut bytes = casts.read(&part.key, 0, part.len).await?;
        while let Some(bytes) = bytes.try_next().await? {
            all.update(&bytes);
            own.update(&bytes);
        }
        if <[u8; 32]>::from(own.finalize()) != part.sha256 {
            return Err(CastsError::Damaged(part.key.clone()));
        }
    }
    Ok(all.finalize().into())
}

async fn copy(casts: &Casts, parts: &[Chunk], merged: &Chunk) -> Result<(), CastsError> {
    let path = Path::parse(&merged.key).map_err(object_store::Error::from)?;
    let failed =
        |source: std::io::Error| object_store::Error::Generic { store: "merge", source: source.into() };
    let mut out = BufWriter::with_capacity(casts.objects().clone(), path, PART).with_max_concurrency(1);
    let mut bytes = playback::bytes(casts.clone(), parts.to_vec(), merged.offset, merged.end()).boxed();
    let mut hash = Sha256::new();
    loop {
        match bytes.try_next().await {
            Ok(Some(bytes)) => {
                hash.update(&bytes);
                out.put(bytes).await?;
            }
            Ok(None) => break,
            Err(error) => {
                out.abort().await?;
                return Err(error);
            }
        }
    }
    if <[u8; 32]>::from(hash.finalize()) != merged.sha256 {
        out.abort().await?;
        return Err(CastsError::Damaged(merged.key.clone()));
    }
    out.shutdown().await.map_err(failed)?;
    Ok(())
}

/// Names the merged object instead of its parts, which go a day later: who plays one may have begun before.
async fn replace(pool: &PgPool, due: &Due, parts: &[Chunk], merged: &Chunk) -> Result<bool, CastsError> {
    let mut transaction = pool.begin().await?;
    // As ingest and retention do it: the workspace, then the rows.
    let query =
        "select 1 from workspaces where workspace = (select workspace from logs where log = $1) for update";
    sqlx::query(query).bind(&due.log).execute(&mut *transaction).await?;
    let keys: Vec<&str> = parts.iter().map(|part| part.key.as_str()).collect();
    let query = "with gone as (delete from recording_chunks where log = $1 and name = $2 and key = any($3) \
                 returning stored) select count(*), max(stored) from gone";
    let row =
        sqlx::query(query).bind(&due.log).bind(&due.name).bind(&keys).fetch_one(&mut *transaction).await?;
    if row.try_get::<i64, _>(0)?.unsigned_abs() != parts.len() as u64 {
        return Ok(false);
    }
    chunks::name(&mut transaction, &due.log, &due.name, merged).await?;
    // Silence is counted from what came, not from when it was merged.
    let query = "update recording_chunks set stored = $4 where log = $1 and name = $2 and \"offset\" = $3";
    sqlx::query(query)
        .bind(&due.log)
        .bind(&due.name)
        .bind(bigint(merged.offset))
        .bind(row.try_get::<Option<Timestamptz>, _>(1)?)
        .execute(&mut *transaction)
        .await?;
    let query = "insert into recording_leftovers (key) select unnest($1::text[]) on conflict do nothing";
    sqlx::query(query).bind(&keys).execute(&mut *transaction).await?;
    transaction.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_merged() {
        let chunk = |n: u64, len| Chunk::new("0123456789abcdef", "a.cast", n * len, len, [0; 32]);
        let small = |n| (0..n).map(|n| chunk(n, 10)).collect::<Vec<_>>();
        assert_eq!(plan(&small(3), true), 0..3);
        assert_eq!(plan(&small(59), false), 0..0);
        assert_eq!(plan(&small(60), false), 0..60);
        let mut grown = vec![chunk(0, SMALL)];
        grown.extend(small(60));
        assert_eq!(plan(&grown, false), 1..61);
        assert_eq!(plan(&grown[..60], false), 0..0);
    }
}
