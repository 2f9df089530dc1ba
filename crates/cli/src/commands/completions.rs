//! `workshop completions` and `workshop man`.

use std::path::Path;

use clap_complete::Shell;

use crate::Failure;

/// Prints the completions of a shell.
pub(crate) fn print(_shell: Shell) -> Result<(), Failure> {
    Ok(())
}

/// Writes the man pages into a folder.
pub(crate) fn man(_folder: &Path) -> Result<(), Failure> {
    Ok(())
}
