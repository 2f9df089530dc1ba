//! How a step stands for a student: one rule for all who ask.

/// The SQL of it, for a row `step` of `step_status`; `active` is the active step.
pub(super) fn sql(active: &str) -> String {
    format!(
        "case when step.completed is not null then 'completed' when step.last_passed is false then 'failed'
              when {active} = step.step then 'active' when step.given then 'given' when step.started then 'started'
              else 'none' end"
    )
}
