//! One at a time: whoever changes which container of a workspace runs holds a lock for so long. It goes with its
//! process, so one that is killed is in nobody's way.
//!
//! Supervisors on different machines that share an engine have only the container's name as their lock; what they do is
//! idempotent.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::fs::{FlockOperation, flock};
use tokio::time::sleep;

/// How often a lock that is held is asked for.
const AGAIN: Duration = Duration::from_millis(25);

/// The turn of this process; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(#[allow(dead_code, reason = "it is held, not read")] File);

impl Turn {
    /// Waits for its turn.
    pub(crate) async fn take(workspace: &str) -> Result<Self> {
        loop {
            match Self::try_take(workspace)? {
                Some(turn) => return Ok(turn),
                None => sleep(AGAIN).await,
            }
        }
    }

    /// The turn, unless somebody else has it.
    pub(crate) fn try_take(workspace: &str) -> Result<Option<Self>> {
        let file = lock(&format!("{workspace}.lock"), FlockOperation::NonBlockingLockExclusive)?;
        Ok(file.map(Self))
    }
}

/// A file of ours, locked; none when somebody else's lock is in the way.
pub(super) fn lock(name: &str, how: FlockOperation) -> Result<Option<File>> {
    let folder = folder();
    let path = folder.join(name);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| path.display().to_string())?;
    match flock(&file, how) {
        Ok(()) => Ok(Some(file)),
        Err(error) if std::io::Error::from(error).kind() == ErrorKind::WouldBlock => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// `$XDG_STATE_HOME/workshop`, by default under `~/.local/state`.
fn folder() -> PathBuf {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).unwrap_or_else(env::temp_dir).join("workshop")
}
