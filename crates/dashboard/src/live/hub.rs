//! What all watchers of the class are told: asked of the database once, written once, shared by all.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use workshop_wire::dashboard::{Card, Changed, Class, Removed};

use bytes::Bytes;
use serde::Serialize;
use sqlx::PgPool;
use tokio::sync::{Notify, broadcast, watch};
use tokio::time::{Instant, sleep, timeout};

use crate::cards::{self, CardRow, Which};
use crate::values::now;

/// Frames that a watcher may be behind; then it gets a snapshot instead.
const BEHIND: usize = 32;
/// Marks change with time alone, too.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Looking takes at most a twentieth of the time, so that whoever watches hardly slows ingest down.
const SHARE: u32 = 20;
/// A look begins no sooner after the last.
const PAUSE: Duration = Duration::from_millis(100);
/// And no later, however long the last took.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// The class as it was last seen, and everyone who watches it.
#[derive(Debug)]
pub(crate) struct Hub {
    relays: bool,
    frames: broadcast::Sender<Bytes>,
    arrived: Notify,
    seen: Mutex<Seen>,
    /// Whether `seen` is kept up to date: only while somebody watches.
    fresh: watch::Sender<bool>,
    refreshes: AtomicU64,
}

#[derive(Debug, Default)]
struct Seen {
    rows: HashMap<String, CardRow>,
    /// Written for the first who needs it, until the next change.
    snapshot: Option<Bytes>,
}

/// What a watcher is told first, and where it is told the rest.
pub(crate) struct Watch {
    pub(crate) snapshot: Bytes,
    pub(crate) frames: broadcast::Receiver<Bytes>,
}

impl Hub {
    pub(super) fn new(relays: bool) -> Self {
        Self {
            relays,
            frames: broadcast::channel(BEHIND).0,
            arrived: Notify::new(),
            seen: Mutex::default(),
            fresh: watch::channel(false).0,
            refreshes: AtomicU64::new(0),
        }
    }

    /// How many watch.
    pub(crate) fn watchers(&self) -> usize {
        self.frames.receiver_count()
    }

    /// How often the database was asked what changed.
    pub(crate) fn refreshes(&self) -> u64 {
        self.refreshes.load(Ordering::Relaxed)
    }

    /// Begins to watch. Waits until the class was read if nobody else watches.
    pub(crate) async fn watch(&self) -> Watch {
        // Counted before anything is waited for, and not while the class is being forgotten.
        let counted = {
            let _seen = self.seen();
            self.frames.subscribe()
        };
        self.arrived.notify_one();
        let mut fresh = self.fresh.subscribe();
        // The sender is this; it does not go away.
        let _ = fresh.wait_for(|fresh| *fresh).await;
        let watch = self.again();
        drop(counted);
        watch
    }

    /// A snapshot and all that comes after it.
    pub(crate) fn again(&self) -> Watch {
        let mut seen = self.seen();
        let rows = &seen.rows;
        let snapshot = match &seen.snapshot {
            Some(snapshot) => snapshot.clone(),
            None => {
                let now = now();
                let workspaces = cards::sorted(rows.values(), self.relays);
                frame("snapshot", &Class { now, workspaces })
            }
        };
        seen.snapshot = Some(snapshot.clone());
        Watch { snapshot, frames: self.frames.subscribe() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        // What is in it is replaced as a whole; a panic elsewhere leaves it as it was.
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One comparison of all versions and marks, one query for all that changed, one frame for all watchers.
    async fn refresh(&self, pool: &PgPool) -> Result<(), sqlx::Error> {
        self.refreshes.fetch_add(1, Ordering::Relaxed);
        let stands: Vec<(String, i64, Option<String>)> =
            sqlx::query_as("select workspace, version, mark from student_now limit 10000")
                .fetch_all(pool)
                .await?;
        let (changed, removed) = {
            let seen = self.seen();
            let known = |name: &str| seen.rows.get(name).map(|row| (row.version, &row.mark));
            let changed: Vec<String> = stands
                .iter()
                .filter(|(name, version, mark)| known(name) != Some((*version, mark)))
                .map(|(name, ..)| name.clone())
                .collect();
            let names: HashSet<&str> = stands.iter().map(|(name, ..)| name.as_str()).collect();
            let removed: Vec<String> =
                seen.rows.keys().filter(|name| !names.contains(name.as_str())).cloned().collect();
            (changed, removed)
        };
        let rows = match changed.as_slice() {
            [] => Vec::new(),
            names => cards::rows(pool, Which { names: Some(names), ..Which::default() }).await?,
        };
        self.tell(rows, removed);
        self.fresh.send_replace(true);
        Ok(())
    }

    fn tell(&self, rows: Vec<CardRow>, removed: Vec<String>) {
        let mut seen = self.seen();
        let workspaces = rows.iter().map(|row| row.card(self.relays)).collect();
        seen.rows.extend(rows.into_iter().map(|row| (row.workspace.clone(), row)));
        for name in &removed {
            seen.rows.remove(name);
        }
        self.send(&mut seen, workspaces, removed);
    }

    /// Sent with the lock held: a snapshot is then before or after it as a whole.
    fn send(&self, seen: &mut Seen, workspaces: Vec<Card>, removed: Vec<String>) {
        if workspaces.is_empty() && removed.is_empty() {
            return;
        }
        seen.snapshot = None;
        // An error says that nobody watches any more.
        if !workspaces.is_empty() {
            let _ = self.frames.send(frame("changed", &Changed { now: now(), workspaces }));
        }
        if !removed.is_empty() {
            let _ = self.frames.send(frame("removed", &Removed(removed)));
        }
    }

    /// Nobody watches: nothing is kept.
    fn forget(&self) {
        let mut seen = self.seen();
        if self.watchers() == 0 {
            self.fresh.send_replace(false);
            *seen = Seen::default();
        }
    }
}

/// A server-sent event. JSON has no newlines of its own.
fn frame(event: &str, data: &impl Serialize) -> Bytes {
    let data = serde_json::to_string(data).unwrap_or_default();
    Bytes::from(format!("event: {event}\ndata: {data}\n\n"))
}

/// Keeps the class up to date for as long as somebody watches.
pub(super) async fn follow(hub: Arc<Hub>, pool: PgPool, mut looks: watch::Receiver<u64>) {
    let mut failing = false;
    loop {
        if hub.watchers() == 0 {
            hub.forget();
            hub.arrived.notified().await;
            if hub.watchers() == 0 {
                continue;
            }
        }
        looks.mark_unchanged();
        let began = Instant::now();
        match hub.refresh(&pool).await {
            Ok(()) => failing = false,
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "the class cannot be read; watchers see it as it was");
            }
            Err(_) => {}
        }
        sleep((began.elapsed() * (SHARE - 1)).clamp(PAUSE, LONGEST_PAUSE)).await;
        // Whoever comes meanwhile is served from what is known.
        if timeout(LOOK_EVERY, looks.changed()).await.is_ok_and(|gone| gone.is_err()) {
            return;
        }
    }
}
