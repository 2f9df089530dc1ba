//! What the tests of the journal share: volumes in temporary directories, records that can be told apart, and the one
//! claim that all of them check — nothing acknowledged is lost, nothing is there twice.

// A failed expectation in a test's own tools is a failed test, and each test uses some of them.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod child;

use std::{
    collections::{BTreeMap, HashSet},
    path::Path,
};

use serde_json::json;
use workshop_events::{Commands, Finding, State, StateEvent, Stream, Text, codec::Body};
use workshop_journal::{AppendError, Appended, Clock, Journal, OpenError, Volume, replay_dir};

pub const WORKSHOP: &str = "journal-tests";

/// A state event that carries `name`, so that it can be found again.
pub fn event(name: &str) -> Body {
    Body::new(&StateEvent::StepMarked { step: Text::from(name) }).unwrap()
}

/// An event of about `len` bytes.
pub fn long_event(name: &str, len: usize) -> Body {
    Body::new(&json!({"event": "step_marked", "step": name, "padding": "x".repeat(len)})).unwrap()
}

pub fn open(dir: &Path) -> Volume {
    try_open(dir, None).unwrap()
}

pub fn try_open(dir: &Path, clock: Option<Clock>) -> Result<Volume, OpenError> {
    workshop_journal::open(dir, WORKSHOP, clock, || panic!("the volume has another writer"))
}

/// What a volume's state stream holds.
#[derive(Default)]
pub struct Held {
    /// `seq` and name of each `step_marked`, in the order of the stream.
    pub marked: Vec<(u64, String)>,
    /// Every record's `seq`.
    pub seqs: Vec<u64>,
    pub findings: Vec<Finding>,
    pub highest: u64,
}

impl Held {
    fn take(&mut self, item: &workshop_events::Item<'_, State>) {
        self.seqs.push(item.seq);
        if let StateEvent::StepMarked { step } = &item.record.event {
            self.marked.push((item.seq, step.to_string()));
        }
    }
}

/// Replays all, then starts the volume.
pub fn start(volume: Volume) -> (Journal, Held) {
    let mut held = Held::default();
    let state = volume.replay::<State>(|item| held.take(&item)).unwrap();
    held.findings.clone_from(&state.findings);
    held.highest = state.highest;
    let commands = volume.replay::<Commands>(|_| {}).unwrap();
    let llm = volume.replay::<workshop_events::Llm>(|_| {}).unwrap();
    (volume.start(state, commands, llm).unwrap(), held)
}

/// What a reader without the lock sees.
pub fn read(dir: &Path) -> Held {
    let mut held = Held::default();
    let log = workshop_journal::read_info(dir).unwrap().map(|info| info.log);
    let recovered = replay_dir::<State>(dir, log, |item| held.take(&item)).unwrap();
    held.findings = recovered.findings;
    held.highest = recovered.highest;
    held
}

/// The same of the commands, each under its command line.
pub fn read_commands(dir: &Path) -> Held {
    let mut held = Held::default();
    let log = workshop_journal::read_info(dir).unwrap().map(|info| info.log);
    let recovered = replay_dir::<Commands>(dir, log, |item| {
        held.seqs.push(item.seq);
        held.marked.push((item.seq, item.record.cmd.to_string()));
    });
    let recovered = recovered.unwrap();
    Held { findings: recovered.findings, highest: recovered.highest, ..held }
}

/// Runs a future on the caller's thread.
pub fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(future)
}

pub fn append(journal: &Journal, name: &str) -> Result<Appended, AppendError> {
    wait(journal.append(Stream::State, event(name)))
}

/// Fails when an acknowledged record is missing or stands under another `seq`, or any name stands twice.
pub fn check_held(held: &Held, acknowledged: &BTreeMap<String, u64>, when: &str) {
    let mut names = HashSet::new();
    for (_, name) in &held.marked {
        assert!(names.insert(name), "{when}: {name} is there twice");
    }
    let found: BTreeMap<&str, u64> = held.marked.iter().map(|(seq, name)| (name.as_str(), *seq)).collect();
    for (name, seq) in acknowledged {
        assert_eq!(found.get(name.as_str()), Some(seq), "{when}: {name}, acknowledged as {seq}");
    }
    assert!(held.seqs.is_sorted_by(|a, b| a < b), "{when}: not in order: {:?}", held.seqs);
}

/// A directory under the build's own folder for temporary files.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// A command of that name.
pub fn command(cmd: &str) -> Body {
    Body::new(&json!({"cmd": cmd, "exit": 0})).unwrap()
}
