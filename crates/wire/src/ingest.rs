//! The ingest protocol: how a shipper posts the files of a log to the dashboard, exactly once.
//!
//! `POST /ingest/{workspace}/{log}/{stream}` carries whole lines of a file as they stand in it, with [`OFFSET`]; the answer is
//! [`Stored`]. `GET /ingest/{workspace}/{log}` answers [`LogPosition`], where a shipper continues after a restart.
//! `POST /ingest/{workspace}/{log}/diverged` carries [`Diverged`]. A stream is `state`, `commands`, `llm` or `cast/<name>`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Header: byte offset of the body's first byte in its file.
pub const OFFSET: &str = "workshop-offset";
/// Header instead of a body: length in bytes of a line that is too long to be posted, its newline included.
pub const TOO_LONG: &str = "workshop-too-long";
/// Last segment of the path at which a shipper reports that a file is not what the dashboard stored.
pub const DIVERGED: &str = "diverged";

/// Kinds of problem ([`ProblemBody::kind`](crate::ProblemBody)) that tell a shipper what to do.
pub mod kind {
    /// 409: the post does not begin where the stored bytes end; `next` says where they do.
    pub const OFFSET_GAP: &str = "offset-gap";
    /// 409: the log's records come by Vector.
    pub const OTHER_PATH: &str = "other-path";
    /// 409: the log diverged, and nothing more of it is stored.
    pub const DIVERGED: &str = "diverged";
    /// 410: retention dropped the log.
    pub const EXPIRED: &str = "expired";
}

/// Whether lines of a log are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogState {
    /// They are.
    #[default]
    Open,
    /// A file was no longer what the dashboard had stored of it; nothing more is stored.
    Diverged,
    /// Retention dropped its records.
    Expired,
}

impl LogState {
    /// The word on the wire and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Diverged => "diverged",
            Self::Expired => "expired",
        }
    }

    /// Of a word in the database, which holds no others.
    pub fn of(word: &str) -> Self {
        match word {
            "diverged" => Self::Diverged,
            "expired" => Self::Expired,
            _ => Self::Open,
        }
    }
}

/// How much of a log the dashboard has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub struct LogPosition {
    /// Whether more of it is stored. A log that the dashboard does not know is open.
    pub state: LogState,
    /// Why it diverged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Each stream of which something is stored, by name.
    pub streams: BTreeMap<String, StreamPosition>,
}

/// How much of a stream the dashboard has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StreamPosition {
    /// Byte offset at which the next post begins.
    pub next: u64,
    /// The highest `seq`; null for recordings.
    #[serde(default)]
    pub seq: Option<u64>,
    /// The line that ends at `next`; null when it was never posted.
    #[serde(default)]
    pub last: Option<LastLine>,
}

/// The last stored line of a stream, by which its file is recognised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LastLine {
    /// Its length in bytes, newline included.
    pub len: u64,
    /// SHA-256 of those bytes, in hex.
    pub sha256: String,
}

/// The answer to a post, once its lines are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Stored {
    /// Byte offset at which the next post begins.
    pub next: u64,
    /// The stream's highest `seq`; null for recordings.
    #[serde(default)]
    pub seq: Option<u64>,
}

/// A shipper reports that a file is not what the dashboard stored of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diverged {
    /// The stream.
    pub stream: String,
    /// The offset up to which the stream was stored when the shipper compared, in bytes.
    pub next: u64,
    /// What differs, in words.
    pub reason: String,
}

/// The answer to [`Diverged`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DivergedNoted {
    /// The log's state from now on.
    pub state: LogState,
}

/// The answer to a post of Vector's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VectorStored {
    /// Lines that it had.
    pub lines: u64,
    /// Those that are new.
    pub stored: u64,
    /// Those that are no records, whether or not they came before.
    pub malformed: u64,
}
