//! The log volume as a whole: whose log it is, and whether that has changed.

use std::{
    fs, io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use tokio::sync::watch;
use workshop_events::LogInfo;
use workshop_journal::{Watch, read_info};

const INFO: &str = "log.json";

/// The log that a volume has now.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    pub(crate) dir: PathBuf,
    pub(crate) info: LogInfo,
    file: Identity,
}

/// What changes when a file is written or replaced: device, inode, length, time of change.
type Identity = (u64, u64, u64, i64, i64);

impl Volume {
    /// Reads `log.json`; `None` while there is none.
    ///
    /// # Errors
    /// When it cannot be read, or is not what it should be.
    pub(crate) fn read(dir: &Path) -> io::Result<Option<Self>> {
        // Looked at first: a change while it is read is seen the next time.
        let Some(file) = identity(dir)? else { return Ok(None) };
        let Some(info) = read_info(dir)? else { return Ok(None) };
        Ok(Some(Self { dir: dir.to_owned(), info, file }))
    }

    /// Whether the volume still has this log. Reads nothing unless `log.json` was touched.
    pub(crate) fn still(&mut self) -> bool {
        match identity(&self.dir) {
            Ok(Some(file)) if file == self.file => true,
            Ok(Some(file)) => {
                let same = read_info(&self.dir).ok().flatten().is_some_and(|info| info.log == self.info.log);
                if same {
                    self.file = file;
                }
                same
            }
            _ => false,
        }
    }
}

fn identity(dir: &Path) -> io::Result<Option<Identity>> {
    match fs::metadata(dir.join(INFO)) {
        Ok(at) => Ok(Some((at.dev(), at.ino(), at.len(), at.ctime(), at.ctime_nsec()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Tells when something in the volume changes, where the file system says so.
pub(crate) struct Changes {
    told: watch::Receiver<u64>,
    /// Kept where there are no events: nobody tells then.
    _tell: watch::Sender<u64>,
}

/// Watches a volume until the first of the two is dropped.
pub(crate) fn changes(dir: &Path) -> (Option<Watch>, Changes) {
    let (tell, told) = watch::channel(0);
    let telling = tell.clone();
    let watch =
        workshop_journal::watch(dir, move || telling.send_modify(|n: &mut u64| *n = n.wrapping_add(1)));
    (watch, Changes { told, _tell: tell })
}

impl Changes {
    /// Waits for the next change after the last wait's.
    pub(crate) async fn next(&mut self) {
        if self.told.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Clone for Changes {
    fn clone(&self) -> Self {
        Self { told: self.told.clone(), _tell: self._tell.clone() }
    }
}
