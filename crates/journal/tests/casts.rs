//! Recordings: names, limits, low space, what is in the file and when, and that the terminal is never held up.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs,
    path::Path,
    time::{Duration, Instant},
};

use common::{open, start, temp_dir};
use workshop_events::cast::{self, CastEvent, Header};
use workshop_journal::{CastStopped, CastWriter};
use workshop_testing::{Mount, until};

fn header() -> Header {
    Header { version: 2, width: 80, height: 24, timestamp: Some(1), title: None, env: None }
}

fn output(n: usize, text: &str) -> CastEvent<'_> {
    CastEvent { time: n as f64 / 1000.0, code: 'o', data: text.into() }
}

fn check_whole(path: &Path, events: usize) {
    let bytes = fs::read(path).unwrap();
    assert_eq!(cast::whole_lines(&bytes), bytes.len(), "{}", path.display());
    assert_eq!(bytes.split_inclusive(|&b| b == b'\n').count(), events + 1);
}

#[test]
fn events_get_into_the_file_and_each_cast_has_its_own() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let mut casts: Vec<CastWriter> = (0..3).map(|_| journal.new_cast(&header(), 0).unwrap()).collect();
    let paths: Vec<_> = casts.iter().map(|cast| dir.path().join(cast.name())).collect();
    for n in 0..100 {
        for cast in &mut casts {
            cast.write(&output(n, "héllo \u{1b}[1m\"quoted\"\\\u{0}\r\n")).unwrap();
        }
    }
    for path in &paths {
        until("the cast is written", || fs::read(path).unwrap().split(|&b| b == b'\n').count() == 102);
        check_whole(path, 100);
    }
    // While others are written, one goes on by itself.
    casts[1].write(&output(100, "more")).unwrap();
    until("the cast is written", || fs::read_to_string(&paths[1]).unwrap().ends_with("\"more\"]\n"));
    casts[2].write(&output(100, "at the end")).unwrap();
    drop(casts);
    journal.close();
    for (path, events) in paths.iter().zip([100, 101, 101]) {
        check_whole(path, events);
    }
    for path in &paths {
        let name = path.file_name().unwrap().to_str().unwrap();
        let shape: String = name.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
        assert!(shape.starts_with("session-00000000T000000Z-0"), "{name}");
    }
    assert_eq!(journal.recordings().unwrap().len(), 3);
}

#[test]
fn ends_before_its_limit() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let mut cast = journal.new_cast(&header(), 1000).unwrap();
    let written = (0..1000).take_while(|&n| cast.write(&output(n, "0123456789")).is_ok()).count();
    assert_eq!(cast.write(&output(0, "")), Err(CastStopped::Limit));
    journal.close();
    let path = dir.path().join(cast.name());
    check_whole(&path, written);
    let len = fs::metadata(path).unwrap().len();
    assert!((970..=1000).contains(&len), "{len}");
}

#[test]
fn a_flood_is_written_whole_or_stopped_never_waited_for() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let mut cast = journal.new_cast(&header(), 0).unwrap();
    let text = "0123456789".repeat(400);
    let mut longest = Duration::ZERO;
    let mut written = 0;
    for n in 0..5_000 {
        let begun = Instant::now();
        match cast.write(&output(n, &text)) {
            Ok(()) => written += 1,
            Err(CastStopped::Behind) => break,
            Err(other) => panic!("{other}"),
        }
        longest = longest.max(begun.elapsed());
    }
    println!("{written} events of 4 kB; the longest took {longest:?}");
    journal.close();
    check_whole(&dir.path().join(cast.name()), written);
}

#[test]
fn a_closed_journal_records_nothing() {
    let dir = temp_dir();
    let (journal, _) = start(open(dir.path()));
    let mut cast = journal.new_cast(&header(), 0).unwrap();
    drop(journal);
    let _ = cast.write(&output(0, "unheard"));
    assert!(matches!(cast.write(&output(1, "unheard")), Err(CastStopped::Failed(_))));
}

#[test]
fn pauses_when_space_is_low() {
    let test = "pauses_when_space_is_low";
    let Some(mount) = Mount::tmpfs(test, "size=80m") else { return };
    let (journal, _) = start(open(&mount.at));
    let mut cast = journal.new_cast(&header(), 0).unwrap();
    cast.write(&output(0, "recorded")).unwrap();
    let path = mount.at.join(cast.name());
    until("the cast is written", || fs::read_to_string(&path).unwrap().ends_with("\"recorded\"]\n"));
    let filler = mount.at.join("filler");
    fs::write(&filler, vec![b'x'; 20 << 20]).unwrap();
    assert!(journal.free_space().unwrap() < 64 << 20);
    // Learnt when it is written, behind the back of this call.
    cast.write(&output(1, "lost")).unwrap();
    until("the cast stops", || cast.stopped() == Some(CastStopped::LowSpace));
    assert_eq!(cast.write(&output(2, "lost")), Err(CastStopped::LowSpace));
    check_whole(&path, 1);
    let refused = journal.new_cast(&header(), 0).err().unwrap();
    assert_eq!(refused.kind(), std::io::ErrorKind::StorageFull);
    // The other streams go on meanwhile.
    common::append(&journal, "state").unwrap();
    fs::remove_file(&filler).unwrap();
    let mut next = journal.new_cast(&header(), 0).unwrap();
    next.write(&output(3, "recorded")).unwrap();
    journal.close();
    check_whole(&mount.at.join(next.name()), 1);
    assert_ne!(next.name(), cast.name());
}
