//! One at a time: whoever changes which container of a workspace runs holds a lock for so long. It goes with its
//! process, so one that is killed is in nobody's way.
//!
//! A container says where its workspace's locks are, so that other users of the same engine wait there too. Whoever cannot
//! reach them, another user without the right or a supervisor on another machine, has only the containers' names and
//! states to go by.

use std::env;
use std::fs::{self, File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use rustix::fs::{FlockOperation, OFlags, flock};
use tokio::time::sleep;

use crate::engine::Labels;

/// How often a lock that is held is asked for.
const AGAIN: Duration = Duration::from_millis(25);
/// What the file is called, after the workspace.
const FILE: &str = "lock";

/// The turn of this process; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Turn(#[allow(dead_code, reason = "it is held, not read")] File);

impl Turn {
    /// Waits for its turn.
    pub(crate) async fn take(of: &Labels) -> Result<Self> {
        wait_for(of, FILE, FlockOperation::NonBlockingLockExclusive).await.map(Self)
    }
}

/// The folder of this user's locks: `$XDG_STATE_HOME/workshop`, by default under `~/.local/state`.
pub(crate) fn folder() -> PathBuf {
    let state = env::var_os("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".local/state"));
    state.or_else(home).unwrap_or_else(env::temp_dir).join("workshop")
}

/// Waits for a lock of a workspace: its own one, or this user's where that is out of reach.
pub(super) async fn wait_for(of: &Labels, file: &str, how: FlockOperation) -> Result<File> {
    loop {
        let file = open_or_own(of, file)?;
        if lock(&file, how)? {
            return Ok(file);
        }
        sleep(AGAIN).await;
    }
}

/// The same, without waiting: none when somebody else's lock is in the way.
pub(super) fn unless_held(of: &Labels, file: &str, how: FlockOperation) -> Result<Option<File>> {
    let file = open_or_own(of, file)?;
    Ok(lock(&file, how)?.then_some(file))
}

fn open_or_own(of: &Labels, file: &str) -> Result<File> {
    match open(of, file)? {
        Some(file) => Ok(file),
        None => own(&name(of, file)),
    }
}

/// A file of a workspace's locks; none when it is another user's and out of reach.
fn open(of: &Labels, file: &str) -> Result<Option<File>> {
    let name = name(of, file);
    match of.locks.as_deref().map(Path::new) {
        // What somebody else says is only ever opened, and never waited for.
        Some(theirs) if theirs != folder() => Ok(OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NONBLOCK | OFlags::NOFOLLOW).bits().cast_signed())
            .open(theirs.join(name))
            .ok()),
        _ => own(&name).map(Some),
    }
}

fn name(of: &Labels, file: &str) -> String {
    format!("{}.{file}", of.workspace)
}

fn own(name: &str) -> Result<File> {
    let folder = folder();
    let path = folder.join(name);
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| path.display().to_string())
}

/// Locks a file; false when somebody else's lock is in the way.
fn lock(file: &File, how: FlockOperation) -> Result<bool> {
    match flock(file, how).map_err(std::io::Error::from) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(error).context("the lock of a workspace"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(locks: &Path) -> Labels {
        Labels { locks: Some(locks.display().to_string()), ..Labels::example() }
    }

    #[tokio::test]
    async fn the_turn_is_taken_where_the_container_says() {
        let theirs = tempfile::tempdir().unwrap();
        let of = labels(theirs.path());
        // Somebody else's folder is never written to: no file, no turn there.
        assert!(open(&of, FILE).unwrap().is_none());
        assert_eq!(fs::read_dir(theirs.path()).unwrap().count(), 0);

        fs::write(theirs.path().join("git-basics.lock"), "").unwrap();
        let turn = Turn::take(&of).await.unwrap();
        let free =
            || lock(&open(&of, FILE).unwrap().unwrap(), FlockOperation::NonBlockingLockExclusive).unwrap();
        assert!(!free());
        drop(turn);
        assert!(free());
    }

    #[test]
    fn nobody_is_led_to_a_file_of_another_kind() {
        let theirs = tempfile::tempdir().unwrap();
        let file = theirs.path().join("git-basics.lock");
        std::os::unix::fs::symlink("/etc/passwd", &file).unwrap();
        assert!(open(&labels(theirs.path()), FILE).unwrap().is_none());
    }
}
