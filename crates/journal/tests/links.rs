//! Files of a volume that somebody replaced while no backend ran: links lead nowhere, and FIFOs are not waited for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use common::{append, open, start, temp_dir, try_open};
use workshop_events::{Commands, Llm, State, Stream};
use workshop_journal::{Tail, has_writer, read_info, recordings_in, replay_dir};

const LOCK: &str = "writer.lock";
const INFO: &str = "log.json";
const DRAFT: &str = "log.json.tmp";

/// What stands in the place of a file.
#[derive(Clone, Copy, Debug)]
enum Instead {
    Link,
    DanglingLink,
    Fifo,
    Directory,
}

const ALL: [Instead; 4] = [Instead::Link, Instead::DanglingLink, Instead::Fifo, Instead::Directory];

impl Instead {
    fn put(self, path: &Path, outside: &Path) {
        let _ = fs::remove_file(path);
        match self {
            Self::Link => symlink(outside.join("theirs"), path).unwrap(),
            Self::DanglingLink => symlink(outside.join("absent"), path).unwrap(),
            Self::Fifo => {
                let mode = rustix::fs::Mode::from_raw_mode(0o666);
                rustix::fs::mknodat(rustix::fs::CWD, path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
            }
            Self::Directory => fs::create_dir(path).unwrap(),
        }
    }
}

/// Fails instead of waiting for ever.
fn in_time<T: Send + 'static>(what: String, run: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let running = thread::spawn(move || {
        let outcome = run();
        tell.send(()).unwrap();
        outcome
    });
    if told.recv_timeout(Duration::from_secs(60)) == Err(mpsc::RecvTimeoutError::Timeout) {
        panic!("{what}: it hangs");
    }
    running.join().unwrap_or_else(|_| panic!("{what}"))
}

/// A volume with a record, of which a file is replaced, and a folder outside with a file that must stay as it is.
fn replaced(name: &str, instead: Instead) -> (tempfile::TempDir, tempfile::TempDir) {
    let (dir, outside) = (temp_dir(), temp_dir());
    let (journal, _) = start(open(dir.path()));
    append(&journal, "first").unwrap();
    journal.close();
    fs::write(outside.path().join("theirs"), "untouched").unwrap();
    if name != DRAFT {
        fs::rename(dir.path().join(name), outside.path().join("moved")).ok();
    }
    instead.put(&dir.path().join(name), outside.path());
    (dir, outside)
}

fn check_outside(outside: &Path, what: &str) {
    assert_eq!(fs::read_to_string(outside.join("theirs")).unwrap(), "untouched", "{what}");
    assert!(!outside.join("absent").exists(), "{what}");
}

/// The writer is refused, with a sentence that says what to do.
#[test]
fn a_backend_writes_to_no_file_outside() {
    let streams = Stream::ALL.map(Stream::file_name);
    for name in streams.into_iter().chain([LOCK, INFO]) {
        for instead in ALL {
            let what = format!("{instead:?} for {name}");
            let (dir, outside) = replaced(name, instead);
            let at = dir.path().to_owned();
            let error = in_time(what.clone(), move || {
                let volume = match try_open(&at, None) {
                    Ok(volume) => volume,
                    Err(error) => return Some(error.to_string()),
                };
                let streams = [
                    volume.replay::<State>(|_| {}),
                    volume.replay::<Commands>(|_| {}),
                    volume.replay::<Llm>(|_| {}),
                ];
                streams.into_iter().find_map(|replayed| Some(replayed.err()?.to_string()))
            });
            let error = error.unwrap_or_else(|| panic!("{what}: it was opened"));
            assert!(error.contains(&format!("{name} is not a regular file")), "{what}: {error}");
            check_outside(outside.path(), &what);
        }
    }
}

/// A draft that is left over is thrown away, whatever it is.
#[test]
fn a_draft_is_written_anew() {
    for instead in [Instead::Link, Instead::DanglingLink, Instead::Fifo] {
        let what = format!("{instead:?}");
        let (dir, outside) = replaced(DRAFT, instead);
        fs::remove_file(dir.path().join(INFO)).unwrap();
        let at = dir.path().to_owned();
        in_time(what.clone(), move || drop(start(open(&at))));
        assert!(read_info(dir.path()).unwrap().is_some(), "{what}");
        check_outside(outside.path(), &what);
    }
}

/// Neither does a reader, such as the shipper, wait or read what is not the log's.
#[test]
fn a_reader_is_told() {
    for instead in ALL {
        let what = format!("{instead:?}");
        let (dir, outside) = replaced(Stream::State.file_name(), instead);
        let at = dir.path().to_owned();
        let errors = in_time(what.clone(), move || {
            let mut tail = Tail::new(at.join(Stream::State.file_name()), 0);
            [replay_dir::<State>(&at, None, |_| {}).err(), tail.read(1 << 20).err()]
        });
        for error in errors {
            let error = error.unwrap_or_else(|| panic!("{what}: it was read")).to_string();
            assert!(error.contains("is not a regular file"), "{what}: {error}");
        }
        instead.put(&dir.path().join("session-1.cast"), outside.path());
        assert_eq!(recordings_in(dir.path()).unwrap(), [], "{what}");

        let (dir, _outside) = replaced(LOCK, instead);
        let at = dir.path().to_owned();
        in_time(what.clone(), move || assert!(has_writer(&at).is_err(), "a writer is seen"));
    }
}
