//! A container engine, spoken to through its own command.

use std::process::Command;

use anyhow::{Result, bail};
use clap::ValueEnum;

use crate::checkout::Checkout;
use crate::program;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    Docker,
    Podman,
}

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Docker => "docker",
            Self::Podman => "podman",
        }
    }
}

/// An engine of this machine: the one that its command finds by itself, or the one at an address.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) kind: Kind,
    /// Such as `unix:///run/podman/podman.sock`.
    pub(crate) address: Option<String>,
}

impl Engine {
    /// The engine of this kind, or the first that answers.
    pub(crate) fn find(checkout: &Checkout, kind: Option<Kind>) -> Result<Self> {
        let kinds = kind.map_or(vec![Kind::Docker, Kind::Podman], |kind| vec![kind]);
        for kind in &kinds {
            let engine = Self { kind: *kind, address: None };
            if checkout.which(kind.name()).is_some() && engine.answers(checkout) {
                return Ok(engine);
            }
        }
        let names: Vec<&str> = kinds.into_iter().map(Kind::name).collect();
        bail!("no container engine answers: tried {}", names.join(", "));
    }

    /// Whether there is an engine behind the command.
    pub(crate) fn answers(&self, checkout: &Checkout) -> bool {
        program::quiet(self.command(checkout).arg("version")).is_ok()
    }

    /// The engine's command, to be given arguments.
    pub(crate) fn command(&self, checkout: &Checkout) -> Command {
        let mut command = checkout.command(self.kind.name());
        if let Some(address) = &self.address {
            command.arg(if self.kind == Kind::Docker { "--host" } else { "--url" }).arg(address);
        }
        command
    }

    /// The ID of an image, if the engine has it. Docker and Podman give the same image the same one.
    pub(crate) fn image(&self, checkout: &Checkout, name: &str) -> Option<String> {
        let mut inspect = self.command(checkout);
        let id = program::quiet(inspect.args(["image", "inspect", "--format", "{{.Id}}", name])).ok()?;
        Some(id.trim().trim_start_matches("sha256:").to_owned())
    }
}
