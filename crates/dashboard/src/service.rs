//! The dashboard's parts, which all requests share.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Mutex;

use crate::auth::{Auth, AuthError};
use crate::casts::{Casts, CastsError, Watch};
use crate::client::ClientError;
use crate::ingest::body::Bodies;
use crate::ingest::counts::Counts;
use crate::live::{Changes, Live};
use crate::relay::Relay;
use crate::settings::Settings;
use crate::store::{Store, StoreError};
use crate::webhooks::{WebhookError, Webhooks};

/// Workspaces, those with a browser, open and diverged logs, gaps, quarantined lines.
pub(crate) type Counted = (i64, i64, i64, i64, i64, i64);

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
    pub bodies: Bodies,
    /// How much was taken in.
    pub taken: Counts,
    /// What `/metrics` counted last in the database, and when.
    pub counted: Mutex<Option<(Instant, Counted)>>,
    /// Tells every replica what changed.
    pub changes: Changes,
    /// The watch over the class.
    pub live: Live,
    /// Who may ask.
    pub auth: Arc<Auth>,
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
    /// It cannot listen.
    #[error("cannot serve on {address}: {source}")]
    Listen {
        /// Where it was to listen.
        address: SocketAddr,
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
        let auth = Arc::new(Auth::new(&settings)?);
        let casts = Casts::open(settings.casts.as_deref())?;
        let casts_watch = Watch::start(casts.clone());
        let relay = Relay::new(settings.workspace_token.clone())?;
        let changes = Changes::default();
        let live = Live::start(store.views(), &changes, relay.has_token());
        let webhooks = Webhooks::start(settings.webhooks.as_deref(), store.ingest(), live.looks())?;
        let (bodies, taken, counted) = Default::default();
        Ok(Arc::new(Self {
            settings,
            store,
            casts,
            casts_watch,
            bodies,
            taken,
            counted,
            changes,
            live,
            auth,
            relay,
            webhooks,
        }))
    }

    /// Tells all watchers that a workspace has new data.
    pub fn touched(&self) {
        self.changes.touched();
    }

    /// Whether terminals of workspaces can be watched.
    pub fn relays(&self) -> bool {
        self.relay.has_token()
    }
}
