//! Serves the dashboard and runs its background tasks.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;
use workshop_edge::Limits;

use crate::router::router;
use crate::service::{Dashboard, DashboardError};
use crate::settings::Settings;
use crate::{casts, ingest, retention};

/// Shippers of a large class keep connections open, besides the pages. Downloads may end within what container engines give
/// a service to stop, 10 s.
const LIMITS: Limits =
    Limits { connections: 32_768, head: Duration::from_secs(30), grace: Duration::from_secs(8) };

/// Serves until `end`.
///
/// # Errors
/// It cannot listen where it should.
pub async fn serve(
    dashboard: Arc<Dashboard>,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), DashboardError> {
    let address = dashboard.settings.listen;
    let failed = |source| DashboardError::Listen { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    tracing::info!(address = %listener.local_addr().map_err(failed)?, "serving");
    let Settings { database, retention: days, .. } = dashboard.settings.clone();
    let (pool, changes) = (dashboard.store.ingest().clone(), dashboard.changes.clone());
    // Ends when this is dropped.
    let mut upkeep = JoinSet::new();
    upkeep.spawn(retention::keep_up(database, days));
    upkeep.spawn(casts::keep_up(pool.clone(), dashboard.casts.clone()));
    upkeep.spawn(ingest::vector::keep_up(pool, changes));
    let stopping = dashboard.clone();
    let end = async move {
        end.await;
        // Streams and terminals would otherwise stay open as long as their client does.
        stopping.live.end();
    };
    workshop_edge::serve(listener, router(&dashboard), LIMITS, end).await;
    Ok(())
}
