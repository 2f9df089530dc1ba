//! What waits to be written: one queue a stream, and the one clock that gives records their times.

use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};
use workshop_events::{StateEvent, StateRecord, Stream, Timestamp, codec::Body};

use crate::clock::{ClockStep, Times};

/// At most this much waits for, or is kept until, a sync.
pub(crate) const MAX_UNSYNCED: usize = 1024 * 1024;
/// How long a record that nobody waits for may wait for company.
const LAZY: Duration = Duration::from_millis(20);
/// How long a writer that waits for company looks again and again before it sleeps.
const YIELDING: Duration = Duration::from_micros(60);
/// How long other streams wait for the `clock_stepped` that goes before their next records.
const STEP_WAIT: Duration = Duration::from_secs(1);

/// A record that is on disk.
#[derive(Clone, Debug)]
pub struct Appended {
    /// Its number in the stream.
    pub seq: u64,
    /// The time that it carries.
    pub ts: Timestamp,
    /// Its line exactly as it stands in the file, without the newline.
    pub line: Bytes,
    /// What the line says, without its log and `seq`: of a record that was appended as an event.
    pub record: Option<Arc<StateRecord<'static>>>,
}

/// Why a record is not acknowledged. It may have happened all the same: what reached the file before the failure
/// counts, and is told to [`crate::Journal::follow_appends`] once it is on disk.
#[derive(Clone, Debug, thiserror::Error)]
pub enum AppendError {
    /// There is no room on the volume, or a megabyte already waits for a disk that does not keep up.
    #[error("no space to record this: {reason}")]
    NoSpace {
        /// What there is no room for.
        reason: String,
    },
    /// The system failed otherwise.
    #[error("cannot record this: {0}")]
    Io(Arc<io::Error>),
    /// The journal is closed.
    #[error("the journal is closed")]
    Closed,
}

impl From<io::Error> for AppendError {
    fn from(error: io::Error) -> Self {
        if crate::disk::is_no_space(&error) {
            Self::NoSpace { reason: error.to_string() }
        } else {
            Self::Io(Arc::new(error))
        }
    }
}

/// A queued append. Dropping it does not take the record back.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Result<Appended, AppendError>>);

