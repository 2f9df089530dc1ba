//! The inside of a sandbox: who is there, and where the platform's programs are.

/// Where goss is inside.
pub const GOSS: &str = "/opt/workshop/bin/goss";

/// Where the backend's program is inside.
pub(crate) const BACKEND: &str = "/opt/workshop/bin/workshop-backend";
pub(crate) const HOSTNAME: &str = "workshop";
pub(crate) const STUDENT: &str = "student";
pub(crate) const STUDENT_ID: u32 = 1000;
pub(crate) const STUDENT_HOME: &str = "/home/student";
