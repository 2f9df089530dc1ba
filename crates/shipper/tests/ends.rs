//! How a shipper ends: killed at any point while its backend writes, or told to, when it goes on until all is shipped.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    fs::File,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use common::{
    Folder, HEADER, LOG, Shipper, check_same, event, journal, receiver::Receiver, until, until_same,
};
use rustix::process::Signal;
use workshop_events::{
    Stream,
    cast::{CastEvent, Header},
};
use workshop_journal::Journal;
use workshop_testing::{Process, Random, rounds, this_test};

/// Writes records of two streams and a recording until it is told to stop.
fn write(journal: &Journal, name: &str, stop: &AtomicBool) {
    let header = Header { version: 2, width: 80, height: 24, timestamp: None, title: None, env: None };
    let mut cast = journal.new_cast(&header, 0).unwrap();
    let mut n = 0;
    while !stop.load(Ordering::Relaxed) {
        let appends: Vec<_> = (0..8)
            .map(|_| {
                n += 1;
                journal.append_lazily(Stream::State, event(&format!("{name}-{n}")))
            })
            .collect();
        drop(journal.append_lazily(Stream::Commands, event(&format!("{name}-{n}"))));
        let text = format!("{name} {n}");
        cast.write(&CastEvent { time: n as f64, code: 'o', data: text.as_str().into() }).unwrap();
        drop(appends);
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn killed_at_any_point() {
    let mut random = Random::seeded();
    let receiver = Receiver::start();
    {
        let mut model = receiver.model();
        model.random = random.clone();
        model.faults.lost = 10;
        model.faults.cut = 10;
    }
    let folder = Folder::new();
    let journal = journal(folder.dir());
    let stop = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (journal, stop) = (journal.clone(), stop.clone());
        move || write(&journal, "killed", &stop)
    });
    let kills = rounds(10, 500);
    for _ in 0..kills {
        let shipper = Shipper::start(&receiver, folder.dir(), &[]);
        thread::sleep(Duration::from_micros(random.below(60_000)));
        shipper.kill();
    }
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    journal.close();
    let in_the_loop = receiver.model().posts;
    assert!(in_the_loop > kills / 2, "killed too early to show anything: {in_the_loop} posts");
    let _shipper = Shipper::start(&receiver, folder.dir(), &[]);
    until_same(&receiver, &folder, &journal.log().to_string(), "killed");
}

/// Sidecar and workspace get their SIGTERM together.
#[test]
fn goes_on_until_the_backend_has_ended() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    let journal = journal(folder.dir());
    let mut shipper = Shipper::start(&receiver, folder.dir(), &["--gather", "5"]);
    let stop = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (journal, stop) = (journal.clone(), stop.clone());
        move || write(&journal, "ending", &stop)
    });
    until("something", || receiver.model().posts > 3);
    shipper.terminate();
    thread::sleep(Duration::from_millis(700));
    assert!(shipper.ended().is_none(), "the backend still writes");
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    journal.close();
    let (code, said) = shipper.end();
    assert_eq!(code, Some(0), "{said}");
    check_same(&receiver, &folder, LOG, "drained");
    assert!(said.contains("all is shipped"), "{said}");
}

#[test]
#[ignore = "the backend of the test below"]
fn backend() {
    let Some(dir) = std::env::var_os("WORKSHOP_TEST_BACKEND") else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
    let journal = journal(std::path::Path::new(&dir));
    let stop = Arc::new(AtomicBool::new(false));
    let writer = thread::spawn({
        let (journal, stop) = (journal.clone(), stop.clone());
        move || write(&journal, "backend", &stop)
    });
    runtime.block_on(terminate.recv());
    // As a backend does: what is under way is finished, and shells say that they ended.
    thread::sleep(Duration::from_millis(400));
    stop.store(true, Ordering::Relaxed);
    writer.join().unwrap();
    journal.append_lazily(Stream::State, event("the-last-word"));
    journal.close();
}

