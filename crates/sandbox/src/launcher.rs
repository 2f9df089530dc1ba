//! Starts programs where the student works: directly, or inside the sandbox.

use std::io;
use std::os::fd::OwnedFd;

use crate::account::Account;
use crate::direct::Direct;
use crate::program::{Pipes, Program, TerminalSize};
use crate::running::Running;
use crate::sandbox::Sandbox;

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
