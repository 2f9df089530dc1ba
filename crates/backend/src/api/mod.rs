//! The HTTP API: who may ask, what is asked, what is answered.

pub mod access;
mod commands;
mod events;
mod help;
mod instructor;
mod metrics;
mod open_step;
mod problem;
mod recordings;
mod router;
mod service;
mod state;
mod steps;
mod supervisor;
mod switch;
mod terminals;
mod validate;
mod views;

pub(crate) use open_step::OpenStep;
pub use router::{openapi, router};
pub use service::{Parts, Service};
pub(crate) use validate::check;
