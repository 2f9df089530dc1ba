//! The `workshop` command: reads its arguments, runs what they say, and turns a failure into an exit code.

use std::process::ExitCode;

use clap::Parser;
use workshop_cli::arguments::Arguments;

fn main() -> ExitCode {
    workshop_cli::run(&Arguments::parse())
}
