//! Every target over its saved corpus and over seeded changes of it. A soak tries more changes; the first ones are always
//! the same.

#![allow(clippy::panic, clippy::unwrap_used)]

use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use workshop_fuzz::{TARGETS, Target};
use workshop_testing::rounds;

/// Pieces that parsers have opinions about.
const PIECES: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\0",
    b"\x1b]",
    b"\x07",
    b"\x1b\\",
    b"\"",
    b"\\",
    b"\\u0000",
    b"\\ud800",
    b"{",
    b"}",
    b"[",
    b"]",
    b"-1",
    b"1e999",
    b"18446744073709551615",
    b"\xff",
    b"\xe2\x82",
    b"\xef\xbb\xbf",
    b": ",
    b"- ",
    b"&a ",
    b"*a",
    b"../",
];

#[test]
fn targets_hold_over_the_corpus_and_its_changes() {
    // Of each saved input.
    let changes = rounds(200_u64, 20_000);
    for (name, target) in TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let inputs = corpus(&folder);
        assert!(!inputs.is_empty(), "{} is empty", folder.display());
        for (file, input) in &inputs {
            hold(*target, input, &format!("{name}/{file}"));
            for change in 1..=changes {
                let mut random = Random(change.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ input.len() as u64);
                let other = &inputs[random.below(inputs.len())].1;
                hold(
                    *target,
                    &changed(input, other, &mut random),
                    &format!("{name}/{file}, change {change}"),
                );
            }
        }
    }
}

fn hold(target: Target, input: &[u8], what: &str) {
    if catch_unwind(AssertUnwindSafe(|| target(input))).is_err() {
        panic!("{what}: {:?}", String::from_utf8_lossy(input));
    }
}

fn corpus(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<_> = fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect();
    inputs.sort();
    inputs
}

/// `input` with one to four changes: a bit flipped, a piece put in or taken out, an end cut off, a part of `other`.
fn changed(input: &[u8], other: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..=random.below(4) {
        let at = random.below(bytes.len() + 1);
        let until = (at + random.below(16)).min(bytes.len());
        match random.below(5) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => bytes.splice(at..at, PIECES[random.below(PIECES.len())].iter().copied()).for_each(drop),
            2 => bytes.drain(at..until).for_each(drop),
            3 => bytes.truncate(at),
            _ => {
                let from = random.below(other.len() + 1);
                let part = &other[from..(from + random.below(64)).min(other.len())];
                bytes.splice(at..until, part.iter().copied()).for_each(drop);
            }
        }
    }
    bytes
}

/// SplitMix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % end.max(1)
    }
}
