//! The handle of a workspace: appends to its log, and shows the fold of what reached the disk.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde::Serialize;
use tokio::sync::{mpsc, watch};
use workshop_definition::artifact::Artifact;
use workshop_events::{Cursor, LogId, StateEvent, StateRecord, Stream, Timestamp, codec::Body};
use workshop_journal::{AppendError, Appended, Journal};
use workshop_projector::{Projection, Timeline};

use super::{
    identity::{Identity, backend_started},
    recent::{Batch, Position, Recent, is_for_student},
};

/// How often it is looked whether a full disk has space again, and how much of it counts: some of the longest lines.
const SPACE_INTERVAL: Duration = Duration::from_secs(1);
const SPACE_AGAIN: u64 = 256 * 1024;
/// How long to wait before the log is asked again whether it has room for `backend_started`.
const RETRY: Duration = Duration::from_secs(1);

/// A shell command, as its terminal saw it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NewCommand {
    /// The command line, cut at [`workshop_events::MAX_CMD_CHARS`].
    pub cmd: String,
    /// Its exit code; `None` when it is not known.
    pub exit: Option<i32>,
    /// The shell session.
    pub session: String,
    /// The step that was active when it began.
    pub step: String,
    /// The working directory that it began in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// How long it ran, in milliseconds.
    pub ms: u64,
    /// Seconds from the session's opening to its beginning.
    pub at: f64,
}

/// Whether the log takes what happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// The last append got on disk.
    pub storing: bool,
    /// All terminals are recorded.
    pub recording: bool,
}

/// A handle; clones are the same workspace.
#[derive(Clone)]
pub struct Workspace(Arc<Inner>);

struct Inner {
    journal: Journal,
    artifact: Artifact,
    identity: Identity,
    fold: Mutex<Fold>,
    /// `seq` of the last state record in the fold.
    applied: watch::Sender<u64>,
    /// Counts every record of every stream, for those who follow.
    arrived: watch::Sender<u64>,
    health: watch::Sender<Health>,
    /// The last failure was one of space.
    full: AtomicBool,
    /// Whether `backend_started` is in the log.
    started: AtomicBool,
    starting: tokio::sync::Mutex<()>,
    stopping: watch::Sender<bool>,
}

struct Fold {
    timeline: Timeline,
    /// What the fold would be with the `backend_started` that could not be written yet.
    provisional: Option<Projection>,
    recent: Recent,
}

impl Workspace {
    /// A workspace of what was read from its log: the state stream up to the timeline's last record.
    pub(super) fn new(
        journal: Journal,
        artifact: Artifact,
        identity: Identity,
        timeline: Timeline,
        recent: Recent,
    ) -> Self {
        Self(Arc::new(Inner {
            journal,
            artifact,
            identity,
            applied: watch::Sender::new(timeline.projection().seq()),
            fold: Mutex::new(Fold { timeline, provisional: None, recent }),
            arrived: watch::Sender::new(0),
            health: watch::Sender::new(Health { storing: true, recording: true }),
            full: AtomicBool::new(false),
            started: AtomicBool::new(false),
            starting: tokio::sync::Mutex::new(()),
            stopping: watch::Sender::new(false),
        }))
    }

