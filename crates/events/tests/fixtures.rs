//! Real lines of every released format, and of the seed's logs, are read as they were meant. The files are never
//! edited: what they hold stands on volumes.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{fs, path::PathBuf};

use expect_test::{Expect, expect};
use serde::Serialize;
use workshop_events::{
    Commands, Kind, Llm, LogInfo, State, StreamReader,
    cast::{self, CastEvent, Header},
};

fn bytes(name: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    fs::read(path).unwrap()
}

/// Every record as JSON, one a line, each with its number.
fn read<K>(name: &str) -> String
where
    K: Kind,
    for<'a> K::Record<'a>: Serialize,
{
    let mut reader = StreamReader::<K>::new(Some("4f1c2ab09e77d305".parse().unwrap()));
    let mut text = String::new();
    let mut take = |item: workshop_events::Item<'_, K>| {
        let json = serde_json::to_string(&item.record).unwrap();
        text += &format!("{} {json}\n", item.seq);
    };
    reader.feed(&bytes(name), &mut take);
    reader.catch_up(&mut take);
    assert_eq!(reader.take_findings(), [], "{name}");
    assert!(!reader.has_partial_line());
    text
}

/// What is read and written again is the line, but for its checksum.
fn check_own<K>(name: &str, count: usize)
where
    K: Kind,
    for<'a> K::Record<'a>: Serialize,
{
    let file = String::from_utf8(bytes(name)).unwrap();
    let without_crc: String = (1..)
        .zip(file.lines())
        .map(|(seq, line)| format!("{seq} {}}}\n", line.split_once(",\"crc\":").unwrap().0))
        .collect();
    assert_eq!(read::<K>(name), without_crc, "{name}");
    assert_eq!(file.lines().count(), count);
}

#[test]
fn format_1_is_read_and_written_the_same() {
    check_own::<State>("1/state-events.jsonl", 22);
    check_own::<Commands>("1/command-log.jsonl", 6);
    check_own::<Llm>("1/llm-history.jsonl", 3);
    let info: LogInfo = serde_json::from_slice(&bytes("1/log.json")).unwrap();
    assert_eq!(serde_json::to_vec(&info).unwrap(), bytes("1/log.json").trim_ascii_end());
}

#[test]
fn the_seed_s_state_events() {
    let expected: Expect = expect![[r#"
        1 {"ts":"2025-11-20T09:21:44.000Z","event":"step_start","step":"step-1-intro","cause":"navigate"}
        2 {"ts":"2025-11-20T09:21:50.000Z","event":"connected"}
        3 {"ts":"2025-11-20T09:25:03.000Z","event":"goss_result","step":"step-1-intro","passed":false,"checks":{"total":3,"passed":2},"trigger":"student"}
        4 {"ts":"2025-11-20T09:26:41.000Z","event":"goss_result","step":"step-1-intro","passed":true,"checks":{"total":3,"passed":3},"trigger":"student"}
        5 {"ts":"2025-11-20T09:27:00.000Z","event":"step_start","step":"step-2-pods","cause":"navigate"}
        6 {"ts":"2025-11-20T09:31:12.000Z","event":"disconnected"}
    "#]];
    expected.assert_eq(&read::<State>("seed/state-events.jsonl"));
}

#[test]
fn the_seed_s_commands() {
    let expected: Expect = expect![[r#"
        1 {"ts":"2025-11-20T09:22:10.000Z","cmd":"ls -la","exit":0}
        2 {"ts":"2025-11-20T09:22:31.000Z","cmd":"cat /etc/shadow","exit":1}
        3 {"ts":"2025-11-20T08:23:02.000Z","cmd":"echo \"quoted\" | tr a-z A-Z","exit":0}
    "#]];
    expected.assert_eq(&read::<Commands>("seed/command-log.jsonl"));
}

#[test]
fn casts() {
    for (name, events) in [("1/session-20261120T092144Z-1.cast", 8), ("seed/session.cast", 4)] {
        let bytes = bytes(name);
        assert_eq!(cast::whole_lines(&bytes), bytes.len(), "{name}");
        let text = String::from_utf8(bytes).unwrap();
        let mut lines = text.lines();
        Header::parse(lines.next().unwrap()).unwrap();
        let read: Vec<_> = lines.map(|line| CastEvent::parse(line).unwrap()).collect();
        assert_eq!(read.len(), events, "{name}");
        assert!(read.is_sorted_by(|a, b| a.time <= b.time), "{name}");
        // Ours are written as they are read.
        if name.starts_with('1') {
            let mut written = Vec::new();
            read.iter().for_each(|event| event.write_line(&mut written));
            assert!(text.as_bytes().ends_with(&written), "{name}");
        }
    }
}
