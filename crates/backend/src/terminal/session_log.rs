//! What terminals tell the log. Nothing here holds a keystroke up: events queue, in order, until the log takes them.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    time::{sleep, timeout},
};
use workshop_events::{StateEvent, Timestamp, cast::Header};
use workshop_journal::CastWriter;

use super::commands::Finished;
use crate::workspace::{NewCommand, Workspace};

/// Events that wait while the log takes none; more are left out, and that is said.
const MAX_WAITING: usize = 4096;
/// An event that the log did not take is tried again after this.
const RETRY: Duration = Duration::from_millis(500);
/// How long the end of the backend waits for the events before it.
const PATIENCE: Duration = Duration::from_secs(2);

/// The terminals' way to the log.
pub struct SessionLog {
    workspace: Workspace,
    cast_limit: u64,
    events: mpsc::Sender<Entry>,
    /// Sessions that are not being recorded.
    unrecorded: AtomicUsize,
}

enum Entry {
    Event(StateEvent<'static>),
    /// Answered when all before it are in the log or given up.
    Flush(oneshot::Sender<()>),
}

impl SessionLog {
    /// Begins to append to the workspace's log. A cast ends at `cast_limit` bytes, 0 is none.
    pub fn new(workspace: Workspace, cast_limit: u64) -> Arc<Self> {
        let (events, waiting) = mpsc::channel(MAX_WAITING);
        tokio::spawn(append(workspace.clone(), waiting));
        Arc::new(Self { workspace, cast_limit, events, unrecorded: AtomicUsize::new(0) })
    }

    /// The step being worked on.
    pub fn active_step(&self) -> String {
        self.workspace.active_step()
    }

    /// The log's time.
    pub fn now(&self) -> Timestamp {
        self.workspace.journal().now()
    }

    /// Makes a cast. Blocks.
    ///
    /// # Errors
    /// No space, or what the system says.
    pub fn new_cast(&self, header: &Header) -> io::Result<CastWriter> {
        self.workspace.journal().new_cast(header, self.cast_limit)
    }

    /// A shell started.
    pub fn session_opened(&self, session: &str, name: &str, cast: Option<&str>) {
        let cast = cast.map(|cast| cast.to_owned().into());
        self.tell(StateEvent::SessionOpened { session: own(session), name: own(name), cast });
    }

    /// A shell ended.
    pub fn session_closed(&self, session: &str, exit: Option<i32>) {
        self.tell(StateEvent::SessionClosed { session: own(session), exit });
    }

    /// A browser came.
    pub fn connected(&self, session: &str, client: u64) {
        self.tell(StateEvent::Connected {
            session: Some(own(session)),
            client: Some(client_name(client).into()),
        });
    }

    /// A browser left.
    pub fn disconnected(&self, session: &str, client: u64) {
        self.tell(StateEvent::Disconnected {
            session: Some(own(session)),
            client: Some(client_name(client).into()),
        });
    }

    /// A session is not recorded any more.
    pub fn recording_stopped(&self, session: &str, reason: &str) {
        self.unrecorded.fetch_add(1, Ordering::Relaxed);
        self.note_recording();
        self.tell(StateEvent::RecordingStopped { session: own(session), reason: own(reason) });
    }

    /// A session is recorded again.
    pub fn recording_started(&self, session: &str, cast: &str, at: Duration) {
        let at = seconds(at);
        self.tell(StateEvent::RecordingStarted { session: own(session), cast: own(cast), at });
        self.unrecorded_session_ended();
    }

    /// A session that was not recorded is over.
    pub fn unrecorded_session_ended(&self) {
        self.unrecorded.fetch_sub(1, Ordering::Relaxed);
        self.note_recording();
    }

    /// A command ended.
    pub fn command(&self, session: &str, ended: Finished) {
        self.workspace.append_command(&NewCommand {
            cmd: ended.cmd,
            exit: ended.exit,
            session: session.to_owned(),
            step: ended.step,
            cwd: ended.cwd,
            ms: u64::try_from(ended.ran.as_millis()).unwrap_or(u64::MAX),
            at: seconds(ended.at),
        });
    }

    /// Waits until what was told is in the log, but not for long.
    pub async fn flush(&self) {
        let (done, wait) = oneshot::channel();
        if timeout(PATIENCE, self.events.send(Entry::Flush(done))).await.is_ok_and(|sent| sent.is_ok()) {
            // Either way there is nothing more to do.
            let _ = timeout(PATIENCE, wait).await;
        }
    }

    fn note_recording(&self) {
        self.workspace.note_recording(self.unrecorded.load(Ordering::Relaxed) == 0);
    }

    fn tell(&self, event: StateEvent<'static>) {
        if let Err(error) = self.events.try_send(Entry::Event(event)) {
            tracing::error!(%error, "an event of a terminal is not in the log");
        }
    }
}

fn own(text: &str) -> workshop_events::Text<'static> {
    text.to_owned().into()
}

/// Seconds, rounded to the microseconds that a cast's times have.
fn seconds(at: Duration) -> f64 {
    (at.as_secs_f64() * 1e6).round() / 1e6
}

fn client_name(client: u64) -> String {
    format!("{client:016x}")
}

/// Appends one event after the other. Told twice they say the same: an append that failed may have happened.
async fn append(workspace: Workspace, mut waiting: mpsc::Receiver<Entry>) {
    while let Some(entry) = waiting.recv().await {
        match entry {
            Entry::Event(event) => {
                while let Err(error) = workspace.append(event.clone()).await {
                    tracing::debug!(%error, event = event.name(), "not in the log yet");
                    if *workspace.stopping().borrow() {
                        break;
                    }
                    sleep(RETRY).await;
                }
            }
            Entry::Flush(done) => {
                // Who asked may be gone.
                let _ = done.send(());
            }
        }
    }
}
