//! Container engines, spoken to by their addresses.

use std::env;
use std::process::{Command, Output};

use serde_json::Value;

/// Makes a test of each function, in a sandbox and on Podman; the main road on Docker too. Those on containers need an
/// engine, which `cargo xtask test containers` brings.
#[macro_export]
macro_rules! on_engines {
    (in a sandbox: $($sandbox:ident),*; on Podman: $($podman:ident),*; on Docker: $($docker:ident),* $(;)?) => {
        mod in_a_sandbox {
            $(#[test] fn $sandbox() { super::$sandbox($crate::cli::On::Sandbox); })*
        }
        mod on_podman {
            $(#[test] #[ignore = "needs Podman: cargo xtask test containers"] fn $podman() { super::$podman($crate::cli::On::Podman); })*
        }
        mod on_docker {
            $(#[test] #[ignore = "needs Docker: cargo xtask test containers"] fn $docker() { super::$docker($crate::cli::On::Docker); })*
        }
    };
    ($($test:ident),* $(,)? ; on Docker too: $($main:ident),* $(,)?) => {
        $crate::on_engines!(in a sandbox: $($test),*; on Podman: $($test),*; on Docker: $($main),*);
    };
    (on both: $($test:ident),* $(,)?) => {
        $crate::on_engines!(in a sandbox: ; on Podman: $($test),*; on Docker: $($test),*);
    };
}

/// What a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// A sandbox, without an engine.
    Sandbox,
    /// Podman.
    Podman,
    /// Docker.
    Docker,
}

/// A variable that the stage `containers` sets.
pub fn given(variable: &str) -> String {
    env::var(variable).unwrap_or_else(|_| panic!("{variable}: `cargo xtask test containers` sets it"))
}

/// A container engine.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Which one it is.
    pub on: On,
    /// Its address, as `DOCKER_HOST` takes it.
    pub address: String,
}

impl Engine {
    /// The one that the environment names; none for a sandbox.
    pub fn of(on: On) -> Option<Self> {
        let variable = match on {
            On::Sandbox => return None,
            On::Podman => "WORKSHOP_TEST_PODMAN",
            On::Docker => "WORKSHOP_TEST_DOCKER",
        };
        Some(Self { on, address: given(variable) })
    }

    /// Podman and Docker.
    pub fn all() -> [Self; 2] {
        [On::Podman, On::Docker].map(|on| Self::of(on).unwrap())
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self.on {
            On::Sandbox => "sandbox",
            On::Podman => "podman",
            On::Docker => "docker",
        }
    }

    /// Docker's own client, which speaks to Podman as well.
    pub fn docker(&self) -> Command {
        let mut client = Command::new("docker");
        client.args(["--host", &self.address]);
        client
    }

    /// The engine's own client, with these arguments.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.on {
            On::Podman => {
                let mut podman = Command::new("podman");
                podman.args(["--remote", "--url", &self.address]);
                podman
            }
            _ => self.docker(),
        };
        command.args(arguments);
        command
    }

    /// What the engine's own client prints.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", all_of(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// What Docker's client prints, without the line's end.
    pub fn docker_run(&self, arguments: &[&str]) -> String {
        let output = self.docker().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", all_of(&output));
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// What the engine knows of an image.
    pub fn inspect(&self, image: &str) -> Value {
        let all: Value = serde_json::from_str(&self.docker_run(&["image", "inspect", image])).unwrap();
        all[0].clone()
    }

    /// The last layer of an image.
    pub fn last_layer(&self, image: &str) -> String {
        let image = self.inspect(image);
        image["RootFS"]["Layers"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned()
    }

    /// A file of an image, with its header; none if it is not there.
    pub fn file(&self, image: &str, path: &str) -> Option<(tar::Header, String)> {
        let container = self.docker_run(&["create", image]);
        let output = self.docker().args(["cp", &format!("{container}:{path}"), "-"]).output().unwrap();
        self.docker_run(&["rm", &container]);
        if !output.status.success() {
            return None;
        }
        let mut archive = tar::Archive::new(output.stdout.as_slice());
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let mut content = String::new();
        std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
        Some((entry.header().clone(), content))
    }

    /// Mode and owner's number of a file in an image, by a shell there: Podman gives every file that is copied out to root.
    pub fn owner(&self, image: &str, path: &str) -> String {
        let script = "[ -x /bin/stat ] || stat() { busybox stat \"$@\"; }; stat -c '%a %u' \"$1\"";
        self.docker_run(&["run", "--rm", "--entrypoint", "/bin/sh", image, "-c", script, "sh", path])
    }

    /// The text of a file that an image has.
    pub fn text(&self, image: &str, path: &str) -> String {
        self.file(image, path).unwrap_or_else(|| panic!("{image} has no {path}")).1
    }

    /// Removes the images of a repository.
    pub fn remove_images(&self, repository: &str) {
        let list = ["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", repository];
        let names = self.command(&list).output().map(|output| output.stdout).unwrap_or_default();
        for name in String::from_utf8_lossy(&names).lines() {
            let _ = self.command(&["image", "rm", "--force", name]).output();
        }
    }
}

/// What a program printed, for a message.
pub(super) fn all_of(output: &Output) -> String {
    let [printed, error] = [&output.stdout, &output.stderr].map(|text| String::from_utf8_lossy(text));
    format!("{}: {printed}{error}", output.status)
}
