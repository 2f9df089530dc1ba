//! What is taken in, against the files that it came from, in a real Postgres: `WORKSHOP_TEST_POSTGRES`.

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
