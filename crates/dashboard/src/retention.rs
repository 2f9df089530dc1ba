//! Logs that nobody wrote for long are dropped, a day's partitions at once.

use std::time::Duration;

use sqlx::{Connection, PgConnection, Row};

use crate::store::partitions::{self, Day};

/// How often a dashboard looks: partitions are made for longer, and what failed is tried again on the same day.
const EVERY: Duration = Duration::from_secs(6 * 3600);

/// Keeps the partitions in order for as long as the dashboard runs. `url` is the database, as its owner.
pub async fn keep_up(url: String, days: Option<u32>) {
    loop {
        if let Err(error) = once(&url, days).await {
            tracing::warn!(%error, "partitions were not made or dropped; tried again later, nothing is lost");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn once(url: &str, days: Option<u32>) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect(url).await?;
    upkeep(&mut connection, days).await?;
    connection.close().await
}

/// Makes partitions ahead, drops those that nothing is in, and with `days` those whose logs were all silent so long.
/// Gives how many logs were dropped.
///
/// # Errors
/// The database refuses or does not answer; what was not done is done the next time.
pub async fn upkeep(connection: &mut PgConnection, days: Option<u32>) -> Result<u64, sqlx::Error> {
    partitions::make(connection).await?;
    let mut dropped = 0;
    for day in partitions::days(connection).await? {
        dropped += expire(connection, &day, days).await?;
    }
    if let Some(days) = days {
        // Lines of no log, which no day takes with it.
        let query =
            "delete from quarantine where log is null and received_at < now() - make_interval(days => $1)";
        sqlx::query(query).bind(i32::try_from(days).unwrap_or(i32::MAX)).execute(connection).await?;
    }
    Ok(dropped)
}

/// Drops a day if nothing of it has to be kept. Gives how many logs it had.
async fn expire(connection: &mut PgConnection, day: &Day, days: Option<u32>) -> Result<u64, sqlx::Error> {
    let Some(_) = silent(connection, day, days).await? else { return Ok(0) };
    let mut transaction = connection.begin().await?;
    // In the order in which ingest does: first workspaces, then tables.
    let query = "select 1 from workspaces where workspace in (select workspace from logs where opened = $1) \
                 order by workspace for update";
    sqlx::query(query).bind(day.date).execute(&mut *transaction).await?;
    partitions::lock(&mut transaction).await?;
    let Some(logs) = silent(&mut transaction, day, days).await? else { return Ok(0) };
    if !logs.is_empty() {
        forget(&mut transaction, &logs).await?;
    }
    partitions::drop_day(&mut transaction, day).await?;
    transaction.commit().await?;
    tracing::info!(day = ?day, logs = logs.len(), "a day was dropped");
    Ok(logs.len() as u64)
}

/// The logs of a day that is over, if all of them were silent for so long; none may be left of it.
async fn silent(
    connection: &mut PgConnection,
    day: &Day,
    days: Option<u32>,
) -> Result<Option<Vec<String>>, sqlx::Error> {
    let query = "select (clock_timestamp() at time zone 'UTC')::date - $1 > 1, \
                 coalesce(max(last_seen) < now() - make_interval(days => $2), not exists \
                 (select from logs where opened = $1)), \
                 coalesce(array_agg(log::text) filter (where state <> 'expired'), '{}') from logs where opened = $1";
    let wait = days.map(|days| i32::try_from(days).unwrap_or(i32::MAX));
    let row = sqlx::query(query).bind(day.date).bind(wait).fetch_one(connection).await?;
    let (over, silent): (bool, bool) = (row.try_get(0)?, row.try_get(1)?);
    Ok(if over && silent { Some(row.try_get(2)?) } else { None })
}

/// Removes what is stored of logs beside their partitions. Their recordings' objects go as merged ones do.
async fn forget(connection: &mut PgConnection, logs: &[String]) -> Result<(), sqlx::Error> {
    let statements = [
        "insert into recording_leftovers (key) select key from recording_chunks where log = any($1) \
         on conflict do nothing",
        "delete from recording_chunks where log = any($1)",
        "delete from recording_refs where log = any($1)",
        "delete from workspace_status where log = any($1)",
        "delete from step_status where log = any($1)",
        "delete from folds where log = any($1)",
        "delete from gaps where log = any($1)",
        "delete from quarantine where log = any($1)",
        "delete from cursors where log = any($1)",
        "update logs set state = 'expired' where log = any($1)",
        "update workspaces set version = version + 1 \
         where workspace in (select workspace from logs where log = any($1))",
    ];
    for statement in statements {
        sqlx::query(statement).bind(logs).execute(&mut *connection).await?;
    }
    Ok(())
}
