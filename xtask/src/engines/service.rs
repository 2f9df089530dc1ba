//! The process of a container engine: started, found again after a run that was killed, ended.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{sleep, spawn};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::places::Places;
use crate::checkout::Checkout;
use crate::engine::Engine;
use crate::program;

/// How long an engine may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Service {
    child: Arc<Mutex<Child>>,
    /// Whether it is to end.
    ending: Arc<AtomicBool>,
}

impl Service {
    /// Starts the engine's process: in a group of its own, so that Ctrl-C reaches the chore alone. Should the chore be
    /// killed, the kernel ends it. What it says goes to a file in the storage folder.
    ///
    /// One that ends by itself is started again, as systemd does with it: Podman 4.3 may die of a build that fails
    /// while another stage waits for it.
    pub(super) fn start(checkout: &Checkout, places: &Places, name: &str, service: &Command) -> Result<Self> {
        let log = File::create(places.storage.join(format!("{name}.log")))?;
        let mut command = checkout.command("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(service.get_program()).args(service.get_args());
        for (variable, value) in service.get_envs() {
            command.env(variable, value.unwrap_or_default());
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let first = command.spawn().with_context(|| format!("cannot start {name}"))?;
        let service = Self { child: Arc::new(Mutex::new(first)), ending: Arc::default() };
        let (child, ending) = (service.child.clone(), service.ending.clone());
        let name = name.to_owned();
        spawn(move || {
            while !ending.load(Ordering::Relaxed) {
                sleep(PAUSE);
                let mut child = child.lock().unwrap_or_else(PoisonError::into_inner);
                if !ending.load(Ordering::Relaxed) && child.try_wait().is_ok_and(|ended| ended.is_some()) {
                    eprintln!("{name} ended by itself and is started again");
                    match command.spawn() {
                        Ok(again) => *child = again,
                        Err(error) => return eprintln!("cannot start {name}: {error}"),
                    }
                }
            }
        });
        Ok(service)
    }

    /// Asks the engine to end, and insists if it does not.
    pub(super) fn stop(self, checkout: &Checkout) -> Result<()> {
        self.ending.store(true, Ordering::Relaxed);
        let mut child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        if child.try_wait()?.is_some() {
            return Ok(());
        }
        program::quiet(checkout.command("kill").arg(child.id().to_string()))?;
        let deadline = Instant::now() + PATIENCE;
        while child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                child.kill()?;
                child.wait()?;
                bail!("an engine did not end within {PATIENCE:?} and was killed");
            }
            sleep(PAUSE);
        }
        Ok(())
    }
}

/// Waits until the engine answers; what it said is told if it does not.
pub(super) fn answering(checkout: &Checkout, engine: &Engine, places: &Places) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    while !engine.answers(checkout) {
        if Instant::now() > deadline {
            let name = engine.kind.name();
            let said = fs::read_to_string(places.storage.join(format!("{name}.log"))).unwrap_or_default();
            bail!("{name} does not answer:\n{said}");
        }
        sleep(PAUSE);
    }
    Ok(())
}

/// Ends the engines of a run that was killed, if they are still there.
pub(super) fn end_stale(checkout: &Checkout, places: &Places) -> Result<()> {
    end_all(checkout, places, &["dockerd", "podman"], "-TERM").or_else(|_| end_remaining(checkout, places))
}

/// Ends what engines leave behind: Podman's monitors wait minutes before they forget a command that was run in a
/// container, and would then make the storage anew.
pub(super) fn end_remaining(checkout: &Checkout, places: &Places) -> Result<()> {
    let programs = ["conmon", "containerd", "containerd-shim-runc-v2", "dockerd", "podman"];
    end_all(checkout, places, &programs, "-KILL")
}

/// Sends a signal to every one of `programs` that works in these folders, and waits until they are gone.
fn end_all(checkout: &Checkout, places: &Places, programs: &[&str], signal: &str) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    let mut told: Vec<String> = Vec::new();
    loop {
        let there = processes(places, programs)?;
        if there.is_empty() {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("these processes do not end: {}", there.join(" "));
        }
        for pid in there {
            if !told.contains(&pid) {
                // It may have ended by itself meanwhile.
                let _ = program::quiet(checkout.command("kill").args([signal, &pid]));
                told.push(pid);
            }
        }
        sleep(PAUSE);
    }
}

/// The ids of those of `programs` that name one of the folders on their command line.
fn processes(places: &Places, programs: &[&str]) -> Result<Vec<String>> {
    let folders = [&places.storage, &places.run].map(|folder| format!("{}/", folder.display()));
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        // Others have no such file, or ended meanwhile.
        let Ok(line) = fs::read_to_string(entry.path().join("cmdline")) else { continue };
        let program = line.split('\0').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
        if programs.contains(&program) && folders.iter().any(|folder| line.contains(folder.as_str())) {
            found.extend(entry.file_name().into_string());
        }
    }
    Ok(found)
}
