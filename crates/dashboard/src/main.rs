//! Entry point of the dashboard.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use workshop_dashboard::settings::Settings;
use workshop_dashboard::{Dashboard, serve, store};

#[derive(Parser)]
#[command(name = "workshop-dashboard", version, about)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database to this version, and serve.
    Serve(Box<Settings>),
    /// Bring the database to this version.
    Migrate {
        /// The database, as its owner.
        #[arg(long, env = "WORKSHOP_DATABASE_URL", value_name = "URL", hide_env_values = true)]
        database: String,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    match run(Arguments::parse().command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Migrate { database } => Ok(store::migrate(&database).await?),
        Command::Serve(settings) => {
            store::migrate(&settings.database).await?;
            let dashboard = Dashboard::open(*settings).await?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let end = async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            };
            Ok(serve(dashboard, end).await?)
        }
    }
}
