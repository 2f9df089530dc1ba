//! Webhooks: events posted to other programs, signed, in order for each workspace, at least once.
//!
//! What was delivered stands in the database, so that nothing is lost by a restart, and one replica at a time delivers:
//! the one that holds a lock there. Nothing waits for a receiver but the deliveries to it.

mod counts;
mod deliver;
mod file;
mod lock;
mod post;
mod queue;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use counts::Counts;
use file::{Hook, read};

pub(crate) use file::WebhookError;

/// How often a replica tries to become the one that delivers.
const RETRY_EVERY: Duration = Duration::from_secs(2);

/// The deliveries of this replica.
#[derive(Debug)]
pub struct Webhooks {
    counts: Arc<Counts>,
    /// Ends with this.
    _tasks: JoinSet<()>,
}

impl Webhooks {
    /// Begins to deliver what the file asks for. `looks` counts up when there may be something.
    ///
    /// # Errors
    /// The file cannot be read, or says something that cannot be done.
    pub fn start(
        file: Option<&Path>,
        pool: &PgPool,
        looks: watch::Receiver<u64>,
    ) -> Result<Self, WebhookError> {
        let counts = Arc::new(Counts::default());
        let mut tasks = JoinSet::new();
        let hooks = match file {
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
        self.counts.both()
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
        match lock::take(&pool).await {
            Ok(Some(held)) => {
                tracing::info!(webhooks = hooks.len(), "delivering to webhooks");
                let mut tasks = JoinSet::new();
                for hook in &hooks {
                    let (hook, client, pool) = (hook.clone(), client.clone(), pool.clone());
                    tasks.spawn(queue::work(hook, client, pool, held.clone(), looks.clone(), counts.clone()));
                }
                // The tasks end by themselves when the lock is lost; then whoever gets it goes on.
                tokio::select! {
                    () = lock::lost(&held) => {}
                    _ = tasks.join_next() => {}
                }
                tasks.shutdown().await;
                tracing::warn!("no longer delivering to webhooks; the database was lost");
            }
            Ok(None) => {}
            Err(error) => tracing::debug!(%error, "webhooks wait for the database"),
        }
        sleep(RETRY_EVERY).await;
    }
}
