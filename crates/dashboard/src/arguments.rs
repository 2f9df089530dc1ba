//! What `workshop-dashboard` can be told.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use workshop_events::LogId;

use crate::settings::Settings;

/// Takes in the logs of many workspaces, and shows them to instructors and analysts.
#[derive(Debug, Parser)]
#[command(name = "workshop-dashboard", version, about)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Bring the database to this version, and serve.
    Serve(Box<Settings>),
    /// Bring the database to this version.
    Migrate(Database),
    /// Ask the dashboard of this machine whether it serves; a container engine does.
    Healthcheck {
        /// Where it serves.
        #[arg(long, env = "WORKSHOP_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8090")]
        listen: SocketAddr,
    },
    /// Add, import, revoke and list workspaces.
    Workspace {
        /// What to do with them.
        #[command(subcommand)]
        command: WorkspaceCommand,
    },
    /// Make the projections again from the facts.
    Rebuild {
        /// Only of this log.
        #[arg(long)]
        log: Option<LogId>,
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened")]
        database: Database,
    },
    /// Drop logs that nobody wrote for long.
    Retention {
        /// After how many days without a new line.
        #[arg(long, env = "WORKSHOP_RETENTION")]
        days: u32,
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened")]
        database: Database,
    },
}

/// The database.
#[derive(Args, Clone, Debug)]
pub struct Database {
    /// The database, as its owner.
    #[arg(long, env = "WORKSHOP_DATABASE_URL", value_name = "URL", hide_env_values = true)]
    pub database: String,
}

/// What can be done with workspaces.
#[derive(Debug, Subcommand)]
pub enum WorkspaceCommand {
    /// Add a workspace, and print the token for its shipper. It is printed this once.
    Add {
        /// Its name: lowercase letters, digits and hyphens.
        name: String,
        /// The student's name.
        #[arg(long)]
        student: String,
        /// The workshop, until its log says it.
        #[arg(long, default_value = "")]
        workshop: String,
        /// Where the dashboard reaches the workspace, to show its terminal.
        #[arg(long)]
        url: Option<String>,
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened")]
        database: Database,
    },
    /// Add the workspaces of a CSV file, all or none, and print them with their tokens.
    Import {
        /// Columns: workspace, student and, if wanted, workshop and url. `-` is the standard input.
        file: PathBuf,
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened")]
        database: Database,
    },
    /// Refuse a workspace's token from now on. What it shipped stays.
    Revoke {
        /// Its name.
        name: String,
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened")]
        database: Database,
    },
    /// Give a workspace a new token and print it; the one before is refused from now on.
    Renew {
        /// Its name.
        name: String,
        #[command(flatten)]
        #[expect(missing_docs, reason = "flattened")]
        database: Database,
    },
    /// List the workspaces as CSV.
    List(Database),
}
