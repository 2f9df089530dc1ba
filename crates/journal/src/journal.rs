//! The handle through which a backend appends to its log.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    thread::{self, JoinHandle},
};

use tokio::sync::mpsc;
use workshop_events::{LogId, StateEvent, Stream, Timestamp, cast::Header, codec::Body};

use crate::{
    cast::{CastWriter, Casts},
    claim::Claim,
    clock::{Clock, Times},
    disk,
    inbox::{AppendError, Appended, Inbox, Pending},
    log_file::LogFile,
    recordings::{self, RecordingFile},
    replay::Recovered,
    writer::{Tally, Writer},
};

/// Appends to a log. A handle: clones append to the same log. After the last one is dropped the writers end as soon as
/// all that waits is written; [`Journal::close`] waits for that.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    claim: Arc<Claim>,
    inbox: Arc<Inbox>,
    casts: Arc<Casts>,
    tallies: [Arc<Tally>; 3],
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the writer of a stream has done since it was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records on disk.
    pub appended: u64,
    /// Records not acknowledged.
    pub refused: u64,
    /// Batches written; each is one sync.
    pub batches: u64,
}

impl Journal {
    pub(crate) fn start(claim: Arc<Claim>, clock: Clock, recovered: [Recovered; 3]) -> io::Result<Self> {
        let last = recovered.iter().filter_map(|stream| stream.last_ts).max();
        let last = last.unwrap_or(Timestamp::from_millis(i64::MIN));
        let inbox = Arc::new(Inbox::new(Times::new(clock, last)));
        let tallies: [Arc<Tally>; 3] = Default::default();
        let casts = Arc::new(Casts::default());
        let inner = Inner {
            claim: Arc::clone(&claim),
            inbox: Arc::clone(&inbox),
            casts: Arc::clone(&casts),
            tallies: tallies.clone(),
            threads: Mutex::default(),
        };
        // From here on a failure drops `inner`, which ends the threads that run already.
        for ((stream, recovered), tally) in Stream::ALL.into_iter().zip(&recovered).zip(tallies) {
            let file = LogFile::new(Arc::clone(&claim), stream, recovered);
            let writer = Writer { stream, file, inbox: Arc::clone(&inbox), tally };
            inner.spawn(stream.name(), move || writer.run())?;
        }
        let writing = Arc::clone(&casts);
        inner.spawn("cast-write", move || writing.run_writer())?;
        inner.spawn("cast-sync", move || casts.run_syncer())?;
        Ok(Self(Arc::new(inner)))
    }

    /// The log's id.
    pub fn log(&self) -> LogId {
        self.0.claim.info.log
    }

    /// Appends a record; resolves once it is on disk. Appends at the same time share a sync. Dropping the future
    /// after it was polled does not take the record back.
    ///
    /// # Errors
    /// When the record is not acknowledged. It may have happened all the same.
    pub async fn append(&self, stream: Stream, body: Body) -> Result<Appended, AppendError> {
        self.0.inbox.push(stream, body, None, false).await
    }

    /// Appends an event to the state stream as [`Journal::append`] does; who follows is given it as it is.
    ///
    /// # Errors
    /// As for [`Journal::append`], and when the event does not fit a line.
    pub async fn append_event(&self, event: StateEvent<'static>) -> Result<Appended, AppendError> {
        let body = Body::new(&event).map_err(io::Error::other)?;
        self.0.inbox.push(Stream::State, body, Some(event), false).await
    }

    /// Queues a record, which is on disk within 50 ms. Nobody needs to wait for the outcome.
    pub fn append_lazily(&self, stream: Stream, body: Body) -> Pending {
        self.0.inbox.push(stream, body, None, true)
    }

    /// Every record of a stream that gets on disk from now on, in `seq` order and before its append is answered.
    /// Among them are records whose append was answered with an error and that reached the disk later, and the
    /// `clock_stepped` that the journal writes itself: a fold that follows this misses none. The receiver must be
    /// emptied; what waits in it is not bounded. It ends when the journal is closed.
    pub fn follow_appends(&self, stream: Stream) -> mpsc::UnboundedReceiver<Appended> {
        self.0.inbox.follow(stream)
    }

    /// The time now, on the one clock of all streams. It goes back only by steps of 2 s or more, which are recorded.
    pub fn now(&self) -> Timestamp {
        self.0.inbox.now()
    }

    /// Begins a recording in a new file. `limit` is its size in bytes, 0 for none. Opens a file, and waits for no sync.
    ///
    /// # Errors
    /// When the file cannot be made, or there is too little free space to record (`StorageFull`).
    pub fn new_cast(&self, header: &Header, limit: u64) -> io::Result<CastWriter> {
        self.0.casts.create(self.dir(), self.now(), header, limit)
    }

    /// Bytes that can still be written to the volume.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn free_space(&self) -> io::Result<u64> {
        disk::free_space(File::open(self.dir())?)
    }

    /// The recordings of the volume, by name.
    ///
    /// # Errors
    /// When the directory cannot be read.
    pub fn recordings(&self) -> io::Result<Vec<RecordingFile>> {
        recordings::recordings_in(self.dir())
    }

    /// Opens the recording of that name; `None` when there is none. The name is looked up among the recordings, never
    /// joined to a path.
    ///
    /// # Errors
    /// When the recording is there and cannot be opened.
    pub fn recording(&self, name: &str) -> io::Result<Option<File>> {
        recordings::recording_in(self.dir(), name)
    }

    /// The log volume.
    pub fn dir(&self) -> &Path {
        &self.0.claim.dir
    }

    /// What the writer of a stream has done.
    pub fn counters(&self, stream: Stream) -> Counters {
        let tally = &self.0.tallies[stream as usize];
        Counters {
            appended: tally.appended.load(Ordering::Relaxed),
            refused: tally.refused.load(Ordering::Relaxed),
            batches: tally.batches.load(Ordering::Relaxed),
        }
    }

    /// Takes no more, waits until all that was queued is on disk or has failed, and gives the volume's lock back.
    /// Blocks; call it from a thread that may.
    pub fn close(&self) {
        self.0.end();
        let threads = std::mem::take(&mut *self.0.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A writer that panicked has nothing more to wait for.
            let _ = thread.join();
        }
        self.0.inbox.end_following();
        self.0.claim.release();
    }
}

impl Inner {
    fn spawn(&self, name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = thread::Builder::new().name(format!("journal-{name}")).spawn(run)?;
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(())
    }

    fn end(&self) {
        self.inbox.close();
        self.casts.close();
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}
