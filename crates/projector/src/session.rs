//! A shell session and its recordings.

use serde::{Deserialize, Serialize};
use workshop_events::Timestamp;

/// A shell session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Name of its tab.
    pub name: String,
    /// When it was opened: second 0 of its casts.
    pub opened: Timestamp,
    /// When it ended, or the backend that held it.
    pub closed: Option<Timestamp>,
    /// Its recordings in order.
    pub casts: Vec<Cast>,
}

/// A recording of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    /// File name.
    pub name: String,
    /// The second of the session at which it begins.
    pub at: f64,
}
