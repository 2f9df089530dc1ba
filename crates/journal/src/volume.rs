//! Takes a log volume: its lock, its `log.json`, and what its streams hold.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use workshop_events::{Item, Kind, LogId, LogInfo, State, Timestamp};

use crate::{
    claim::{self, Claim},
    clock::{self, Clock},
    info::{INFO_NAME, read_info},
    journal::Journal,
    replay::{Recovered, Role, replay_as},
};

/// Why a volume cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The volume belongs to another workshop.
    #[error(
        "the log volume {dir} belongs to the workshop {found:?}, not to {expected:?}; use another volume for this workshop"
    )]
    OtherWorkshop {
        /// The volume.
        dir: PathBuf,
        /// The workshop that it belongs to.
        found: String,
        /// The workshop that wants it.
        expected: String,
    },
    /// `log.json` is not what it should be.
    #[error(
        "{path} cannot be understood ({reason}); when it is removed, the log's id is taken from its streams again"
    )]
    Info {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The volume cannot be read or locked.
    #[error("cannot use the log volume {dir}: {source}")]
    Io {
        /// The volume.
        dir: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// A volume that this process has taken, before anything is appended.
pub struct Volume {
    claim: Claim,
    clock: Clock,
}

/// Takes the log volume `dir` for the workshop named `workshop`; `clock` is for tests. Blocks while another holder
/// has the volume's `writer.lock`, after calling `waiting` once.
///
/// A volume that cannot be written to (full, read-only) opens all the same: what it holds can be replayed, and appends
/// fail until they are possible.
///
/// # Errors
/// When the volume belongs to another workshop, or cannot be read.
pub fn open(
    dir: &Path,
    workshop: &str,
    clock: Option<Clock>,
    waiting: impl FnOnce(),
) -> Result<Volume, OpenError> {
    let clock = clock.unwrap_or_else(clock::system);
    let failed = |source| OpenError::Io { dir: dir.to_owned(), source };
    if !dir.exists() {
        fs::create_dir_all(dir).map_err(failed)?;
    }
    let lock = take_lock(dir, waiting).map_err(failed)?;
    let found = read_info(dir).map_err(|source| match source.kind() {
        io::ErrorKind::InvalidData => {
            OpenError::Info { path: dir.join(INFO_NAME), reason: source.to_string() }
        }
        _ => failed(source),
    })?;
    if let Some(info) = found {
        if info.workshop != workshop {
            return Err(OpenError::OtherWorkshop {
                dir: dir.to_owned(),
                found: info.workshop,
                expected: workshop.to_owned(),
            });
        }
        return Ok(Volume { claim: Claim::new(dir.to_owned(), info, lock, true), clock });
    }
    let log = match log_of_lines(dir).map_err(failed)? {
        Some(log) => log,
        None => LogId::from_bits(getrandom::u64().map_err(|e| failed(io::Error::other(e)))?),
    };
    let info = LogInfo { log, workshop: workshop.to_owned(), created: Timestamp::from_millis(clock()) };
    let claim = Claim::new(dir.to_owned(), info, lock, false);
    if let Err(error) = claim.ensure() {
        tracing::warn!(%error, dir = %dir.display(), "the log volume cannot be written to yet");
    }
    Ok(Volume { claim, clock })
}

/// The lock of the one writer; `None` when the file cannot even be made on this volume.
fn take_lock(dir: &Path, waiting: impl FnOnce()) -> io::Result<Option<File>> {
    let lock = match claim::open_lock(dir) {
        Ok(lock) => lock,
        // Another writer could hold the right one.
        Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(error),
        Err(error) => {
            tracing::warn!(%error, "cannot make the lock of the log volume");
            return Ok(None);
        }
    };
    if !claim::try_lock(&lock)? {
        waiting();
        claim::wait_lock(&lock)?;
    }
    Ok(Some(lock))
}

/// The log that the lines of a volume without `log.json` name.
fn log_of_lines(dir: &Path) -> io::Result<Option<LogId>> {
    let mut log = None;
    replay_as::<State>(Role::Writer, dir, None, |item| {
        if log.is_none() {
            log = item.record.log.and_then(|text| text.parse().ok());
        }
    })?;
    Ok(log)
}

impl Volume {
    /// What `log.json` says, or will say as soon as it can be written.
    pub fn info(&self) -> &LogInfo {
        &self.claim.info
    }

    /// Replays one stream through `take`, in `seq` order. A last line that was cut off right before its newline
    /// counts: the writer's next write gives it one.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn replay<K: Kind>(&self, take: impl FnMut(Item<'_, K>)) -> io::Result<Recovered> {
        replay_as(Role::Writer, &self.claim.dir, Some(self.claim.info.log), take)
    }

    /// Starts the writers, going on from what the streams held. Call it within a tokio runtime or without one: the
    /// writers are threads.
    ///
    /// # Errors
    /// When the system gives no more threads.
    pub fn start(self, state: Recovered, commands: Recovered, llm: Recovered) -> io::Result<Journal> {
        Journal::start(Arc::new(self.claim), self.clock, [state, commands, llm])
    }
}
