//! Damaged files: a log cut at every byte of its last lines, tails of zeros, flipped bits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::{collections::BTreeMap, fs, path::Path};

use common::{append, check_held, open, read, start, temp_dir};
use workshop_events::{FindingKind, Stream};

/// Writes a log of `count` records in `dir`; gives the acknowledged ones and the file's bytes.
fn write_log(dir: &Path, count: u64) -> (BTreeMap<String, u64>, Vec<u8>) {
    let (journal, _) = start(open(dir));
    let acknowledged =
        (0..count).map(|n| format!("n{n}")).map(|name| (name.clone(), append(&journal, &name).unwrap().seq));
    let acknowledged = acknowledged.collect();
    journal.close();
    (acknowledged, fs::read(dir.join(Stream::State.file_name())).unwrap())
}

fn line_starts(bytes: &[u8]) -> Vec<usize> {
    let newlines = bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(newlines).filter(|&at| at < bytes.len()).collect()
}

/// Puts `bytes` in the place of the stream, then opens, appends two records, and checks what stands afterwards.
fn check(
    dir: &Path,
    bytes: &[u8],
    whole: &BTreeMap<String, u64>,
    findings: &[(usize, FindingKind)],
    when: &str,
) {
    let path = dir.join(Stream::State.file_name());
    fs::write(&path, bytes).unwrap();
    let (journal, before) = start(open(dir));
    check_held(&before, whole, when);
    let found: Vec<_> = before.findings.iter().map(|f| (f.offset as usize, f.kind.clone())).collect();
    assert_eq!(found, findings, "{when}");
    let mut expected = whole.clone();
    for name in ["after-1", "after-2"] {
        let appended = append(&journal, name).unwrap();
        assert_eq!(appended.seq, expected.values().max().unwrap_or(&0) + 1, "{when}");
        expected.insert(name.into(), appended.seq);
    }
    journal.close();
    let after = read(dir);
    check_held(&after, &expected, when);
    assert_eq!(after.marked.len(), expected.len(), "{when}");
    assert!(fs::read(&path).unwrap().starts_with(bytes), "{when}: bytes were rewritten");
}

#[test]
fn cut_at_every_byte_of_the_last_three_lines() {
    let dir = temp_dir();
    let (acknowledged, bytes) = write_log(dir.path(), 6);
    let starts = line_starts(&bytes);
    assert_eq!(starts.len(), 6);
    for cut in starts[3]..=bytes.len() {
        let last_start = *starts.iter().rfind(|&&start| start <= cut).unwrap();
        // A line counts once all of it but its newline is there.
        let whole_lines = starts.iter().enumerate().filter(|(n, _)| {
            let end = starts.get(n + 1).copied().unwrap_or(bytes.len());
            cut >= end - 1
        });
        let whole = acknowledged.iter().filter(|(_, seq)| **seq <= whole_lines.clone().count() as u64);
        let whole: BTreeMap<_, _> = whole.map(|(name, seq)| (name.clone(), *seq)).collect();
        let torn = cut > last_start && bytes[cut - 1] != b'\n' && bytes.get(cut) != Some(&b'\n');
        let findings = if torn { vec![(last_start, FindingKind::Torn)] } else { vec![] };
        check(dir.path(), &bytes[..cut], &whole, &findings, &format!("cut at {cut}"));
    }
}

#[test]
fn a_tail_of_zeros() {
    let dir = temp_dir();
    let (acknowledged, bytes) = write_log(dir.path(), 4);
    let starts = line_starts(&bytes);
    for (cut, zeros) in [(bytes.len(), 1), (bytes.len(), 4096), (bytes.len(), 3 << 20), (starts[3], 4096)] {
        let whole = acknowledged.iter().filter(|(_, seq)| cut == bytes.len() || **seq <= 3);
        let whole = whole.map(|(name, seq)| (name.clone(), *seq)).collect();
        let mut damaged = bytes[..cut].to_vec();
        damaged.resize(cut + zeros, 0);
        let when = format!("{zeros} zeros from {cut}");
        check(dir.path(), &damaged, &whole, &[(cut, FindingKind::Zeros)], &when);
    }
    // Within a line: its newline is gone, and what stands of it is no record.
    let cut = starts[3] + 20;
    let mut damaged = bytes[..cut].to_vec();
    damaged.resize(cut + 500, 0);
    let whole = acknowledged.iter().filter(|(_, seq)| **seq <= 3).map(|(n, s)| (n.clone(), *s)).collect();
    check(dir.path(), &damaged, &whole, &[(starts[3], FindingKind::Torn)], "zeros within the last line");
}

#[test]
fn a_flipped_bit_is_reported_and_every_other_event_kept() {
    let dir = temp_dir();
    let (acknowledged, bytes) = write_log(dir.path(), 5);
    let starts = line_starts(&bytes);
    let path = dir.path().join(Stream::State.file_name());
    for at in starts[2]..starts[3] {
        for bit in 0..8 {
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << bit;
            fs::write(&path, &damaged).unwrap();
            let held = read(dir.path());
            let when = format!("bit {bit} of byte {at}");
            let offsets: Vec<_> = held.findings.iter().map(|f| f.offset as usize).collect();
            assert!(offsets.contains(&starts[2]), "{when}: {:?}", held.findings);
            // A flipped newline joins two lines: both are one malformed line.
            let lost: &[u64] = if at == starts[3] - 1 { &[3, 4] } else { &[3] };
            let kept = acknowledged.iter().filter(|(_, seq)| !lost.contains(seq));
            let kept: BTreeMap<_, _> = kept.map(|(name, seq)| (name.clone(), *seq)).collect();
            check_held(&held, &kept, &when);
            assert_eq!(held.marked.len(), kept.len(), "{when}: {:?}", held.marked);
        }
    }
}
