//! Projects what is stored of a log that comes by Vector, as far as nothing is missing, and passes over what stays missing.

use std::time::Duration;

use sqlx::{PgConnection, PgPool, Row};
use workshop_events::{Commands, Llm, LogId, State};

use super::store::Stored;
use crate::ingest::access::{self, Entered};
use crate::ingest::commit::{Fold, load_fold, settle_projections};
use crate::live::Changes;
use crate::projections::{Place, Projected, columns::bigint, fold};
use crate::store::copy::CopyRows;
use workshop_wire::ingest::LogState;

/// So long is waited for what is missing. Webhooks wait as long.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// How often a dashboard looks for what was waited for long enough.
const EVERY: Duration = Duration::from_secs(10);

/// What the new lines of a log came to, stream by stream.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Came {
    pub(super) state: Stored,
    pub(super) commands: Stored,
    pub(super) llm: Stored,
}

impl Came {
    /// How many records are new.
    pub(super) fn records(&self) -> u64 {
        self.state.new + self.commands.new + self.llm.new
    }
}

/// Projects each stream up to the first hole that is still waited for, and folds the log again if something came late.
/// Whether anything was projected or folded again.
pub(super) async fn advance(
    connection: &mut PgConnection,
    entered: &Entered,
    came: Came,
) -> Result<bool, sqlx::Error> {
    let place = &entered.place;
    let (mut moved, state) = stream::<State>(connection, place, came.state).await?;
    moved |= stream::<Commands>(connection, place, came.commands).await?.0;
    moved |= stream::<Llm>(connection, place, came.llm).await?.0;
    if moved {
        settle_projections(connection, entered, state).await?;
    }
    Ok(moved)
}

/// Whether something of the stream was projected; and the log's state, if it is what the stream makes.
async fn stream<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    came: Stored,
) -> Result<(bool, Option<Fold>), sqlx::Error> {
    let (from, upto) = reach::<K>(connection, place).await?;
    // The first line makes the cursor, even if it has to wait itself.
    if upto == from && came.new == 0 {
        return Ok((false, None));
    }
    let mut fold = if K::FOLDS { Some(load_fold(connection, place).await?) } else { None };
    move_cursor::<K>(connection, place, upto).await?;
    let mut after = bigint(from);
    loop {
        let lines = fold::page(connection, place, K::STREAM.name(), after).await?;
        let Some((last, _)) = lines.last() else { break };
        after = *last;
        let mut own = CopyRows::default();
        for (seq, line) in &lines {
            // It parsed when it was stored.
            match K::parse(line) {
                Ok(record) => {
                    K::row(place, seq.unsigned_abs(), &record, &mut own);
                    if let Some(fold) = &mut fold {
                        K::apply(&mut fold.after, seq.unsigned_abs(), &record);
                    }
                }
                Err(error) => tracing::error!(log = place.log, seq, %error, "a stored line is no record"),
            }
        }
        own.write(connection, K::TABLE).await?;
    }
    if let Some(fold) = &mut fold
        && came.late
    {
        fold.after = fold::refold(connection, place).await?;
    }
    Ok((true, fold))
}

/// Up to which record the stream is projected, and up to which it can be.
async fn reach<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
) -> Result<(u64, u64), sqlx::Error> {
    let query = "with cursor as (select coalesce((select seq from cursors where log = $2 and stream = $3), 0) as seq) \
                 select seq, coalesce((select min(from_seq) - 1 from gaps where log = $2 and stream = $3 \
                 and from_seq > cursor.seq and since > now() - make_interval(secs => $4)), \
                 (select max(seq) from events where opened = $1 and log = $2 and stream = $3), seq) from cursor";
    let row = sqlx::query(query)
        .bind(place.opened)
        .bind(&place.log)
        .bind(K::STREAM.name())
        .bind(PATIENCE.as_secs_f64())
        .fetch_one(connection)
        .await?;
    let number = |at| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(at)?.unsigned_abs());
    Ok((number(0)?, number(1)?))
}

/// There is no offset on this path: `next` stays 0.
async fn move_cursor<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    upto: u64,
) -> Result<(), sqlx::Error> {
    let query = "insert into cursors (log, stream, next, seq, last_ts) values ($2, $3, 0, $4, \
                 (select ts from events where opened = $1 and log = $2 and stream = $3 and seq = $4)) \
                 on conflict (log, stream) do update set seq = excluded.seq, last_ts = excluded.last_ts";
    sqlx::query(query)
        .bind(place.opened)
        .bind(&place.log)
        .bind(K::STREAM.name())
        .bind(bigint(upto))
        .execute(connection)
        .await?;
    Ok(())
}

/// Passes over what stays missing, for as long as the dashboard runs and whether or not more lines come.
pub async fn keep_up(pool: PgPool, changes: Changes) {
    loop {
        tokio::time::sleep(EVERY).await;
        if let Err(error) = pass_over(&pool, &changes).await {
            tracing::warn!(%error, "missing lines were not passed over; tried again, nothing is lost");
        }
    }
}

/// Passes over what was waited for long enough. Several replicas may do so at once: each log is its workspace's, which
/// one of them locks, and the next finds nothing left to do.
///
/// # Errors
/// The database does not answer; what was not done is done the next time.
pub async fn pass_over(pool: &PgPool, changes: &Changes) -> Result<(), sqlx::Error> {
    let query = "select distinct logs.workspace, logs.log from gaps join logs using (log) \
                 left join cursors on cursors.log = gaps.log and cursors.stream = gaps.stream \
                 where logs.via = 'vector' and logs.state <> 'expired' and gaps.from_seq > coalesce(cursors.seq, 0) \
                 and gaps.since <= now() - make_interval(secs => $1)";
    for row in sqlx::query(query).bind(PATIENCE.as_secs_f64()).fetch_all(pool).await? {
        let (workspace, log): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        let Ok(log) = log.parse::<LogId>() else { continue };
        let mut transaction = pool.begin().await?;
        // Not refused to one that was revoked: what came before counts.
        let query = "select 1 from workspaces where workspace = $1 for update";
        sqlx::query(query).bind(&workspace).execute(&mut *transaction).await?;
        let entered = access::find_or_make(&mut transaction, &workspace, log).await?;
        let Some(entered) = entered.filter(|entered| entered.state != LogState::Expired) else { continue };
        if !advance(&mut transaction, &entered, Came::default()).await? {
            continue;
        }
        changed(&mut transaction, &workspace).await?;
        transaction.commit().await?;
        tracing::info!(workspace, %log, "missing lines were waited for, and are passed over");
        changes.touched();
    }
    Ok(())
}

/// Tells by the workspace's version that something changed.
pub(super) async fn changed(connection: &mut PgConnection, workspace: &str) -> Result<(), sqlx::Error> {
    let query = "update workspaces set version = version + 1 where workspace = $1";
    sqlx::query(query).bind(workspace).execute(connection).await?;
    Ok(())
}
