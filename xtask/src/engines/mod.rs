//! Container engines of the tests' own: a Podman and a Docker with storage, networks' names and sockets apart from the
//! machine's. Started for a run, and gone after it with everything they held, also when the run is interrupted.

mod docker;
mod places;
mod podman;
mod service;

use std::env;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};

use crate::base_image::{self, Distribution};
use crate::checkout::Checkout;
use crate::engine::{Engine, Kind};
use crate::parts;
use crate::program;
use crate::setup;
use crate::signals::BlockingSignals;
use places::Places;
use service::Service;

/// What the engines are made of. Podman's network programs stand in no `PATH`.
const NEEDED: &[setup::Needed] = &[
    ("podman", "podman"),
    ("newuidmap", "uidmap"),
    ("runc", "runc"),
    ("/usr/lib/podman/netavark", "netavark"),
    ("/usr/lib/podman/aardvark-dns", "aardvark-dns"),
    ("iptables", "iptables"),
    ("dockerd", "docker.io"),
    ("busybox", "busybox-static"),
];

/// Where the engines are named to the tests.
const PODMAN: &str = "WORKSHOP_TEST_PODMAN";
const DOCKER: &str = "WORKSHOP_TEST_DOCKER";

/// What has to be ended when this chore ends, whoever ends it.
static RUNNING: Mutex<Option<Running>> = Mutex::new(None);

struct Running {
    checkout: Checkout,
    places: Places,
    services: Vec<Service>,
    /// The process groups of tests that run.
    tests: Vec<u32>,
}

/// Both engines, with the base image in them. Those started here end with this value.
pub(crate) struct Engines {
    podman: Engine,
    docker: Engine,
}

impl Engines {
    /// Starts both engines, or takes those that the environment names, and gives them the base image.
    pub(crate) fn start(checkout: &Checkout) -> Result<Self> {
        let engines = match Self::named() {
            Some(engines) => engines,
            None => Self::own(checkout)?,
        };
        registry(checkout)?;
        base_image::provide(checkout, &engines.podman, &engines.docker)?;
        Ok(engines)
    }

    /// The engines that somebody has running already.
    fn named() -> Option<Self> {
        let engine = |kind, variable| {
            let address = env::var(variable).ok().filter(|address| !address.is_empty())?;
            Some(Engine { kind, address: Some(address) })
        };
        Some(Self { podman: engine(Kind::Podman, PODMAN)?, docker: engine(Kind::Docker, DOCKER)? })
    }

    fn own(checkout: &Checkout) -> Result<Self> {
        setup::packages(checkout, &[NEEDED])?;
        let root = program::output(checkout.command("id").arg("-u"))?.trim() == "0";
        ensure!(
            root,
            "engines of their own need root; or name running ones: {PODMAN}=unix://… {DOCKER}=unix://…"
        );
        let places = Places::of(checkout);
        end_stale(checkout, &places)?;
        fs::create_dir_all(&places.storage)?;
        fs::create_dir_all(&places.run)?;
        *running() = Some(Running {
            checkout: checkout.clone(),
            places: places.clone(),
            services: Vec::new(),
            tests: Vec::new(),
        });
        // From here on, dropping it cleans up.
        let engines = Self { podman: podman::engine(&places), docker: docker::engine(&places) };
        end_when_interrupted()?;
        for start in [podman::start, docker::start] {
            let service = start(checkout, &places)?;
            if let Some(running) = running().as_mut() {
                running.services.push(service);
            }
        }
        for engine in [&engines.podman, &engines.docker] {
            service::answering(checkout, engine, &places)?;
        }
        Ok(engines)
    }

