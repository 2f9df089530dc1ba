//! A model of what writers, other tools, crashes and failing disks do to a stream's file, and of what the reader must
//! make of it; whatever the pieces that the bytes come in.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use workshop_events::{Finding, FindingKind, LogId, State, StateEvent, StreamReader, Timestamp, codec::Body};
use workshop_testing::rounds;

const LOG: u64 = 0x0123_4567_89ab_cdef;

/// What happens to the file.
#[derive(Clone, Debug)]
enum Action {
    /// The writer appends so many records.
    Append(usize),
    /// The writer's record is written with `\r\n`.
    Crlf,
    /// Part of a record is written, `part` of 256 of it, and the next write begins with a newline.
    Torn { part: u8 },
    /// The last so many lines of the writer are written again, as after a failed sync.
    Repeat(usize),
    /// Two records stand in the wrong order.
    Swapped,
    /// A record was numbered and is not in the file.
    Missing,
    /// The record that was missing longest arrives.
    Late,
    /// A bit of a record is flipped.
    Flipped { at: usize, bit: u8 },
    /// Another tool appends a line without number and checksum.
    OtherTool,
    /// A line of another log.
    OtherLog,
    /// The number of an earlier line, with other bytes.
    Conflict,
    /// A line that is no record, by its place in [`BAD`].
    Bad(usize),
    /// A line of another tool that does count, by its place in [`GOOD`].
    Good(usize),
    /// Zeros, as after a crash, and then a newline.
    Zeros(usize),
    /// White space.
    Blank,
}

const BAD: &[&[u8]] = &[
    b"\xff\xfe{}",
    b"null",
    b"[]",
    b"{}",
    br#"{"ts":"2026-01-01T00:00:00.000Z"}"#,
    br#"{"ts":"yesterday","event":"connected"}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"step_viewed"}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"step_viewed","step":7}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected","seq":0}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected","seq":-1}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected","seq":1e999}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected","seq":18446744073709551615}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected","seq":99999999999999999999999999}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","ts":"2026-01-01T00:00:00.000Z","event":"connected"}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"step_viewed","step":"\ud800"}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected"} trailing"#,
    b"\xef\xbb\xbf{\"ts\":\"2026-01-01T00:00:00.000Z\",\"event\":\"connected\"}",
];

const GOOD: &[&[u8]] = &[
    br#"{"ts":"2026-01-01T00:00:00Z","event":"connected"}"#,
    br#"  { "ts" : "2026-01-01T01:00:00.5+01:00" , "event" : "connected" }  "#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"of_a_later_version","step":{"now":["an","object"]}}"#,
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"step_viewed","step":"\u0000 and \"more\"","new":1e400}"#,
    // A key much like ours, with something else in it.
    br#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected","src":"01234567"}"#,
];

fn action() -> impl Strategy<Value = Action> {
    prop_oneof![
        6 => (1..6usize).prop_map(Action::Append),
        1 => Just(Action::Crlf),
        2 => any::<u8>().prop_map(|part| Action::Torn { part }),
        2 => (1..20usize).prop_map(Action::Repeat),
        2 => Just(Action::Swapped),
        1 => Just(Action::Missing),
        1 => Just(Action::Late),
        1 => (any::<usize>(), 0..8u8).prop_map(|(at, bit)| Action::Flipped { at, bit }),
        1 => Just(Action::OtherTool),
        1 => Just(Action::OtherLog),
        1 => Just(Action::Conflict),
        2 => (0..BAD.len()).prop_map(Action::Bad),
        2 => (0..GOOD.len()).prop_map(Action::Good),
        1 => (1..5000usize).prop_map(Action::Zeros),
        1 => Just(Action::Blank),
    ]
}

