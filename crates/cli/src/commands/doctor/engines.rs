//! Container engines: which answer, in what version, and with whose rights.

use bollard::models::SystemInfo;

use super::Finding;
use crate::engine::{self, Containers};

/// Looks at every place where an engine could be. Also gives those that answer, as people say them.
pub(super) async fn look() -> (Vec<Finding>, Vec<String>) {
    let mut findings = Vec::new();
    let mut answering = Vec::new();
    for found in engine::look_around().await {
        let containers = match found.answer {
            Ok(containers) => containers,
            Err(reason) => {
                findings.push(Finding::note(found.address, reason));
                continue;
            }
        };
        let name = format!("{} {}", containers.product(), containers.version());
        findings.push(Finding::ok(found.address, format!("{name}, {}", rights(&containers).await)));
        answering.push(name);
    }
    if answering.is_empty() {
        let advice = "start Docker, or Podman's socket: systemctl --user start podman.socket \
                      (without systemd: podman system service --time 0 &); DOCKER_HOST names a socket elsewhere";
        findings.push(Finding::missing("engine", "no container engine answers").advise(advice));
    }
    (findings, answering)
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
