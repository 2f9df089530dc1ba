//! Bubblewrap: what the sandbox is made of, and the process that makes it.
#![allow(
    unsafe_code,
    reason = "bubblewrap reads its arguments from a descriptor that only it may inherit (pre_exec)"
)]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::fs::Mode;
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::umask;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::SandboxError;
use crate::etc::Borrowed;
use crate::folder::Folder;
use crate::host::find_program;
use crate::inside::{BACKEND, GOSS, HOSTNAME, STUDENT_HOME, STUDENT_ID};
use crate::protocol::{Reply, Socket};

/// How long a sandbox may take to be ready.
const PATIENCE: Duration = Duration::from_secs(20);

/// How much of bubblewrap's complaints is kept, in bytes.
const MAX_COMPLAINT: u64 = 4096;

/// What sandbox-init may do beyond the student when the backend is root: become the student, own its terminals and
/// end its programs. Nothing in the sandbox has any other capability.
const INIT_CAPABILITIES: [&str; 4] = ["CAP_SETUID", "CAP_SETGID", "CAP_CHOWN", "CAP_KILL"];

/// Starts a sandbox on a prepared folder and waits until its first process is ready.
pub(crate) async fn start(folder: &Folder, borrowed: &[Borrowed]) -> Result<Socket, SandboxError> {
    let bwrap = find_program("bwrap").ok_or(SandboxError::NoBubblewrap)?;
    let arguments = arguments(folder, borrowed, rustix::process::geteuid().is_root());
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let (ours, theirs) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None).map_err(io::Error::from)?;
    let socket = Socket::new(ours)?;
    let (ended, outcome) = oneshot::channel();
    // A thread of its own, as long as the sandbox: the kernel ends a bubblewrap whose starting *thread* is gone.
    thread::Builder::new().name("bubblewrap".into()).spawn(move || {
        // Nobody listens any more once the sandbox was ready.
        let _ = ended.send(attend(&bwrap, &arguments, theirs));
    })?;
    match timeout(PATIENCE, socket.receive::<Reply>()).await {
        Ok(Ok(Some((Reply::Ready, _)))) => Ok(socket),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(SandboxError::Slow(PATIENCE)),
        Ok(Ok(_)) => match outcome.await {
            Ok(Ok(complaint)) => Err(SandboxError::NotMade(complaint)),
            Ok(Err(error)) => Err(error.into()),
            Err(_) => Err(SandboxError::NotMade(String::new())),
        },
    }
}

/// Runs bubblewrap to its end and returns what it complained of.
fn attend(bwrap: &Path, arguments: &[OsString], socket: OwnedFd) -> io::Result<String> {
    let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
    let number = read.as_raw_fd();
    let mut child = {
        let mut command = Command::new(bwrap);
        // The rest is nobody's business, and too long for the command line that ps shows.
        command.args(["--args", &number.to_string(), "--", BACKEND, "sandbox-init"]);
        command.env_clear().current_dir("/");
        command.stdin(Stdio::from(socket)).stdout(Stdio::null()).stderr(Stdio::piped());
        let prepare = move || {
            fcntl_setfd(&read, FdFlags::empty())?;
            // Folders that bubblewrap makes, and files that the student makes, whatever the backend's own mask is.
            umask(Mode::WGRP | Mode::WOTH);
            Ok(())
        };
        // SAFETY: two system calls between fork and exec, the first on a descriptor that stays open until then.
        unsafe { command.pre_exec(prepare) };
        command.spawn()?
        // Here our copies of the socket and the reading end are closed, so that their ends are seen.
    };
    let mut written = fs::File::from(write);
    for argument in arguments {
        written.write_all(argument.as_bytes())?;
        written.write_all(&[0])?;
    }
    drop(written);
    let mut complaint = Vec::new();
    if let Some(mut stderr) = child.stderr.take() {
        (&mut stderr).take(MAX_COMPLAINT).read_to_end(&mut complaint)?;
        io::copy(&mut stderr, &mut io::sink())?;
    }
    let status = child.wait()?;
    let complaint = String::from_utf8_lossy(&complaint).trim().to_owned();
    tracing::debug!(%status, complaint, "the sandbox ended");
    Ok(if complaint.is_empty() { status.to_string() } else { complaint })
}

/// What the sandbox is made of.
fn arguments(folder: &Folder, borrowed: &[Borrowed], root: bool) -> Vec<OsString> {
    let mut line = Line::default();
    line.words("--unshare-pid --unshare-ipc --unshare-uts --unshare-net --unshare-cgroup-try");
    if root {
        // The student is a user of its own here, and the first process is root with next to no capabilities. (In a
        // user namespace made by root, the student would be the host's root to the kernel's own files.)
        line.words("--cap-drop ALL");
        for capability in INIT_CAPABILITIES {
            line.words("--cap-add").words(capability);
        }
    } else {
        let id = STUDENT_ID.to_string();
        line.words("--unshare-user --uid").words(&id).words("--gid").words(&id);
    }
    line.words("--die-with-parent --new-session --as-pid-1 --hostname").words(HOSTNAME);

    line.words("--ro-bind /usr /usr");
    for name in ["bin", "sbin", "lib", "lib32", "lib64", "libx32"] {
        let path = Path::new("/").join(name);
        match fs::read_link(&path) {
            Ok(target) => line.words("--symlink").path(target).path(&path),
            Err(_) if path.is_dir() => line.words("--ro-bind").path(&path).path(&path),
            Err(_) => &mut line,
        };
    }
    line.words(
        "--proc /proc --dev /dev --tmpfs /tmp --tmpfs /run --tmpfs /var/tmp --symlink ../run /var/run",
    );
    line.words("--ro-bind").path(folder.etc()).path("/etc");
    for Borrowed { source, target } in borrowed {
        line.words("--ro-bind").path(source).path(target);
    }
    line.words("--dir /home --dir /opt --dir /opt/workshop --dir /opt/workshop/bin");
    line.words("--bind").path(folder.home()).path(STUDENT_HOME);
    line.words("--bind").path(folder.workspace()).path("/workspace");
    line.words("--ro-bind").path(folder.backend()).path(BACKEND);
    if let Some(goss) = folder.goss() {
        line.words("--ro-bind").path(goss).path(GOSS);
    }
    line.words("--remount-ro / --chdir /");
    line.0
}

/// A command line that is being written.
#[derive(Default)]
struct Line(Vec<OsString>);

impl Line {
    fn words(&mut self, words: &str) -> &mut Self {
        self.0.extend(words.split(' ').map(OsString::from));
        self
    }

    fn path(&mut self, path: impl AsRef<OsStr>) -> &mut Self {
        self.0.push(path.as_ref().to_owned());
        self
    }
}
