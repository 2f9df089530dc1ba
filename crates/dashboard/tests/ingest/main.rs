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
mod equality;
mod files;
mod full;
mod keeping;
mod kill;
mod lines;
mod restart;
mod slow;
mod tls;
