//! Container engines: which answer, in what version, and with whose rights.

use bollard::models::SystemInfo;

use super::finding::Finding;
use crate::arguments::EngineChoice;
use crate::engine::{self, Containers};

/// The base that a workshop has when its author names no other.
const BASE: &str = "workshop-base:debian";

/// Looks at every place where an engine could be. Also gives the one that is taken, as people say it.
pub(super) async fn look(choice: EngineChoice) -> (Vec<Finding>, Option<String>) {
    // Whoever chose the sandbox may still want to know what else there is.
    let choice = if choice == EngineChoice::Sandbox { EngineChoice::Auto } else { choice };
    let mut findings = Vec::new();
    let mut taken = None;
    for found in engine::look_around(choice).await {
        let containers = match found.answer {
            Ok(containers) => containers,
            Err(reason) => {
                findings.push(Finding::note("no answer", format!("{}: {reason}", found.address)));
                continue;
            }
        };
        let product = if containers.product() == "podman" { "Podman" } else { "Docker" };
        let version = containers.version();
        let rights = rights(&containers).await;
        findings.push(Finding::ok(product, format!("{version}, {rights}, at {}", found.address)));
        findings.push(match containers.has_image(BASE).await {
            Ok(true) => Finding::ok("base image", BASE),
            Ok(false) => Finding::note("base image", format!("{BASE} is not here"))
                .advise("`cargo xtask base-image` builds it; a workshop may have a base of its own"),
            Err(error) => Finding::note("base image", format!("{BASE}: {error:#}")),
        });
        taken = taken.or_else(|| Some(format!("{product} {version}")));
    }
    if taken.is_none() {
        let advice = "start Docker, or Podman's socket: systemctl --user start podman.socket \
                      (without systemd: podman system service --time 0 &); DOCKER_HOST names a socket elsewhere";
        findings.push(Finding::missing("engine", "no container engine answers").advise(advice));
    }
    (findings, taken)
}

async fn rights(containers: &Containers) -> String {
    match containers.docker().info().await {
        Ok(SystemInfo { security_options: Some(options), .. })
            if options.iter().any(|option| option.contains("rootless")) =>
        {
            "rootless".to_owned()
        }
        Ok(_) => "with root's rights".to_owned(),
        Err(error) => format!("which does not say with whose rights: {error}"),
    }
}
