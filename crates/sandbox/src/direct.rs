//! Starting programs in the backend's own container: another user, a session, a terminal.
#![allow(unsafe_code, reason = "user, session and terminal are set between fork and exec (pre_exec)")]

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Gid, Mode, Uid, fchmod, fchown};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{self, Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{InputModes, OptionalActions, Winsize, tcgetattr, tcsetattr, tcsetwinsize};
use rustix::thread::{set_thread_gid, set_thread_groups, set_thread_uid};
use tokio::io::unix::AsyncFd;
use tokio::sync::watch;

use crate::account::Account;
use crate::descriptors::{polled, seal_inherited};
use crate::program::{Exit, Pipes, Program, RunAs, TerminalSize};
use crate::running::{Group, Running};

/// Starts programs in the backend's own container, as the student if the backend is root, else as itself.
#[derive(Clone, Debug)]
pub struct Direct {
    student: Arc<Account>,
    root: bool,
}

/// Why no program can be started at all.
#[derive(Debug, thiserror::Error)]
pub enum DirectError {
    /// An account file is not readable.
    #[error("cannot read {path}: {source}")]
    Accounts {
        /// The file.
        path: &'static str,
        /// Why.
        source: io::Error,
    },
    /// What the backend inherited cannot be kept from programs.
    #[error("cannot read /proc/self/fd: {0}")]
    Descriptors(io::Error),
    /// The student has no account.
    #[error("there is no user {name:?} in /etc/passwd; shells cannot be started as it (WORKSHOP_SHELL_USER)")]
    NoSuchUser {
        /// The student's login name.
        name: String,
    },
}

/// The ids that a program gets before it is executed.
struct Identity {
    uid: Uid,
    gid: Gid,
    groups: Vec<Gid>,
}

impl Direct {
    /// The launcher for the student with this login name. A backend that is not root runs everything as itself. From
    /// now on no program inherits what this process inherited.
    ///
    /// # Errors
    /// The backend is root and there is no such account.
    pub fn new(student: &str) -> Result<Self, DirectError> {
        seal_inherited().map_err(DirectError::Descriptors)?;
        let read = |path| fs::read_to_string(path).map_err(|source| DirectError::Accounts { path, source });
        let (passwd, group) = (read("/etc/passwd")?, read("/etc/group").unwrap_or_default());
        let uid = process::geteuid();
        let account = if uid.is_root() {
            Account::by_name(student, &passwd, &group)
                .ok_or_else(|| DirectError::NoSuchUser { name: student.to_owned() })?
        } else {
            Account::by_uid(uid.as_raw(), &passwd, &group).unwrap_or_else(|| unnamed(student, uid))
        };
        Ok(Self { student: Arc::new(account), root: uid.is_root() })
    }

    /// The student's account, or the backend's own when it is not root.
    pub fn student(&self) -> &Account {
        &self.student
    }

    /// Whether the student is another user than the backend.
    pub fn isolated(&self) -> bool {
        self.root && self.student.uid != 0
    }

    pub(crate) fn spawn_on_terminal(
        &self,
        program: &Program,
        size: TerminalSize,
    ) -> io::Result<(OwnedFd, Running)> {
        let identity = self.identity(program.run_as)?;
        let (master, slave) = open_terminal(size)?;
        if let Some(identity) = &identity {
            // As login does: programs such as tmux open the terminal again by its name.
            fchmod(&slave, Mode::RUSR | Mode::WUSR | Mode::WGRP)?;
            fchown(&slave, Some(identity.uid), Some(identity.gid))?;
        }
        let stdio = [slave.try_clone()?, slave.try_clone()?, slave];
        Ok((master, start(program, identity, stdio, true)?))
    }

    pub(crate) fn spawn_with_pipes(&self, program: &Program) -> io::Result<(Pipes, Running)> {
        let identity = self.identity(program.run_as)?;
        let (their_stdin, stdin) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stdout, their_stdout) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, their_stderr) = pipe_with(PipeFlags::CLOEXEC)?;
        let running = start(program, identity, [their_stdin, their_stdout, their_stderr], false)?;
        Ok((Pipes { stdin, stdout, stderr }, running))
    }

    /// The ids to take, or none to stay what the backend is.
    fn identity(&self, run_as: RunAs) -> io::Result<Option<Identity>> {
        match (run_as, self.root) {
            (RunAs::Student, true) => Ok(Some(Identity {
                uid: Uid::from_raw(self.student.uid),
                gid: Gid::from_raw(self.student.gid),
                groups: self.student.groups.iter().copied().map(Gid::from_raw).collect(),
            })),
            (RunAs::Root, false) => Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "cannot run a program as root: the backend itself is not root",
            )),
            (RunAs::Root, true) | (RunAs::Student, false) => Ok(None),
        }
    }
}

