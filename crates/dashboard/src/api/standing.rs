//! How a step stands for a student: one rule for all who ask.

use super::types::CellState;

/// The SQL of it, for a row `step` of `step_status`; `active` is the active step.
pub(super) fn sql(active: &str) -> String {
    format!(
        "case when step.completed is not null then 'completed' when step.last_passed is false then 'failed'
              when {active} = step.step then 'active' when step.given then 'given' when step.started then 'started'
              else 'none' end"
    )
}

impl CellState {
    const ALL: [Self; 6] =
        [Self::Completed, Self::Failed, Self::Active, Self::Given, Self::Started, Self::None];

    /// As in JSON, and as the SQL has it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Active => "active",
            Self::Given => "given",
            Self::Started => "started",
            Self::None => "none",
        }
    }

    /// The one of that name.
    pub(super) fn named(name: &str) -> Self {
        Self::ALL.into_iter().find(|state| state.name() == name).unwrap_or(Self::None)
    }
}
