//! The process of a container engine: started, found again after a run that was killed, ended.

use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::Places;
use crate::checkout::Checkout;
use crate::engine::Engine;
use crate::program;

/// How long an engine may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Service {
    child: Child,
}

impl Service {
    /// Starts the engine's process: in a group of its own, so that Ctrl-C reaches the chore alone. Should the chore be
    /// killed, the kernel ends it. What it says goes to a file in the storage folder.
    pub(super) fn start(checkout: &Checkout, places: &Places, name: &str, service: &Command) -> Result<Self> {
        let log = File::create(places.storage.join(format!("{name}.log")))?;
        let mut command = checkout.command("setpriv");
        command.args(["--pdeathsig", "TERM"]).arg(service.get_program()).args(service.get_args());
        for (variable, value) in service.get_envs() {
            command.env(variable, value.unwrap_or_default());
        }
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = command.spawn().with_context(|| format!("cannot start {name}"))?;
        fs::write(places.run.join(format!("{name}.service")), child.id().to_string())?;
        Ok(Self { child })
    }

    /// Asks the engine to end, and insists if it does not.
    pub(super) fn stop(mut self, checkout: &Checkout) -> Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        program::quiet(checkout.command("kill").arg(self.child.id().to_string()))?;
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            if Instant::now() > deadline {
                self.child.kill()?;
                self.child.wait()?;
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
    let Ok(entries) = fs::read_dir(&places.run) else { return Ok(()) };
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "service") {
            continue;
        }
        let pid = fs::read_to_string(&path)?;
        let process = Path::new("/proc").join(pid.trim());
        // The number may be another process's by now: ours names its folder on its command line.
        let ours = || {
            let line = fs::read_to_string(process.join("cmdline")).unwrap_or_default();
            [&places.run, &places.storage].iter().any(|folder| line.contains(&*folder.to_string_lossy()))
        };
        let deadline = Instant::now() + PATIENCE;
        if ours() {
            program::quiet(checkout.command("kill").arg(pid.trim()))?;
        }
        while ours() {
            if Instant::now() > deadline {
                program::quiet(checkout.command("kill").args(["-KILL", pid.trim()]))?;
                break;
            }
            sleep(PAUSE);
        }
    }
    Ok(())
}
