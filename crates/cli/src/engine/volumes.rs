//! Where logs are kept on a container engine: volumes of its own, or folders of the host.

use std::collections::HashMap;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use bollard::Docker;
use bollard::models::{Mount, MountType, VolumeCreateRequest};
use bollard::query_parameters::RemoveVolumeOptions;

use super::answers::{gone_is_none, unchanged_is_fine};
use super::labels::{self, Volume};

/// Where the log volume is mounted.
pub(super) const RUNTIME: &str = "/workshop/runtime";

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
            make_folder(folder)?;
            (folder.display().to_string(), MountType::BIND)
        }
    };
    Ok(Mount { source: Some(source), target: Some(RUNTIME.to_owned()), typ: Some(typ), ..Mount::default() })
}

/// Makes the folder of a log, for its owner alone. One that is there stays as it is: it is its owner's.
pub(super) fn make_folder(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| folder.display().to_string())
}

/// Whether there is a log: a volume is made for nothing else.
pub(super) async fn has_log(docker: &Docker, volume: &Volume) -> Result<bool> {
    match volume {
        Volume::Folder(folder) => folder_has_log(folder),
        Volume::Named(name) => Ok(gone_is_none(docker.inspect_volume(name).await)?.is_some()),
    }
}

/// Whether a file of a log is in a folder.
pub(super) fn folder_has_log(folder: &Path) -> Result<bool> {
    let contents = workshop_journal::contents_of(folder).with_context(|| folder.display().to_string())?;
    Ok(!contents.log.is_empty())
}

/// Removes it, with all progress in it. Of a folder only the log's own files: what else is in it stays, and the folder
/// with it.
///
/// # Errors
/// It cannot be removed, or is a volume that somebody else made.
pub(super) async fn forget(docker: &Docker, volume: &Volume) -> Result<()> {
    let name = match volume {
        Volume::Folder(folder) => return forget_folder(folder),
        Volume::Named(name) => name,
    };
    let Some(found) = gone_is_none(docker.inspect_volume(name).await)? else { return Ok(()) };
    if !found.labels.contains_key(labels::ROLE) {
        bail!(
            "the volume {name} is kept, because it was not made by this command; `volume rm {name}` of the engine removes it"
        )
    }
    unchanged_is_fine(docker.remove_volume(name, None::<RemoveVolumeOptions>).await)
        .with_context(|| format!("cannot remove the volume {name}"))
}

/// Removes the log in a folder, and the folder if nothing else is in it.
pub(super) fn forget_folder(folder: &Path) -> Result<()> {
    workshop_journal::remove_log(folder).map(|_| ()).with_context(|| folder.display().to_string())
}
