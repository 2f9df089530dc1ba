//! The tests' own Podman: its service, and its settings apart from the machine's.

use std::fs;
use std::process::Command;

use anyhow::Result;

use super::places::Places;
use super::service::Service;
use crate::checkout::Checkout;
use crate::engine::{Engine, Kind};
use crate::program;

pub(super) fn engine(places: &Places) -> Engine {
    Engine {
        kind: Kind::Podman,
        address: Some(format!("unix://{}", places.run.join("podman.sock").display())),
    }
}

pub(super) fn start(checkout: &Checkout, places: &Places) -> Result<Service> {
    write_settings(places)?;
    let mut service = command(checkout, places);
    service.args(["system", "service", "--time", "0"]).args(engine(places).address);
    Service::start(checkout, places, "podman", &service)
}

/// Ends and removes every container and volume, with or without a service.
pub(super) fn clear(checkout: &Checkout, places: &Places) -> Result<()> {
    if !places.storage.join("podman/storage").exists() {
        return Ok(());
    }
    for arguments in [
        &["rm", "--all", "--force", "--time", "0"][..],
        &["volume", "rm", "--all", "--force"],
        &["network", "prune", "--force"],
    ] {
        program::quiet(command(checkout, places).args(arguments))?;
    }
    Ok(())
}

/// Podman on the folders of the tests.
fn command(checkout: &Checkout, places: &Places) -> Command {
    let folder = places.storage.join("podman");
    let mut command = checkout.command("podman");
    command
        .env("CONTAINERS_CONF", folder.join("containers.conf"))
        .env("CONTAINERS_STORAGE_CONF", folder.join("storage.conf"))
        .env("CONTAINERS_REGISTRIES_CONF", folder.join("registries.conf"));
    command
}

fn write_settings(places: &Places) -> Result<()> {
    let folder = places.storage.join("podman");
    let run = places.run.join("podman");
    fs::create_dir_all(folder.join("networks"))?;
    fs::create_dir_all(&run)?;
    let (storage, run) = (folder.display(), run.display());
    // The limits: the default ones are above what an unprivileged machine lets even root have.
    let containers = format!(
        "[engine]\nruntime = \"runc\"\ncgroup_manager = \"cgroupfs\"\nevents_logger = \"file\"\n\
         tmp_dir = \"{run}/tmp\"\n\
         [containers]\ndefault_ulimits = [\"nofile=10000:10000\", \"nproc=8000:8000\"]\n\
         [network]\nnetwork_backend = \"netavark\"\nnetwork_config_dir = \"{storage}/networks\"\n"
    );
    let layers = format!(
        "[storage]\ndriver = \"overlay\"\ngraphroot = \"{storage}/storage\"\nrunroot = \"{run}/run\"\n"
    );
    // A registry that a test starts speaks plain HTTP; Docker takes that from the loopback address by itself.
    let registries = "[[registry]]\nlocation = \"127.0.0.1\"\ninsecure = true\n";
    fs::write(folder.join("containers.conf"), containers)?;
    fs::write(folder.join("storage.conf"), layers)?;
    fs::write(folder.join("registries.conf"), registries)?;
    Ok(())
}
