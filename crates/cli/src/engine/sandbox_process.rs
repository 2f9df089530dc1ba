//! The backend of a sandbox: a process of its own that outlives the command that started it.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::container::State;
use super::json_file::{read, write};

/// `process.json`
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Process {
    pid: i32,
    /// The kernel's clock ticks at its start: with the pid they name a process for good.
    ticks: u64,
    since: jiff::Timestamp,
    /// It was asked to end.
    stopped: bool,
}

impl Process {
    /// The one that was last started in a sandbox's folder, if any was.
    pub(super) fn of(folder: &Path) -> Result<Option<Self>> {
        read(&path(folder))
    }

    /// Notes the process that was just started; false when it has ended already.
    pub(super) fn note(folder: &Path, pid: i32) -> Result<bool> {
        let Some(ticks) = ticks(pid) else { return Ok(false) };
        let process = Self { pid, ticks, since: jiff::Timestamp::now(), stopped: false };
        write(&path(folder), &process).map(|()| true)
    }

    /// Notes that it is asked to end.
    pub(super) fn note_stop(self, folder: &Path) -> Result<()> {
        write(&path(folder), &Self { stopped: true, ..self })
    }

    /// Whether it runs.
    pub(super) fn lives(&self) -> bool {
        ticks(self.pid) == Some(self.ticks)
    }

    /// Signals it, if it runs.
    pub(super) fn signal(&self, signal: Signal) -> Result<()> {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.lives()) {
            match kill_process(pid, signal) {
                Err(rustix::io::Errno::SRCH) | Ok(()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}

/// How the sandbox of a folder stands.
pub(super) fn state(folder: &Path) -> Result<State> {
    Ok(match Process::of(folder)? {
        None => State::Created,
        Some(process) if process.lives() => State::Running(process.since),
        Some(process) => State::Ended { in_order: process.stopped },
    })
}

fn path(folder: &Path) -> PathBuf {
    folder.join("process.json")
}

/// When a process that has not ended was started, in the kernel's clock ticks.
fn ticks(pid: i32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // After the program's name, which may hold anything: state first, the start as the 20th.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    if matches!(*fields.first()?, "Z" | "X") {
        return None;
    }
    fields.get(19)?.parse().ok()
}
