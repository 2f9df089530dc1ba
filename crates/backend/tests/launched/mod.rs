//! Running programs through a launcher and looking at what they say.
#![allow(dead_code, reason = "each test file takes what it needs")]

use std::env;
use std::fs::{self, Permissions};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::time::timeout;
use workshop_sandbox::{Exit, Launcher, Pipes, Program, RunAs, TerminalSize, polled};

/// Nothing in these tests takes this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const SIZE: TerminalSize = TerminalSize { rows: 30, cols: 101 };

/// A bash script as a program in `cwd`.
pub(crate) fn bash(launcher: &Launcher, cwd: &str, script: &str) -> Program {
    Program {
        argv: ["bash", "-c", script].map(str::to_owned).to_vec(),
        env: launcher.base_env(),
        cwd: cwd.into(),
        run_as: RunAs::Student,
    }
}

/// Runs a bash script on pipes: its exit, and what it printed and complained.
pub(crate) async fn run(launcher: &Launcher, cwd: &str, script: &str) -> (Exit, String) {
    let program = bash(launcher, cwd, &format!("exec 2>&1\n{script}"));
    let (Pipes { stdout, .. }, mut running) = launcher.spawn_with_pipes(&program).await.expect("it starts");
    let printed = timeout(PATIENCE, read_all(stdout)).await.expect("it prints in time");
    let exit = timeout(PATIENCE, running.wait()).await.expect("it ends in time").expect("its end is seen");
    (exit, printed)
}

pub(crate) async fn read_all(stdout: OwnedFd) -> String {
    let mut text = String::new();
    let mut pipe = pipe::Receiver::from_owned_fd(stdout).expect("a pipe");
    pipe.read_to_string(&mut text).await.expect("text");
    text
}

/// A terminal with something on it.
pub(crate) struct Screen {
    master: tokio::io::unix::AsyncFd<OwnedFd>,
    text: String,
}

impl Screen {
    pub(crate) fn new(master: OwnedFd) -> Self {
        Self { master: polled(master).expect("a terminal"), text: String::new() }
    }

    pub(crate) fn type_in(&self, keys: &str) {
        rustix::io::write(self.master.get_ref(), keys.as_bytes()).expect("the terminal takes keys");
    }

    /// Reads until `wanted` was shown since the last call, and returns all that was shown.
    pub(crate) async fn shows(&mut self, wanted: &str) -> String {
        let seen = timeout(PATIENCE, async {
            while !self.text.contains(wanted) {
                assert!(
                    self.read_some().await,
                    "the terminal ended before it showed {wanted:?}: {:?}",
                    self.text
                );
            }
        });
        assert!(seen.await.is_ok(), "the terminal did not show {wanted:?} in time: {:?}", self.text);
        std::mem::take(&mut self.text)
    }

    async fn read_some(&mut self) -> bool {
        loop {
            let mut ready = self.master.readable().await.expect("the terminal is polled");
            let mut buffer = [0; 4096];
            match rustix::io::read(self.master.get_ref(), &mut buffer) {
                Ok(length) => {
                    self.text.push_str(&String::from_utf8_lossy(&buffer[..length]));
                    return length > 0;
                }
                Err(rustix::io::Errno::AGAIN) => ready.clear_ready(),
                // The kernel's word for a terminal that nobody has open any more.
                Err(rustix::io::Errno::IO) => return false,
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Names the folder of the copies that an ordinary user can reach.
const COPIES: &str = "WORKSHOP_TEST_COPIES";

/// The backend's program.
pub(crate) fn backend() -> PathBuf {
    copy("workshop-backend").unwrap_or_else(|| env!("CARGO_BIN_EXE_workshop-backend").into())
}

/// The goss that set-up built.
pub(crate) fn goss() -> PathBuf {
    copy("goss").unwrap_or_else(built_goss)
}

/// The example workshops.
pub(crate) fn examples() -> PathBuf {
    copy("examples").unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples"))
}

fn copy(name: &str) -> Option<PathBuf> {
    env::var_os(COPIES).map(|folder| Path::new(&folder).join(name))
}

fn built_goss() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_workshop-backend")).ancestors().nth(2);
    let built = target.map(|target| target.join("tools/bin/goss")).filter(|goss| goss.is_file());
    let path = env::var_os("PATH").unwrap_or_default();
    built
        .or_else(|| env::split_paths(&path).map(|folder| folder.join("goss")).find(|goss| goss.is_file()))
        .expect("goss, which `cargo xtask test` builds (deploy/goss/README.md says how)")
}

/// Runs this test program again as a user without any rights, if it runs as root: the sandbox is made otherwise then.
/// `skip` is the calling test, `one` any other one, which must be seen to pass.
pub(crate) fn again_as_ordinary_user(skip: &str, one: &str) {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let folder = TempDir::new().expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).expect("open to all");
    // What was built may lie in root's own home.
    let test = env::current_exe().expect("this program");
    for (program, name) in [(&test, "test"), (&backend(), "workshop-backend"), (&goss(), "goss")] {
        fs::copy(program, folder.path().join(name)).expect("a copy");
    }
    let copied = Command::new("cp").arg("-r").arg(examples()).arg(folder.path().join("examples")).status();
    assert!(copied.expect("cp").success(), "the examples are copied");
    let output = Command::new("setpriv")
        .args(["--reuid", "12345", "--regid", "12345", "--clear-groups"])
        .arg(folder.path().join("test"))
        .args(["--skip", skip])
        .env("TMPDIR", folder.path())
        .env(COPIES, folder.path())
        .current_dir(folder.path())
        .output()
        .expect("setpriv");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains(&format!("test {one} ... ok")), "{said}");
}
