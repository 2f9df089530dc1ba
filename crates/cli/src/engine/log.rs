//! Logs on volumes: copied out of a container, and asked where the student is.

use std::fs::{self, File};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use bollard::Docker;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, HostConfig};
use bollard::query_parameters::{DownloadFromContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::StreamExt;
use workshop_events::State;
use workshop_projector::Projection;

use super::answers::unchanged_is_fine;
use super::labels::Volume;
use super::volumes::{self, RUNTIME};

/// The state stream's file.
pub(super) const STATE: &str = "state-events.jsonl";

/// The active step of the log in a folder; none if nothing happened in it yet.
pub(super) fn active_step(folder: &Path) -> Result<Option<String>> {
    let mut projection = Projection::default();
    workshop_journal::replay_dir::<State>(folder, None, |item| projection.apply(item.seq, &item.record))
        .with_context(|| format!("cannot read the log in {}", folder.display()))?;
    Ok(if projection.seq() == 0 { None } else { projection.active().map(ToOwned::to_owned) })
}

/// Copies files or folders of the log on a volume that no container has: through one that is made for that and never
/// started.
pub(super) async fn copy_out_by(
    docker: &Docker,
    image: &str,
    volume: &Volume,
    parts: &[&str],
    into: &Path,
) -> Result<()> {
    let host_config = HostConfig { mounts: Some(vec![volumes::mount(volume)?]), ..HostConfig::default() };
    let body = ContainerCreateBody {
        image: Some(image.to_owned()),
        host_config: Some(host_config),
        ..ContainerCreateBody::default()
    };
    let id = docker.create_container(None, body).await?.id;
    let copied = copy_out(docker, &id, parts, into).await;
    let options = RemoveContainerOptionsBuilder::default().force(true).build();
    unchanged_is_fine(docker.remove_container(&id, Some(options)).await)?;
    copied
}

/// Copies files or folders of a container's log volume. What is not there is left out.
pub(super) async fn copy_out(docker: &Docker, id: &str, parts: &[&str], into: &Path) -> Result<()> {
    for part in parts {
        let options =
            DownloadFromContainerOptionsBuilder::default().path(&format!("{RUNTIME}/{part}")).build();
        let mut stream = std::pin::pin!(docker.download_from_container(id, Some(options)));
        let mut archive = tempfile::tempfile()?;
        let mut there = true;
        while let Some(piece) = stream.next().await {
            match piece {
                Ok(piece) => archive.write_all(&piece)?,
                Err(Error::DockerResponseServerError { status_code: 404, .. }) => there = false,
                Err(error) => return Err(error).context("cannot copy the log out of its container"),
            }
        }
        if there {
            archive.seek(SeekFrom::Start(0))?;
            let into = into.to_owned();
            tokio::task::spawn_blocking(move || unpack(archive, &into)).await??;
        }
    }
    Ok(())
}

/// Only plain files, by their last name: what is in a log volume has no folders.
fn unpack(archive: File, into: &Path) -> Result<()> {
    let mut archive = tar::Archive::new(archive);
    for entry in archive.entries()? {
        let mut entry = entry?;
        let name = entry.path()?.file_name().map(ToOwned::to_owned);
        if let Some(name) = name.filter(|_| entry.header().entry_type().is_file()) {
            let mut file = File::create(into.join(name))?;
            std::io::copy(&mut entry, &mut file)?;
        }
    }
    Ok(())
}

/// Copies the files of a log's folder.
pub(super) fn copy(folder: &Path, into: &Path) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            fs::copy(entry.path(), into.join(entry.file_name()))?;
        }
    }
    Ok(())
}