    /// Begins to follow the journal and tells the log that a backend started. When the log has no room for that, the
    /// workspace goes on with what it knows, and tells it as soon as there is.
    pub async fn begin(&self) {
        for stream in Stream::ALL {
            tokio::spawn(self.clone().listen(stream, self.0.journal.follow_appends(stream)));
        }
        tokio::spawn(self.clone().watch_space());
        let Err(error) = self.ensure_started().await else { return };
        tracing::error!(%error, "the log takes nothing at the moment; what it holds is served, and it is tried again");
        self.assume_started();
        let workspace = self.clone();
        tokio::spawn(async move {
            let mut stopping = workspace.stopping();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(RETRY) => {}
                    _ = stopping.wait_for(|stop| *stop) => return,
                }
                if workspace.ensure_started().await.is_ok() {
                    tracing::info!("the log takes events again");
                    return;
                }
            }
        });
    }

    /// The log's id.
    pub fn log(&self) -> LogId {
        self.0.journal.log()
    }

    /// The journal, for recordings and the clock.
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// The workshop.
    pub fn artifact(&self) -> &Artifact {
        &self.0.artifact
    }

    /// What this container is.
    pub fn identity(&self) -> &Identity {
        &self.0.identity
    }

    /// Appends a state event; resolves once it is on disk and in the fold.
    ///
    /// # Errors
    /// When it is not acknowledged; it may have happened all the same.
    pub async fn append(&self, event: StateEvent<'static>) -> Result<Appended, AppendError> {
        self.ensure_started().await?;
        self.append_now(event).await
    }

    /// Queues a command: on disk within 50 ms.
    pub fn append_command(&self, command: &NewCommand) {
        let Ok(body) = Body::new(command) else {
            tracing::error!(session = command.session, "a command does not fit a line");
            return;
        };
        let pending = self.0.journal.append_lazily(Stream::Commands, body);
        let workspace = self.clone();
        tokio::spawn(async move {
            workspace.note_outcome(&pending.await);
        });
    }

    async fn append_now(&self, event: StateEvent<'static>) -> Result<Appended, AppendError> {
        let outcome = self.0.journal.append_event(event).await;
        self.note_outcome(&outcome);
        let appended = outcome?;
        let mut applied = self.0.applied.subscribe();
        // The journal has told the fold already; this waits for the fold to have listened.
        let _ = applied.wait_for(|seq| *seq >= appended.seq).await;
        Ok(appended)
    }

    /// Writes `backend_started`, and the `step_start` that the log lacks, unless they are there.
    ///
    /// # Errors
    /// When the log takes nothing at the moment.
    pub async fn ensure_started(&self) -> Result<(), AppendError> {
        if self.0.started.load(Ordering::Acquire) {
            return Ok(());
        }
        let _one_at_a_time = self.0.starting.lock().await;
        if !self.0.started.load(Ordering::Acquire) {
            self.append_now(self.backend_started()).await?;
            self.0.started.store(true, Ordering::Release);
        }
        let missing = self.fold().timeline.projection().missing_start().cloned();
        if let Some(missing) = missing {
            let step = missing.step.into();
            self.append_now(StateEvent::StepStart { step, cause: missing.cause }).await?;
        }
        Ok(())
    }

    fn backend_started(&self) -> StateEvent<'static> {
        let Inner { artifact, identity, .. } = &*self.0;
        backend_started(artifact, identity)
    }

    /// The state as it is now.
    pub fn read<T>(&self, look: impl FnOnce(&Projection) -> T) -> T {
        let fold = self.fold();
        look(fold.provisional.as_ref().unwrap_or(fold.timeline.projection()))
    }

    /// The state with its history.
    pub fn read_timeline<T>(&self, look: impl FnOnce(&Timeline) -> T) -> T {
        look(&self.fold().timeline)
    }

    /// The step being worked on.
    pub fn active_step(&self) -> String {
        self.read(|state| state.active().unwrap_or_default().to_owned())
    }

    /// What happened after a position, for one who follows.
    pub fn recent(&self, position: &Position) -> Batch {
        self.fold().recent.after(position)
    }

    /// Where one who has seen up to `cursor` stands; `None` when that is of another log, of the future, or too long ago.
    pub fn position(&self, cursor: &Cursor) -> Option<Position> {
        (cursor.log == self.log()).then(|| self.fold().recent.position(cursor)).flatten()
    }

    /// The position of now, for a student or for an instructor.
    pub fn position_now(&self, instructor: bool) -> Position {
        self.fold().recent.now(instructor)
    }

    /// The cursor of a position.
    pub fn cursor(&self, position: &Position) -> Cursor {
        position.cursor(self.log())
    }

    /// Changes whenever a record of any stream arrived.
    pub fn arrivals(&self) -> watch::Receiver<u64> {
        self.0.arrived.subscribe()
    }

    /// Whether the log takes what happens.
    pub fn health(&self) -> watch::Receiver<Health> {
        self.0.health.subscribe()
    }

    /// Becomes true when the backend stops, so that those who follow end.
    pub fn stopping(&self) -> watch::Receiver<bool> {
        self.0.stopping.subscribe()
    }

    /// Tells all who follow to end.
    pub fn stop(&self) {
        self.0.stopping.send_replace(true);
    }

    /// Says whether all terminals are being recorded.
    pub fn note_recording(&self, recording: bool) {
        self.0
            .health
            .send_if_modified(|health| std::mem::replace(&mut health.recording, recording) != recording);
    }

    fn note_outcome(&self, outcome: &Result<Appended, AppendError>) {
        if let Err(error) = outcome {
            self.0.full.store(matches!(error, AppendError::NoSpace { .. }), Ordering::Relaxed);
        }
        self.note_storing(outcome.is_ok());
    }

    /// Looks whether there is space again after there was none, so that a page hears of it though nobody does anything.
    async fn watch_space(self) {
        let (mut health, mut stopping) = (self.health(), self.stopping());
        loop {
            tokio::select! {
                trouble = health.wait_for(|health| !health.storing) => if trouble.is_err() { return },
                _ = stopping.wait_for(|stop| *stop) => return,
            }
            tokio::time::sleep(SPACE_INTERVAL).await;
            let free = self.0.journal.free_space().unwrap_or(0);
            if self.0.full.load(Ordering::Relaxed) && free >= SPACE_AGAIN {
                self.note_storing(true);
            }
        }
    }

    fn note_storing(&self, storing: bool) {
        self.0.health.send_if_modified(|health| std::mem::replace(&mut health.storing, storing) != storing);
    }

    fn fold(&self) -> MutexGuard<'_, Fold> {
        self.0.fold.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Feeds the fold with what gets on disk, in order. Ends with the journal.
    async fn listen(self, stream: Stream, mut appends: mpsc::UnboundedReceiver<Appended>) {
        while let Some(appended) = appends.recv().await {
            self.arrive(stream, &appended);
        }
    }

    fn arrive(&self, stream: Stream, appended: &Appended) {
        let Ok(line) = std::str::from_utf8(&appended.line) else { return };
        {
            let mut fold = self.fold();
            if let Some(record) = &appended.record {
                if matches!(record.event, StateEvent::BackendStarted { .. }) {
                    fold.provisional = None;
                    self.0.started.store(true, Ordering::Release);
                }
                fold.timeline.apply(appended.seq, record);
            }
            let student = appended.record.as_deref().is_some_and(is_for_student);
            fold.recent.push(stream, appended.seq, student, line);
        }
        if stream == Stream::State {
            self.0.applied.send_replace(appended.seq);
        }
        self.0.arrived.send_modify(|count| *count += 1);
    }

    /// The log has no room for `backend_started` yet: show what it would lead to.
    fn assume_started(&self) {
        let now = self.0.journal.now();
        let mut fold = self.fold();
        let mut assumed = fold.timeline.projection().clone();
        let record = StateRecord { log: None, seq: None, ts: now, event: self.backend_started() };
        assumed.apply(assumed.seq(), &record);
        fold.provisional = Some(assumed);
    }
}

/// The time on the wall, for what is not in the log.
pub fn now() -> Timestamp {
    Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
}
