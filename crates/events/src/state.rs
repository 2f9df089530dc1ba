//! The state stream: what happened in a workspace.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    Text, Timestamp,
    codec::{self, Envelope},
    event_table::state_events,
};

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

/// The fields of a line of ours that are still to be read.
struct FieldsInOrder<'a> {
    rest: &'a str,
}

impl<'a> FieldsInOrder<'a> {
    /// The value of the next field, if it is the one with this key.
    #[inline]
    fn next<T: Deserialize<'a>>(&mut self, key: &str) -> Option<T> {
        let text = self.rest.strip_prefix(key)?;
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let value = values.next()?.ok()?;
        self.rest = text.get(values.byte_offset()..)?;
        Some(value)
    }
}

state_events! {
    /// A backend took the volume.
    BackendStarted = "backend_started" {
        /// Version of the backend.
        version: Text<'a> = default,
        /// The step whose image this is; `step-0` is the beginning.
        #[serde(skip_serializing_if = "Option::is_none")]
        image_step: Option<Text<'a>> = default,
        /// Name of the workshop.
        workshop: Text<'a> = default,
        /// `linear`, `free` or `guided`.
        navigation: Text<'a> = default,
        /// The steps in order, so that a log folds without its image.
        steps: Vec<StepInfo<'a>> = default,
        /// The request that this container was made for.
        // In a box, so that no other event is larger for its sake: records are moved about while a log is read.
        #[serde(skip_serializing_if = "Option::is_none")]
        switch: Option<Box<SwitchDone<'a>>> = default,
    }
    /// A browser opened its terminal.
    Connected = "connected" {
        /// The shell session.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<Text<'a>> = default,
        /// The browser's socket; absent in the seed's logs: one anonymous client.
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Text<'a>> = default,
    }
    /// A browser closed its terminal.
    Disconnected = "disconnected" {
        /// The shell session.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<Text<'a>> = default,
        /// The browser's socket.
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Text<'a>> = default,
    }
    /// The student turned to a step's text.
    StepViewed = "step_viewed" {
        /// The step.
        step: Text<'a>,
    }
    /// A step became active.
    StepStart = "step_start" {
        /// The step.
        step: Text<'a>,
        /// Why.
        cause: Cause = default,
    }
    /// A check ran.
    GossResult = "goss_result" {
        /// The step that was checked.
        step: Text<'a>,
        /// Whether every test passed.
        passed: bool,
        /// How many tests, and how many passed.
        checks: CheckCount = default,
        /// Who asked for it.
        trigger: Trigger = default,
        /// The tests that failed, bounded.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        failed: Vec<FailedTest<Text<'a>>> = default,
    }
    /// The student marked a step without a check as done.
    StepMarked = "step_marked" {
        /// The step.
        step: Text<'a>,
    }
    /// The student opened help.
    HelpOpened = "help_opened" {
        /// The step.
        step: Text<'a>,
        /// `hints`, `explain` or `solve`.
        mode: Text<'a>,
        /// `file` or `llm`.
        source: Text<'a>,
    }
    /// An image swap is asked for.
    SwitchRequested = "switch_requested" {
        /// The step to begin at.
        step: Text<'a>,
        /// Switch or reset.
        kind: SwitchKind,
        /// The request's id.
        request: Text<'a>,
    }
    /// The supervisor could not swap.
    SwitchFailed = "switch_failed" {
        /// The step that was asked for.
        step: Text<'a>,
        /// The request's id.
        request: Text<'a>,
        /// Why, in words for the student.
        reason: Text<'a> = default,
    }
    /// A shell started.
    SessionOpened = "session_opened" {
        /// The session's id.
        session: Text<'a>,
        /// The name of its tab.
        name: Text<'a> = default,
        /// The recording's file name.
        #[serde(skip_serializing_if = "Option::is_none")]
        cast: Option<Text<'a>> = default,
    }
    /// A shell ended.
    SessionClosed = "session_closed" {
        /// The session's id.
        session: Text<'a>,
        /// The shell's exit code; absent when the backend ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<i32> = default,
    }
    /// A recording ended before its session.
    RecordingStopped = "recording_stopped" {
        /// The session's id.
        session: Text<'a>,
        /// Why.
        reason: Text<'a> = default,
    }
    /// A session's recording goes on in a new file.
    RecordingStarted = "recording_started" {
        /// The session's id.
        session: Text<'a>,
        /// The new file's name.
        cast: Text<'a>,
        /// Seconds from the session's opening.
        at: f64 = default,
    }
    /// The clock went back by 2 s or more.
    ClockStepped = "clock_stepped" {
        /// The last time written before.
        from: Timestamp,
        /// The time it shows now.
        to: Timestamp,
    }
}

/// A step as `backend_started` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "StepInfo")]
#[serde(rename_all = "camelCase")]
pub struct StepInfo<'a> {
    /// The step's id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// Its title.
    #[serde(borrow, default)]
    pub title: Text<'a>,
    /// Its group, in guided workshops.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text<'a>>,
    /// The steps that it requires, in guided workshops.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Text<'a>>,
    /// Whether a check completes it; otherwise the student marks it as done.
    #[serde(default)]
    pub has_check: bool,
}

/// The swap that a container was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SwitchDone")]
pub struct SwitchDone<'a> {
    /// The request's id.
    #[serde(borrow)]
    pub request: Text<'a>,
    /// Switch or reset.
    pub kind: SwitchKind,
    /// The step that it begins at.
    #[serde(borrow)]
    pub step: Text<'a>,
}

/// Why a step became active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The workspace began with it.
    Initial,
    /// The student went there.
    #[default]
    Navigate,
    /// A swap to it.
    Switch,
    /// A reset of it.
    Reset,
    /// A cause of a later version.
    #[serde(other)]
    Other,
}

impl Cause {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Navigate => "navigate",
            Self::Switch => "switch",
            Self::Reset => "reset",
            Self::Other => "other",
        }
    }
}

/// Who asked for a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The student. The only one that completes a step.
    #[default]
    Student,
    /// The backend's own interval.
    Periodic,
    /// A trigger of a later version.
    #[serde(other)]
    Other,
}

impl Trigger {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Periodic => "periodic",
            Self::Other => "other",
        }
    }
}

/// The two kinds of image swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SwitchKind {
    /// Go to another step.
    Switch,
    /// Begin a step again.
    Reset,
}

impl SwitchKind {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Reset => "reset",
        }
    }

    /// The kind of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Switch, Self::Reset].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How many tests a check has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckCount {
    /// All of them.
    pub total: u32,
    /// Those that passed.
    pub passed: u32,
}

/// A test that failed, in the student's words.
// A record borrows its texts from the line; wherever it is kept or sent it owns them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[schemars(rename = "FailedCheck", bound = "S: JsonSchema + Serialize + Default")]
pub struct FailedTest<S = String> {
    /// What was tested.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required))]
    pub title: S,
    /// What was found.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required))]
    #[serde(default)]
    pub found: S,
    /// What was expected.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required))]
    #[serde(default)]
    pub expected: S,
}

impl From<&FailedTest<Text<'_>>> for FailedTest {
    fn from(test: &FailedTest<Text<'_>>) -> Self {
        let [title, found, expected] =
            [&test.title, &test.found, &test.expected].map(|text| text.as_str().to_owned());
        Self { title, found, expected }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::{prelude::*, sample::Index};

    use super::*;

    const LINES: &str = include_str!("../tests/fixtures/1/state-events.jsonl");

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
        #![proptest_config(ProptestConfig::with_cases(20_000))]
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
