//! Terminal recordings: casts that are written and synced behind the terminal's back, so that no disk ever holds it up.

use std::{
    fs::File,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use workshop_events::{
    Timestamp,
    cast::{CastEvent, Header},
};

use crate::disk;

/// What is recorded is in the file within 50 ms: the writer looks this often while there is something to write.
const WRITE_EVERY: Duration = Duration::from_millis(20);
/// What is in the file is on disk within 1 s: the syncer looks this often while something was written.
const SYNC_EVERY: Duration = Duration::from_millis(500);
/// The writer does not wait when this much waits.
const EAGER_BYTES: usize = 256 * 1024;
/// A cast whose writes fall behind by this much is stopped, rather than take more memory.
const MAX_BUFFER: usize = 4 * 1024 * 1024;
/// Below this many free bytes recording pauses: the other streams need the space more.
const MIN_FREE: u64 = 64 * 1024 * 1024;

/// Why a recording ended before its session. Nothing more is written to its file, which ends at its last whole line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CastStopped {
    /// It has the size that it may have. It stays stopped.
    #[error("the recording has reached its size limit")]
    Limit,
    /// The volume is nearly full. A new one can begin when there is space again.
    #[error("less than 64 MiB are free")]
    LowSpace,
    /// The disk does not keep up with the terminal. A new one can begin.
    #[error("the disk does not keep up")]
    Behind,
    /// A write failed or was cut short. A new one can begin.
    #[error("writing the recording failed: {0}")]
    Failed(String),
}

/// Records one session, or what is left of it, in a file of its own.
pub struct CastWriter {
    name: String,
    cast: Arc<Cast>,
    casts: Arc<Casts>,
}

/// A cast that is being written.
struct Cast {
    file: File,
    dir: PathBuf,
    /// Whether its name is on disk.
    named: AtomicBool,
    limit: u64,
    state: Mutex<CastState>,
}

#[derive(Default)]
struct CastState {
    /// Whole lines that are not in the file yet.
    buffer: Vec<u8>,
    /// Bytes in the file and in the buffer.
    len: u64,
    stopped: Option<CastStopped>,
}

/// All casts of a journal, and the two threads that serve them.
#[derive(Default)]
pub(crate) struct Casts {
    work: Mutex<Work>,
    to_write: Condvar,
    to_sync: Condvar,
}

#[derive(Default)]
struct Work {
    /// Casts with something in their buffer.
    write: Vec<Arc<Cast>>,
    /// Casts with something in their file that is not synced.
    sync: Vec<Arc<Cast>>,
    /// A buffer is large, so that the writer should not wait.
    eager: bool,
    closed: bool,
    /// The writer has ended: nothing is added to `sync` any more.
    writer_ended: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CastWriter {
    /// The file's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Records an event. Never waits for the disk: the event is in the file within 50 ms and synced within 1 s.
    ///
    /// # Errors
    /// When the recording is stopped, now or before.
    pub fn write(&mut self, event: &CastEvent<'_>) -> Result<(), CastStopped> {
        let mut state = lock(&self.cast.state);
        if let Some(reason) = &state.stopped {
            return Err(reason.clone());
        }
        let before = state.buffer.len();
        event.write_line(&mut state.buffer);
        let len = state.len + (state.buffer.len() - before) as u64;
        let over = self.cast.limit > 0 && len > self.cast.limit;
        if over || state.buffer.len() > MAX_BUFFER {
            let reason = if over { CastStopped::Limit } else { CastStopped::Behind };
            state.buffer.truncate(before);
            state.stopped = Some(reason.clone());
            return Err(reason);
        }
        state.len = len;
        let (first, eager) = (before == 0, before < EAGER_BYTES && state.buffer.len() >= EAGER_BYTES);
        drop(state);
        if first || eager {
            self.casts.has_more(&self.cast, first, eager);
        }
        Ok(())
    }

    /// Whether the recording goes on, and else why not. Learnt without writing an event.
    pub fn stopped(&self) -> Option<CastStopped> {
        lock(&self.cast.state).stopped.clone()
    }
}

impl Casts {
    /// Makes a new file, with the header in it. Waits for no sync.
    pub(crate) fn create(
        self: &Arc<Self>,
        dir: &Path,
        now: Timestamp,
        header: &Header,
        limit: u64,
    ) -> io::Result<CastWriter> {
        if disk::free_space(File::open(dir)?)? < MIN_FREE {
            return Err(io::Error::new(io::ErrorKind::StorageFull, CastStopped::LowSpace));
        }
        let mut line = serde_json::to_vec(header)?;
        line.push(b'\n');
        let moment: String = now.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        let mut n = 1;
        let (name, file) = loop {
            let name = format!("session-{moment}Z-{n}.cast");
            match disk::create_new(&dir.join(&name)) {
                Ok(file) => break (name, file),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => n += 1,
                Err(error) => return Err(error),
            }
        };
        disk::write_cast(&file, &line)?;
        let state = CastState { len: line.len() as u64, ..CastState::default() };
        let cast = Arc::new(Cast {
            file,
            dir: dir.to_owned(),
            named: AtomicBool::new(false),
            limit,
            state: Mutex::new(state),
        });
        let mut work = lock(&self.work);
        work.sync.push(Arc::clone(&cast));
        self.to_sync.notify_one();
        Ok(CastWriter { name, cast, casts: Arc::clone(self) })
    }

