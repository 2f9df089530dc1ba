//! Failures at the edge: what is said of them, and the exit code.

use std::fmt::Display;
use std::process::ExitCode;

use crate::output::complain;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What was given cannot be used: a flag, a path, a definition. Exit code 2.
    Input(String),
    /// It could not be done. Exit code 1.
    Failed(anyhow::Error),
    /// What is wrong was the answer, and was printed: problems of a definition, findings in a log. 1 or 2.
    Reported(u8),
    /// Ctrl-C. Exit code 130.
    Interrupted,
}

impl Failure {
    /// Something that was given cannot be used; the message says what instead.
    pub(crate) fn input(message: impl Display) -> Self {
        Self::Input(message.to_string())
    }

    /// Prints it on the standard error.
    pub(crate) fn print(&self) {
        match self {
            Self::Input(message) => complain(&format!("error: {message}")),
            Self::Failed(error) => complain(&format!("error: {error:#}")),
            Self::Reported(_) | Self::Interrupted => {}
        }
    }

    /// 1, 2 or 130, never 0.
    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Failed(_) => 1,
            Self::Input(_) => 2,
            Self::Reported(code) => *code,
            Self::Interrupted => 130,
        })
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}
