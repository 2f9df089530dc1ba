//! Entry point of the dashboard.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::Parser;
use sqlx::{Connection, PgConnection};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use workshop_dashboard::arguments::{Arguments, Command, Database, WorkspaceCommand};
use workshop_dashboard::healthcheck::healthcheck;
use workshop_dashboard::store::workspaces::{self, Added, NewWorkspace};
use workshop_dashboard::{Dashboard, rebuild, retention, serve, store};

/// Asked for everything, this library prints each frame of a terminal's socket: first a token, then what students type.
const TALKATIVE: &str = "tungstenite=debug";

#[tokio::main]
async fn main() -> ExitCode {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let filter = match TALKATIVE.parse() {
        Ok(less) => filter.add_directive(less),
        Err(_) => filter,
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
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
        Command::Migrate(Database { database }) => Ok(store::migrate(&database).await?),
        Command::Healthcheck { listen } => healthcheck(listen).context("the dashboard does not answer"),
        Command::Serve(settings) => {
            workshop_edge::raise_open_files();
            store::migrate(&settings.database).await?;
            let dashboard = Dashboard::open(*settings).await?;
            let mut terminate = signal(SignalKind::terminate())?;
            let mut interrupt = signal(SignalKind::interrupt())?;
            let end = async move {
                tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            };
            Ok(serve(dashboard, end).await?)
        }
        Command::Workspace { command } => workspace(command).await,
        Command::Rebuild { log, database } => {
            let logs = rebuild::rebuild(&mut connect(&database).await?, log).await?;
            tracing::info!(logs, "the projections were made again");
            Ok(())
        }
        Command::Retention { days, database } => {
            let logs = retention::upkeep(&mut connect(&database).await?, Some(days)).await?;
            tracing::info!(logs, "logs were dropped");
            Ok(())
        }
    }
}

/// Connects as the owner, once the database is at this version.
async fn connect(database: &Database) -> anyhow::Result<PgConnection> {
    store::migrate(&database.database).await?;
    PgConnection::connect(&database.database).await.context("the database does not answer")
}

async fn workspace(command: WorkspaceCommand) -> anyhow::Result<()> {
    match command {
        WorkspaceCommand::Add { name, student, workshop, url, database } => {
            let new = NewWorkspace { workspace: name, student, workshop, url };
            for Added { token, .. } in workspaces::add(&mut connect(&database).await?, vec![new]).await? {
                writeln!(io::stdout(), "{token}")?;
            }
        }
        WorkspaceCommand::Import { file, database } => {
            let input: Box<dyn Read> = match file.to_str() {
                Some("-") => Box::new(io::stdin()),
                _ => Box::new(File::open(&file).with_context(|| format!("cannot read {}", file.display()))?),
            };
            let added = workspaces::import(&mut connect(&database).await?, input).await?;
            let mut out = csv::Writer::from_writer(io::stdout());
            out.write_record(["workspace", "student", "workshop", "url", "token"])?;
            for Added { workspace: w, token } in &added {
                let url = w.url.as_deref().unwrap_or_default();
                out.write_record([&w.workspace, &w.student, &w.workshop, url, token])?;
            }
            out.flush()?;
        }
        WorkspaceCommand::Revoke { name, database } => {
            workspaces::revoke(&mut connect(&database).await?, &name).await?;
        }
        WorkspaceCommand::Renew { name, database } => {
            let token = workspaces::renew(&mut connect(&database).await?, &name).await?;
            writeln!(io::stdout(), "{token}")?;
        }
        WorkspaceCommand::List(database) => {
            let mut out = csv::Writer::from_writer(io::stdout());
            out.write_record(["workspace", "student", "workshop", "url", "revoked"])?;
            for listed in workspaces::list(&mut connect(&database).await?).await? {
                let (w, revoked) = (&listed.workspace, listed.revoked.map(|at| at.0.to_string()));
                let url = w.url.as_deref().unwrap_or_default();
                out.write_record([
                    &w.workspace,
                    &w.student,
                    &w.workshop,
                    url,
                    revoked.as_deref().unwrap_or_default(),
                ])?;
            }
            out.flush()?;
        }
    }
    Ok(())
}
