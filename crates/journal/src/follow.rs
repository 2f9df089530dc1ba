//! Follows a stream's file as it grows. Takes no lock; file system events wake it, and polling where there are none.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use workshop_events::{Stream, reader::MAX_FOREIGN_LINE};

/// How often the file is looked at where the file system does not tell.
const POLL: Duration = Duration::from_millis(100);
/// A chunk is about this long, or one line if that is longer.
const CHUNK: usize = 256 * 1024;

/// The next bytes of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Byte offset of the first.
    pub offset: u64,
    /// Whole lines, each with its newline. A line that is longer than [`MAX_FOREIGN_LINE`] comes in pieces: then the
    /// last byte is not a newline until the last of them.
    pub bytes: Vec<u8>,
}

/// Follows one stream.
pub struct Follower {
    path: PathBuf,
    file: Option<Followed>,
    offset: u64,
    /// Read from the file; does not end in a newline yet.
    partial: Vec<u8>,
    changes: Receiver<()>,
    /// Sends to `changes`; none where the system has no more, then polling alone does it.
    _watcher: Option<RecommendedWatcher>,
}

struct Followed {
    file: File,
    inode: u64,
}

/// Follows `stream` of the log in `dir` from byte `offset`, which must be the beginning of a line. The file need not
/// be there yet.
///
/// # Errors
/// When the directory is not there.
pub fn follow(dir: &Path, stream: Stream, offset: u64) -> io::Result<Follower> {
    std::fs::metadata(dir)?;
    let path = dir.join(stream.file_name());
    let (changed, changes) = mpsc::sync_channel(1);
    let watcher = notify::recommended_watcher(move |_| {
        // One signal that waits is as good as many.
        let _ = changed.try_send(());
    });
    // The directory rather than the file: the file may come later.
    let watcher = watcher.and_then(|mut watcher| {
        watcher.watch(dir, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    let watcher = watcher.inspect_err(|error| tracing::debug!(%error, "no file system events; polling")).ok();
    Ok(Follower { path, file: None, offset, partial: Vec::new(), changes, _watcher: watcher })
}

impl Follower {
    /// Byte offset of what the next chunk begins with.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next chunk, waiting at most `wait` for it; `None` when nothing came. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read, or is no longer the file that was followed (`InvalidData`): it was replaced, or
    /// is shorter than it was.
    pub fn next(&mut self, wait: Duration) -> io::Result<Option<Chunk>> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(chunk) = self.read()? {
                return Ok(Some(chunk));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            if let Err(RecvTimeoutError::Disconnected) = self.changes.recv_timeout(left.min(POLL)) {
                std::thread::sleep(left.min(POLL));
            }
        }
    }

    /// The next chunk of what stands in the file.
    fn read(&mut self) -> io::Result<Option<Chunk>> {
        let Some(followed) = self.current()? else { return Ok(None) };
        let mut file = &followed.file;
        let mut chunk = vec![0; CHUNK];
        loop {
            let n = match file.read(&mut chunk) {
                Ok(0) => break,
                Ok(n) => n,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    self.file = Some(followed);
                    return Err(error);
                }
            };
            self.partial.extend_from_slice(&chunk[..n]);
            if self.partial.len() > MAX_FOREIGN_LINE || chunk[..n].contains(&b'\n') {
                break;
            }
        }
        self.file = Some(followed);
        Ok(self.take_lines())
    }

    /// What of the bytes read can be given out.
    fn take_lines(&mut self) -> Option<Chunk> {
        let end = match self.partial.iter().rposition(|&b| b == b'\n') {
            Some(newline) => newline + 1,
            None if self.partial.len() > MAX_FOREIGN_LINE => self.partial.len(),
            None => return None,
        };
        let rest = self.partial.split_off(end);
        let bytes = std::mem::replace(&mut self.partial, rest);
        let chunk = Chunk { offset: self.offset, bytes };
        self.offset += chunk.bytes.len() as u64;
        Some(chunk)
    }

    /// Takes the file out, placed at what is to be read next; `None` while it is not there.
    fn current(&mut self) -> io::Result<Option<Followed>> {
        let at = self.offset + self.partial.len() as u64;
        let metadata = match std::fs::metadata(&self.path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound && self.file.is_none() => return Ok(None),
            Err(error) => return Err(error),
        };
        let replaced = self.file.as_ref().is_some_and(|followed| followed.inode != metadata.ino());
        if replaced {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the file was replaced by another"));
        }
        if metadata.len() < at {
            let message = format!("the file is shorter than it was: {} of {at} bytes", metadata.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        if let Some(followed) = self.file.take() {
            return Ok(Some(followed));
        }
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(at))?;
        Ok(Some(Followed { file, inode: metadata.ino() }))
    }
}
