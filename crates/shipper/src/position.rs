//! What the dashboard says it has of a log.

use std::collections::HashMap;

use serde::Deserialize;
use sha2::{Digest, Sha256};
use workshop_events::codec::MAX_FOREIGN_LINE;

/// The answer to `GET /ingest/{workspace}/{log}`.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Position {
    /// `open`, `diverged` or `expired`; null or absent for a log that nothing was stored of.
    pub(crate) state: Option<String>,
    /// Why it is not open.
    pub(crate) reason: Option<String>,
    /// Each stream of which something was stored.
    #[serde(default)]
    pub(crate) streams: HashMap<String, StreamPosition>,
}

/// How far a stream was stored.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct StreamPosition {
    /// Offset of the first byte that was not.
    pub(crate) next: u64,
    /// The line before it; absent when the dashboard does not have it whole.
    last: Option<LastLine>,
}

#[derive(Clone, Debug, Deserialize)]
struct LastLine {
    len: Option<u64>,
    sha256: Option<String>,
}

/// The last line that was stored, newline included, by which a file is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mark {
    pub(crate) len: usize,
    sha256: [u8; 32],
}

impl StreamPosition {
    /// By what the file must be recognised, if by anything.
    pub(crate) fn mark(&self) -> Option<Mark> {
        let last = self.last.as_ref()?;
        let longest = self.next.min(MAX_FOREIGN_LINE as u64 + 1);
        let len = last.len.filter(|len| (1..=longest).contains(len))?;
        let len = usize::try_from(len).ok()?;
        Some(Mark { len, sha256: unhex(last.sha256.as_ref()?)? })
    }
}

impl Mark {
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

fn unhex(text: &str) -> Option<[u8; 32]> {
    let text = text.as_bytes();
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
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
    fn answers() {
        let check = |text: &str, marked: bool| {
            let position: Position = serde_json::from_str(text).unwrap();
            assert_eq!(position.streams.values().any(|stream| stream.mark().is_some()), marked, "{text}");
        };
        check("{}", false);
        check(r#"{"state": null, "streams": {}, "more": 1}"#, false);
        check(r#"{"state": "open", "streams": {"llm": {"next": 4, "seq": 1}}}"#, false);
        check(
            r#"{"state": "open", "streams": {"llm": {"next": 4, "last": {"len": 4, "sha256": null}}}}"#,
            false,
        );
        let hash = "00".repeat(32);
        let with = |len: u64| {
            format!(r#"{{"streams": {{"a": {{"next": 4, "last": {{"len": {len}, "sha256": "{hash}"}}}}}}}}"#)
        };
        check(&with(4), true);
        check(&with(0), false);
        check(&with(5), false);
    }
}
