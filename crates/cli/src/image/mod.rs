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

use std::path::Path;

use workshop_definition::Definition;

use crate::Failure;

pub(crate) use compile::{Compiled, Options, compile};
pub(crate) use description::Description;
pub(crate) use parts::Parts;
pub(crate) use status::status;

/// Reads a workshop's folder, or says everything that is wrong with it.
pub(crate) fn load(path: &Path) -> Result<Definition, Failure> {
    workshop_definition::load(path).map_err(|problems| {
        Failure::input(format_args!("{} cannot be used as it is:\n{problems}", path.display()))
    })
}
