//! One line of 1 GB. A program of its own, since it looks at its own memory.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use workshop_events::{FindingKind, State, StreamReader};

/// Bytes of memory that this process has ever held at once.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

#[test]
fn takes_bounded_memory_and_is_reported() {
    let mut reader = StreamReader::<State>::new(None);
    let event = b"{\"ts\":\"2026-01-01T00:00:00Z\",\"event\":\"connected\"}\n";
    let chunk = vec![b'x'; 1 << 20];
    let mut records = 0;
    reader.feed(event, |_| records += 1);
    let before = peak();
    for _ in 0..1024 {
        reader.feed(&chunk, |_| records += 1);
    }
    reader.feed(b"\n", |_| records += 1);
    // A crash may leave zeros in any number.
    let zeros = vec![0; 1 << 20];
    for _ in 0..64 {
        reader.feed(&zeros, |_| records += 1);
    }
    reader.feed(event, |_| records += 1);
    let grown = peak() - before;
    assert!(grown < 8 << 20, "{grown} bytes");
    assert_eq!(records, 2);
    let found: Vec<_> = reader.take_findings().into_iter().map(|f| (f.offset, f.len, f.kind)).collect();
    let after = event.len() as u64;
    let expected =
        [(after, 1 << 30, FindingKind::TooLong), (after + (1 << 30) + 1, 64 << 20, FindingKind::Zeros)];
    assert_eq!(found, expected);
}
