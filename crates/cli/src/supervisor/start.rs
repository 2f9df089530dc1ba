//! Starting a container until it serves.

use std::time::Duration;

use anyhow::{Result, bail};
use tokio::time::Instant;

use super::client::WorkspaceClient;
use crate::engine::{Container, Engine};

/// How long a new container may take to serve.
pub(crate) const READY_WITHIN: Duration = Duration::from_secs(30);
/// How soon a port answers whose container runs, unless something is wrong with one of them.
const PORT_WITHIN: Duration = Duration::from_secs(8);

/// Starts a workspace's container and waits until it serves.
///
/// # Errors
/// It ends instead, as often as its policy starts it, or does not serve in time.
pub(crate) async fn start(engine: &Engine, container: &Container) -> Result<()> {
    engine.start(container).await?;
    if serves(engine, container, PORT_WITHIN).await? {
        return Ok(());
    }
    // Podman may have taken the port's rules away with those of a container that ended at the same moment.
    engine.stop(container).await?;
    engine.start(container).await?;
    if !serves(engine, container, READY_WITHIN).await? {
        bail!(
            "{} does not answer on port {} within {READY_WITHIN:?}; `workshop logs {}` has what it says",
            container.labels.workspace,
            container.labels.port,
            container.labels.workspace
        );
    }
    Ok(())
}

/// Whether a container that was started serves before the time is over. One that ended for good never does.
async fn serves(engine: &Engine, container: &Container, within: Duration) -> Result<bool> {
    let client = WorkspaceClient::of(container)?;
    tokio::select! {
        ready = client.becomes_ready(Instant::now() + within) => Ok(ready),
        how = engine.ended_for_good(container) => bail!("{} {}", container.labels.workspace, how?),
    }
}
