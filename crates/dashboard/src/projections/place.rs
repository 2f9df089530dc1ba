//! Where rows go.

use crate::store::types::Date;

/// Where a log's rows lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The workspace that wrote it.
    pub workspace: String,
    /// The log.
    pub log: String,
    /// Day of its first ingest.
    pub opened: Date,
}
