//! Who may write, with which times: two backends on one volume, another workshop's volume, clocks that step, lazy
//! appends, and what is queued when a journal ends.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
        mpsc,
    },
    time::Duration,
};

use common::{WORKSHOP, append, command, event, open, read, read_commands, start, temp_dir, try_open, wait};
use workshop_events::{Commands, State, StateEvent, Stream, Timestamp};
use workshop_journal::{AppendError, Clock, OpenError, replay_dir};

#[test]
fn the_second_backend_waits_and_says_so() {
    let dir = temp_dir();
    let (first, _) = start(open(dir.path()));
    append(&first, "of the first").unwrap();
    let (said, says) = mpsc::channel();
    let at = dir.path().to_owned();
    let second = std::thread::spawn(move || {
        let volume = workshop_journal::open(&at, WORKSHOP, None, || said.send(()).unwrap()).unwrap();
        let (second, held) = start(volume);
        let appended = append(&second, "of the second").unwrap();
        second.close();
        (held.highest, appended.seq)
    });
    says.recv_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!(append(&first, "of the first again").unwrap().seq, 2);
    assert!(!second.is_finished());
    first.close();
    assert_eq!(second.join().unwrap(), (2, 3));
    assert!(says.recv().is_err(), "said more than once");
    assert_eq!(read(dir.path()).seqs, [1, 2, 3]);
}

#[test]
fn the_lock_is_free_once_the_last_handle_is_dropped() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let other = journal.clone();
    let queued: Vec<_> =
        (0..100).map(|n| other.append_lazily(Stream::Commands, command(&n.to_string()))).collect();
    drop(journal);
    drop(other);
    let waited = workshop_journal::open(dir.path(), WORKSHOP, None, || ()).unwrap();
    let recovered = waited.replay::<Commands>(|_| {}).unwrap();
    assert_eq!(recovered.highest, 100);
    for (n, pending) in queued.into_iter().enumerate() {
        assert_eq!(wait(pending).unwrap().seq, n as u64 + 1);
    }
}

#[test]
fn a_closed_journal_takes_nothing() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    journal.close();
    assert!(matches!(append(&journal, "late"), Err(AppendError::Closed)));
    journal.close();
}

#[test]
fn a_volume_of_another_workshop_is_refused() {
    let dir = temp_dir();
    drop(open(dir.path()));
    let refused = workshop_journal::open(dir.path(), "another", None, || ()).err().unwrap();
    assert!(matches!(refused, OpenError::OtherWorkshop { .. }));
    let text = refused.to_string();
    assert!(text.contains(WORKSHOP) && text.contains("another"), "{text}");
    // The refusal gave the lock back.
    drop(open(dir.path()));
}

#[test]
fn log_json_that_is_not_json_is_refused_with_what_to_do() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    append(&journal, "first").unwrap();
    journal.close();
    let path = dir.path().join("log.json");
    let text = fs::read(&path).unwrap();
    fs::write(&path, &text[..10]).unwrap();
    let refused = try_open(dir.path(), None).err().unwrap();
    assert!(matches!(refused, OpenError::Info { .. }), "{refused}");
    // What the message says helps: the id is in the lines.
    fs::remove_file(&path).unwrap();
    let (again, held) = start(open(dir.path()));
    assert_eq!((again.log(), held.highest), (journal.log(), 1));
    again.close();
}

