//! Entry point of the service inside every step image.

use std::{env, ffi::OsStr, io::IsTerminal, process::ExitCode, time::Duration};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, error::ErrorKind};
use tracing_subscriber::EnvFilter;
use workshop_backend::{probe, run, settings::Settings};

/// The service inside a workspace. Without a command it serves.
#[derive(Parser)]
#[command(name = "workshop-backend", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Ask the backend of this container whether it serves; a container engine does.
    Healthcheck,
    /// Wait until each of these takes a TCP connection; a supervisor asks for other containers.
    Reach {
        /// Where to connect.
        #[arg(required = true, value_name = "HOST:PORT", value_parser = probe::Target::read)]
        targets: Vec<probe::Target>,
        /// Give up after this time, in seconds.
        #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = probe::seconds)]
        within: Duration,
    },
    /// Be the first process of a sandbox; the backend starts it there.
    #[command(hide = true)]
    SandboxInit,
}

fn main() -> ExitCode {
    let Arguments { command, settings } = arguments();
    match command {
        Some(Command::SandboxInit) => return workshop_sandbox::init::run(),
        Some(Command::Healthcheck) => return probe::healthcheck(settings.listen),
        Some(Command::Reach { targets, within }) => return probe::reach(&targets, within),
        None => {}
    }
    let settings = settings.checked().unwrap_or_else(|problem| {
        Arguments::command().error(ErrorKind::ValueValidation, problem).exit();
    });
    let filter = EnvFilter::try_new(&settings.log).unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match run::run(&settings) {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads the command line and the environment, in which an empty variable counts as not set.
fn arguments() -> Arguments {
    let empty = |name: &OsStr| env::var_os(name).is_some_and(|value| value.is_empty());
    let command = Arguments::command()
        .mut_args(|arg| if arg.get_env().is_some_and(empty) { arg.env(None::<&str>) } else { arg });
    Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}
