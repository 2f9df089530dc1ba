//! Recordings from the post to the player, by real processes: a dashboard, Postgres, and a directory or an S3 server.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod delivery;
mod faults;
mod harness;
mod keeping;
mod playing;
mod readiness;
