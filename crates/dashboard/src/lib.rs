//! The dashboard: takes in the logs of many workspaces, keeps them in Postgres and in a cast store, and shows them.

pub mod api;
pub mod arguments;
pub mod auth;
pub mod casts;
pub mod client;
pub mod error;
pub mod healthcheck;
pub mod ingest;
pub mod live;
pub mod pages;
pub mod projections;
pub mod rebuild;
pub mod relay;
pub mod retention;
pub mod settings;
pub mod store;
pub mod webhooks;

use std::future::Future;
use std::io;
use std::sync::Arc;

use axum::routing::get;
use axum::{Router, middleware};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use auth::{Auth, AuthError};
use casts::{Casts, CastsError, Watch};
use client::ClientError;
use live::{Changes, Live};
use relay::Relay;
use settings::Settings;
use store::{Store, StoreError};
use webhooks::{WebhookError, Webhooks};

/// What all requests share.
pub struct Dashboard {
    /// What it was started with.
    pub settings: Settings,
    /// The database.
    pub store: Store,
    /// The recordings.
    pub casts: Casts,
    /// Whether their place answers.
    pub casts_watch: Watch,
    /// Room for what is being taken in.
    pub bodies: ingest::body::Bodies,
    /// How much was taken in.
    pub taken: ingest::Counts,
    /// Tells every replica what changed.
    pub changes: Changes,
    /// The watch over the class.
    pub live: Live,
    /// Who may ask.
    pub auth: Auth,
    /// Terminals of workspaces.
    pub relay: Relay,
    /// Events that are posted elsewhere.
    pub webhooks: Webhooks,
}

/// Why the dashboard does not run.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The database cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Recordings cannot be kept.
    #[error(transparent)]
    Casts(#[from] CastsError),
    /// Nobody, or anybody, could log in.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// Webhooks cannot be delivered.
    #[error(transparent)]
    Webhooks(#[from] WebhookError),
    /// Terminals of workspaces cannot be reached.
    #[error("terminals of workspaces cannot be reached: {0}")]
    Relay(#[from] ClientError),
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
        let auth = Auth::new(&settings)?;
        let casts = Casts::open(settings.casts.as_deref())?;
        let casts_watch = Watch::start(casts.clone());
        let relay = Relay::new(settings.workspace_token.clone())?;
        let changes = Changes::default();
        let live = Live::start(store.views(), &changes, relay.has_token());
        let webhooks = Webhooks::start(&settings, store.ingest(), live.looks())?;
        let (bodies, taken) = Default::default();
        Ok(Arc::new(Self {
            settings,
            store,
            casts,
            casts_watch,
            bodies,
            taken,
            changes,
            live,
            auth,
            relay,
            webhooks,
        }))
    }

    /// Everything it answers.
    pub fn app(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/healthz", get(|| async { "ok" }))
            .merge(ingest::routes())
            .merge(api::routes())
            .merge(auth::routes())
            .merge(relay::routes())
            .merge(casts::routes())
            .merge(pages::routes())
            .layer(middleware::from_fn_with_state(self.clone(), auth::guard))
            .with_state(self.clone())
    }

    /// Something of a workspace was stored: whoever watches is told.
    pub fn touched(&self) {
        self.changes.touched();
    }

    /// Whether terminals of workspaces can be watched.
    pub fn relays(&self) -> bool {
        self.relay.has_token()
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
    let Settings { database, retention: days, .. } = dashboard.settings.clone();
    // Ends when this is dropped.
    let mut upkeep = JoinSet::new();
    upkeep.spawn(retention::keep_up(database, days));
    upkeep.spawn(casts::keep_up(dashboard.store.ingest().clone(), dashboard.casts.clone()));
    upkeep.spawn(ingest::vector::keep_up(dashboard.clone()));
    let stopping = dashboard.clone();
    let end = async move {
        end.await;
        // What would go on for as long as its reader likes.
        stopping.live.end();
    };
    axum::serve(listener, dashboard.app()).with_graceful_shutdown(end).await.map_err(failed)
}
