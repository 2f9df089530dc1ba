//! What an audit came to.

use serde::Serialize;
use workshop_events::Timestamp;

use super::findings::Finding;
use super::recordings::RecordingReport;
use super::streams::StreamReport;

/// What the audit came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Nothing is wrong.
    pub(super) clean: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) workshop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) created: Option<Timestamp>,
    pub(super) streams: Vec<StreamReport>,
    pub(super) recordings: Vec<RecordingReport>,
    /// How many findings there are; of each file only the first are listed.
    pub(super) wrong: u64,
    pub(super) findings: Vec<Finding>,
    /// How many notes there are, listed likewise.
    pub(super) noted: u64,
    pub(super) notes: Vec<Finding>,
}