/// A user id without an account, as clusters give them out.
fn unnamed(name: &str, uid: Uid) -> Account {
    let gid = process::getegid().as_raw();
    Account {
        name: name.to_owned(),
        uid: uid.as_raw(),
        gid,
        groups: vec![gid],
        home: "/workspace".into(),
        shell: "/bin/sh".into(),
    }
}

/// A new terminal: its master and its slave.
fn open_terminal(size: TerminalSize) -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let master = openpt(flags)?;
    unlockpt(&master)?;
    let slave = ioctl_tiocgptpeer(&master, flags)?;
    let mut modes = tcgetattr(&slave)?;
    // Backspace in a plain `cat` or `read` then takes a whole character.
    modes.input_modes |= InputModes::IUTF8;
    tcsetattr(&slave, OptionalActions::Now, &modes)?;
    tcsetwinsize(&slave, Winsize { ws_row: size.rows, ws_col: size.cols, ws_xpixel: 0, ws_ypixel: 0 })?;
    Ok((master, slave))
}

/// Takes back what the backend was started to ignore (by `nohup`, as a job in the background). A shell never takes back
/// itself what it was started with, and Ctrl-C would then end nothing in it.
fn heed_signals() {
    for signal in 1..=31 {
        // SAFETY: a system call without a handler of ours. It fails for KILL and STOP, which nobody can ignore.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

/// Starts the program as the leader of a new session, and a task that reaps it.
fn start(
    program: &Program,
    identity: Option<Identity>,
    [stdin, stdout, stderr]: [OwnedFd; 3],
    terminal: bool,
) -> io::Result<Running> {
    let (name, arguments) = program
        .argv
        .split_first()
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "there is no program to start"))?;
    // exec says the same for a missing directory and a missing program.
    if let Err(error) = fs::metadata(&program.cwd)
        && error.kind() == io::ErrorKind::NotFound
    {
        return Err(io::Error::other(format!("directory {}: {error}", program.cwd.display())));
    }
    let cwd = CString::new(program.cwd.as_os_str().as_bytes())?;
    let mut command = Command::new(name);
    command
        .args(arguments)
        .env_clear()
        .envs(program.env.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::from(stdin))
        .stdout(Stdio::from(stdout))
        .stderr(Stdio::from(stderr));
    let prepare = move || {
        process::setsid()?;
        heed_signals();
        if terminal {
            process::ioctl_tiocsctty(rustix::stdio::stdin())?;
        }
        if let Some(Identity { uid, gid, groups }) = &identity {
            set_thread_groups(groups)?;
            set_thread_gid(*gid)?;
            set_thread_uid(*uid)?;
        }
        // Last: a directory may be open to the student alone, also where root has no more rights than others.
        process::chdir(&cwd)?;
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made, on values made before the fork; nothing allocates or
    // locks. The ids are those of the only thread that the child has.
    unsafe { command.pre_exec(prepare) };
    let mut child = command.spawn()?;
    let pid = Pid::from_child(&child);
    let watched = process::pidfd_open(pid, PidfdFlags::empty()).map_err(io::Error::from).and_then(polled);
    let pidfd = match watched {
        Ok(pidfd) => pidfd,
        // Out of descriptors: what cannot be watched must not run.
        Err(error) => {
            child.kill()?;
            child.wait()?;
            return Err(error);
        }
    };
    let leader = Arc::new(Mutex::new(Some(pid)));
    let group = Group::Direct(leader.clone());
    let (exit, observed) = watch::channel(None);
    tokio::spawn(reap(pidfd, leader, exit, terminal));
    Ok(Running::new(observed, group, !terminal))
}

/// Waits for the end of the program. On a terminal, what it leaves behind lives on, as the student's background jobs
/// do after `exit`; on pipes it is killed first, while the group's number is still its own.
async fn reap(
    pidfd: AsyncFd<OwnedFd>,
    leader: Arc<Mutex<Option<Pid>>>,
    exit: watch::Sender<Option<Exit>>,
    terminal: bool,
) {
    // A descriptor that cannot be polled any more means a runtime that shuts down.
    if pidfd.readable().await.is_err() {
        return;
    }
    if !terminal {
        Group::Direct(leader.clone()).signal(Signal::KILL);
    }
    let mut leader = leader.lock().unwrap_or_else(PoisonError::into_inner);
    let status = process::waitid(WaitId::PidFd(pidfd.get_ref().as_fd()), WaitIdOptions::EXITED);
    *leader = None;
    if let Ok(Some(status)) = status {
        exit.send_replace(Some(Exit { code: status.exit_status(), signal: status.terminating_signal() }));
    }
}