#[test]
fn seqs_and_times_go_on_and_lines_are_what_was_answered() {
    let dir = temp_dir();
    let mut lines = Vec::new();
    for _ in 0..3 {
        let (journal, _) = start(open(dir.path()));
        let log = journal.log();
        for _ in 0..3 {
            let appended = append(&journal, "x").unwrap();
            let text = String::from_utf8(appended.line.to_vec()).unwrap();
            let start = format!(r#"{{"log":"{log}","seq":{},"ts":"{}","event""#, appended.seq, appended.ts);
            assert!(text.starts_with(&start), "{text}");
            lines.push(text);
        }
        journal.close();
    }
    let file = fs::read_to_string(dir.path().join("state-events.jsonl")).unwrap();
    assert_eq!(file, lines.join("\n") + "\n");
}

fn adjustable(ms: i64) -> (Arc<AtomicI64>, Clock) {
    let wall = Arc::new(AtomicI64::new(ms));
    let source = Arc::clone(&wall);
    (wall, Arc::new(move || source.load(Ordering::SeqCst)))
}

/// `name@time` of each state event, steps as `from>to`.
fn times(dir: &std::path::Path) -> Vec<String> {
    let mut found = Vec::new();
    replay_dir::<State>(dir, None, |item| {
        found.push(match &item.record.event {
            StateEvent::ClockStepped { from, to } => {
                assert_eq!(*to, item.record.ts);
                format!("{}>{}", from.as_millis(), to.as_millis())
            }
            StateEvent::StepMarked { step } => format!("{step}@{}", item.record.ts.as_millis()),
            other => panic!("{other:?}"),
        });
    })
    .unwrap();
    found
}

#[test]
fn clock_steps() {
    let dir = temp_dir();
    let (wall, clock) = adjustable(100_000);
    let (journal, _) = start(try_open(dir.path(), Some(Arc::clone(&clock))).unwrap());
    let mut appends = journal.follow_appends(Stream::State);
    for (at, name) in
        [(100_000, "a"), (98_001, "b"), (100_500, "c"), (98_500, "d"), (98_400, "e"), (500_000, "f")]
    {
        wall.store(at, Ordering::SeqCst);
        append(&journal, name).unwrap();
    }
    // One that is seen first by another stream, and one seen by looking at the clock alone.
    wall.store(400_000, Ordering::SeqCst);
    let late = wait(journal.append_lazily(Stream::Commands, command("ls"))).unwrap();
    assert_eq!(late.ts, Timestamp::from_millis(400_000));
    // That is written to the state stream before the command is.
    assert!(times(dir.path()).contains(&"500000>400000".to_owned()));
    wall.store(300_000, Ordering::SeqCst);
    assert_eq!(journal.now(), Timestamp::from_millis(300_000));
    append(&journal, "g").unwrap();
    journal.close();
    let expected = [
        "a@100000",
        "b@100000",
        "c@100500",
        "100500>98500",
        "d@98500",
        "e@98500",
        "f@500000",
        "500000>400000",
        "400000>300000",
        "g@300000",
    ];
    assert_eq!(times(dir.path()), expected);
    // Who folds is told of all of them in order.
    let told: Vec<u64> =
        std::iter::from_fn(|| appends.try_recv().ok()).map(|appended| appended.seq).collect();
    assert_eq!(told, (1..=10).collect::<Vec<_>>());

    // Between two starts it may step, too.
    wall.store(200_000, Ordering::SeqCst);
    let (journal, _) = start(try_open(dir.path(), Some(clock)).unwrap());
    append(&journal, "h").unwrap();
    journal.close();
    // The latest time of all streams is where it begins: that of the command.
    assert_eq!(times(dir.path())[10..], ["400000>200000".to_owned(), "h@200000".to_owned()]);
}

#[test]
fn lazy_appends_reach_the_disk_and_share_syncs() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    wait(journal.append_lazily(Stream::Commands, command("first"))).unwrap();
    let pending: Vec<_> =
        (0..200).map(|n| journal.append_lazily(Stream::Commands, command(&n.to_string()))).collect();
    for pending in pending {
        wait(pending).unwrap();
    }
    let counters = journal.counters(Stream::Commands);
    assert_eq!(counters.appended, 201);
    assert!(counters.batches < 100, "{counters:?}");
    journal.close();
    assert_eq!(read_commands(dir.path()).highest, 201);
}

#[test]
fn a_dropped_append_happens() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    drop(journal.append_lazily(Stream::State, event("dropped")));
    append(&journal, "kept").unwrap();
    journal.close();
    assert_eq!(read(dir.path()).marked, [(1, "dropped".to_owned()), (2, "kept".to_owned())]);
}

#[test]
fn more_than_a_megabyte_is_not_taken_at_once() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let bodies: Vec<_> = (0..100).map(|n| common::long_event(&n.to_string(), 60_000)).collect();
    let pending: Vec<_> = bodies.into_iter().map(|body| journal.append_lazily(Stream::State, body)).collect();
    let outcomes: Vec<_> = pending.into_iter().map(wait).collect();
    let refused = outcomes.iter().filter(|o| matches!(o, Err(AppendError::NoSpace { .. }))).count();
    let taken = outcomes.iter().filter(|o| o.is_ok()).count();
    assert!(taken >= 17 && refused > 0 && taken + refused == 100, "{taken} taken, {refused} refused");
    journal.close();
    assert_eq!(read(dir.path()).highest, taken as u64);
}

#[test]
fn recordings_are_looked_up_and_links_are_none() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    fs::write(dir.path().join("session.cast"), "of the seed").unwrap();
    fs::write(dir.path().join("session-20260101T000000Z-1.cast"), "x").unwrap();
    fs::write(dir.path().join("notes.txt"), "x").unwrap();
    fs::create_dir(dir.path().join("folder.cast")).unwrap();
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link.cast")).unwrap();
    let names: Vec<_> = journal.recordings().unwrap().into_iter().map(|r| (r.name, r.len)).collect();
    assert_eq!(names, [("session-20260101T000000Z-1.cast".to_owned(), 1), ("session.cast".to_owned(), 11)]);
    for (name, found) in [
        ("session.cast", true),
        ("link.cast", false),
        ("folder.cast", false),
        ("notes.txt", false),
        ("./session.cast", false),
        ("../session.cast", false),
        ("session.cast\0", false),
        ("/etc/passwd", false),
        ("", false),
    ] {
        assert_eq!(journal.recording(name).unwrap().is_some(), found, "{name:?}");
    }
    journal.close();
}
