//! Starts programs as the student or as root: directly, or inside the sandbox.
//!
//! Every program leads a session and process group of its own, has exactly the environment it is given, and inherits
//! no descriptor but its standard three.

mod account;
mod descriptors;
mod direct;
mod running;

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

pub use account::Account;
pub use descriptors::polled;
use descriptors::seal_inherited;
pub use direct::{Direct, DirectError};
pub(crate) use running::Group;
pub use running::{Exit, Running, Signal};

use crate::sandbox::Sandbox;

/// A program to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments. A name without a slash is looked for in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment; nothing is added to it. [`Launcher::base_env`] is a good beginning.
    pub env: Vec<(String, String)>,
    /// The directory that it starts in.
    pub cwd: PathBuf,
    /// Who runs it.
    pub run_as: RunAs,
}

/// Who runs a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunAs {
    /// The student.
    Student,
    /// root, for checks that say so.
    Root,
}

/// The size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalSize {
    /// Lines.
    pub rows: u16,
    /// Characters a line.
    pub cols: u16,
}

/// Our ends of a program's standard input, output and error.
#[derive(Debug)]
pub struct Pipes {
    /// What is written here, the program reads; dropping it is the end of its input.
    pub stdin: OwnedFd,
    /// What the program writes.
    pub stdout: OwnedFd,
    /// What the program complains.
    pub stderr: OwnedFd,
}

/// Starts programs where the student works.
#[derive(Clone, Debug)]
pub enum Launcher {
    /// In the backend's own container.
    Direct(Direct),
    /// In a sandbox beside the backend.
    Sandbox(Sandbox),
}

impl Launcher {
    /// Starts a program on a terminal of its own, which is its controlling terminal, and returns the terminal's master.
    /// When the master and all its duplicates are dropped, the terminal hangs up; dropping the [`Running`] alone ends
    /// nothing. Both descriptors are blocking and close-on-exec.
    ///
    /// # Errors
    /// The program could not be started: not there (`NotFound`), its directory is not there, or no resources.
    pub async fn spawn_on_terminal(
        &self,
        program: &Program,
        size: TerminalSize,
    ) -> io::Result<(OwnedFd, Running)> {
        match self {
            Self::Direct(direct) => direct.spawn_on_terminal(program, size),
            Self::Sandbox(sandbox) => sandbox.spawn_on_terminal(program, size).await,
        }
    }

    /// Starts a program on three pipes. What is left of its process group when it ends, or when the [`Running`] is
    /// dropped, is killed. The descriptors are blocking and close-on-exec.
    ///
    /// # Errors
    /// As [`Self::spawn_on_terminal`].
    pub async fn spawn_with_pipes(&self, program: &Program) -> io::Result<(Pipes, Running)> {
        match self {
            Self::Direct(direct) => direct.spawn_with_pipes(program),
            Self::Sandbox(sandbox) => sandbox.spawn_with_pipes(program).await,
        }
    }

    /// The student's account where programs are started.
    pub fn student(&self) -> &Account {
        match self {
            Self::Direct(direct) => direct.student(),
            Self::Sandbox(sandbox) => sandbox.student(),
        }
    }

    /// Whether the student is kept apart from the backend, its log and the artifact.
    pub fn isolated(&self) -> bool {
        match self {
            Self::Direct(direct) => direct.isolated(),
            Self::Sandbox(_) => true,
        }
    }

    /// The environment that every program of the student starts from: `PATH`, `HOME`, `USER`, `LOGNAME`, `LANG`.
    /// Nothing of the backend's own environment is in it.
    pub fn base_env(&self) -> Vec<(String, String)> {
        let student = self.student();
        let home = student.home.to_string_lossy();
        [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", home.as_ref()),
            ("USER", &student.name),
            ("LOGNAME", &student.name),
            ("LANG", "C.UTF-8"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

/// Where a machine has its own programs. Not `PATH`: a program of ours is found in the same place whatever anybody says.
const FOLDERS: [&str; 5] =
    ["/usr/local/bin", "/usr/bin", "/bin", "/run/current-system/sw/bin", "/nix/var/nix/profiles/default/bin"];

/// Where a program of the host is, if it is installed.
pub fn find_program(name: &str) -> Option<PathBuf> {
    FOLDERS.iter().map(|folder| Path::new(folder).join(name)).find(|program| {
        fs::metadata(program).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_machines_have_them() {
        assert!(find_program("sh").is_some_and(|sh| sh.is_absolute()));
        assert_eq!(find_program("no-such-program"), None);
    }
}
