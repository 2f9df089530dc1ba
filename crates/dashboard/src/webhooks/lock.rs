//! One replica at a time delivers: the one that holds a lock of the database.

use std::sync::Arc;
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

/// `workshop` in ASCII.
const LOCK: i64 = 0x776f_726b_7368_6f70;
/// How often the holder checks its connection.
const CHECK_EVERY: Duration = Duration::from_secs(2);

/// The connection that holds the lock. Whatever is noted goes through it: who lost the lock can note nothing.
#[derive(Clone)]
pub(super) struct Held(pub(super) Arc<Mutex<PgConnection>>);

/// The lock, unless another replica has it.
pub(super) async fn take(pool: &PgPool) -> Result<Option<Held>, sqlx::Error> {
    let mut connection: PoolConnection<Postgres> = pool.acquire().await?;
    let held: bool =
        sqlx::query_scalar("select pg_try_advisory_lock($1)").bind(LOCK).fetch_one(&mut *connection).await?;
    if !held {
        return Ok(None);
    }
    // Its own from here on: it goes back to no pool, and closing it gives the lock back.
    let mut connection = connection.detach();
    // What a crash takes back is delivered again.
    sqlx::query("set synchronous_commit = off").execute(&mut connection).await?;
    Ok(Some(Held(Arc::new(Mutex::new(connection)))))
}

/// Returns when the connection no longer answers.
pub(super) async fn lost(held: &Held) {
    loop {
        sleep(CHECK_EVERY).await;
        let ask = async {
            let mut connection = held.0.lock().await;
            sqlx::query("select 1").execute(&mut *connection).await.is_ok()
        };
        if !matches!(timeout(CHECK_EVERY * 5, ask).await, Ok(true)) {
            return;
        }
    }
}
