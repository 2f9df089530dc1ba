//! The `workshop` command: builds workshops into images, and runs, swaps and replays them.
//!
//! [`arguments`] is the command line, `commands` has a file for each command. `engine` runs workspaces, `image`
//! builds them, `supervisor` swaps them.

pub mod arguments;
mod commands;
mod context;
mod engine;
mod failure;
mod image;
mod output;
mod paint;
mod settings;
mod supervisor;
mod variables;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::ArgMatches;
use tracing_subscriber::EnvFilter;

use arguments::Arguments;
use context::Context;
use failure::Failure;
use output::Output;
use settings::Settings;

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
    #[cfg(debug_assertions)]
    let _scenario = fail::FailScenario::setup();
    match start(&arguments, &matches) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            failure.print();
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
