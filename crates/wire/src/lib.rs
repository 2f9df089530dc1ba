//! Everything that crosses a process boundary besides the log: the ingest protocol, the terminal's messages, and the views and
//! events of backend and dashboard. Pure: types and their conversion from the fold.
//!
//! Both ends of a connection use these types, and the pages' TypeScript is generated from them.

pub mod backend;
pub mod dashboard;
pub mod history;
pub mod ingest;
mod problem;
pub mod terminal;

pub use problem::ProblemBody;
