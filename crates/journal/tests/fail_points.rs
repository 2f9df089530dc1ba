//! Every system call fails, or is the last thing that a killed backend does. Fail points are in builds with debug
//! assertions.

#![cfg(debug_assertions)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};

use common::{append, check_held, child, event, open, read, start, temp_dir, wait};
use fail::FailScenario;
use workshop_events::{Stream, cast};
use workshop_journal::{AppendError, CastStopped, POINTS};
use workshop_testing::{rounds, until};

const POINT: &str = "JOURNAL_TEST_POINT";
const HIT: &str = "JOURNAL_TEST_HIT";
/// Killed with half of a write in the file.
const TORN: &str = "torn";
/// Before the name of a point: many syncs fail as well.
const FAILING_SYNCS: &str = "failing-syncs/";

#[test]
#[ignore = "the child of the tests below"]
fn crashes() {
    if let (Ok(point), Ok(hit)) = (std::env::var(POINT), std::env::var(HIT)) {
        let mut hit: u64 = hit.parse().unwrap();
        let mut point = point.as_str();
        if point == TORN {
            // Half of what is to be written, and killed before the rest.
            let before = if hit > 1 { format!("{}*off->", hit - 1) } else { String::new() };
            fail::cfg("write-short", &format!("{before}1*return->off")).unwrap();
            (point, hit) = ("write-before", hit + 1);
        }
        if let Some(after) = point.strip_prefix(FAILING_SYNCS) {
            // Lines are written again and again, and killed in the middle of that.
            fail::cfg("sync-after", "40%return(EIO)").unwrap();
            point = after;
        }
        let hits = AtomicU64::new(0);
        fail::cfg_callback(point, move || {
            if hits.fetch_add(1, Ordering::SeqCst) + 1 == hit {
                let this = rustix::process::getpid();
                rustix::process::kill_process(this, rustix::process::Signal::KILL).unwrap();
            }
        })
        .unwrap();
    }
    child::run();
}

fn crash(dir: &Path, run: u64, point: &str, hit: u64) -> child::Told {
    let environment = [(POINT, point.to_owned()), (HIT, hit.to_string())];
    child::outcome(child::spawn("crashes", dir, run, 4, &environment), None)
}

#[test]
fn killed_before_and_after_every_call() {
    let _alone = FailScenario::setup();
    // Each point is hit this often at most; a child that gets through before ends its loop.
    let max_hits = rounds(4, 40);
    let own = POINTS.into_iter().filter(|point| !point.starts_with("cast-")).map(String::from);
    let failing = ["write-before", "write-after", "sync-before", "create-before"];
    let failing = failing.map(|point| format!("{FAILING_SYNCS}{point}"));
    for point in own.chain([TORN.to_owned()]).chain(failing) {
        for hit in 1..=max_hits {
            let dir = temp_dir();
            let mut acknowledged = BTreeMap::new();
            let mut done = true;
            // A new volume, and then one that was left like that.
            for run in 0..2 {
                let told = crash(dir.path(), run, &point, hit);
                acknowledged.extend(told.acknowledged);
                done &= told.done;
                check_held(&read(dir.path()), &acknowledged, &format!("{point}, hit {hit}, run {run}"));
            }
            let (journal, _) = start(open(dir.path()));
            acknowledged.insert("last".into(), append(&journal, "last").unwrap().seq);
            journal.close();
            let held = read(dir.path());
            check_held(&held, &acknowledged, &format!("{point}, hit {hit}, at the end"));
            assert_eq!(held.seqs, (1..=held.highest).collect::<Vec<_>>(), "{point}, hit {hit}");
            if done {
                assert!(hit > 1, "{point} is never reached");
                break;
            }
        }
    }
}

