//! What changes, told as it happens: ingest says which workspace it touched, every replica looks, every watcher is told.
//!
//! A NOTIFY outside of any transaction tells all replicas to look; inside, it would put all commits of the database
//! in one line. It says nothing but "look": what changed is found by comparing the versions of all workspaces, so a
//! lost one costs at most the two seconds until the next comparison.

mod hub;
mod listen;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sqlx::PgPool;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

pub(crate) use hub::Hub;

/// Between two notifications of this replica: what is touched meanwhile is told by the next.
const NOTIFY_EVERY: Duration = Duration::from_millis(50);

/// Where ingest says what it touched.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Touched>);

#[derive(Debug, Default)]
struct Touched {
    some: Notify,
    notified: AtomicU64,
}

impl Changes {
    /// Something was committed: all replicas are told to look, soon and together with what else happens. Never waits.
    pub fn touched(&self) {
        self.0.some.notify_one();
    }

    /// How many notifications were sent.
    pub fn notifications(&self) -> u64 {
        self.0.notified.load(Ordering::Relaxed)
    }

    async fn tell(self, pool: PgPool) {
        loop {
            self.0.some.notified().await;
            // Without it the others look a little later.
            match sqlx::query("select pg_notify($1, '')").bind(listen::CHANNEL).execute(&pool).await {
                Ok(_) => _ = self.0.notified.fetch_add(1, Ordering::Relaxed),
                Err(error) => tracing::debug!(%error, "the other replicas were not told of a change"),
            }
            tokio::time::sleep(NOTIFY_EVERY).await;
        }
    }
}

/// The watch over the class.
#[derive(Debug)]
pub struct Live {
    hub: Arc<Hub>,
    looks: watch::Receiver<u64>,
    ending: watch::Sender<bool>,
    /// Ends with this.
    _tasks: JoinSet<()>,
}

impl Live {
    /// Begins to listen. `relays`: whether terminals of workspaces can be watched.
    pub fn start(pool: &PgPool, changes: &Changes, relays: bool) -> Self {
        let (look, looks) = watch::channel(0);
        let hub = Arc::new(Hub::new(relays));
        let mut tasks = JoinSet::new();
        tasks.spawn(changes.clone().tell(pool.clone()));
        tasks.spawn(listen::listen(pool.clone(), look));
        tasks.spawn(hub::follow(hub.clone(), pool.clone(), looks.clone()));
        Self { hub, looks, ending: watch::channel(false).0, _tasks: tasks }
    }

    /// Counts up whenever it is time to look: after a notification, and every two seconds.
    pub(crate) fn looks(&self) -> watch::Receiver<u64> {
        self.looks.clone()
    }

    pub(crate) fn hub(&self) -> &Arc<Hub> {
        &self.hub
    }

    /// True from the moment on that the dashboard stops.
    pub(crate) fn ending(&self) -> watch::Receiver<bool> {
        self.ending.subscribe()
    }

    /// Ends what would last as long as its client wants it to.
    pub fn end(&self) {
        self.ending.send_replace(true);
    }
}

/// Returns when the dashboard stops.
pub(crate) async fn ended(ending: &mut watch::Receiver<bool>) {
    // Gone counts as stopped.
    let _ = ending.wait_for(|end| *end).await;
}
