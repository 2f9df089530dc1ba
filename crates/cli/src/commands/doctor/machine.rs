//! The machine and the settings: parts, port, disk, configuration.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use clap::ValueEnum;
use rustix::fs::{Access, access, statvfs};

use super::finding::Finding;
use crate::context::Context;
use crate::image::Parts;
use crate::paint;
use crate::settings::{self, DEFAULT_PORT, Origin};

/// Below this much free space recordings pause soon.
const LITTLE_SPACE: u64 = 1_000_000_000;

/// The platform's own parts. The sandbox needs all but tini; a base that lacks them, too, is completed with all.
pub(super) fn parts() -> Vec<Finding> {
    let parts = match Parts::find() {
        Ok(parts) => parts,
        Err(error) => {
            let advice = "WORKSHOP_PARTS names their folder, which `cargo xtask parts` fills; the sandbox needs them, and \
                          `workshop build compile --inject`";
            return vec![Finding::missing("folder", error.to_string()).advise(advice)];
        }
    };
    let mut findings = vec![Finding::ok("folder", parts.path("").display().to_string())];
    for name in ["workshop-backend", "goss", "tini"] {
        let path = parts.path(name);
        findings.push(match access(&path, Access::EXEC_OK) {
            Ok(()) if name == "workshop-backend" => backend(&path),
            Ok(()) => Finding::ok(name, "is there"),
            Err(_) if name == "tini" => {
                Finding::note(name, "is not there; only `workshop build compile --inject` needs it")
            }
            Err(error) => Finding::missing(name, format!("{}: {error}", path.display()))
                .advise("`cargo xtask parts` gathers them; WORKSHOP_PARTS names their folder"),
        });
    }
    findings
}

/// The backend and this command are one version.
fn backend(path: &Path) -> Finding {
    let ours = env!("CARGO_PKG_VERSION");
    let answer = Command::new(path).arg("--version").stdin(Stdio::null()).output();
    let said = answer.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
    match said {
        Ok(said) if said.split(' ').any(|word| word == ours) => Finding::ok("workshop-backend", ours),
        Ok(said) => Finding::note("workshop-backend", format!("says {said:?}, and this command is {ours}"))
            .advise("take both from the same release"),
        Err(error) => Finding::missing("workshop-backend", error.to_string()),
    }
}

/// Port and disk.
pub(super) fn look(context: &Context) -> Vec<Finding> {
    let port = context.settings.port.unwrap_or(DEFAULT_PORT);
    let what = format!("port {port}");
    let port = match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) if port == 0 => Finding::ok(what, "each workspace takes a free one"),
        Ok(_) => Finding::ok(what, "free on 127.0.0.1"),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::note(what, "taken on 127.0.0.1")
            .advise(
                "`workshop list` shows whether by a workspace; `workshop run … --port 0` takes a free one",
            ),
        Err(error) => Finding::missing(what, error.to_string()),
    };
    vec![port, space(context)]
}

fn space(context: &Context) -> Finding {
    let Some(folder) = context.settings.data_root() else {
        return Finding::missing("data folder", "neither XDG_DATA_HOME nor HOME is set")
            .advise("set HOME, or use --data-root");
    };
    let shown = folder.display();
    // It is made when something is first kept in it.
    let Some(there) = folder.ancestors().find(|ancestor| ancestor.exists()) else {
        return Finding::missing("data folder", format!("{shown} cannot be made"));
    };
    if !there.is_dir() || access(there, Access::WRITE_OK | Access::EXEC_OK).is_err() {
        return Finding::missing("data folder", format!("{shown}: {} cannot be written to", there.display()))
            .advise("name another with --data-root, WORKSHOP_DATA or `data` in the config file");
    }
    match statvfs(there) {
        Ok(disk) => {
            let free = disk.f_bavail.saturating_mul(disk.f_frsize);
            let found = format!("{shown}, {} free", paint::size(free));
            if free < LITTLE_SPACE {
                Finding::note("data folder", found).advise("recordings pause below 64 MiB of free space")
            } else {
                Finding::ok("data folder", found)
            }
        }
        Err(error) => Finding::missing("data folder", format!("{shown}: {error}")),
    }
}

/// The configuration file, and where each setting came from.
pub(super) fn settings(context: &Context) -> Vec<Finding> {
    let settings = &context.settings;
    let mut findings = vec![file(settings.keeps_key())];
    let engine =
        settings.engine.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    let port = settings.port.unwrap_or(DEFAULT_PORT).to_string();
    let data =
        settings.data.as_ref().map_or("volumes of the engine".to_owned(), |data| data.display().to_string());
    let origins = settings.origins;
    for (name, value, origin) in
        [("engine", engine, origins.engine), ("port", port, origins.port), ("data", data, origins.data)]
    {
        findings.push(Finding::ok(name, format!("{value} ({})", from(name, origin))));
    }
    findings.push(match settings.llm_source() {
        Some(source) => Finding::ok("llm key", format!("from {source} (config file)")),
        None => Finding::note("llm key", "none; only workshops with an llm need one"),
    });
    findings
}

fn from(name: &str, origin: Origin) -> String {
    match origin {
        Origin::Environment => format!("WORKSHOP_{}", name.to_uppercase()),
        origin => origin.to_string(),
    }
}

fn file(keeps_key: bool) -> Finding {
    let Some(path) = settings::file_path() else {
        return Finding::note("config file", "neither XDG_CONFIG_HOME nor HOME is set");
    };
    let shown = path.display().to_string();
    match fs::metadata(&path) {
        Ok(metadata) if keeps_key && metadata.permissions().mode() & 0o077 != 0 => {
            Finding::note("config file", format!("{shown} holds a key, and others may read it"))
                .advise(format!("chmod 600 {shown}"))
        }
        Ok(_) => Finding::ok("config file", shown),
        Err(_) => Finding::note("config file", format!("{shown} is not there; everything has a default")),
    }
}
