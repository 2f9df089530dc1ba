//! Listens for notifications, and makes up for lost ones.

use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::PgListener;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout_at};

/// The channel of the database that says: look.
pub(super) const CHANNEL: &str = "workshop_changes";
/// What a lost notification costs at most.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// A burst of notifications is one look.
const BURST: Duration = Duration::from_millis(20);

/// Counts `look` up after each burst of notifications, and every two seconds whatever happens.
pub(super) async fn listen(pool: PgPool, look: watch::Sender<u64>) {
    loop {
        match connected(&pool).await {
            Ok(listener) => follow(listener, &look).await,
            Err(error) => tracing::debug!(%error, "not told of changes; looking every two seconds"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
        look.send_modify(|n| *n += 1);
    }
}

async fn connected(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen(CHANNEL).await?;
    Ok(listener)
}

/// Returns when the connection is lost.
async fn follow(mut listener: PgListener, look: &watch::Sender<u64>) {
    loop {
        let next = Instant::now() + LOOK_EVERY;
        match timeout_at(next, listener.try_recv()).await {
            Ok(Ok(Some(_))) => {
                let end = Instant::now() + BURST;
                while let Ok(Ok(Some(_))) = timeout_at(end, listener.try_recv()).await {}
                sleep_until(end).await;
            }
            Ok(Ok(None) | Err(_)) => return,
            Err(_) => {}
        }
        look.send_modify(|n| *n += 1);
    }
}
