//! The tests' own Docker: its daemon, and its settings apart from the machine's.

use std::fs;

use anyhow::{Context, Result};
use serde_json::json;

use super::places::Places;
use super::service::{self, Service};
use crate::checkout::Checkout;
use crate::engine::{Engine, Kind};
use crate::program;

/// The file of the daemon's process id.
const PID: &str = "docker.pid";

pub(super) fn engine(places: &Places) -> Engine {
    Engine {
        kind: Kind::Docker,
        address: Some(format!("unix://{}", places.run.join("docker.sock").display())),
    }
}

pub(super) fn start(checkout: &Checkout, places: &Places) -> Result<Service> {
    let limit = |name: &str, most: u32| json!({"Name": name, "Soft": most, "Hard": most});
    let settings = json!({
        "hosts": [engine(places).address],
        "data-root": places.storage.join("docker"),
        "exec-root": places.run.join("docker"),
        "pidfile": places.run.join(PID),
        "log-level": "warn",
        // The default ones are above what an unprivileged machine lets even root have.
        "default-ulimits": {"nofile": limit("nofile", 10_000), "nproc": limit("nproc", 8_000)},
    });
    let file = places.storage.join("docker.json");
    fs::write(&file, settings.to_string())?;
    let mut daemon = checkout.command("dockerd");
    daemon.arg("--config-file").arg(file);
    Service::start(checkout, places, "docker", &daemon)
}

/// Ends and removes every container, while the daemon runs; with its end everything else is unmounted.
pub(super) fn clear(checkout: &Checkout, places: &Places) -> Result<()> {
    let docker = engine(places);
    if !docker.answers(checkout) {
        return Ok(());
    }
    let containers = program::quiet(docker.command(checkout).args(["ps", "--all", "--quiet"]))?;
    if !containers.trim().is_empty() {
        let mut remove = docker.command(checkout);
        program::quiet(remove.args(["rm", "--force", "--volumes"]).args(containers.split_whitespace()))?;
    }
    // Bridges are the kernel's, and would outlive the daemon.
    program::quiet(docker.command(checkout).args(["network", "prune", "--force"])).map(|_| ())
}

/// After a daemon that was killed: its containers may still run. A new daemon on its folders finds and ends them.
pub(super) fn clear_stale(checkout: &Checkout, places: &Places) -> Result<()> {
    if !places.storage.join("docker").exists() || !places.run.exists() {
        return Ok(());
    }
    // A new daemon takes the old one's number for a daemon, even when that is a dead process.
    let pid = places.run.join(PID);
    if pid.exists() {
        fs::remove_file(&pid).with_context(|| pid.display().to_string())?;
    }
    let daemon = start(checkout, places)?;
    let cleared =
        service::answering(checkout, &engine(places), places).and_then(|()| clear(checkout, places));
    daemon.stop(checkout)?;
    cleared
}
