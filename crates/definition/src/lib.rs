//! `workshop.yaml`: parse, validate, compile to the in-image artifact; and the artifact's types.
//!
//! [`load()`] reads a workshop's directory into a [`Definition`] or lists all [`Problems`] of it,
//! [`compile_artifact`] writes the artifact, [`artifact::Artifact::load`] reads it back inside the image.
//! Nothing here runs anything, talks to a network or looks at a clock.

pub mod artifact;
mod compile;
mod definition;
mod files;
mod load;
mod names;
mod problem;
mod resolve;
mod rules;
mod schema;
mod source;
mod steps;
mod yaml;

pub use compile::{CompileError, compile_artifact};
pub use definition::{Asset, Base, Definition, LlmHelp, Step, StepFile};
pub use load::{load, parse_bytes};
pub use problem::{Problem, Problems};
pub use schema::schema;
