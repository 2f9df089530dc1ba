//! Why there is no sandbox.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Bubblewrap is not installed.
    #[error(
        "bubblewrap is not installed: there is no bwrap in /usr/bin or the like; shells and checks run in a sandbox that \
         it makes"
    )]
    NoBubblewrap,
    /// The folder holds something that no sandbox has.
    #[error(
        "{path} is not a sandbox's folder: {found} is in it. A sandbox has its folder for itself; name a new or an \
         empty one"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// The name of what was found.
        found: String,
    },
    /// Something in the sandbox's folder cannot be made.
    #[error("cannot prepare the sandbox: {path}: {source}")]
    Folder {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bubblewrap could not make it; with its own words.
    #[error("bubblewrap could not make the sandbox: {0}")]
    NotMade(String),
    /// It was not ready in time.
    #[error("the sandbox was not ready within {0:?}")]
    Slow(Duration),
    /// No resources.
    #[error("cannot start the sandbox: {0}")]
    Io(#[from] io::Error),
}
