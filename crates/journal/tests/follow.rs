//! Following readers: a model of what may happen to the file, and of what a follower must give.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use common::{append, open, start, temp_dir};
use proptest::prelude::*;
use workshop_events::{State, Stream, StreamReader, codec::MAX_FOREIGN_LINE};
use workshop_journal::{Follower, follow};
use workshop_testing::rounds;

const NOW: Duration = Duration::ZERO;
const SOON: Duration = Duration::from_secs(10);

/// What happens to the file.
#[derive(Clone, Debug)]
enum Action {
    /// Bytes are appended; they may end within a line.
    Append(Vec<u8>),
    /// The follower reads all there is.
    Read,
    /// The follower is ended, and another goes on from its offset.
    Restart,
}

fn action() -> impl Strategy<Value = Action> {
    let bytes = proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..60);
    prop_oneof![
        4 => bytes.prop_map(Action::Append),
        1 => (1000..400_000usize).prop_map(|n| Action::Append(vec![b'x'; n])),
        3 => Just(Action::Read),
        1 => Just(Action::Restart),
    ]
}

fn path(dir: &Path) -> PathBuf {
    dir.join(Stream::State.file_name())
}

/// Everything the follower has to give now. Checks what holds of each chunk.
fn drain(follower: &mut Follower, into: &mut Vec<u8>) {
    while let Some(chunk) = follower.next(NOW).unwrap() {
        assert_eq!(chunk.offset, into.len() as u64);
        assert!(!chunk.bytes.is_empty());
        assert!(chunk.bytes.ends_with(b"\n") || chunk.bytes.len() > MAX_FOREIGN_LINE);
        assert!(chunk.bytes.len() <= MAX_FOREIGN_LINE + (256 << 10));
        into.extend(chunk.bytes);
    }
    assert_eq!(follower.offset(), into.len() as u64);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(rounds(16, 1_024)))]
    #[test]
    fn gives_every_whole_line_once(actions in proptest::collection::vec(action(), 1..30)) {
        let dir = temp_dir();
        let mut follower = follow(dir.path(), Stream::State, 0).unwrap();
        let (mut file, mut given): (Vec<u8>, Vec<u8>) = Default::default();
        for action in actions {
            match action {
                Action::Append(bytes) => {
                    let mut appending =
                        File::options().append(true).create(true).open(path(dir.path())).unwrap();
                    appending.write_all(&bytes).unwrap();
                    file.extend(bytes);
                    continue;
                }
                Action::Read => {}
                Action::Restart => {
                    // In the middle of an overlong line there is no line to begin with.
                    if given.last().is_none_or(|&b| b == b'\n') {
                        follower = follow(dir.path(), Stream::State, follower.offset()).unwrap();
                    }
                }
            }
            drain(&mut follower, &mut given);
            prop_assert!(file.starts_with(&given));
            let whole = file.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
            prop_assert!(given.len() >= whole);
            prop_assert!(given.len() == whole || given.len() - whole > MAX_FOREIGN_LINE);
        }
    }
}

#[test]
fn is_woken_by_appends_and_waits_for_a_file_that_comes_later() {
    let dir = temp_dir();
    let mut follower = follow(dir.path(), Stream::State, 0).unwrap();
    assert!(follower.next(NOW).unwrap().is_none());
    let (journal, _) = start(open(dir.path()));
    let mut reader = StreamReader::<State>::new(Some(journal.log()));
    for n in 1..=20 {
        let appended = append(&journal, &format!("n{n}")).unwrap();
        let chunk = follower.next(SOON).unwrap().expect("an appended line");
        let mut seqs = Vec::new();
        reader.feed(&chunk.bytes, |item| {
            assert_eq!(item.line.as_bytes(), appended.line);
            seqs.push(item.seq);
        });
        assert_eq!(seqs, [n]);
    }
    journal.close();
}

#[test]
fn a_line_without_end_takes_bounded_memory() {
    let dir = temp_dir();
    let mut follower = follow(dir.path(), Stream::State, 0).unwrap();
    let mut file = File::create(path(dir.path())).unwrap();
    let mut given = 0;
    for _ in 0..64 {
        file.write_all(&vec![b'x'; 1 << 20]).unwrap();
        while let Some(chunk) = follower.next(NOW).unwrap() {
            assert!(chunk.bytes.len() <= MAX_FOREIGN_LINE + (256 << 10));
            given += chunk.bytes.len();
        }
    }
    file.write_all(b"\nwhole\n").unwrap();
    let mut last = Vec::new();
    while let Some(chunk) = follower.next(NOW).unwrap() {
        given += chunk.bytes.len();
        last = chunk.bytes;
    }
    assert_eq!(given, (64 << 20) + 7);
    assert!(last.ends_with(b"\nwhole\n"));
}

/// A volume that was put back, or is another: what a follower must say rather than mix two histories.
#[test]
fn a_file_that_is_not_the_same_any_more() {
    type Change = fn(&Path) -> io::Result<()>;
    let changes: [(&str, Change, io::ErrorKind); 3] = [
        ("cut", |path| File::options().write(true).open(path)?.set_len(3), io::ErrorKind::InvalidData),
        (
            "replaced",
            |path| {
                fs::write(path.with_extension("new"), "other\nother\nother\n")?;
                fs::rename(path.with_extension("new"), path)
            },
            io::ErrorKind::InvalidData,
        ),
        ("removed", |path| fs::remove_file(path), io::ErrorKind::NotFound),
    ];
    for (name, change, expected) in changes {
        let dir = temp_dir();
        fs::write(path(dir.path()), "first\nsecond\n").unwrap();
        let mut follower = follow(dir.path(), Stream::State, 0).unwrap();
        assert_eq!(follower.next(NOW).unwrap().unwrap().bytes, b"first\nsecond\n");
        change(&path(dir.path())).unwrap();
        assert_eq!(follower.next(NOW).unwrap_err().kind(), expected, "{name}");
    }
    // Beyond its end from the start: a volume that was rolled back.
    let dir = temp_dir();
    fs::write(path(dir.path()), "first\n").unwrap();
    let error = follow(dir.path(), Stream::State, 100).unwrap().next(NOW).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::InvalidData);
    assert!(follow(&dir.path().join("absent"), Stream::State, 0).is_err());
}
