//! Objects that nothing names go, a day after that was seen: a post that broke off, a merge, a log that expired.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::TryStreamExt;
use sqlx::{PgPool, Row};

use super::chunks::log_of;
use super::{Casts, CastsError};

/// So many names are looked up at once.
const PAGE: usize = 5000;
/// So many objects are deleted while nobody else may put one of that name.
const BATCH: i64 = 100;

/// Which of the given names, with their logs, no chunk has.
const UNNAMED: &str = "select key from unnest($1::text[], $2::text[]) as found (log, key) \
                       where not exists (select from recording_chunks c where c.log = found.log and c.key = found.key)";

/// Notes the objects that nothing names and that are older than `age`. Gives how many these are. Those of logs that this
/// database does not know are left alone: another one may have its recordings in the same place.
pub(super) async fn find_unnamed(pool: &PgPool, casts: &Casts, age: Duration) -> Result<u64, CastsError> {
    let before = SystemTime::now().checked_sub(age).and_then(|then| then.duration_since(UNIX_EPOCH).ok());
    let before = before.map_or(0, |then| i64::try_from(then.as_millis()).unwrap_or(i64::MAX));
    let mut found = casts.list();
    let (mut logs, mut keys, mut noted) = (Vec::new(), Vec::new(), 0);
    while let Some(object) = found.try_next().await? {
        let key = object.location.to_string();
        let Some(log) = log_of(&key) else { continue };
        if object.last_modified.timestamp_millis() <= before {
            logs.push(log.to_owned());
            keys.push(key);
        }
        if keys.len() == PAGE {
            noted += note(pool, &mut logs, &mut keys).await?;
        }
    }
    Ok(noted + note(pool, &mut logs, &mut keys).await?)
}

async fn note(pool: &PgPool, logs: &mut Vec<String>, keys: &mut Vec<String>) -> Result<u64, sqlx::Error> {
    let query = format!(
        "insert into recording_leftovers (key) {UNNAMED} and log in (select log from logs) \
                         on conflict do nothing"
    );
    let query = sqlx::query(sqlx::AssertSqlSafe(query)).bind(&*logs).bind(&*keys);
    let noted = query.execute(pool).await?.rows_affected();
    logs.clear();
    keys.clear();
    Ok(noted)
}

/// Deletes what was noted `age` ago and is still not named. Gives how many objects these were.
pub(super) async fn delete_leftovers(pool: &PgPool, casts: &Casts, age: Duration) -> Result<u64, CastsError> {
    let mut deleted = 0;
    loop {
        let mut transaction = pool.begin().await?;
        // Who puts an object first takes its name out of these rows, and so waits for this to end.
        let query = "select key from recording_leftovers where since <= now() - make_interval(secs => $1) \
                     order by since, key limit $2 for update skip locked";
        let rows =
            sqlx::query(query).bind(age.as_secs_f64()).bind(BATCH).fetch_all(&mut *transaction).await?;
        let keys = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
        if keys.is_empty() {
            return Ok(deleted);
        }
        let (logs, own): (Vec<&str>, Vec<&str>) =
            keys.iter().filter_map(|key| Some((log_of(key)?, key.as_str()))).unzip();
        let unnamed = sqlx::query(UNNAMED).bind(logs).bind(own).fetch_all(&mut *transaction).await?;
        for row in &unnamed {
            casts.delete(row.try_get(0)?).await?;
        }
        let query = "delete from recording_leftovers where key = any($1)";
        sqlx::query(query).bind(&keys).execute(&mut *transaction).await?;
        transaction.commit().await?;
        deleted += unnamed.len() as u64;
        casts.counts().sweep(unnamed.len() as u64);
    }
}
