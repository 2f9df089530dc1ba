//! How often a test repeats what only more repetitions can show.

use std::env;

/// The environment variable that asks for every repetition; `cargo xtask soak` sets it.
pub const SOAK: &str = "WORKSHOP_TEST_SOAK";

/// The number of repetitions: `small` normally, `full` when [`SOAK`] is set.
pub fn rounds<N>(small: N, full: N) -> N {
    if env::var_os(SOAK).is_some_and(|value| !value.is_empty()) { full } else { small }
}
