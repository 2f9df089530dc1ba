//! What the API says to the instructor.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use workshop_events::Timestamp;

use super::{StateView, TerminalView};
use crate::history::StepProgress;

/// What the instructor sees first.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct InstructorStatus {
    /// The workspace as it is now.
    pub state: StateView,
    /// Each step with tries and time.
    pub steps: Vec<StepProgress>,
    /// Browsers connected now.
    pub clients: u32,
    /// Terminals.
    pub terminals: Vec<TerminalView>,
    /// The last command, check or other event.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub last_activity: Option<Timestamp>,
}

/// The moment to look at.
#[derive(Clone, Copy, Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AtQuery {
    /// RFC 3339.
    #[param(value_type = String, format = DateTime)]
    pub ts: Timestamp,
}
