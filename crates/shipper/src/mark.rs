//! By what a file is recognised as the one that was stored.

use sha2::{Digest, Sha256};
use workshop_events::codec::MAX_FOREIGN_LINE;
use workshop_wire::ingest::StreamPosition;

/// The last line that was stored, newline included, by which a file is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) len: usize,
    sha256: [u8; 32],
}

impl Mark {
    /// By what the file must be recognised, if by anything.
    pub(crate) fn of(stored: &StreamPosition) -> Option<Self> {
        let last = stored.last.as_ref()?;
        let longest = stored.next.min(MAX_FOREIGN_LINE as u64 + 1);
        let len = usize::try_from(Some(last.len).filter(|len| (1..=longest).contains(len))?).ok()?;
        let mut sha256 = [0; 32];
        hex::decode_to_slice(&last.sha256, &mut sha256).ok()?;
        Some(Self { len, sha256 })
    }

    /// The mark of the last of these whole lines.
    pub(crate) fn of_last(lines: &[u8]) -> Option<Self> {
        let line = lines.split_inclusive(|&b| b == b'\n').next_back()?;
        Some(Self { len: line.len(), sha256: Sha256::digest(line).into() })
    }

    /// Whether this is the line.
    pub(crate) fn matches(&self, line: &[u8]) -> bool {
        line.len() == self.len && <[u8; 32]>::from(Sha256::digest(line)) == self.sha256
    }
}

#[cfg(test)]
mod tests {
    use workshop_wire::ingest::LastLine;

    use super::*;

    #[test]
    fn a_line_is_recognised_by_its_mark() {
        let mark = Mark::of_last(b"one\ntwo\n").unwrap();
        assert_eq!(mark.len, 4);
        assert!(mark.matches(b"two\n"));
        assert!(!mark.matches(b"twi\n"));
        assert_eq!(Mark::of_last(b""), None);
    }

    #[test]
    fn only_a_whole_line_is_a_mark() {
        let check = |len: u64, sha256: &str, marked: bool| {
            let last = LastLine { len, sha256: sha256.to_owned() };
            let stored = StreamPosition { next: 4, seq: None, last: Some(last) };
            assert_eq!(Mark::of(&stored).is_some(), marked, "{len} {sha256}");
        };
        let hash = "00".repeat(32);
        check(4, &hash, true);
        check(0, &hash, false);
        check(5, &hash, false);
        check(4, "00", false);
        check(4, &"é".repeat(32), false);
        assert_eq!(Mark::of(&StreamPosition { next: 4, seq: None, last: None }), None);
    }
}
