//! Webhooks: events posted to other programs, signed, in order for each workspace, at least once.
//!
//! What was delivered stands in the database, so that nothing is lost by a restart, and one replica at a time delivers:
//! the one that holds a lock there. Nothing waits for a receiver but the deliveries to it.

mod deliver;
mod file;
mod post;
mod queue;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::pool::PoolConnection;
use sqlx::{PgConnection, PgPool, Postgres};
use tokio::sync::{Mutex, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

pub use file::WebhookError;
use file::{Hook, read};

use crate::settings::Settings;

/// The lock of the replica that delivers: `workshop` in ASCII.
const LOCK: i64 = 0x776f_726b_7368_6f70;
/// How often a replica tries to become it, and it looks whether it still is.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The deliveries of this replica.
#[derive(Debug)]
pub struct Webhooks {
    counts: Arc<Counts>,
    /// Ends with this.
    _tasks: JoinSet<()>,
}

#[derive(Debug, Default)]
struct Counts {
    delivered: AtomicU64,
    failed: AtomicU64,
}

/// The connection that holds the lock. Whatever is noted goes through it: who lost the lock can note nothing.
#[derive(Clone)]
struct Held(Arc<Mutex<PgConnection>>);

impl Webhooks {
    /// Begins to deliver what the file of the settings asks for. `looks` counts up when there may be something.
    ///
    /// # Errors
    /// The file cannot be read, or says something that cannot be done.
    pub fn start(
        settings: &Settings,
        pool: &PgPool,
        looks: watch::Receiver<u64>,
    ) -> Result<Self, WebhookError> {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        let hooks = match &settings.webhooks {
            Some(path) => read(path)?,
            None => Vec::new(),
        };
        if !hooks.is_empty() {
            let client = post::poster(&hooks)?;
            let hooks = hooks.into_iter().map(Arc::new).collect();
            tasks.spawn(run(hooks, client, pool.clone(), looks, counts.clone()));
        }
        Ok(Self { counts, _tasks: tasks })
    }

    /// How many posts were taken, and how many were not.
    pub fn counts(&self) -> (u64, u64) {
        (self.counts.delivered.load(Ordering::Relaxed), self.counts.failed.load(Ordering::Relaxed))
    }
}

async fn run(
    hooks: Vec<Arc<Hook>>,
    client: reqwest::Client,
    pool: PgPool,
    looks: watch::Receiver<u64>,
    counts: Arc<Counts>,
) {
    loop {
        match lock(&pool).await {
            Ok(Some(held)) => {
                tracing::info!(webhooks = hooks.len(), "delivering to webhooks");
                let mut tasks = JoinSet::new();
                for hook in &hooks {
                    let (hook, client, pool) = (hook.clone(), client.clone(), pool.clone());
                    tasks.spawn(queue::work(hook, client, pool, held.clone(), looks.clone(), counts.clone()));
                }
                // The tasks end by themselves when the lock is lost; then whoever gets it goes on.
                tokio::select! {
                    () = lost(&held) => {}
                    _ = tasks.join_next() => {}
                }
                tasks.shutdown().await;
                tracing::warn!("no longer delivering to webhooks; the database was lost");
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "webhooks wait for the database"),
        }
        sleep(LOOK_EVERY).await;
    }
}

/// The lock, unless another replica has it.
async fn lock(pool: &PgPool) -> Result<Option<Held>, sqlx::Error> {
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
async fn lost(held: &Held) {
    loop {
        sleep(LOOK_EVERY).await;
        let ask = async {
            let mut connection = held.0.lock().await;
            sqlx::query("select 1").execute(&mut *connection).await.is_ok()
        };
        if !matches!(timeout(LOOK_EVERY * 5, ask).await, Ok(true)) {
            return;
        }
    }
}
