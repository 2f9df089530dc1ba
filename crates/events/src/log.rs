//! What a log is called: its id, its streams, its `log.json`, and a position in it.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// The id of a log volume: 16 lowercase hex digits drawn at random when a backend first takes the volume.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String", extend("pattern" = "^[0-9a-f]{16}$"))]
pub struct LogId(u64);

/// A text that is not 16 lowercase hex digits.
#[derive(Debug, thiserror::Error)]
#[error("a log id is 16 lowercase hex digits, not {0:?}")]
pub struct InvalidLogId(String);

impl LogId {
    /// The id with these bits.
    pub fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for LogId {
    type Err = InvalidLogId;
    fn from_str(text: &str) -> Result<Self, InvalidLogId> {
        let hex = text.len() == 16 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        match u64::from_str_radix(text, 16) {
            Ok(bits) if hex => Ok(Self(bits)),
            _ => Err(InvalidLogId(text.to_owned())),
        }
    }
}

impl TryFrom<String> for LogId {
    type Error = InvalidLogId;
    fn try_from(text: String) -> Result<Self, InvalidLogId> {
        text.parse()
    }
}

impl From<LogId> for String {
    fn from(id: LogId) -> String {
        id.to_string()
    }
}

/// `log.json`: written once, when a backend first takes the volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogInfo {
    /// The log's id.
    pub log: LogId,
    /// Name of the workshop that the log belongs to.
    pub workshop: String,
    /// When the volume was taken first.
    pub created: Timestamp,
}

/// The streams that are JSON lines. Casts are files of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    /// State events.
    State,
    /// Shell commands.
    Commands,
    /// Help exchanges.
    Llm,
}

impl Stream {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::State, Self::Commands, Self::Llm];

    /// The stream's name, as in a record's identity.
    pub fn name(self) -> &'static str {
        match self {
            Self::State => "state",
            Self::Commands => "commands",
            Self::Llm => "llm",
        }
    }

    /// The stream's file in the log volume.
    pub fn file_name(self) -> &'static str {
        match self {
            Self::State => "state-events.jsonl",
            Self::Commands => "command-log.jsonl",
            Self::Llm => "llm-history.jsonl",
        }
    }
}

/// A position in a log: the last `seq` seen of each stream. Written `<log>.<state>`, or for an instructor
/// `<log>.<state>.<commands>.<llm>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The log.
    pub log: LogId,
    /// Last `seq` of the state stream.
    pub state: u64,
    /// Last `seq` of commands and of llm, for those who see them.
    pub instructor: Option<(u64, u64)>,
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.log, self.state)?;
        match self.instructor {
            Some((commands, llm)) => write!(f, ".{commands}.{llm}"),
            None => Ok(()),
        }
    }
}

/// A text that is not a cursor.
#[derive(Debug, thiserror::Error)]
#[error("a cursor is <log>.<state> or <log>.<state>.<commands>.<llm>")]
pub struct InvalidCursor;

impl FromStr for Cursor {
    type Err = InvalidCursor;
    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let mut parts = text.split('.');
        let log = parts.next().and_then(|p| p.parse().ok()).ok_or(InvalidCursor)?;
        let numbers =
            parts.map(|p| p.parse::<u64>().map_err(|_| InvalidCursor)).collect::<Result<Vec<_>, _>>()?;
        match *numbers {
            [state] => Ok(Self { log, state, instructor: None }),
            [state, commands, llm] => Ok(Self { log, state, instructor: Some((commands, llm)) }),
            _ => Err(InvalidCursor),
        }
    }
}
