//! The instructor API, on a real Postgres: what it says, who may ask, what is told live, what is posted and relayed.

mod access;
mod class;
mod downloads;
mod harness;
mod lists;
mod live;
mod login;
mod past;
mod relay;
mod secrets;
mod webhooks;
