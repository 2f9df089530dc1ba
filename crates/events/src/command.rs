//! The commands stream: one shell command a line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Text, Timestamp};

/// `cmd` is cut at this many characters, the last of them then being `…`.
pub const MAX_CMD_CHARS: usize = 1024;

/// One shell command. The seed's lines carry `ts`, `cmd` and `exit` only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CommandRecord")]
pub struct CommandRecord<'a> {
    /// The log that the line belongs to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Text<'a>>,
    /// Its number in the stream, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When the command ended.
    pub ts: Timestamp,
    /// The command line as typed.
    #[serde(borrow)]
    pub cmd: Text<'a>,
    /// Its exit code; null when it is not known.
    pub exit: Option<i32>,
    /// The shell session that it ran in.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub session: Option<Text<'a>>,
    /// The step that was active when it began.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Text<'a>>,
    /// The working directory that it began in.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<Text<'a>>,
    /// How long it ran, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ms: Option<u64>,
    /// Seconds from the session's opening to its beginning: where a replay seeks to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<f64>,
}

impl CommandRecord<'_> {
    /// The same record, owning its strings.
    pub fn into_static(self) -> CommandRecord<'static> {
        CommandRecord {
            log: self.log.map(Text::into_static),
            seq: self.seq,
            ts: self.ts,
            cmd: self.cmd.into_static(),
            exit: self.exit,
            session: self.session.map(Text::into_static),
            step: self.step.map(Text::into_static),
            cwd: self.cwd.map(Text::into_static),
            ms: self.ms,
            at: self.at,
        }
    }
}
