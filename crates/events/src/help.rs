//! The llm stream: one help exchange a line.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Text, Timestamp};

/// One question to the language model and its answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "HelpRecord")]
pub struct HelpRecord<'a> {
    /// The log that the line belongs to.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub log: Option<Text<'a>>,
    /// Its number in the stream, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When the answer ended.
    pub ts: Timestamp,
    /// The step that was asked about.
    #[serde(borrow)]
    pub step: Text<'a>,
    /// `hints`, `explain` or `solve`.
    #[serde(borrow)]
    pub mode: Text<'a>,
    /// What the student asked; empty when only the mode was chosen.
    #[serde(borrow, default)]
    pub question: Text<'a>,
    /// The answer, as far as it came.
    #[serde(borrow, default)]
    pub response: Text<'a>,
    /// The model that answered.
    #[serde(borrow, default)]
    pub model: Text<'a>,
    /// What the exchange used.
    #[serde(default)]
    pub tokens: Tokens,
    /// How long the answer took, in milliseconds.
    #[serde(default)]
    pub ms: u64,
    /// How it ended.
    #[serde(default)]
    pub outcome: Outcome,
}

/// Tokens of one exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tokens {
    /// Read by the model.
    #[serde(default)]
    pub input: u64,
    /// Written by the model.
    #[serde(default)]
    pub output: u64,
}

/// How a help exchange ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The whole answer came.
    #[default]
    Done,
    /// The student stopped it or left.
    Cancelled,
    /// The provider failed.
    Error,
}

impl Outcome {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Cancelled => "cancelled",
            Self::Error => "error",
        }
    }
}
