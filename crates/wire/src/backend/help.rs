//! What the API says when help is asked for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workshop_events::Timestamp;
use workshop_projector::HelpMode;

/// Opens help.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HelpBody {
    /// A question for the language model; may be empty.
    #[serde(default)]
    #[schema(max_length = 4000)]
    pub question: String,
}

/// Help from the author's file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HelpText {
    /// The mode.
    pub mode: HelpMode,
    /// The file's markdown.
    pub markdown: String,
}

/// Help that was opened before.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct HelpEntry {
    /// The step.
    pub step: String,
    /// The mode.
    pub mode: String,
    /// `file` or `llm`.
    pub source: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The question; empty for a file.
    pub question: String,
    /// The answer; empty for a file.
    pub response: String,
}