    /// What the tests are told: the engines' addresses, the base image, the parts.
    pub(crate) fn environment(&self, checkout: &Checkout) -> [(&'static str, String); 4] {
        let address = |engine: &Engine| engine.address.clone().unwrap_or_default();
        let [base, _] = Distribution::Debian.tags();
        [
            (PODMAN, address(&self.podman)),
            (DOCKER, address(&self.docker)),
            ("WORKSHOP_TEST_BASE", base),
            ("WORKSHOP_PARTS", parts::folder(checkout).display().to_string()),
        ]
    }

    /// The address of Podman.
    pub(crate) fn podman(&self) -> String {
        self.podman.address.clone().unwrap_or_default()
    }

    /// Runs tests on the engines. True if they succeeded. They are a process group of their own, so that they end before the
    /// engines do.
    pub(crate) fn run(&self, checkout: &Checkout, tests: &mut Command) -> Result<bool> {
        tests.process_group(0).envs(self.environment(checkout));
        let name = program::shown(tests);
        let mut child = tests.spawn().with_context(|| format!("cannot start `{name}`"))?;
        let group = child.id();
        if let Some(running) = running().as_mut() {
            running.tests.push(group);
        }
        let ended = child.wait()?;
        // Its number may soon be another's.
        if let Some(running) = running().as_mut() {
            running.tests.retain(|pid| *pid != group);
        }
        Ok(ended.success())
    }
}

impl Drop for Engines {
    fn drop(&mut self) {
        end();
    }
}

fn running() -> MutexGuard<'static, Option<Running>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Ends what is running: tests, containers, engines; then removes their folders. What fails is told and the rest done.
fn end() {
    let mut running = running();
    let Some(Running { checkout, places, services, tests }) = running.take() else { return };
    let told = |result: Result<()>| result.unwrap_or_else(|error| eprintln!("cleaning up: {error:#}"));
    for group in tests {
        // Only an interruption finds any.
        let _ = program::quiet(checkout.command("kill").args(["-KILL", "--", &format!("-{group}")]));
    }
    told(podman::clear(&checkout, &places));
    told(docker::clear(&checkout, &places));
    for service in services {
        told(service.stop(&checkout));
    }
    told(service::end_remaining(&checkout, &places));
    told(places.remove(&checkout));
}

/// Cleans up after a run that was killed.
fn end_stale(checkout: &Checkout, places: &Places) -> Result<()> {
    if !places.storage.exists() && !places.run.exists() {
        return Ok(());
    }
    println!("Removing what an earlier run left …");
    service::end_stale(checkout, places)?;
    podman::clear(checkout, places)?;
    docker::clear_stale(checkout, places)?;
    service::end_remaining(checkout, places)?;
    places.remove(checkout)
}

/// A registry that tests start to push to. Taken out of its Debian package: installed, it would be a service of this
/// machine from then on.
fn registry(checkout: &Checkout) -> Result<()> {
    const PACKAGE: &str = "docker-registry";
    if checkout.which(PACKAGE).is_some() {
        return Ok(());
    }
    let folder = checkout.target.join("tools").join(PACKAGE);
    fs::create_dir_all(&folder)?;
    let download =
        || program::quiet(checkout.command("apt-get").args(["download", PACKAGE]).current_dir(&folder));
    if download().is_err() {
        program::quiet(checkout.command("apt-get").arg("update"))?;
        download()?;
    }
    for entry in fs::read_dir(&folder)?.collect::<Result<Vec<_>, _>>()? {
        program::quiet(checkout.command("dpkg-deb").arg("--extract").arg(entry.path()).arg(&folder))?;
    }
    fs::create_dir_all(&checkout.tools)?;
    fs::copy(folder.join("usr/bin").join(PACKAGE), checkout.tools.join(PACKAGE))?;
    fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())
}

/// From now on, a signal that ends this chore ends the engines first.
fn end_when_interrupted() -> Result<()> {
    let signals = BlockingSignals::begin()?;
    thread::spawn(move || {
        signals.wait();
        eprintln!("Interrupted: ending the container engines …");
        end();
        std::process::exit(130);
    });
    Ok(())
}

/// `cargo xtask engines`: both engines until Ctrl-C, for tests run by hand.
pub(crate) fn serve(checkout: &Checkout) -> Result<()> {
    let engines = Engines::start(checkout)?;
    for (name, value) in engines.environment(checkout) {
        println!("export {name}={value}");
    }
    println!("# cargo test -p workshop-cli -- --ignored    Ctrl-C ends the engines");
    loop {
        thread::park();
    }
}