impl Future for Pending {
    type Output = Result<Appended, AppendError>;
    fn poll(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Self::Output> {
        std::pin::Pin::new(&mut self.0).poll(context).map(|reply| reply.unwrap_or(Err(AppendError::Closed)))
    }
}

/// Where the outcome of an append goes.
pub(crate) type Reply = oneshot::Sender<Result<Appended, AppendError>>;

/// A record on its way to the file.
pub(crate) struct Entry {
    pub(crate) body: Body,
    pub(crate) ts: Timestamp,
    pub(crate) record: Option<Arc<StateRecord<'static>>>,
    pub(crate) reply: Option<Reply>,
    /// It is the `clock_stepped` that must go before all that follows.
    pub(crate) step: Option<ClockStep>,
}

impl Entry {
    /// The record that tells of a step of the clock.
    fn clock_stepped(step: ClockStep) -> Option<Self> {
        let ClockStep { from, to } = step;
        let event = StateEvent::ClockStepped { from, to };
        // Two times always fit a line.
        let body = Body::new(&event).ok()?;
        let record = Some(Arc::new(StateRecord { log: None, seq: None, ts: to, event }));
        Some(Self { body, ts: to, record, reply: None, step: Some(step) })
    }
}

#[derive(Default)]
struct Queue {
    entries: Vec<Entry>,
    bytes: usize,
    /// When what waits must be written, set by the first entry.
    due: Option<Instant>,
    /// The writer sleeps until this many wait.
    wanted: Option<usize>,
    followers: Vec<mpsc::UnboundedSender<Appended>>,
}

struct State {
    times: Times,
    queues: [Queue; 3],
    /// `clock_stepped` records that are not written yet.
    steps_owed: usize,
    closed: bool,
}

/// The queues of all streams.
pub(crate) struct Inbox {
    state: Mutex<State>,
    wake: [Condvar; 3],
    step_written: Condvar,
}

/// What a writer should do next.
pub(crate) enum Work {
    /// Write these.
    Batch(Vec<Entry>),
    /// Nothing came until the time asked for.
    Idle,
    /// The journal is closed and nothing waits.
    End,
}

impl Inbox {
    pub(crate) fn new(times: Times) -> Self {
        let state = State { times, queues: Default::default(), steps_owed: 0, closed: false };
        Self { state: Mutex::new(state), wake: Default::default(), step_written: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a record, which `event` is if it is given as one; one that is not `lazy` is written at once.
    pub(crate) fn push(
        &self,
        stream: Stream,
        body: Body,
        event: Option<StateEvent<'static>>,
        lazy: bool,
    ) -> Pending {
        let (reply, pending) = oneshot::channel();
        let mut state = self.lock();
        let queue = &state.queues[stream as usize];
        let refusal = if state.closed {
            Some(AppendError::Closed)
        } else if queue.bytes + body.line_bound() > MAX_UNSYNCED {
            Some(AppendError::NoSpace { reason: "1 MiB waits for a disk that does not keep up".into() })
        } else {
            None
        };
        if let Some(error) = refusal {
            // The receiver is here still.
            let _ = reply.send(Err(error));
            return Pending(pending);
        }
        let ts = self.stamp(&mut state);
        let record = event.map(|event| Arc::new(StateRecord { log: None, seq: None, ts, event }));
        let wait = if lazy { LAZY } else { Duration::ZERO };
        self.enqueue(&mut state, stream, Entry { body, ts, record, reply: Some(reply), step: None }, wait);
        Pending(pending)
    }

    /// The time now, as the next record would carry it.
    pub(crate) fn now(&self) -> Timestamp {
        self.stamp(&mut self.lock())
    }

    fn stamp(&self, state: &mut State) -> Timestamp {
        let (now, step) = state.times.now();
        if let Some(step) = step
            && let Some(entry) = Entry::clock_stepped(step)
        {
            state.steps_owed += 1;
            self.enqueue(state, Stream::State, entry, Duration::ZERO);
        }
        now
    }

    fn enqueue(&self, state: &mut State, stream: Stream, entry: Entry, wait: Duration) {
        let queue = &mut state.queues[stream as usize];
        queue.bytes += entry.body.line_bound();
        queue.entries.push(entry);
        let due = Instant::now() + wait;
        queue.due = Some(queue.due.map_or(due, |earlier| earlier.min(due)));
        if queue.wanted.is_some_and(|wanted| queue.entries.len() >= wanted) {
            self.wake[stream as usize].notify_one();
        }
    }

    /// Waits for work: for `expected` records at most for `moment`, then until something is due, or until `until`.
    pub(crate) fn next(
        &self,
        stream: Stream,
        expected: usize,
        moment: Duration,
        until: Option<Instant>,
    ) -> Work {
        let at = stream as usize;
        let begun = Instant::now();
        let (gathered, yielding) = (begun + moment, begun + moment.min(YIELDING));
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let closed = state.closed;
            let queue = &mut state.queues[at];
            let gathering = queue.entries.len() < expected && now < gathered && !closed;
            let deadline = match queue.due {
                Some(due) if gathering => Some(due.max(gathered)),
                Some(due) if now < due && !closed => Some(due),
                Some(_) => {
                    queue.due = None;
                    queue.bytes = 0;
                    let next = Vec::with_capacity(queue.entries.len());
                    let entries = std::mem::replace(&mut queue.entries, next);
                    return Work::Batch(self.after_steps(state, stream, entries));
                }
                None if closed => return Work::End,
                None if until.is_some_and(|until| until <= now) => return Work::Idle,
                None if gathering => Some(until.map_or(gathered, |until| until.min(gathered))),
                None => until,
            };
            // On a fast disk falling asleep and being woken would take longer than the others need to come back.
            if gathering && now < yielding {
                drop(state);
                std::thread::yield_now();
                state = self.lock();
                continue;
            }
            queue.wanted = Some(if gathering { expected } else { 1 });
            state = match deadline {
                Some(deadline) => {
                    let wait = deadline.saturating_duration_since(now);
                    self.wake[at].wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.wake[at].wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.queues[at].wanted = None;
        }
    }

    /// The entries, once a `clock_stepped` before them is written; a state stream that cannot does not hold up the
    /// others for long.
    fn after_steps(&self, state: MutexGuard<'_, State>, stream: Stream, entries: Vec<Entry>) -> Vec<Entry> {
        if stream != Stream::State && state.steps_owed > 0 {
            drop(self.step_written.wait_timeout_while(state, STEP_WAIT, |state| state.steps_owed > 0));
        }
        entries
    }

    /// Tells that a `clock_stepped` is written, or that it was tried.
    pub(crate) fn step_written(&self) {
        let mut state = self.lock();
        state.steps_owed = state.steps_owed.saturating_sub(1);
        self.step_written.notify_all();
    }

    /// Puts a `clock_stepped` that could not be written before all that waits, for the next attempt.
    pub(crate) fn owe_step(&self, entry: Entry) {
        let mut state = self.lock();
        let queue = &mut state.queues[Stream::State as usize];
        queue.bytes += entry.body.line_bound();
        queue.entries.insert(0, entry);
    }

    /// Gives every record of a stream that gets on disk from now on, in `seq` order.
    pub(crate) fn follow(&self, stream: Stream) -> mpsc::UnboundedReceiver<Appended> {
        let (sender, receiver) = mpsc::unbounded_channel();
        self.lock().queues[stream as usize].followers.push(sender);
        receiver
    }

    /// Tells followers of records that are on disk.
    pub(crate) fn publish(&self, stream: Stream, records: &[Appended]) {
        let mut state = self.lock();
        let followers = &mut state.queues[stream as usize].followers;
        followers.retain(|follower| records.iter().all(|record| follower.send(record.clone()).is_ok()));
    }

    /// Ends all who follow; the writers have ended.
    pub(crate) fn end_following(&self) {
        for queue in &mut self.lock().queues {
            queue.followers.clear();
        }
    }

    /// Takes no more; the writers end when nothing waits.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        for wake in &self.wake {
            wake.notify_one();
        }
    }
}
