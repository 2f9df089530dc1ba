//! Logs on disk, written by the journal on a clock of their own.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use workshop_events::cast::{CastEvent, Header};
use workshop_events::codec::Body;
use workshop_events::{Commands, Llm, State, Stream, Timestamp};
use workshop_journal::Journal;

/// When every log begins.
pub const BEGIN: &str = "2026-11-20T09:00:00.000Z";

/// A log being written.
pub struct Recorded {
    /// The volume is `log` in it.
    pub folder: TempDir,
    journal: Option<Journal>,
    clock: Arc<AtomicI64>,
    runtime: Runtime,
}

impl Recorded {
    /// An empty log.
    pub fn empty() -> Self {
        let folder = TempDir::new().unwrap();
        let log = folder.path().join("log");
        fs::create_dir(&log).unwrap();
        let info = json!({"log": "00000000000000aa", "workshop": "hello-linux", "created": BEGIN});
        fs::write(log.join("log.json"), info.to_string()).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let clock = Arc::new(AtomicI64::new(Timestamp::parse(BEGIN).unwrap().as_millis()));
        let mut recorded = Self { folder, journal: None, clock, runtime };
        recorded.journal = Some(recorded.open());
        recorded
    }

    fn open(&self) -> Journal {
        let clock = Arc::clone(&self.clock);
        let clock: workshop_journal::Clock = Arc::new(move || clock.load(Ordering::Relaxed));
        let volume = workshop_journal::open(&self.path(), "hello-linux", Some(clock), || {}).unwrap();
        let state = volume.replay::<State>(|_| {}).unwrap();
        let commands = volume.replay::<Commands>(|_| {}).unwrap();
        let llm = volume.replay::<Llm>(|_| {}).unwrap();
        volume.start(state, commands, llm).unwrap()
    }

    /// The volume.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// Lets seconds go by, or back.
    pub fn after(&self, seconds: i64) -> &Self {
        self.clock.fetch_add(seconds * 1000, Ordering::Relaxed);
        self
    }

    fn append(&self, stream: Stream, record: &Value) {
        let journal = self.journal.as_ref().expect("it is open");
        self.runtime.block_on(journal.append(stream, Body::new(record).unwrap())).unwrap();
    }

    /// Appends a state event.
    pub fn event(&self, event: Value) -> &Self {
        self.append(Stream::State, &event);
        self
    }

    /// Appends a command.
    pub fn command(&self, cmd: &str, exit: i32) -> &Self {
        let record =
            json!({"cmd": cmd, "exit": exit, "session": "s1", "step": "one", "cwd": "/workspace", "at": 1.0});
        self.append(Stream::Commands, &record);
        self
    }

    /// A backend takes the volume. Its steps: one and three with a check, two without.
    pub fn backend(&self) -> &Self {
        let steps = [("one", "First", true), ("two", "Second", false), ("three", "Third", true)]
            .map(|(id, title, has_check)| json!({"id": id, "title": title, "hasCheck": has_check}));
        self.event(json!({"event": "backend_started", "version": "0.1.0", "image_step": "step-0",
            "workshop": "hello-linux", "navigation": "linear", "steps": steps}))
    }

    /// Records events as a session's cast; gives its name.
    pub fn cast(&self, events: &[(f64, char, &str)]) -> String {
        let header = Header { version: 2, width: 80, height: 24, timestamp: None, title: None, env: None };
        let mut cast = self.journal.as_ref().unwrap().new_cast(&header, 0).unwrap();
        for (time, code, data) in events {
            cast.write(&CastEvent { time: *time, code: *code, data: (*data).into() }).unwrap();
        }
        cast.name().to_owned()
    }

    /// A whole session, recorded: the name of its recording.
    pub fn session(&self, id: &str, events: &[(f64, char, &str)]) -> String {
        let cast = self.cast(events);
        self.event(json!({"event": "session_opened", "session": id, "name": "Terminal 1", "cast": cast}));
        cast
    }

    /// Writes everything that waits, and lets the volume go.
    pub fn close(&mut self) {
        if let Some(journal) = self.journal.take() {
            journal.close();
        }
    }

    /// A log of a student who completed the first step.
    pub fn example() -> Self {
        let mut log = Self::empty();
        log.backend().event(json!({"event": "step_start", "step": "one", "cause": "initial"}));
        log.after(1).session("s1", EVENTS);
        log.event(json!({"event": "connected", "session": "s1", "client": "c1"}));
        log.after(10).command("ls -l", 0);
        log.after(10).command("cat nothing\tat\nall \u{1b}[31m", 1);
        log.after(20).event(
            json!({"event": "goss_result", "step": "one", "passed": false, "trigger": "student",
            "checks": {"total": 3, "passed": 1}, "failed": [
                {"title": "hello.txt is there", "found": "false", "expected": "true"},
                {"title": "hello.txt says hello", "found": "", "expected": ""}]}),
        );
        log.after(60).command("echo hello > hello.txt", 0);
        log.after(5)
            .event(json!({"event": "goss_result", "step": "one", "passed": true, "trigger": "student",
            "checks": {"total": 3, "passed": 3}}));
        log.after(3).event(json!({"event": "step_start", "step": "two", "cause": "navigate"}));
        log.after(30)
            .event(json!({"event": "help_opened", "step": "two", "mode": "hints", "source": "file"}));
        log.close();
        log
    }

    /// Changes the bytes of a file.
    pub fn damage(&self, file: &str, change: impl FnOnce(&mut Vec<u8>)) {
        let path = self.path().join(file);
        let mut bytes = fs::read(&path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    }

    /// Goes on with a closed log.
    pub fn reopen(&mut self) {
        self.journal = Some(self.open());
    }
}

/// What the example's session shows.
pub const EVENTS: &[(f64, char, &str)] = &[
    (0.0, 'o', "\u{1b}]0;title\u{7}$ "),
    (0.5, 'i', "l"),
    (0.6, 'o', "\u{1b}[1mls\u{1b}[0m\r\n"),
    (0.7, 'm', "ls"),
    (0.8, 'r', "100x30"),
    (1.0, 'o', "hello.txt\r\n$ \u{1b}[6n"),
    (600.0, 'o', "exit\r\n"),
];