/// A power loss after the crash takes the names that the directory's sync would have made durable.
#[test]
fn crash_before_the_directory_is_synced() {
    let _alone = FailScenario::setup();
    let stream = Stream::State.file_name();
    for (point, hit, lost) in [("rename-after", 1, "log.json"), ("sync-dir-before", 1, "log.json")] {
        let dir = temp_dir();
        let told = crash(dir.path(), 0, point, hit);
        assert!(told.acknowledged.is_empty() && told.commands.is_empty(), "{point}");
        fs::remove_file(dir.path().join(lost)).unwrap();
        let (journal, held) = start(open(dir.path()));
        assert_eq!((held.highest, append(&journal, "first").unwrap().seq), (0, 1));
        journal.close();
    }
    // Whichever stream comes first: nothing of the other is acknowledged before its own name is synced.
    for hit in 2..=3 {
        let dir = temp_dir();
        let told = crash(dir.path(), 0, "sync-dir-before", hit);
        if told.acknowledged.is_empty() {
            let _ = fs::remove_file(dir.path().join(stream));
        }
        check_held(&read(dir.path()), &told.acknowledged, &format!("hit {hit}"));
        let (journal, _) = start(open(dir.path()));
        append(&journal, "first").unwrap();
        journal.close();
    }
}

#[test]
fn log_json_that_is_lost_is_made_again_from_the_lines() {
    let _alone = FailScenario::setup();
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let log = journal.log();
    append(&journal, "first").unwrap();
    journal.close();
    fs::remove_file(dir.path().join("log.json")).unwrap();
    let (journal, held) = start(open(dir.path()));
    assert_eq!((journal.log(), held.highest), (log, 1));
    journal.close();
    assert_eq!(workshop_journal::read_info(dir.path()).unwrap().unwrap().log, log);
}

/// What one failing call leads to, and that the next append goes through.
#[test]
fn errors_are_answered_and_survived() {
    let _alone = FailScenario::setup();
    // The point, what it does, and what of an append's outcome is expected: acknowledged, no space, or an error.
    let cases = [
        ("write-before", "1*return(EIO)->off", "io"),
        ("write-before", "1*return(ENOSPC)->off", "no space"),
        // The bytes are in the file although the call failed, and the sync makes them durable.
        ("write-after", "1*return(EIO)->off", "acknowledged"),
        ("write-after", "1*return(ENOSPC)->off", "acknowledged"),
        // A short write goes on where it stopped.
        ("write-short", "1*return->off", "acknowledged"),
        // A sync that fails once: the lines are written again at once.
        ("sync-before", "1*return(EIO)->off", "acknowledged"),
        ("sync-after", "1*return(EIO)->off", "acknowledged"),
        ("sync-before", "2*return(EIO)->off", "io"),
        ("sync-before", "2*return(ENOSPC)->off", "no space"),
        ("sync-after", "3*return(EIO)->off", "io"),
    ];
    for (point, action, expected) in cases {
        let when = format!("{point} {action}");
        let dir = temp_dir();
        let (journal, _) = start(open(dir.path()));
        let mut acknowledged = BTreeMap::from([("first".to_owned(), append(&journal, "first").unwrap().seq)]);
        fail::cfg(point, action).unwrap();
        let outcome = append(&journal, "hit");
        let told = match &outcome {
            Ok(_) => "acknowledged",
            Err(AppendError::NoSpace { .. }) => "no space",
            Err(AppendError::Io(_)) => "io",
            Err(AppendError::Closed) => "closed",
        };
        assert_eq!(told, expected, "{when}");
        if let Ok(appended) = outcome {
            acknowledged.insert("hit".into(), appended.seq);
        }
        let mut last = None;
        until(&when, || {
            last = append(&journal, "last").ok();
            last.is_some()
        });
        fail::remove(point);
        acknowledged.insert("last".into(), last.unwrap().seq);
        journal.close();
        let held = read(dir.path());
        check_held(&held, &acknowledged, &when);
        assert_eq!(held.seqs, (1..=held.highest).collect::<Vec<_>>(), "{when}");
    }
}

