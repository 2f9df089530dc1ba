//! Container engines of the tests' own: a Podman and a Docker with storage, networks' names and sockets apart from the
//! machine's. Started for a run, and gone after it with everything they held, also when the run is interrupted.

mod docker;
mod podman;
mod service;

use std::cell::Cell;
use std::collections::hash_map::DefaultHasher;
use std::env;
use std::fs;
use std::hash::{Hash, Hasher};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use anyhow::{Context, Result, ensure};
use futures_util::future::select_all;
use tokio::signal::unix::{SignalKind, signal};

use crate::base_image::{self, Distribution};
use crate::checkout::Checkout;
use crate::engine::{Engine, Kind};
use crate::parts;
use crate::program;
use crate::setup;
use service::Service;

/// What the engines are made of. Podman's network programs stand in no `PATH`.
const NEEDED: &[setup::Needed] = &[
    ("podman", "podman"),
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

/// The folders of the engines.
#[derive(Clone)]
struct Places {
    /// What may be large: images, containers, logs. In the target folder.
    storage: PathBuf,
    /// Sockets and what else wants a short path. Another target has another.
    run: PathBuf,
}

impl Places {
    fn of(checkout: &Checkout) -> Self {
        let mut hasher = DefaultHasher::new();
        checkout.target.hash(&mut hasher);
        let run = format!("/run/workshop-test-{:08x}", hasher.finish() as u32);
        Self { storage: checkout.target.join("containers"), run: run.into() }
    }

    /// Removes both folders with everything that is mounted in them.
    fn remove(&self, checkout: &Checkout) -> Result<()> {
        for folder in [&self.storage, &self.run] {
            for mount in mounts(folder)? {
                program::quiet(checkout.command("umount").arg("--lazy").arg(mount))?;
            }
            // Nothing is deleted through a mount.
            ensure!(mounts(folder)?.is_empty(), "something is still mounted in {}", folder.display());
            if folder.exists() {
                fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
            }
        }
        Ok(())
    }
}

/// What is mounted in `folder`, the deepest first.
fn mounts(folder: &Path) -> Result<Vec<PathBuf>> {
    let table = fs::read_to_string("/proc/self/mountinfo").context("/proc/self/mountinfo")?;
    let points = table.lines().filter_map(|line| line.split(' ').nth(4)).map(PathBuf::from);
    let mut inside: Vec<PathBuf> = points.filter(|point| point.starts_with(folder)).collect();
    inside.sort_by_key(|point| std::cmp::Reverse(point.components().count()));
    Ok(inside)
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

    /// Runs tests on the engines, handing on each line that they print. True if they succeeded. They are a process group
    /// of their own, so that they end before the engines do.
    pub(crate) fn run(
        &self,
        checkout: &Checkout,
        tests: &mut Command,
        line: impl FnMut(&str),
    ) -> Result<bool> {
        tests.process_group(0).envs(self.environment(checkout));
        let group = Cell::new(None);
        let began = |pid| {
            group.set(Some(pid));
            if let Some(running) = running().as_mut() {
                running.tests.push(pid);
            }
        };
        let ended = program::watch_lines(tests, began, line);
        // Its number may soon be another's.
        if ended.is_ok()
            && let Some(running) = running().as_mut()
        {
            running.tests.retain(|pid| Some(*pid) != group.get());
        }
        ended
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
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
    let mut signals = {
        let _entered = runtime.enter();
        kinds.into_iter().map(signal).collect::<Result<Vec<_>, _>>()?
    };
    thread::spawn(move || {
        runtime.block_on(select_all(signals.iter_mut().map(|signal| Box::pin(signal.recv()))));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_mounted_in_a_folder() {
        assert!(mounts(Path::new("/")).unwrap().contains(&PathBuf::from("/proc")));
        assert!(mounts(Path::new("/pro")).unwrap().is_empty(), "a name that begins alike is another folder");
    }
}
