//! A server that a chore brings along: started with a folder and a port of its own, and gone with the chore, however that
//! ends.

use std::fs::{self, File};
use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::checkout::Checkout;
use crate::program;

/// How long a server may take to answer, or to end.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A running server. Dropped, it ends, and its folder with it. Should the chore be killed, the kernel ends it; its folder
/// goes when the next one of its name starts.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    end: &'static str,
    folder: PathBuf,
    checkout: Checkout,
}

/// What it takes to start one.
pub(crate) struct Start<'a> {
    pub(crate) name: &'static str,
    /// The signal that ends it, such as `TERM`.
    pub(crate) end: &'static str,
    /// Arguments of `setpriv`: as whom it runs.
    pub(crate) as_whom: &'a [String],
    pub(crate) folder: &'a Path,
    pub(crate) command: Command,
}

impl Server {
    /// Starts it in a process group of its own, so that Ctrl-C reaches the chore alone. What it says goes to `server.log`
    /// in its folder.
    ///
    /// Call it from the main thread: the kernel takes the end of the thread that started a process for its parent's.
    pub(crate) fn start(checkout: &Checkout, start: Start<'_>) -> Result<Self> {
        let Start { name, end, as_whom, folder, command } = start;
        let log = File::create(folder.join("server.log"))?;
        let mut child = checkout.command("setpriv");
        child.args(["--pdeathsig", end]).args(as_whom).arg("--").arg(command.get_program());
        child.args(command.get_args());
        for (variable, value) in command.get_envs() {
            child.env(variable, value.unwrap_or_default());
        }
        child.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log).process_group(0);
        let child = child.spawn().with_context(|| format!("cannot start {name}"))?;
        Ok(Self { name, child, end, folder: folder.to_owned(), checkout: checkout.clone() })
    }

    /// Waits until `answers` is true; what the server said is told if it ends before, or never does.
    pub(crate) fn answering(&mut self, answers: impl Fn() -> bool) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !answers() {
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                let said = fs::read_to_string(self.folder.join("server.log")).unwrap_or_default();
                let what = ended.map_or("does not answer".to_owned(), |status| format!("ended: {status}"));
                bail!("{} {what}\n{said}", self.name);
            }
            sleep(PAUSE);
        }
        Ok(())
    }

    /// The id of its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    fn stop(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let signal = format!("-{}", self.end);
        if program::quiet(self.checkout.command("kill").args([&signal, &self.pid().to_string()])).is_ok() {
            let deadline = Instant::now() + PATIENCE;
            while self.child.try_wait()?.is_none() && Instant::now() < deadline {
                sleep(PAUSE);
            }
        }
        self.child.kill()?;
        self.child.wait().map(|_| ())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let removed = self.stop().and_then(|()| fs::remove_dir_all(&self.folder));
        removed.unwrap_or_else(|error| eprintln!("cleaning up {}: {error}", self.name));
    }
}

/// An empty folder for a server of this chore, in the target folder. Those of chores that are gone are removed.
pub(crate) fn folder(checkout: &Checkout, name: &str) -> Result<PathBuf> {
    let all = checkout.target.join(name);
    fs::create_dir_all(&all)?;
    for entry in fs::read_dir(&all)? {
        let entry = entry?;
        let owner = entry.file_name().to_string_lossy().split('-').next().map(str::to_owned);
        let gone = owner.is_some_and(|pid| !Path::new("/proc").join(pid).exists());
        if gone {
            // Its server may be about to end; then the next chore removes it.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
    let own = (1..).map(|n| all.join(format!("{}-{n}", std::process::id()))).find(|path| !path.exists());
    let own = own.context("no name is free")?;
    fs::create_dir(&own).with_context(|| own.display().to_string())?;
    Ok(own)
}

/// A port on the loopback address that nobody listens on now.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
