//! `workshop-backend sandbox-init`: process 1 of a sandbox. Starts programs on request and reaps what is orphaned.
//!
//! As process 1 it cannot be killed from inside, and as it is not dumpable it cannot be traced either, even when it
//! has the student's own uid. When the backend is gone it ends, and the kernel ends the sandbox with it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use std::rc::Rc;

use rustix::process::{DumpableBehavior, Pid, WaitOptions, set_dumpable_behavior, waitpid};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::{self, LocalSet};

use crate::direct::Direct;
use crate::inside::STUDENT;
use crate::program::{Pipes, Program, TerminalSize};
use crate::protocol::{Packet, Reply, Request, Socket};
use crate::running::{Group, Running, Signal};

/// Runs as the first process of a sandbox; its standard input is the socket to the backend.
pub fn run() -> ExitCode {
    match begin() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The backend reads this and shows it, as the log is not open in here.
            #[allow(clippy::print_stderr, reason = "standard error is the way to the backend's log")]
            {
                eprintln!("sandbox-init: {error}");
            }
            ExitCode::FAILURE
        }
    }
}

fn begin() -> io::Result<()> {
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    for shared in ["/tmp", "/var/tmp", "/dev/shm"] {
        fs::set_permissions(shared, Permissions::from_mode(0o1777))?;
    }
    let direct = Direct::new(STUDENT).map_err(io::Error::other)?;
    let init = Rc::new(Init { direct, programs: RefCell::default() });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, init.serve())
}

struct Init {
    direct: Direct,
    /// What runs, by the id of the request that started it.
    programs: RefCell<HashMap<u64, Group>>,
}

impl Init {
    async fn serve(self: Rc<Self>) -> io::Result<()> {
        let socket = Rc::new(Socket::new(io::stdin().as_fd().try_clone_to_owned()?)?);
        let children = signal(SignalKind::child())?;
        task::spawn_local(self.clone().reap_orphans(children));
        socket.send(&Packet::new(&Reply::Ready)?, &[]).await?;
        while let Some((request, _)) = socket.receive().await? {
            match request {
                Request::Spawn { id, program, terminal } => {
                    self.spawn(&socket, id, &program, terminal).await?
                }
                Request::Signal { id, signal } => self.signal(id, signal),
            }
        }
        Ok(())
    }

    async fn spawn(
        self: &Rc<Self>,
        socket: &Rc<Socket>,
        id: u64,
        program: &Program,
        terminal: Option<TerminalSize>,
    ) -> io::Result<()> {
        let (descriptors, running) = match self.start(program, terminal) {
            Ok(started) => started,
            Err(error) => {
                let failed = Reply::Failed { id, errno: error.raw_os_error(), message: error.to_string() };
                return socket.send(&Packet::new(&failed)?, &[]).await;
            }
        };
        self.programs.borrow_mut().insert(id, running.group());
        let borrowed: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        socket.send(&Packet::new(&Reply::Started { id })?, &borrowed).await?;
        task::spawn_local(self.clone().report_exit(socket.clone(), id, running));
        Ok(())
    }

    fn start(
        &self,
        program: &Program,
        terminal: Option<TerminalSize>,
    ) -> io::Result<(Vec<OwnedFd>, Running)> {
        if let Some(size) = terminal {
            let (master, running) = self.direct.spawn_on_terminal(program, size)?;
            return Ok((vec![master], running));
        }
        let (Pipes { stdin, stdout, stderr }, running) = self.direct.spawn_with_pipes(program)?;
        Ok((vec![stdin, stdout, stderr], running))
    }

    async fn report_exit(self: Rc<Self>, socket: Rc<Socket>, id: u64, mut running: Running) {
        let exited = running.wait().await.and_then(|exit| Packet::new(&Reply::Exited { id, exit }));
        self.programs.borrow_mut().remove(&id);
        if let Ok(packet) = exited {
            // A backend that is gone ends `serve`, and so everything.
            let _ = socket.send(&packet, &[]).await;
        }
    }

    fn signal(&self, id: u64, signal: i32) {
        if let (Some(group), Some(signal)) = (self.programs.borrow().get(&id), Signal::from_named_raw(signal))
        {
            group.signal(signal);
        }
    }

    /// Reaps the children that process 1 inherited. Those that it started itself are reaped by whoever awaits them:
    /// both run on this one thread, so a child is registered before anything here can see it.
    async fn reap_orphans(self: Rc<Self>, mut children: tokio::signal::unix::Signal) {
        while children.recv().await.is_some() {
            let own: Vec<Pid> = self.programs.borrow().values().filter_map(Group::leader).collect();
            let text = fs::read_to_string("/proc/1/task/1/children").unwrap_or_default();
            let children = text.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
            for orphan in children.filter(|pid| !own.contains(pid)) {
                // It may still run; then this says so and is asked again when it ends.
                let _ = waitpid(Some(orphan), WaitOptions::NOHANG);
            }
        }
    }
}
