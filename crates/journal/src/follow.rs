//! Follows a stream's file as it grows. Takes no lock; file system events wake it, and polling where there are none.

use std::{
    io,
    path::Path,
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    time::{Duration, Instant},
};

use workshop_events::Stream;

use crate::{
    tail::{Chunk, Tail},
    watch::{Watch, watch},
};

/// How often the file is looked at where the file system does not tell.
const POLL: Duration = Duration::from_millis(100);
/// A chunk is at most this long, or one line if that is longer.
const CHUNK: usize = 256 * 1024;

/// Follows one stream.
pub struct Follower {
    tail: Tail,
    changes: Receiver<()>,
    /// Sends to `changes`; none where the system has no more, then polling alone does it.
    _watch: Option<Watch>,
}

/// Follows `stream` of the log in `dir` from byte `offset`, which must be the beginning of a line. The file need not
/// be there yet.
///
/// # Errors
/// When the directory is not there.
pub fn follow(dir: &Path, stream: Stream, offset: u64) -> io::Result<Follower> {
    std::fs::metadata(dir)?;
    let (changed, changes) = mpsc::sync_channel(1);
    let watch = watch(dir, move || {
        // One signal that waits is as good as many.
        let _ = changed.try_send(());
    });
    Ok(Follower { tail: Tail::new(dir.join(stream.file_name()), offset), changes, _watch: watch })
}

impl Follower {
    /// Byte offset of what the next chunk begins with.
    pub fn offset(&self) -> u64 {
        self.tail.offset()
    }

    /// The next chunk, waiting at most `wait` for it; `None` when nothing came. Blocks.
    ///
    /// # Errors
    /// When the file cannot be read, or is no longer the file that was followed (`InvalidData`): it was replaced, or
    /// is shorter than it was.
    pub fn next(&mut self, wait: Duration) -> io::Result<Option<Chunk>> {
        let deadline = Instant::now() + wait;
        loop {
            if let Some(chunk) = self.tail.read(CHUNK)? {
                self.tail.go_to(chunk.end());
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
}
