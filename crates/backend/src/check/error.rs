//! Why a check has no result.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

use workshop_sandbox::Exit;

/// Why a check has no result. It is never the student's fault, and never a failed check.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// goss is not there.
    #[error("goss, which runs the checks, is not at {}.", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// Somebody else than root or the backend's user may have put goss where it is.
    #[error(
        "goss, which runs the checks, is not run, because {} cannot be trusted: {reason}. It has to belong to root, \
         and nobody else may write to it.",
        path.display()
    )]
    NotTrusted {
        /// goss, or a folder above it.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// goss could not be started.
    #[error("goss could not be started: {0}.")]
    NotStarted(io::Error),
    /// goss cannot use the spec; with its own words.
    #[error("The check of this step is broken: {0}.")]
    Spec(String),
    /// The check took too long and was killed.
    #[error("The check did not finish within {} and was stopped.", Seconds(*limit))]
    TimedOut {
        /// How long it may take.
        limit: Duration,
    },
    /// goss said more than it may.
    #[error("The check said more than {limit} bytes and was stopped.")]
    TooMuchOutput {
        /// How much it may say.
        limit: u64,
    },
    /// goss ended without a result.
    #[error("goss ended without a result ({}){}.", ending(exit), said(message))]
    Crashed {
        /// How it ended.
        exit: Exit,
        /// What it said.
        message: String,
    },
    /// A periodic check made way for the student's.
    #[error("The check made way for one that the student asked for.")]
    Yielded,
}

impl CheckError {
    /// A short name of the error, for machines.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "goss-missing",
            Self::NotTrusted { .. } => "goss-not-trusted",
            Self::NotStarted(_) => "goss-not-started",
            Self::Spec(_) => "broken-check",
            Self::TimedOut { .. } => "check-timed-out",
            Self::TooMuchOutput { .. } => "check-output-too-long",
            Self::Crashed { .. } => "goss-crashed",
            Self::Yielded => "check-yielded",
        }
    }
}

struct Seconds(Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} s", self.0.as_secs_f64())
    }
}

fn ending(exit: &Exit) -> String {
    match (exit.code, exit.signal) {
        (Some(code), _) => format!("exit code {code}"),
        (None, signal) => format!("signal {}", signal.unwrap_or_default()),
    }
}

fn said(message: &str) -> String {
    if message.is_empty() { String::new() } else { format!(": {message}") }
}