/// Both are processes, and get their SIGTERM at one moment, either first; or the backend is killed on its way out.
#[test]
fn backend_and_shipper_end_together() {
    let mut random = Random::seeded();
    // Twice each order of the signals, then both again with the backend killed.
    for round in 0..rounds(6, 60) {
        let receiver = Receiver::start();
        let folder = Folder::new();
        let mut backend = this_test("backend");
        backend.env("WORKSHOP_TEST_BACKEND", folder.dir()).stdout(std::process::Stdio::null());
        let mut backend = Process::start(&mut backend);
        let shipper = Shipper::start(&receiver, folder.dir(), &["--gather", "5"]);
        until("something", || receiver.model().posts > 3);
        let between = Duration::from_micros(random.below(20_000));
        if round % 2 == 0 {
            shipper.terminate();
            thread::sleep(between);
            backend.signal(Signal::TERM);
        } else {
            backend.signal(Signal::TERM);
            thread::sleep(between);
            shipper.terminate();
        }
        let said_it_all = round % 6 < 4;
        if !said_it_all {
            thread::sleep(Duration::from_millis(random.below(300)));
            backend.kill();
        }
        backend.wait();
        let (code, said) = shipper.end();
        assert_eq!(code, Some(0), "round {round}: {said}");
        check_same(&receiver, &folder, LOG, &format!("round {round}"));
        let last = receiver.stream(LOG, "state");
        assert_eq!(
            last.windows(13).any(|part| part == b"the-last-word"),
            said_it_all,
            "round {round}: what was appended after the SIGTERM"
        );
    }
}

/// Without a backend there is nothing to wait for.
#[test]
fn ends_at_once_when_there_is_nothing_more() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    folder.append("state", "one\n");
    folder.append("cast/a.cast", HEADER);
    let shipper = Shipper::start(&receiver, folder.dir(), &[]);
    until_same(&receiver, &folder, LOG, "all");
    let begin = Instant::now();
    shipper.terminate();
    assert_eq!(shipper.end().0, Some(0));
    assert!(begin.elapsed() < Duration::from_secs(10));
}

#[test]
fn grace_runs_out() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    folder.append("state", "one\n");
    // The backend does not end, and all is shipped.
    let lock = File::create(folder.dir().join("writer.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
    let mut shipper = Shipper::start(&receiver, folder.dir(), &["--grace", "1"]);
    until_same(&receiver, &folder, LOG, "all");
    shipper.terminate();
    thread::sleep(Duration::from_millis(500));
    assert!(shipper.ended().is_none());
    folder.append("state", "two\n");
    let (code, said) = shipper.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("no time is left"), "{said}");
    check_same(&receiver, &folder, LOG, "at the end");
    // The dashboard does not answer.
    drop(lock);
    folder.append("state", "three\n");
    receiver.model().stalled = true;
    let shipper = Shipper::start(&receiver, folder.dir(), &["--grace", "1"]);
    until("a request", || receiver.model().requests > 3);
    shipper.terminate();
    let begin = Instant::now();
    assert_eq!(shipper.end().0, Some(1));
    assert!(begin.elapsed() < Duration::from_secs(20));
    // And not once, either.
    let shipper = Shipper::start(&receiver, folder.dir(), &["--once", "--grace", "1"]);
    assert_eq!(shipper.end().0, Some(1));
    receiver.model().stalled = false;
    let shipper = Shipper::start(&receiver, folder.dir(), &["--once", "--grace", "1"]);
    assert_eq!(shipper.end().0, Some(0));
    check_same(&receiver, &folder, LOG, "at last");
}

/// A backend that begins while its lock is asked about gets it.
#[test]
fn asking_for_the_lock_keeps_nobody_from_it() {
    let folder = Folder::new();
    let journal = journal(folder.dir());
    assert!(workshop_journal::has_writer(folder.dir()).unwrap());
    journal.close();
    // A child of another test may still have the descriptor, before it begins its program.
    until("the lock", || !workshop_journal::has_writer(folder.dir()).unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let asking = thread::spawn({
        let (dir, stop) = (folder.dir().to_owned(), stop.clone());
        move || {
            while !stop.load(Ordering::Relaxed) {
                workshop_journal::has_writer(&dir).unwrap();
            }
        }
    });
    for _ in 0..rounds(50, 2_000) {
        workshop_journal::open(folder.dir(), "test", None, || {}).unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    asking.join().unwrap();
}
