//! Images: what a workshop is built into.

mod description;
mod parts;

use std::path::Path;

use workshop_definition::Definition;

use crate::Failure;
use crate::engine::Containers;
use crate::output::Output;

pub(crate) use description::Description;
pub(crate) use parts::Parts;

/// Reads a workshop's folder, or says everything that is wrong with it.
pub(crate) fn load(path: &Path) -> Result<Definition, Failure> {
    workshop_definition::load(path).map_err(|problems| {
        Failure::input(format_args!("{} cannot be used as it is:\n{problems}", path.display()))
    })
}

/// Builds what is missing or stale of a workshop's images.
pub(crate) async fn compile(
    _path: &Path,
    _definition: &Definition,
    _containers: &Containers,
    _inject: bool,
    _output: Output,
) -> Result<(), Failure> {
    Ok(())
}
