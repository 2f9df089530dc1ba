//! What the tests and benchmarks of all crates share. Only dev-dependencies name this crate.
//!
//! Everything here fails by panicking: whoever calls it is a test. The features say which of our crates are needed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test's own tools fail as the test does"
)]

#[cfg(feature = "backend")]
pub mod backend;
#[cfg(feature = "cli")]
pub mod cli;
#[cfg(feature = "dashboard")]
pub mod dashboard;
pub mod measure;
mod mount;
mod process;
mod random;
mod rounds;
mod schemathesis;
#[cfg(feature = "sse")]
pub mod sse;
mod wait;

pub use mount::{Mount, run_or_skip};
pub use process::{Process, free_port, goss, on_path, program, this_test};
pub use random::Random;
pub use rounds::{ROUNDS_FILE, SOAK, rounds};
pub use schemathesis::ask_everything;
pub use wait::{PATIENCE, in_time, until, until_async};