    fn has_more(&self, cast: &Arc<Cast>, first: bool, eager: bool) {
        let mut work = lock(&self.work);
        if work.closed {
            drop(work);
            return cast.stop(CastStopped::Failed("the journal is closed".into()));
        }
        if first {
            work.write.push(Arc::clone(cast));
        }
        work.eager |= eager;
        self.to_write.notify_one();
    }

    /// Writes what is recorded, until the journal is closed and all is written.
    pub(crate) fn run_writer(&self) {
        let mut spare = Vec::new();
        loop {
            let work = lock(&self.work);
            let work = self.to_write.wait_while(work, |work| work.write.is_empty() && !work.closed);
            let work = work.unwrap_or_else(PoisonError::into_inner);
            let mut work = self
                .to_write
                .wait_timeout_while(work, WRITE_EVERY, |work| !work.eager && !work.closed)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            work.eager = false;
            let casts = std::mem::take(&mut work.write);
            if casts.is_empty() && work.closed {
                work.writer_ended = true;
                self.to_sync.notify_one();
                return;
            }
            drop(work);
            for cast in casts {
                cast.flush(&mut spare);
                let mut work = lock(&self.work);
                if !work.sync.iter().any(|other| Arc::ptr_eq(other, &cast)) {
                    work.sync.push(cast);
                }
                self.to_sync.notify_one();
            }
        }
    }

    /// Syncs what was written, until the writer has ended and all is synced.
    pub(crate) fn run_syncer(&self) {
        loop {
            let work = lock(&self.work);
            let work = self.to_sync.wait_while(work, |work| work.sync.is_empty() && !work.writer_ended);
            let work = work.unwrap_or_else(PoisonError::into_inner);
            let until = Instant::now() + SYNC_EVERY;
            let mut work = self
                .to_sync
                .wait_timeout_while(work, SYNC_EVERY, |work| !work.writer_ended && Instant::now() < until)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
            let casts = std::mem::take(&mut work.sync);
            if casts.is_empty() && work.writer_ended {
                return;
            }
            drop(work);
            for cast in casts {
                if let Err(error) = cast.sync() {
                    cast.stop(CastStopped::Failed(error.to_string()));
                }
            }
        }
    }

    pub(crate) fn close(&self) {
        lock(&self.work).closed = true;
        self.to_write.notify_one();
    }
}

impl Cast {
    /// Writes the buffer to the file, using `spare` as the next buffer.
    fn flush(&self, spare: &mut Vec<u8>) {
        spare.clear();
        spare.shrink_to(2 * EAGER_BYTES);
        std::mem::swap(&mut lock(&self.state).buffer, spare);
        if disk::free_space(&self.file).is_ok_and(|free| free < MIN_FREE) {
            return self.stop(CastStopped::LowSpace);
        }
        if let Err(error) = disk::write_cast(&self.file, spare) {
            self.stop(CastStopped::Failed(error.to_string()));
        }
    }

    /// Makes what is in the file durable, and its name.
    fn sync(&self) -> io::Result<()> {
        disk::sync(&self.file)?;
        if !self.named.load(Ordering::Relaxed) {
            disk::sync_dir(&self.dir)?;
            self.named.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn stop(&self, reason: CastStopped) {
        let mut state = lock(&self.state);
        tracing::warn!(%reason, "a recording is stopped");
        state.stopped = Some(reason);
        state.buffer = Vec::new();
    }
}
