//! RFC 9457 problem details: the body of every error that a service of ours answers.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// An error, as `application/problem+json`. Services of ours name every member; one of a proxy may lack any.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProblemBody {
    /// A short name of the kind of problem, such as `step-locked`.
    #[serde(default, rename = "type")]
    #[schema(required)]
    pub kind: String,
    /// What it is, in a few words.
    #[serde(default)]
    #[schema(required)]
    pub title: String,
    /// The HTTP status.
    #[serde(default)]
    #[schema(required)]
    pub status: u16,
    /// What happened, what is safe, what to do.
    #[serde(default)]
    #[schema(required)]
    pub detail: String,
    /// The command to run on the host, where a switch has no supervisor.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Of an ingest request: the offset at which the next post has to begin, in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}
