//! The `workshop` command: reads its arguments, runs what they say, and turns a failure into an exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    workshop_cli::run()
}
