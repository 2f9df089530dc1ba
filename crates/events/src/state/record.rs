//! A line of the state stream, and how it is read.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::{FieldsInOrder, StateEvent};
use crate::codec::{self, Envelope};
use crate::{Text, Timestamp};

/// One line of the state stream.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "StateRecord")]
pub struct StateRecord<'a> {
    /// The log that the line belongs to; a line without it belongs to the log that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Text<'a>>,
    /// Its number in the stream, from 1; a line without it counts as the one before plus one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When it happened.
    pub ts: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: StateEvent<'a>,
}

impl<'a> StateRecord<'a> {
    /// Reads one line (without its newline).
    ///
    /// # Errors
    /// When the line is not a JSON object, lacks a field that its event needs, or has one of the wrong type.
    #[inline]
    pub fn from_line(line: &'a str) -> Result<Self, serde_json::Error> {
        Self::from_own(line).map_or_else(|| Self::from_any(line), Ok)
    }

    /// Reads a line that this project wrote: its fields are in a known order, so that only their values have to be
    /// parsed. `None` for any other line; else what [`Self::from_any`] gives.
    #[inline]
    fn from_own(line: &'a str) -> Option<Self> {
        let Envelope { log, seq, ts, fields } = codec::envelope(line)?;
        let (name, rest) = fields.strip_prefix(r#""event":""#)?.split_once('"')?;
        let mut fields = FieldsInOrder { rest };
        let event = StateEvent::read_in_order(name, &mut fields)?;
        fields.rest.is_empty().then_some(Self { log: Some(log.into()), seq: Some(seq), ts, event })
    }

    /// Reads a line with its fields in any order, in two passes: the event's name comes first.
    #[cold]
    fn from_any(line: &'a str) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Head<'a> {
            #[serde(borrow)]
            log: Option<Text<'a>>,
            seq: Option<u64>,
            ts: Timestamp,
            #[serde(borrow)]
            event: Text<'a>,
        }
        let Head { log, seq, ts, event } = codec::object(line)?;
        Ok(Self { log, seq, ts, event: StateEvent::read(event, line)? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::{prelude::*, sample::Index};
    use workshop_testing::rounds;

    use super::*;

    const LINES: &str = include_str!("../../tests/fixtures/1/state-events.jsonl");

    /// What is put into lines, in place of a few of their bytes.
    const PIECES: &[&str] = &[
        "",
        " ",
        "\t",
        "\u{0}",
        "é",
        "\"",
        "\\",
        "\\u0041",
        "\\n",
        ",",
        ":",
        "}",
        "[]",
        "{}",
        "null",
        "true",
        "0",
        "-1",
        "1.0",
        "1e400",
        "99999999999999999999",
        "\"\"",
        "\"other\"",
        "{\"total\":1,\"passed\":1,\"new\":[{}]}",
        ",\"step\":\"x\"",
        ",\"session\":null",
        ",\"event\":\"connected\"",
        ",\"new\":[1e400]",
        ",\"crc\":\"00000000\"",
        "\"ts\":\"2026-01-01T00:00:00Z\",",
    ];

    #[test]
    fn our_own_lines_are_read_in_order() {
        for line in LINES.lines() {
            assert_eq!(StateRecord::from_own(line).unwrap(), StateRecord::from_any(line).unwrap());
        }
    }

    #[test]
    fn a_number_in_another_form_is_read_in_any_order() {
        let line = LINES.lines().next().unwrap();
        for seq in ["", "0", "01", "+1", "-1", "1.0", " 1", "\"1\"", "null", "123456789012345678"] {
            let line = line.replacen("\"seq\":1,", &format!("\"seq\":{seq},"), 1);
            assert_eq!(StateRecord::from_own(&line), None, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(rounds(4_000, 200_000)))]
        #[test]
        fn in_order_a_line_reads_as_in_any_order(
            line in any::<Index>(),
            changes in prop::collection::vec((any::<Index>(), 0..3usize, 0..24usize, 0..PIECES.len()), 1..4),
        ) {
            let lines: Vec<&str> = LINES.lines().collect();
            let mut line = line.get(&lines).to_string();
            for (at, place, len, piece) in changes {
                let mut at = at.index(line.len() + 1);
                // Anywhere, before a token, or after one.
                if place > 0 {
                    let token = line.as_bytes()[at..].iter().position(|b| b"\",:".contains(b));
                    at += token.map_or(0, |token| token + place - 1);
                }
                // Half of the pieces take no other's place.
                let mut end = (at + len.saturating_sub(12)).min(line.len());
                while !line.is_char_boundary(at) {
                    at -= 1;
                }
                while !line.is_char_boundary(end) {
                    end += 1;
                }
                line.replace_range(at..end, PIECES[piece]);
            }
            if let Some(record) = StateRecord::from_own(&line) {
                prop_assert_eq!(Some(record), StateRecord::from_any(&line).ok(), "{}", line);
            }
        }
    }
}
