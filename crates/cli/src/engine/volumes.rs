//! Where logs are kept on a container engine: volumes of its own, or folders of the host.

use std::collections::HashMap;
use std::fs;

use anyhow::{Context as _, Result};
use bollard::Docker;
use bollard::models::{Mount, MountType, VolumeCreateRequest};
use bollard::query_parameters::RemoveVolumeOptions;

use super::answers::{gone_is_none, unchanged_is_fine};
use super::{RUNTIME, Volume, labels};

/// Makes the volume of a workspace unless it is there. A folder is made when it is mounted.
pub(super) async fn make(docker: &Docker, volume: &Volume, workspace: &str) -> Result<()> {
    let Volume::Named(name) = volume else { return Ok(()) };
    if has_log(docker, volume).await? {
        return Ok(());
    }
    let labels = HashMap::from([
        (labels::NAME.to_owned(), workspace.to_owned()),
        (labels::ROLE.to_owned(), "log".to_owned()),
    ]);
    let request = VolumeCreateRequest {
        name: Some(name.clone()),
        labels: Some(labels),
        ..VolumeCreateRequest::default()
    };
    docker.create_volume(request).await.with_context(|| format!("cannot create the volume {name}"))?;
    Ok(())
}

/// How a container has it.
pub(super) fn mount(volume: &Volume) -> Result<Mount> {
    let (source, typ) = match volume {
        Volume::Named(name) => (name.clone(), MountType::VOLUME),
        Volume::Folder(folder) => {
            fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
            (folder.display().to_string(), MountType::BIND)
        }
    };
    Ok(Mount { source: Some(source), target: Some(RUNTIME.to_owned()), typ: Some(typ), ..Mount::default() })
}

/// Whether there is a log: a volume is made for nothing else.
pub(super) async fn has_log(docker: &Docker, volume: &Volume) -> Result<bool> {
    match volume {
        Volume::Folder(folder) => Ok(folder.join("log.json").exists()),
        Volume::Named(name) => Ok(gone_is_none(docker.inspect_volume(name).await)?.is_some()),
    }
}

/// Removes it, with all progress in it.
pub(super) async fn forget(docker: &Docker, volume: &Volume) -> Result<()> {
    match volume {
        Volume::Folder(folder) => fs::remove_dir_all(folder).with_context(|| folder.display().to_string()),
        Volume::Named(name) => {
            unchanged_is_fine(docker.remove_volume(name, None::<RemoveVolumeOptions>).await)
                .with_context(|| format!("cannot remove the volume {name}"))
        }
    }
}
