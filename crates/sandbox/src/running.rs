//! A started program: waiting for its end and signalling its process group.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, kill_process_group};
use tokio::sync::{mpsc, watch};

pub use rustix::process::Signal;

use crate::program::Exit;
use crate::protocol::{Packet, Request};

/// A started program.
#[derive(Debug)]
pub struct Running {
    exit: watch::Receiver<Option<Exit>>,
    group: Group,
    kill_when_dropped: bool,
}

/// The process group of a program, as it is reached.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    /// By its number, until the leader is reaped: then the number may be another's.
    Direct(Arc<Mutex<Option<Pid>>>),
    /// By asking the sandbox's first process.
    Sandbox(RemoteGroup),
}

impl Running {
    /// A program whose end will be seen in `exit`.
    pub(crate) fn new(exit: watch::Receiver<Option<Exit>>, group: Group, kill_when_dropped: bool) -> Self {
        Self { exit, group, kill_when_dropped }
    }

    /// Its process group.
    pub(crate) fn group(&self) -> Group {
        self.group.clone()
    }

    /// Waits until the program has ended. May be called again, and cancelled.
    ///
    /// # Errors
    /// The end cannot be observed any more; the program is gone or about to be.
    pub async fn wait(&mut self) -> io::Result<Exit> {
        let exit = self.exit.wait_for(Option::is_some).await;
        exit.ok().and_then(|exit| *exit).ok_or_else(|| io::Error::other("the program's end was not observed"))
    }

    /// Sends a signal to the program's process group. Nothing happens when the program has ended.
    pub fn signal_group(&self, signal: Signal) {
        self.group.signal(signal);
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.kill_when_dropped && self.exit.borrow().is_none() {
            self.signal_group(Signal::KILL);
        }
    }
}

impl Group {
    /// Signals every process of the group, while its number is surely its own.
    pub(crate) fn signal(&self, signal: Signal) {
        match self {
            Self::Direct(_) => {
                if let Some(pid) = self.leader() {
                    // It fails only when the whole group is gone, which is what a signal is for.
                    let _ = kill_process_group(pid, signal);
                }
            }
            Self::Sandbox(group) => group.signal(signal),
        }
    }

    /// The number of the leader here, until it is reaped.
    pub(crate) fn leader(&self) -> Option<Pid> {
        match self {
            Self::Direct(leader) => *leader.lock().unwrap_or_else(PoisonError::into_inner),
            Self::Sandbox(_) => None,
        }
    }
}

/// A process group inside the sandbox.
#[derive(Clone, Debug)]
pub(crate) struct RemoteGroup {
    id: u64,
    requests: mpsc::UnboundedSender<Packet>,
}

impl RemoteGroup {
    /// The group of the program that was started as `id`.
    pub(crate) fn new(id: u64, requests: mpsc::UnboundedSender<Packet>) -> Self {
        Self { id, requests }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Ok(packet) = Packet::new(&Request::Signal { id: self.id, signal: signal.as_raw() }) {
            // A sandbox that is gone has no processes to signal.
            let _ = self.requests.send(packet);
        }
    }
}
