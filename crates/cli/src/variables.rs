//! The variables that a workspace's backend is given.

/// The variable with the student's token.
pub(crate) const ACCESS_TOKEN: &str = "WORKSHOP_ACCESS_TOKEN";
/// The variable with the instructor's token.
pub(crate) const INSTRUCTOR_TOKEN: &str = "WORKSHOP_INSTRUCTOR_TOKEN";
/// The variable with the supervisor's token.
pub(crate) const SUPERVISOR_TOKEN: &str = "WORKSHOP_SUPERVISOR_TOKEN";
/// The variable that tells a backend which request its container was made for.
pub(crate) const SWITCH: &str = "WORKSHOP_SWITCH";
