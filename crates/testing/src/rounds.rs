//! How often a test repeats what only more repetitions can show.

use std::env;
use std::fmt::Display;
use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::thread;

/// The environment variable that asks for every repetition; `cargo xtask soak` sets it.
pub const SOAK: &str = "WORKSHOP_TEST_SOAK";

/// The environment variable that names a file to which each call of [`rounds`] appends a line: the number, the call's place
/// and the test, with tabs between. `cargo xtask soak` sums it up.
pub const ROUNDS_FILE: &str = "WORKSHOP_TEST_ROUNDS_FILE";

/// The number of repetitions: `small` normally, `full` when [`SOAK`] is set.
///
/// Call it in the test's own thread, whose name is the test's.
#[track_caller]
pub fn rounds<N: Display>(small: N, full: N) -> N {
    let rounds = if env::var_os(SOAK).is_some_and(|value| !value.is_empty()) { full } else { small };
    if let Some(path) = env::var_os(ROUNDS_FILE) {
        let (place, thread) = (Location::caller(), thread::current());
        let test = thread.name().unwrap_or_default();
        // One write, as other tests append at the same time.
        let line = format!("{rounds}\t{}:{}\t{test}\n", place.file(), place.line());
        let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
    rounds
}
