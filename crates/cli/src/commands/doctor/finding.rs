//! One thing that was looked at, and how it stands.

use serde::Serialize;

/// How something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Level {
    /// There, and as it should be.
    Ok,
    /// There or not; nothing needs it now.
    Note,
    /// Not there, or of no use.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    /// The thing.
    pub(super) what: String,
    pub(super) standing: Level,
    /// What was found.
    pub(super) found: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) advice: Option<String>,
}

impl Finding {
    pub(super) fn ok(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), standing: Level::Ok, found: found.into(), advice: None }
    }

    pub(super) fn note(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { standing: Level::Note, ..Self::ok(what, found) }
    }

    pub(super) fn missing(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { standing: Level::Missing, ..Self::ok(what, found) }
    }

    pub(super) fn advise(self, advice: impl Into<String>) -> Self {
        Self { advice: Some(advice.into()), ..self }
    }
}
