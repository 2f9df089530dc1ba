//! The service inside every step image: serves the pages, owns the terminals, checks the work, and records.

pub mod api;
pub mod check;
mod pages;
pub mod probe;
pub mod run;
pub mod settings;
pub mod terminal;
pub mod workspace;

pub use api::openapi;
