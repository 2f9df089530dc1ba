//! Merges and sweeps for as long as the dashboard runs: one replica at a time.

use std::time::Duration;

use sqlx::{PgPool, Row};

use super::{Casts, CastsError, merge, sweep};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// The whole store is looked through so often.
const SWEEP_EVERY: u32 = 6 * 60;
/// The replica that holds this lock of the database does it: "casts" in letters.
const LOCK: i64 = 0x63_61_73_74_73;

/// How long is waited before something is done.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// After the last piece of a recording whose session is over.
    pub quiet: Duration,
    /// After the last piece of any recording.
    pub silent: Duration,
    /// Before an object that is not named is noted, and again before it is deleted.
    pub leftover: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { quiet: MINUTE, silent: HOUR, leftover: DAY }
    }
}

/// Merges every minute, and sweeps every six hours.
pub async fn keep_up(pool: PgPool, casts: Casts) {
    let patience = Patience::default();
    let mut round: u32 = 0;
    loop {
        tokio::time::sleep(MINUTE).await;
        if let Err(error) = once(&pool, &casts, &patience, round.is_multiple_of(SWEEP_EVERY)).await {
            casts.counts().not_kept_up();
            tracing::warn!(%error, "recordings were not merged or swept; tried again, nothing is lost");
        }
        round = round.wrapping_add(1);
    }
}

/// Does what is due; looks through the whole store only to `sweep`. False when another replica is at it.
///
/// # Errors
/// Store or database do not answer; what was not done is done the next time.
pub async fn once(
    pool: &PgPool,
    casts: &Casts,
    patience: &Patience,
    sweep: bool,
) -> Result<bool, CastsError> {
    // Not given back to the pool: however this ends, the lock ends with it.
    let mut connection = pool.acquire().await?.detach();
    let query = sqlx::query("select pg_try_advisory_lock($1)").bind(LOCK);
    if !query.fetch_one(&mut connection).await?.try_get::<bool, _>(0)? {
        return Ok(false);
    }
    for due in merge::due(&mut connection, patience.quiet, patience.silent).await? {
        match merge::merge(pool, casts, &due).await {
            Ok(true) => casts.counts().merge(),
            Ok(false) => {}
            // One damaged object does not keep the others from being merged.
            Err(error) => {
                casts.counts().not_kept_up();
                tracing::warn!(%error, ?due, "a recording was not merged; it is tried again");
            }
        }
    }
    if sweep {
        sweep::find_unnamed(pool, casts, patience.leftover).await?;
    }
    sweep::delete_leftovers(pool, casts, patience.leftover).await?;
    Ok(true)
}
