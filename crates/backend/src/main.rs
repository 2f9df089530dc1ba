//! Entry point of the service inside every step image. `workshop-backend sandbox-init` is the first process of a
//! sandbox.

use std::{io::IsTerminal, process::ExitCode};

use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    match arguments.next().as_deref().and_then(|a| a.to_str()) {
        Some("sandbox-init") => return workshop_backend::sandbox::init::run(),
        Some("--version") => {
            return say(ExitCode::SUCCESS, concat!("workshop-backend ", env!("CARGO_PKG_VERSION")));
        }
        Some(_) => {
            return say(
                ExitCode::from(2),
                "workshop-backend takes no arguments: it is set by WORKSHOP_* variables",
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
