//! A volume taken for writing: the lock of the one writer, and `log.json`. On a full disk or a read-only volume
//! neither may be possible yet; then it is tried again before each first write.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use rustix::{fs::FlockOperation, io::Errno};
use workshop_events::LogInfo;

use crate::info::{read_info, write_info};
use crate::regular;

pub(crate) const LOCK_NAME: &str = "writer.lock";

/// The right to write to a volume.
pub(crate) struct Claim {
    pub(crate) dir: PathBuf,
    pub(crate) info: LogInfo,
    /// Whether the lock was held before the streams were replayed.
    pub(crate) locked_at_start: bool,
    held: Mutex<Held>,
}

struct Held {
    lock: Option<File>,
    info_written: bool,
}

impl Claim {
    pub(crate) fn new(dir: PathBuf, info: LogInfo, lock: Option<File>, info_written: bool) -> Self {
        let locked_at_start = lock.is_some();
        Self { dir, info, locked_at_start, held: Mutex::new(Held { lock, info_written }) }
    }

    /// Takes what of the volume is not taken yet.
    pub(crate) fn ensure(&self) -> io::Result<()> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.lock.is_none() {
            let lock = open_lock(&self.dir)?;
            if !try_lock(&lock)? {
                return Err(io::Error::new(
                    io::ErrorKind::ResourceBusy,
                    "another backend writes to this volume",
                ));
            }
            held.lock = Some(lock);
        }
        if !held.info_written {
            match read_info(&self.dir)? {
                None => write_info(&self.dir, &self.info)?,
                Some(found) if found.log == self.info.log => {}
                Some(found) => {
                    return Err(io::Error::other(format!(
                        "another backend has made the log {} here",
                        found.log
                    )));
                }
            }
            held.info_written = true;
        }
        Ok(())
    }

    /// Lets the next writer have the volume.
    pub(crate) fn release(&self) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).lock = None;
    }
}

/// Opens the lock file, making it if need be.
pub(crate) fn open_lock(dir: &Path) -> io::Result<File> {
    let path = dir.join(LOCK_NAME);
    let mut options = File::options();
    let opened = regular::open_as(options.read(true).write(true).create(true).truncate(false), &path);
    // A lock file that stands on a volume that became read-only still locks.
    opened.or_else(|error| regular::open(&path).map_err(|_| error))
}

/// Takes the lock if no other holder has it.
pub(crate) fn try_lock(lock: &File) -> io::Result<bool> {
    match rustix::fs::flock(lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Whether a backend has the volume in `dir`. Writes nothing; for the moment that asking takes, a backend that starts
/// has to wait.
///
/// # Errors
/// When the lock cannot be read.
pub fn has_writer(dir: &Path) -> io::Result<bool> {
    let lock = match regular::open(&dir.join(LOCK_NAME)) {
        Ok(lock) => lock,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Takes the lock as soon as no other holder has it.
pub(crate) fn wait_lock(lock: &File) -> io::Result<()> {
    rustix::io::retry_on_intr(|| rustix::fs::flock(lock, FlockOperation::LockExclusive))?;
    Ok(())
}
