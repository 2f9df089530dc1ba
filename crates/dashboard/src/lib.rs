//! The dashboard: takes in the logs of many workspaces, keeps them in Postgres and in a cast store, and shows them.

pub mod problem;
pub mod settings;
pub mod store;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use tokio::net::TcpListener;

use settings::Settings;
use store::{Store, StoreError};

/// What all requests share.
pub struct Dashboard {
    /// What it was started with.
    pub settings: Settings,
    /// The database.
    pub store: Store,
}

/// Why the dashboard does not run.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// It cannot listen, or no longer serve.
    #[error("cannot serve on {address}: {source}")]
    Serve {
        /// Where it was to listen.
        address: std::net::SocketAddr,
        /// What the system says.
        source: io::Error,
    },
}

impl Dashboard {
    /// Connects to what the settings name.
    ///
    /// # Errors
    /// The database cannot be reached, or is not at this version.
    pub async fn open(settings: Settings) -> Result<Arc<Self>, DashboardError> {
        let store = Store::open(&settings.database).await?;
        Ok(Arc::new(Self { settings, store }))
    }

    /// Everything it answers.
    pub fn app(self: &Arc<Self>) -> Router {
        Router::new().route("/healthz", get(|| async { "ok" })).with_state(self.clone())
    }
}

/// Serves until `end`.
///
/// # Errors
/// It cannot listen where it should.
pub async fn serve(
    dashboard: Arc<Dashboard>,
    end: impl Future<Output = ()> + Send + 'static,
) -> Result<(), DashboardError> {
    let address = dashboard.settings.listen;
    let failed = |source| DashboardError::Serve { address, source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    tracing::info!(address = %listener.local_addr().map_err(failed)?, "serving");
    axum::serve(listener, dashboard.app()).with_graceful_shutdown(end).await.map_err(failed)
}