/// The file, and what is to be read from it.
#[derive(Default)]
struct Model {
    file: Vec<u8>,
    next: u64,
    /// The writer's lines, to write again.
    lines: BTreeMap<u64, Vec<u8>>,
    /// Numbers that were given and are not in the file, with their lines.
    missing: BTreeMap<u64, Vec<u8>>,
    expected: BTreeSet<u64>,
    /// Offset and kind of findings, in words.
    findings: Vec<(u64, &'static str)>,
}

impl Model {
    fn line(&self, log: u64, seq: u64, name: &str) -> Vec<u8> {
        let body = Body::new(&StateEvent::StepMarked { step: name.into() }).unwrap();
        let mut line = Vec::new();
        body.write_line(LogId::from_bits(log), seq, Timestamp::from_millis(seq as i64), &mut line);
        line
    }

    fn own(&mut self) -> (u64, Vec<u8>) {
        let seq = self.next;
        self.next += 1;
        let line = self.line(LOG, seq, &format!("n{seq}"));
        (seq, line)
    }

    fn put(&mut self, seq: u64, line: Vec<u8>) {
        self.file.extend(&line);
        self.lines.insert(seq, line);
        self.expected.insert(seq);
    }

    fn find(&mut self, kind: &'static str) {
        self.findings.push((self.file.len() as u64, kind));
    }

