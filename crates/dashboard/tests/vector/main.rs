//! What Vector posts, again, out of order and broken, against the files that it read, in a real Postgres:
//! `WORKSHOP_TEST_POSTGRES`. Vector itself is not run: its requests are replayed.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod bounds;
mod class;
mod harness;
mod holes;
mod kill;
mod malformed;
mod paths;
mod replay;
mod requests;
mod settings;
