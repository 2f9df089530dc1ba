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
mod clocks;
#[path = "../common/compare.rs"]
mod compare;
mod equality;
mod files;
mod full;
mod harness;
mod keeping;
mod kill;
mod lines;
#[path = "../common/mount.rs"]
mod mount;
mod oracle;
mod restart;
mod server;
mod slow;
mod tls;
