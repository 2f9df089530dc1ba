//! The `workshop` command: builds workshops into images, and runs, swaps and replays them.
//!
//! [`arguments`] is the command line, `commands` has a file for each command. `engine` runs workspaces, `image`
//! builds them, `supervisor` swaps them.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command answers on its standard output")]

pub mod arguments;
mod commands;
mod engine;
mod failure;
mod image;
mod output;
mod paint;
mod settings;
mod supervisor;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::ArgMatches;
use tracing_subscriber::EnvFilter;

pub use failure::Failure;

use arguments::Arguments;
use output::Output;
use settings::Settings;

/// What every command is given: the settings, and how to say things.
pub(crate) struct Context {
    /// Flag, environment and file.
    pub(crate) settings: Settings,
    /// Text or JSON.
    pub(crate) output: Output,
}

/// Runs one command. Exit codes: 0 done, 1 failed, 2 bad input, 130 interrupted.
pub fn run() -> ExitCode {
    let (arguments, matches) = Arguments::read();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .without_time()
        .init();
    #[cfg(feature = "failpoints")]
    let _scenario = fail::FailScenario::setup();
    match start(&arguments, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.tell();
            failure.exit_code()
        }
    }
}

fn start(arguments: &Arguments, matches: &ArgMatches) -> Result<(), Failure> {
    let settings = Settings::read(arguments, matches)?;
    let context = Context { settings, output: Output::new(arguments.output) };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)?;
    let outcome = runtime.block_on(commands::run(&arguments.command, &context));
    // After Ctrl-C nobody waits for what still goes on in a thread.
    runtime.shutdown_background();
    outcome
}
