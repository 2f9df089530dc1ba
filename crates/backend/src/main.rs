//! Entry point of the service inside every step image. `workshop-backend sandbox-init` is the first process of a
//! sandbox; `healthcheck` and `reach` answer what a container engine and a supervisor ask inside a container.

use std::{io::IsTerminal, process::ExitCode};

use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|a| a.to_str()) {
        Some("sandbox-init") => return workshop_backend::sandbox::init::run(),
        Some("healthcheck") => return workshop_backend::probe::healthcheck(),
        Some("reach") => {
            return workshop_backend::probe::reach(
                arguments.map(|argument| argument.to_string_lossy().into()),
            );
        }
        Some("--version") => {
            return say(ExitCode::SUCCESS, concat!("workshop-backend ", env!("CARGO_PKG_VERSION")));
        }
        Some(_) => {
            return say(
                ExitCode::from(2),
                "workshop-backend serves without arguments: it is set by WORKSHOP_* variables.\n\
                 Others: healthcheck, reach HOST:PORT… [--within SECONDS], --version",
            );
        }
        None => {}
    }
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match workshop_backend::run::run() {
        Ok(code) => code,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

#[allow(clippy::print_stdout, reason = "what was asked for on the command line is answered there")]
fn say(code: ExitCode, text: &str) -> ExitCode {
    println!("{text}");
    code
}
