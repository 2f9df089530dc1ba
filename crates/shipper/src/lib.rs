//! The sidecar: reads a log volume and posts what is in it to the dashboard, exactly once and without a state of its own.
//!
//! What was stored is known to the dashboard alone: on start, and whenever something is not as expected, it is asked.
//! Lines travel byte for byte as they stand in their files, named by the offset of the first byte; an answer lost on the
//! way is made up for by posting again. A post waits for its bytes to be on disk, so that no power loss takes back what
//! the dashboard has.

mod end;
mod error;
mod ingest_client;
mod lane;
mod mark;
mod metrics;
mod pause;
mod settings;
mod shared;
mod ship;
mod source;
mod token;
mod volume;

pub use end::{End, Phase, ending};
pub use error::ShipError;
pub use metrics::{Metrics, serve};
pub use settings::{IngestUrl, Only, Settings};
pub use ship::ship;
pub use token::Token;
