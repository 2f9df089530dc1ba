//! `workshop completions` and `workshop man`: made from the command line itself, so that they never lag behind it.

use std::fs;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::Shell;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::paint;

/// Prints the completions of a shell.
pub(crate) fn print(shell: Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "workshop", &mut script);
    Ok(paint::print(&String::from_utf8_lossy(&script))?)
}

/// Writes the man pages into a folder: one for `workshop`, and one for each command.
pub(crate) fn man(folder: &Path) -> Result<(), Failure> {
    let refused = |error| Failure::input(format_args!("{}: {error}", folder.display()));
    fs::create_dir_all(folder).map_err(refused)?;
    clap_mangen::generate_to(Arguments::command(), folder).map_err(refused)?;
    let shown = folder.display();
    Ok(paint::print(&format!("The pages are in {shown}. Read one: man -l {shown}/workshop.1\n"))?)
}
