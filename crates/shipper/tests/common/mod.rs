//! What the shipper's tests share: volumes, a shipper as a process or as a task, and the one claim that all of them
//! check — what was received is what stands in the files, byte for byte.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

pub mod receiver;

use std::{
    fs::{self, File},
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread::{self, JoinHandle},
};

use receiver::{Receiver, TOKEN};
use rustix::process::Signal;
use serde_json::json;
use workshop_events::{Commands, Llm, State, Stream, codec::Body};
use workshop_journal::Journal;
pub use workshop_testing::until;
use workshop_testing::{Process, program};

pub const LOG: &str = "00000000000000aa";
pub const HEADER: &str = "{\"version\": 2, \"width\": 80, \"height\": 24}\n";

/// A log volume in a temporary directory.
pub struct Folder {
    root: tempfile::TempDir,
}

impl Folder {
    /// Without a log.
    pub fn empty() -> Self {
        Self { root: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap() }
    }

    pub fn new() -> Self {
        let folder = Self::empty();
        folder.take(LOG);
        folder
    }

    pub fn dir(&self) -> &Path {
        self.root.path()
    }

    /// Gives the volume a log.
    pub fn take(&self, log: &str) {
        let info = json!({"log": log, "workshop": "test", "created": "2026-01-01T00:00:00.000Z"});
        fs::write(self.dir().join("log.json.tmp"), info.to_string()).unwrap();
        fs::rename(self.dir().join("log.json.tmp"), self.dir().join("log.json")).unwrap();
    }

    pub fn path(&self, stream: &str) -> PathBuf {
        let stream = match stream {
            "state" => Stream::State.file_name(),
            "commands" => Stream::Commands.file_name(),
            "llm" => Stream::Llm.file_name(),
            cast => cast.strip_prefix("cast/").unwrap(),
        };
        self.dir().join(stream)
    }

    pub fn append(&self, stream: &str, bytes: impl AsRef<[u8]>) {
        let mut file = File::options().append(true).create(true).open(self.path(stream)).unwrap();
        file.write_all(bytes.as_ref()).unwrap();
    }

    /// The whole lines of each stream, as far as they are to be shipped.
    pub fn whole(&self) -> Vec<(String, Vec<u8>)> {
        let mut streams: Vec<String> = Stream::ALL.iter().map(|stream| stream.name().to_owned()).collect();
        streams.extend(
            workshop_journal::recordings_in(self.dir()).unwrap().iter().map(|r| format!("cast/{}", r.name)),
        );
        let whole = |stream: &String| {
            let mut bytes = fs::read(self.path(stream)).unwrap_or_default();
            let end = match stream.starts_with("cast/") {
                true => workshop_events::cast::whole_lines(&bytes),
                false => bytes.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1),
            };
            bytes.truncate(end);
            bytes
        };
        streams
            .into_iter()
            .map(|stream| (stream.clone(), whole(&stream)))
            .filter(|(_, b)| !b.is_empty())
            .collect()
    }
}

/// Fails unless the receiver has exactly what stands in the files, and was never given anything wrong.
pub fn check_same(receiver: &Receiver, folder: &Folder, log: &str, when: &str) {
    let held: Vec<(String, Vec<u8>)> =
        receiver.log(log).streams.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
    let mut expected = folder.whole();
    expected.sort();
    let names = |streams: &[(String, Vec<u8>)]| -> Vec<(String, usize)> {
        streams.iter().map(|(name, bytes)| (name.clone(), bytes.len())).collect()
    };
    assert_eq!(names(&held), names(&expected), "{when}");
    assert!(held == expected, "{when}: other bytes");
    check_right(receiver, when);
}

pub fn check_right(receiver: &Receiver, when: &str) {
    assert_eq!(receiver.model().wrong, Vec::<String>::new(), "{when}");
}

/// Waits until all that stands in the files was received.
pub fn until_same(receiver: &Receiver, folder: &Folder, log: &str, when: &str) {
    let total = |streams: &[(String, Vec<u8>)]| streams.iter().map(|(_, bytes)| bytes.len()).sum::<usize>();
    until(when, || {
        let held: Vec<(String, Vec<u8>)> = receiver.log(log).streams.into_iter().collect();
        total(&held) >= total(&folder.whole())
    });
    check_same(receiver, folder, log, when);
}

pub fn command(receiver: &Receiver, dir: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(program("workshop-shipper"));
    if !arguments.contains(&"--gather") {
        command.args(["--gather", "0.05"]);
    }
    command
        .args(arguments)
        .env("WORKSHOP_INGEST_URL", receiver.url())
        .env("WORKSHOP_INGEST_TOKEN", TOKEN)
        .env("WORKSHOP_RUNTIME_DIR", dir)
        .env("NO_PROXY", "*")
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// A shipper as a process of its own; killed when it is dropped.
pub struct Shipper {
    process: Process,
    said: Option<JoinHandle<String>>,
}

impl Shipper {
    pub fn start(receiver: &Receiver, dir: &Path, arguments: &[&str]) -> Self {
        Self::of(&mut command(receiver, dir, arguments))
    }

    pub fn of(command: &mut Command) -> Self {
        let mut process = Process::start(command);
        let mut stderr = process.child().stderr.take().unwrap();
        let said = thread::spawn(move || {
            let mut text = Vec::new();
            stderr.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { process, said: Some(said) }
    }

    pub fn terminate(&self) {
        self.process.signal(Signal::TERM);
    }

    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    /// Waits for its end; the exit code, and what it said.
    pub fn end(mut self) -> (Option<i32>, String) {
        let status = self.process.wait();
        let said = self.said.take().unwrap().join().unwrap();
        assert!(!said.contains(TOKEN), "the token is in the log:\n{said}");
        (status.code(), said)
    }

    /// kill -9.
    pub fn kill(mut self) -> String {
        self.process.kill();
        self.said.take().unwrap().join().unwrap()
    }

    /// A line of its `/proc/<pid>/status`, in KiB.
    pub fn memory(&self, line: &str) -> u64 {
        self.process.memory(line)
    }
}

/// A record that can be told from others.
pub fn event(name: &str) -> Body {
    Body::new(&json!({"event": "step_marked", "step": name})).unwrap()
}

/// A writer of the log in `dir`.
pub fn journal(dir: &Path) -> Journal {
    let volume =
        workshop_journal::open(dir, "test", None, || panic!("the volume has another writer")).unwrap();
    let state = volume.replay::<State>(|_| {}).unwrap();
    let commands = volume.replay::<Commands>(|_| {}).unwrap();
    let llm = volume.replay::<Llm>(|_| {}).unwrap();
    volume.start(state, commands, llm).unwrap()
}