/// What was answered with an error and is on disk later is told to who folds.
#[test]
fn late_records_are_told() {
    let _alone = FailScenario::setup();
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let mut appends = journal.follow_appends(Stream::State);
    append(&journal, "first").unwrap();
    fail::cfg("sync-before", "4*return(EIO)->off").unwrap();
    append(&journal, "late").unwrap_err();
    // While it is in doubt nothing else is taken.
    append(&journal, "refused").unwrap_err();
    let mut told = Vec::new();
    until("both are told", || {
        told.extend(appends.try_recv().ok().map(|appended| appended.seq));
        told.len() == 2
    });
    assert_eq!(told, [1, 2]);
    assert_eq!(append(&journal, "last").unwrap().seq, 3);
    journal.close();
    let names: Vec<String> = read(dir.path()).marked.into_iter().map(|(_, name)| name).collect();
    assert_eq!(names, ["first", "late", "last"]);
}

#[test]
fn a_volume_that_cannot_be_taken_at_once() {
    let _alone = FailScenario::setup();
    for (point, error) in
        [("rename-before", "ENOSPC"), ("sync-dir-before", "EIO"), ("create-before", "EMFILE")]
    {
        let dir = temp_dir();
        fail::cfg(point, &format!("return({error})")).unwrap();
        let (journal, _) = start(open(dir.path()));
        append(&journal, "refused").unwrap_err();
        fail::remove(point);
        until(point, || append(&journal, "taken").is_ok());
        journal.close();
        let names: Vec<String> = read(dir.path()).marked.into_iter().map(|(_, name)| name).collect();
        // A record whose file's name was not durable may have happened.
        assert!(names == ["taken"] || names == ["refused", "taken"], "{point}: {names:?}");
    }
}

#[test]
fn a_cast_that_cannot_be_written_is_stopped() {
    let _alone = FailScenario::setup();
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let header = cast::Header { version: 2, width: 80, height: 24, timestamp: None, title: None, env: None };
    let mut writer = journal.new_cast(&header, 0).unwrap();
    fail::cfg("cast-before", "1*return(EIO)->off").unwrap();
    let output = cast::CastEvent { time: 0.5, code: 'o', data: "hello".into() };
    writer.write(&output).unwrap();
    until("the cast stops", || writer.stopped().is_some());
    assert!(matches!(writer.write(&output), Err(CastStopped::Failed(_))));
    // The next one is another file.
    let mut next = journal.new_cast(&header, 0).unwrap();
    assert_ne!(next.name(), writer.name());
    next.write(&output).unwrap();
    journal.close();
    let len = |name: &str| fs::read_to_string(dir.path().join(name)).unwrap().lines().count();
    assert_eq!((len(writer.name()), len(next.name())), (1, 2));
    wait(async { journal.append(Stream::State, event("closed")).await }).unwrap_err();
}

/// A disk that stalls does not hold up the terminal, nor does what waits for it grow without end.
#[test]
fn a_stalled_disk_stops_a_cast() {
    let _alone = FailScenario::setup();
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let header = cast::Header { version: 2, width: 80, height: 24, timestamp: None, title: None, env: None };
    let mut writer = journal.new_cast(&header, 0).unwrap();
    fail::cfg("cast-before", "pause").unwrap();
    let text = "0123456789".repeat(1000);
    let output = cast::CastEvent { time: 0.5, code: 'o', data: text.as_str().into() };
    let written = (0..10_000).take_while(|_| writer.write(&output).is_ok()).count();
    // 4 MiB that wait, and as much that the writer holds already.
    assert!((400..850).contains(&written), "{written}");
    assert_eq!(writer.stopped(), Some(CastStopped::Behind));
    fail::remove("cast-before");
    journal.close();
    let bytes = fs::read(dir.path().join(writer.name())).unwrap();
    assert_eq!(cast::whole_lines(&bytes), bytes.len());
    assert_eq!(bytes.iter().filter(|&&b| b == b'\n').count(), written + 1);
}