    fn apply(&mut self, action: Action) {
        match action {
            Action::Append(count) => {
                for _ in 0..count {
                    let (seq, line) = self.own();
                    self.put(seq, line);
                }
            }
            Action::Crlf => {
                let (seq, mut line) = self.own();
                line.insert(line.len() - 1, b'\r');
                self.file.extend(&line);
                self.expected.insert(seq);
            }
            Action::Torn { part } => {
                let (seq, line) = self.own();
                let written = line.len() * usize::from(part) / 256;
                match written {
                    0 => {}
                    n if n == line.len() - 1 => _ = self.expected.insert(seq),
                    _ => self.find("malformed"),
                }
                self.file.extend(&line[..written]);
                self.file.push(b'\n');
                // Its number is the next record's, unless all of it is there.
                if !self.expected.contains(&seq) {
                    self.next = seq;
                }
            }
            Action::Repeat(count) => {
                let again: Vec<_> = self.lines.values().rev().take(count).rev().flatten().copied().collect();
                self.file.extend(again);
            }
            Action::Swapped => {
                let (first, second) = (self.own(), self.own());
                self.put(second.0, second.1);
                self.put(first.0, first.1);
            }
            Action::Missing => {
                let (seq, line) = self.own();
                self.missing.insert(seq, line);
            }
            Action::Late => {
                if let Some((seq, line)) = self.missing.pop_first() {
                    // A reader that never saw a higher number takes it as the next.
                    self.put(seq, line);
                }
            }
            Action::Flipped { at, bit } => {
                let (seq, line) = self.own();
                let mut flipped = line.clone();
                let at = at % (line.len() - 1);
                flipped[at] ^= 1 << bit;
                // One that becomes a newline makes two lines of it, neither of which is a record.
                let halves = flipped[at] == b'\n';
                self.find("damaged");
                if halves {
                    let offset = self.file.len() + at + 1;
                    if at + 2 < line.len() {
                        self.findings.push((offset as u64, "damaged"));
                    }
                }
                self.file.extend(flipped);
                self.missing.insert(seq, line);
            }
            Action::OtherTool => {
                self.other_tool(br#"{"ts":"2026-01-01T00:00:00.000Z","event":"disconnected"}"#)
            }
            Action::Good(n) => self.other_tool(GOOD[n]),
            Action::OtherLog => {
                self.find("foreign");
                let line = self.line(LOG + 1, self.next, "other");
                self.file.extend(line);
            }
            Action::Conflict => {
                if let Some((&seq, _)) = self.lines.last_key_value() {
                    self.find("conflict");
                    let line = self.line(LOG, seq, "conflicting");
                    self.file.extend(line);
                }
            }
            Action::Bad(n) => {
                // At its beginning a file may have a byte order mark.
                if self.file.is_empty() && BAD[n].starts_with(b"\xef\xbb\xbf") {
                    return self.other_tool(BAD[n]);
                }
                self.find("malformed");
                self.file.extend(BAD[n]);
                self.file.push(b'\n');
            }
            Action::Zeros(count) => {
                self.find("zeros");
                self.file.resize(self.file.len() + count, 0);
                self.file.push(b'\n');
            }
            Action::Blank => self.file.extend(b" \t \n\r\n\n"),
        }
    }

    /// A line without a number counts as the highest plus one; the writer goes on from there.
    fn other_tool(&mut self, line: &[u8]) {
        let highest = self.expected.last().copied().unwrap_or_default();
        self.missing.retain(|&seq, _| seq <= highest);
        self.expected.insert(highest + 1);
        self.next = highest + 2;
        self.file.extend(line);
        self.file.push(b'\n');
    }

    /// What is missing below the highest record, as `from..=to`.
    fn gaps(&self) -> Vec<(u64, u64)> {
        let mut gaps = Vec::new();
        let mut before = 0;
        for &seq in &self.expected {
            if seq > before + 1 {
                gaps.push((before + 1, seq - 1));
            }
            before = seq;
        }
        gaps
    }
}

/// Reads `file` in pieces of these lengths, in turn.
fn read(file: &[u8], pieces: &[usize]) -> (Vec<(u64, u64, String)>, Vec<Finding>) {
    let mut reader = StreamReader::<State>::new(Some(LogId::from_bits(LOG)));
    let (mut items, mut findings) = (Vec::new(), Vec::new());
    let mut rest = file;
    let mut lengths = pieces.iter().cycle();
    while !rest.is_empty() {
        let (piece, after) = rest.split_at((*lengths.next().unwrap()).min(rest.len()));
        reader.feed(piece, |item| items.push((item.seq, item.offset, item.line.to_owned())));
        findings.extend(reader.take_findings());
        rest = after;
    }
    reader.catch_up(|item| items.push((item.seq, item.offset, item.line.to_owned())));
    findings.extend(reader.take_findings());
    let whole = file.iter().rposition(|&b| b == b'\n').map_or(0, |newline| newline + 1);
    assert_eq!(reader.offset(), whole as u64);
    (items, findings)
}

fn word(kind: &FindingKind) -> &'static str {
    match kind {
        FindingKind::Malformed(_) => "malformed",
        FindingKind::Corrupt => "damaged",
        FindingKind::Zeros => "zeros",
        FindingKind::TooLong => "too long",
        FindingKind::Torn => "torn",
        FindingKind::Foreign(_) => "foreign",
        FindingKind::Conflict(_) => "conflict",
        FindingKind::Gap { .. } => "gap",
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(rounds(64, 4_096)))]
    #[test]
    fn reads_what_the_model_says(actions in proptest::collection::vec(action(), 1..40), pieces in proptest::collection::vec(1..3000usize, 1..8)) {
        let mut model = Model { next: 1, ..Model::default() };
        for action in actions {
            model.apply(action);
        }
        let whole = read(&model.file, &[usize::MAX]);
        prop_assert_eq!(&whole, &read(&model.file, &pieces), "in pieces");
        prop_assert_eq!(&whole, &read(&model.file, &[1]), "byte by byte");

        let (items, findings) = whole;
        let seqs: Vec<u64> = items.iter().map(|(seq, ..)| *seq).collect();
        let expected: Vec<u64> = model.expected.iter().copied().collect();
        prop_assert_eq!(seqs, expected);
        for (seq, offset, line) in &items {
            let at = usize::try_from(*offset).unwrap();
            let stands = String::from_utf8_lossy(&model.file[at..]);
            let stands = stands.trim_start_matches('\u{feff}').starts_with(line.as_str());
            prop_assert!(stands, "{} at {}", line, offset);
            if let Some(own) = model.lines.get(seq) {
                prop_assert_eq!(line.as_bytes(), &own[..own.len() - 1]);
            }
        }
        let gaps: Vec<(u64, u64)> = findings
            .iter()
            .filter_map(|f| match f.kind { FindingKind::Gap { from, to } => Some((from, to)), _ => None })
            .collect();
        prop_assert_eq!(gaps, model.gaps());
        let mut found: Vec<(u64, &str)> =
            findings.iter().filter(|f| word(&f.kind) != "gap").map(|f| (f.offset, word(&f.kind))).collect();
        found.sort_by_key(|(offset, _)| *offset);
        // Where damage was done, it may be called malformed, zeros, or damaged: what counts is that the place is told.
        let places = |list: &[(u64, &'static str)]| -> BTreeSet<u64> { list.iter().map(|(offset, _)| *offset).collect() };
        prop_assert_eq!(places(&found), places(&model.findings));
        for (offset, kind) in &model.findings {
            if *kind != "damaged" {
                prop_assert!(found.contains(&(*offset, kind)), "{} at {}: {:?}", kind, offset, found);
            }
        }
    }

    #[test]
    fn never_fails_whatever_the_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..2000), pieces in proptest::collection::vec(1..100usize, 1..4)) {
        prop_assert_eq!(read(&bytes, &pieces), read(&bytes, &[usize::MAX]));
    }
}

