//! What is taken in, against the files that it came from, in a real Postgres: `WORKSHOP_TEST_POSTGRES`.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod access;
mod admin;
mod equality;
mod files;
mod harness;
mod keeping;
mod kill;
mod lines;
mod oracle;
mod server;
