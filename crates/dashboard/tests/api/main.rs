//! The instructor API, on a real Postgres: what it says, who may ask, what is told live, what is posted and relayed.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod access;
mod class;
mod downloads;
mod harness;
mod lists;
mod live;
mod login;
mod openapi;
mod past;
mod relay;
mod secrets;
mod secrets_of_processes;
mod webhooks;
mod whole;
