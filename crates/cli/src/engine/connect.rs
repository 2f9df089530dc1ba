//! Finding a container engine: by choice, by `DOCKER_HOST`, or the first socket that answers.

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use bollard::Docker;
use rustix::process::geteuid;
use tokio::time::timeout;

use super::containers::Containers;
use super::dispatch::Engine;
use super::inspect::Inspector;
use super::sandboxes::Sandboxes;
use crate::arguments::EngineChoice;
use crate::context::Context;
use crate::failure::Failure;

/// How long an engine may take to say that it is there.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a single answer may take, in seconds; stopping a container takes up to ten.
const ANSWER: u64 = 120;

/// One place where an engine could be.
#[derive(Debug)]
pub(crate) struct Found {
    /// The address: a socket's path with its scheme.
    pub(crate) address: String,
    /// What answered there: the engine, or why nothing did.
    pub(crate) answer: Result<Containers, String>,
}

/// Connects to the engine of the settings.
///
/// # Errors
/// None answers; the message names every place that was looked at.
pub(crate) async fn connect(context: &Context) -> Result<Engine, Failure> {
    let choice = context.settings.engine;
    if choice == EngineChoice::Sandbox {
        let data = context.settings.data_root();
        let data = data.ok_or_else(|| {
            Failure::input("neither XDG_DATA_HOME nor HOME says where sandboxes can be kept; use --data-root")
        })?;
        return Ok(Engine::Sandboxes(Sandboxes::new(&data)?));
    }
    let mut tried = Vec::new();
    for address in addresses(choice) {
        match reach(&address).await {
            Ok(containers) => return Ok(Engine::Containers(containers)),
            Err(reason) => tried.push(format!("  {address}: {reason}")),
        }
    }
    Err(Failure::Failed(anyhow::anyhow!(
        "no container engine answers. Looked at:\n{}\n\
         Start Docker, or Podman's socket (systemctl --user start podman.socket, or `podman system service --time 0 &`), \
         or run without containers: --engine sandbox",
        tried.join("\n")
    )))
}

/// Every place where an engine of this choice could be, and what answers there.
pub(crate) async fn look_around(choice: EngineChoice) -> Vec<Found> {
    let mut found = Vec::new();
    for address in addresses(choice) {
        let answer = reach(&address).await;
        found.push(Found { address, answer });
    }
    found
}

/// Where to look, in order.
fn addresses(choice: EngineChoice) -> Vec<String> {
    let socket = |path: PathBuf| format!("unix://{}", path.display());
    let runtime = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let user = runtime.unwrap_or_else(|| format!("/run/user/{}", geteuid().as_raw()).into());
    let mut addresses: Vec<String> =
        env::var("DOCKER_HOST").into_iter().filter(|host| !host.is_empty()).collect();
    // What the environment names is meant, for whichever engine it is.
    if !addresses.is_empty() {
        return addresses;
    }
    if matches!(choice, EngineChoice::Auto | EngineChoice::Docker) {
        addresses.push(socket("/var/run/docker.sock".into()));
        addresses.push(socket(user.join("docker.sock")));
    }
    if matches!(choice, EngineChoice::Auto | EngineChoice::Podman) {
        if !geteuid().is_root() {
            addresses.push(socket(user.join("podman/podman.sock")));
        }
        addresses.push(socket("/run/podman/podman.sock".into()));
    }
    addresses
}

async fn reach(address: &str) -> Result<Containers, String> {
    let inspector = Inspector::new(address).map_err(|error| error.to_string())?;
    let asked = timeout(PATIENCE, inspector.greeting()).await;
    let greeting =
        asked.map_err(|_| format!("no answer in {PATIENCE:?}"))?.map_err(|error| format!("{error:#}"))?;
    let docker = match address.strip_prefix("unix://") {
        Some(path) => Docker::connect_with_unix(path, ANSWER, &greeting.api()),
        None => Docker::connect_with_http(address, ANSWER, &greeting.api()),
    };
    Ok(Containers::new(docker.map_err(|error| error.to_string())?, inspector, greeting))
}
