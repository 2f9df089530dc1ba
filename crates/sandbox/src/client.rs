//! The backend's side of a running sandbox: requests out, replies and descriptors in.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, oneshot, watch};

use crate::program::{Exit, Program, TerminalSize};
use crate::protocol::{Packet, Reply, Request, Socket};
use crate::running::{Group, RemoteGroup, Running};

/// A running sandbox. It ends when this and every program in it are dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    requests: mpsc::UnboundedSender<Packet>,
    programs: Arc<Mutex<Programs>>,
}

/// The programs that were asked for and run.
#[derive(Debug)]
struct Programs {
    last_id: u64,
    starting: HashMap<u64, Starting>,
    running: HashMap<u64, watch::Sender<Option<Exit>>>,
    ended: bool,
    /// Weak, as the sandbox must end when nobody else can send a request.
    requests: mpsc::WeakUnboundedSender<Packet>,
}

#[derive(Debug)]
struct Starting {
    on_pipes: bool,
    started: oneshot::Sender<io::Result<(Vec<OwnedFd>, Running)>>,
}

impl Connection {
    /// Takes the connection to a sandbox that has said that it is ready.
    pub(crate) fn new(socket: Socket) -> Self {
        let (requests, mut queue) = mpsc::unbounded_channel::<Packet>();
        let programs = Arc::new(Mutex::new(Programs {
            last_id: 0,
            starting: HashMap::new(),
            running: HashMap::new(),
            ended: false,
            requests: requests.downgrade(),
        }));
        let socket = Arc::new(socket);
        let receiving = tokio::spawn(receive(socket.clone(), programs.clone()));
        tokio::spawn(async move {
            while let Some(packet) = queue.recv().await {
                if socket.send(&packet, &[]).await.is_err() {
                    // The receiving side sees that too, and tells everyone.
                    return;
                }
            }
            // Nobody can ask any more: closing the socket ends the sandbox.
            receiving.abort();
        });
        Self { requests, programs }
    }

    /// Whether the sandbox has ended.
    pub(crate) fn ended(&self) -> bool {
        lock(&self.programs).ended
    }

    /// Starts a program: on a terminal (one descriptor) or on pipes (three).
    pub(crate) async fn spawn<const N: usize>(
        &self,
        program: &Program,
        terminal: Option<TerminalSize>,
    ) -> io::Result<([OwnedFd; N], Running)> {
        let (started, answer) = oneshot::channel();
        self.request(program, Starting { on_pipes: terminal.is_none(), started }, terminal)?;
        let (descriptors, running) = answer.await.map_err(|_| ended())??;
        let descriptors = descriptors
            .try_into()
            .map_err(|_| io::Error::other("the sandbox answered without the program's descriptors"))?;
        Ok((descriptors, running))
    }

    fn request(
        &self,
        program: &Program,
        starting: Starting,
        terminal: Option<TerminalSize>,
    ) -> io::Result<()> {
        let mut programs = lock(&self.programs);
        if programs.ended {
            return Err(ended());
        }
        programs.last_id += 1;
        let id = programs.last_id;
        let packet = Packet::new(&Request::Spawn { id, program: program.clone(), terminal })?;
        programs.starting.insert(id, starting);
        self.requests.send(packet).map_err(|_| ended())
    }
}

/// Hands replies to whoever waits for them until the sandbox ends; then everything in it has been killed.
async fn receive(socket: Arc<Socket>, programs: Arc<Mutex<Programs>>) {
    loop {
        match socket.receive().await {
            Ok(Some((reply, descriptors))) => lock(&programs).take(reply, descriptors),
            Ok(None) => break,
            Err(error) => {
                tracing::error!(%error, "the sandbox does not speak as it should and is given up");
                break;
            }
        }
    }
    let mut programs = lock(&programs);
    programs.ended = true;
    programs.starting.clear();
    for (_, exit) in programs.running.drain() {
        exit.send_replace(Some(Exit::KILLED));
    }
}

impl Programs {
    fn take(&mut self, reply: Reply, descriptors: Vec<OwnedFd>) {
        match reply {
            Reply::Ready => {}
            Reply::Started { id } => {
                let (Some(starting), Some(requests)) = (self.starting.remove(&id), self.requests.upgrade())
                else {
                    return;
                };
                let (exit, observed) = watch::channel(None);
                self.running.insert(id, exit);
                let group = Group::Sandbox(RemoteGroup::new(id, requests));
                let running = Running::new(observed, group, starting.on_pipes);
                // If nobody waits any more all of it is dropped: the terminal hangs up, a program on pipes is killed.
                let _ = starting.started.send(Ok((descriptors, running)));
            }
            Reply::Failed { id, errno, message } => {
                let error = errno.map_or_else(|| io::Error::other(message), io::Error::from_raw_os_error);
                if let Some(starting) = self.starting.remove(&id) {
                    let _ = starting.started.send(Err(error));
                }
            }
            Reply::Exited { id, exit } => {
                if let Some(observer) = self.running.remove(&id) {
                    observer.send_replace(Some(exit));
                }
            }
        }
    }
}

fn lock(programs: &Mutex<Programs>) -> MutexGuard<'_, Programs> {
    programs.lock().unwrap_or_else(PoisonError::into_inner)
}

fn ended() -> io::Error {
    io::Error::other("the sandbox ended before it could start the program")
}
