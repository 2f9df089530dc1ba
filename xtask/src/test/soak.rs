//! Asking the tests for every repetition.

/// The environment variable that does; the tests read it through `workshop_testing::rounds`.
pub(super) const SOAK: &str = "WORKSHOP_TEST_SOAK";

/// How often `cargo xtask soak` repeats each test in the browser.
pub(super) const BROWSER: u32 = 20;
