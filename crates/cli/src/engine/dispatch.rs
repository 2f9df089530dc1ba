//! What runs workspaces, whichever it is.

use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::container::{Container, Creation, Plan};
use super::containers::Containers;
use super::labels::{self, Volume};
use super::log;
use super::sandboxes::Sandboxes;
use crate::image::Description;
use crate::output::Say;

/// What runs workspaces.
#[derive(Debug)]
pub(crate) enum Engine {
    /// Docker or Podman.
    Containers(Containers),
    /// Bubblewrap.
    Sandboxes(Sandboxes),
}

impl Engine {
    /// How it is called.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Containers(containers) => containers.product(),
            Self::Sandboxes(_) => "sandbox",
        }
    }

    /// The containers of all workspaces, oldest first.
    pub(crate) async fn workspaces(&self) -> anyhow::Result<Vec<Container>> {
        match self {
            Self::Containers(containers) => containers.workspaces().await,
            Self::Sandboxes(sandboxes) => sandboxes.workspaces(),
        }
    }

    /// The containers of one workspace, oldest first: none, one, or in a swap two.
    pub(crate) async fn containers_of(&self, workspace: &str) -> anyhow::Result<Vec<Container>> {
        match self {
            Self::Containers(containers) => containers.of_workspace(workspace).await,
            Self::Sandboxes(sandboxes) => {
                let mut all = sandboxes.workspaces()?;
                all.retain(|container| container.labels.workspace == workspace);
                Ok(all)
            }
        }
    }

    /// Makes sure that an image is there, pulling it when it is not.
    pub(crate) async fn provide(&self, image: &str, say: Say<'_>) -> anyhow::Result<()> {
        match self {
            Self::Containers(containers) => containers.provide(image, say).await,
            Self::Sandboxes(sandboxes) => sandboxes.provide(image),
        }
    }

    /// The workshop that an image is of; none when it does not say, or is not here.
    pub(crate) async fn describe(&self, image: &str) -> anyhow::Result<Option<Description>> {
        match self {
            Self::Containers(containers) => containers.describe(image).await,
            Self::Sandboxes(sandboxes) => sandboxes.describe(image),
        }
    }

    /// Creates a container, and what runs beside it, without starting either.
    pub(crate) async fn create(&self, plan: &Plan) -> anyhow::Result<Creation> {
        match self {
            Self::Containers(containers) => containers.create(plan).await,
            Self::Sandboxes(sandboxes) => sandboxes.create(plan),
        }
    }

    /// Starts a container after what runs beside it. One that runs goes on.
    pub(crate) async fn start(&self, container: &Container) -> anyhow::Result<()> {
        match self {
            Self::Containers(containers) => containers.start(container).await,
            Self::Sandboxes(sandboxes) => sandboxes.start(container).await,
        }
    }

    /// Stops a container and what runs beside it. One that does not run, or is gone, stays so.
    pub(crate) async fn stop(&self, container: &Container) -> anyhow::Result<()> {
        match self {
            Self::Containers(containers) => containers.stop(container).await,
            Self::Sandboxes(sandboxes) => sandboxes.stop(container).await,
        }
    }

    /// Removes a container, what runs beside it and its network, running or not. The log stays.
    pub(crate) async fn remove(&self, container: &Container) -> anyhow::Result<()> {
        match self {
            Self::Containers(containers) => containers.remove(container).await,
            Self::Sandboxes(sandboxes) => sandboxes.remove(container).await,
        }
    }

    /// Waits until a container does not run.
    pub(crate) async fn ended(&self, container: &Container) -> anyhow::Result<()> {
        match self {
            Self::Containers(containers) => containers.ended(container).await,
            Self::Sandboxes(sandboxes) => {
                while sandboxes.runs(container) {
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Ok(())
            }
        }
    }

    /// Waits until a container that was started has ended and its engine does not start it again. How that was, in
    /// words, with the end of what it printed.
    pub(crate) async fn ended_for_good(&self, container: &Container) -> anyhow::Result<String> {
        match self {
            Self::Containers(containers) => containers.ended_for_good(container).await,
            Self::Sandboxes(sandboxes) => {
                self.ended(container).await?;
                sandboxes.last_words(container)
            }
        }
    }

    /// What the backend says.
    pub(crate) fn logs(&self, container: &Container, follow: bool) -> BoxStream<'_, anyhow::Result<Bytes>> {
        match self {
            Self::Containers(containers) => containers.logs(container, follow),
            Self::Sandboxes(sandboxes) => sandboxes.logs(container, follow),
        }
    }

    /// Whether a workspace's volume holds a log.
    pub(crate) async fn has_log(&self, volume: &Volume) -> anyhow::Result<bool> {
        match self {
            Self::Containers(containers) => containers.has_log(volume).await,
            Self::Sandboxes(sandboxes) => sandboxes.has_log(volume),
        }
    }

    /// Where the log of a workspace is when nothing else is said.
    pub(crate) fn default_log(&self, workspace: &str) -> Volume {
        match self {
            Self::Containers(_) => Volume::Named(labels::volume_name(workspace)),
            Self::Sandboxes(sandboxes) => Volume::Folder(sandboxes.log_folder(workspace)),
        }
    }

    /// The active step of the log on a volume, if there is one. `image` is one of the workshop's, to look with.
    pub(crate) async fn active_step(&self, volume: &Volume, image: &str) -> anyhow::Result<Option<String>> {
        match (volume, self) {
            (Volume::Folder(folder), _) => log::active_step(folder),
            (Volume::Named(_), Self::Containers(containers)) => {
                if !containers.has_log(volume).await? {
                    return Ok(None);
                }
                let folder = tempfile::tempdir()?;
                containers.copy_log(volume, Some(image), &[log::STATE], folder.path()).await?;
                log::active_step(folder.path())
            }
            (Volume::Named(_), Self::Sandboxes(_)) => Ok(None),
        }
    }

    /// Copies the log of a workspace into a folder, as it is now.
    pub(crate) async fn copy_log(&self, container: &Container, into: &Path) -> anyhow::Result<()> {
        match self {
            Self::Containers(containers) => {
                containers.copy_log(&container.labels.log(), None, &["."], into).await
            }
            Self::Sandboxes(_) => match container.labels.log() {
                Volume::Folder(folder) => log::copy(&folder, into),
                Volume::Named(_) => Ok(()),
            },
        }
    }

    /// Removes a volume and all progress in it. What else is in a log's folder stays.
    pub(crate) async fn forget(&self, volume: &Volume) -> anyhow::Result<()> {
        match self {
            Self::Containers(containers) => containers.forget(volume).await,
            Self::Sandboxes(sandboxes) => sandboxes.forget(volume),
        }
    }
}
