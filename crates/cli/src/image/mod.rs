//! Images: what a workshop is built into.
//!
//! [`compile()`] builds them, by one Containerfile and the engine's own builder; [`status()`] tells how they stand.

mod archive;
mod base;
mod builder;
mod compile;
mod containerfile;
mod credentials;
mod description;
mod inject;
mod lock;
mod parts;
mod push;
mod status;

pub(crate) use compile::{Compiled, Options, compile};
pub(crate) use description::Description;
pub(crate) use parts::Parts;
pub(crate) use status::status;
