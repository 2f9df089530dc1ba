//! What is started, and how it ends.

use std::os::fd::OwnedFd;
use std::path::PathBuf;

use rustix::process::Signal;
use serde::{Deserialize, Serialize};

/// A program to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    /// The program and its arguments. A name without a slash is looked for in the `PATH` of `env`.
    pub argv: Vec<String>,
    /// The whole environment; nothing is added to it. [`crate::Launcher::base_env`] is a good beginning.
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

/// How a program ended. Exactly one of the two is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// Its exit code.
    pub code: Option<i32>,
    /// The number of the signal that ended it.
    pub signal: Option<i32>,
}

impl Exit {
    /// Ended by the kernel, as everything in a sandbox is when its first process dies.
    pub(crate) const KILLED: Self = Self { code: None, signal: Some(Signal::KILL.as_raw()) };

    /// The number that a shell has for it: the code, or 128 and the signal.
    pub fn shell_code(self) -> i32 {
        self.code.unwrap_or_else(|| 128 + self.signal.unwrap_or_default())
    }
}