#[test]
fn nesting_bombs_are_malformed_lines() {
    let bomb = "[".repeat(500_000);
    let object = format!(r#"{{"ts":"2026-01-01T00:00:00.000Z","event":"connected","new":{bomb}"#);
    for line in [bomb.clone(), r#"{"a":"#.repeat(150_000), object] {
        let file = format!("{line}\n{}\n", r#"{"ts":"2026-01-01T00:00:00.000Z","event":"connected"}"#);
        let (items, findings) = read(file.as_bytes(), &[usize::MAX]);
        assert_eq!(items.len(), 1);
        assert_eq!(
            findings.iter().map(|f| (f.offset, word(&f.kind))).collect::<Vec<_>>(),
            [(0, "malformed")]
        );
    }
}

/// A hole is waited for over 2 MiB, and then given up: memory stays bounded, and what comes too late is told.
#[test]
fn a_hole_is_not_waited_for_without_end() {
    let mut model = Model { next: 1, ..Model::default() };
    model.apply(Action::Append(3));
    model.apply(Action::Missing);
    model.apply(Action::Append(20_000));
    let mut reader = StreamReader::<State>::new(Some(LogId::from_bits(LOG)));
    let mut given = 0;
    reader.feed(&model.file, |_| given += 1);
    assert!(given > 3, "still waiting after {} bytes", model.file.len());
    model.apply(Action::Late);
    let (items, findings) = read(&model.file, &[4096]);
    assert_eq!(items.len(), 20_003);
    let kinds: Vec<_> = findings.into_iter().map(|f| f.kind).collect();
    assert_eq!(kinds, [FindingKind::Gap { from: 4, to: 4 }, FindingKind::Conflict(4)]);
}

/// Another tool's number may be high; a writer that goes on from it is still read.
#[test]
fn a_writer_goes_on_from_the_highest_number_there_can_be() {
    let max = 1u64 << 52;
    let mut file =
        format!("{}\n", json!({"ts": "2026-01-01T00:00:00Z", "event": "connected", "seq": max})).into_bytes();
    let model = Model::default();
    file.extend(model.line(LOG, max + 1, "ours"));
    file.extend(
        format!("{}\n", json!({"ts": "2026-01-01T00:00:00Z", "event": "connected", "seq": max + 2}))
            .into_bytes(),
    );
    let (items, findings) = read(&file, &[usize::MAX]);
    assert_eq!(items.iter().map(|(seq, ..)| *seq).collect::<Vec<_>>(), [max, max + 1]);
    let kinds: Vec<_> = findings.iter().map(|f| word(&f.kind)).collect();
    assert_eq!(kinds, ["malformed", "gap"]);
}
