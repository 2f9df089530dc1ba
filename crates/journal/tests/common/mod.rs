//! What the tests of the journal share: volumes in temporary directories, records that can be told apart, and the one
//! claim that all of them check — nothing acknowledged is lost, nothing is there twice.

// A failed expectation in a test's own tools is a failed test, and each test uses some of them.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr
)]

use std::{
    collections::{BTreeMap, HashSet},
    path::{Path, PathBuf},
    process::Command,
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

/// Whether this process may mount; prints why a test is skipped when it may not.
pub fn may_mount(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() {
        eprintln!("skipped {test}: it mounts a file system and needs root");
        return false;
    }
    true
}

/// A mounted file system, unmounted when dropped.
pub struct Mount {
    pub at: PathBuf,
}

impl Mount {
    /// Mounts; says why and gives nothing when that is not possible here.
    pub fn new(test: &str, at: &Path, arguments: &[&str]) -> Option<Self> {
        std::fs::create_dir_all(at).unwrap();
        run(test, Command::new("mount").args(arguments).arg(at)).then(|| Self { at: at.to_owned() })
    }

    /// An empty tmpfs of so many bytes.
    pub fn tmpfs(test: &str, at: &Path, bytes: u64) -> Option<Self> {
        Self::new(test, at, &["-t", "tmpfs", "-o", &format!("size={bytes}"), "tmpfs"])
    }

    pub fn remount(&self, options: &str) {
        let status = Command::new("mount").args(["-o", &format!("remount,{options}")]).arg(&self.at).status();
        assert!(status.unwrap().success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // A lazy unmount cannot be held up by a descriptor of a failed test.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// Runs a program that a test needs; says why the test is skipped when it fails.
pub fn run(test: &str, command: &mut Command) -> bool {
    let output = command.output();
    match output {
        Ok(output) if output.status.success() => true,
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            eprintln!("skipped {test}: {:?} failed: {text}", command.get_program());
            false
        }
        Err(error) => {
            eprintln!("skipped {test}: {:?}: {error}", command.get_program());
            false
        }
    }
}

/// A directory under the build's own folder for temporary files.
pub fn temp_dir() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Fills a file system to the last byte with a file of this name.
pub fn fill(path: &Path) {
    use std::io::Write;
    let mut filler = std::fs::File::create(path).unwrap();
    for size in [1 << 20, 1 << 16, 1 << 12, 1] {
        let block = vec![b'x'; size];
        while filler.write_all(&block).is_ok() {}
    }
}

/// A command of that name.
pub fn command(cmd: &str) -> Body {
    Body::new(&json!({"cmd": cmd, "exit": 0})).unwrap()
}
