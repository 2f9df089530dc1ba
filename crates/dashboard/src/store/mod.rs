//! The database: its version, and connections with no more rights than their use needs.

pub mod copy;
pub mod partitions;
pub mod types;
pub mod workspaces;

use std::str::FromStr;

use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{Connection, PgConnection, PgPool};

/// `migrations/`, as they were when this was built.
static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations");

/// How many connections ingest may have. More would wait for each other's disk.
const INGEST: u32 = 8;
/// How many connections the views may have.
const VIEWS: u32 = 8;
/// Who finds no connection for so long is told to come back.
const BUSY: Duration = Duration::from_secs(5);
/// A statement of ingest that takes longer, or waits longer for a lock, is given up; what it was for comes again.
const SLOW: &str = "30s";

/// Connections to the database.
#[derive(Clone, Debug)]
pub struct Store {
    ingest: PgPool,
    views: PgPool,
}

/// Why the database cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The address is none.
    #[error("the database's address cannot be read: {0}. It is postgres://user:password@host/name")]
    Address(sqlx::Error),
    /// It does not answer, or refuses.
    #[error("the database cannot be used: {0}")]
    Database(#[from] sqlx::Error),
    /// It cannot be brought to this version.
    #[error("the database cannot be migrated: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
}

impl Store {
    /// Connects as the roles that the migrations made.
    ///
    /// # Errors
    /// It cannot be reached.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        let options = address(url)?;
        let pool = async |role: &str, connections, slow| {
            let options =
                options.clone().options([("role", role), ("statement_timeout", slow)]).application_name(role);
            PgPoolOptions::new()
                .max_connections(connections)
                .acquire_timeout(BUSY)
                .connect_with(options)
                .await
        };
        Ok(Self {
            ingest: pool("workshop_ingest", INGEST, SLOW).await?,
            views: pool("workshop_dashboard", VIEWS, "0").await?,
        })
    }

    /// Connections that may write what is shipped.
    pub fn ingest(&self) -> &PgPool {
        &self.ingest
    }

    /// Connections that may only read.
    pub fn views(&self) -> &PgPool {
        &self.views
    }
}

/// How it is reached.
fn address(url: &str) -> Result<PgConnectOptions, StoreError> {
    // For `sslmode=verify-ca` the driver asks for the program's one provider of cryptography. There are two among the
    // libraries, so it has to be said which; a second time changes nothing.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    PgConnectOptions::from_str(url).map_err(StoreError::Address)
}

/// Brings the database to this version, as its owner, with partitions for the days to come.
///
/// # Errors
/// It cannot be reached, or is at a later version.
pub async fn migrate(url: &str) -> Result<(), StoreError> {
    let options = address(url)?;
    let mut connection = PgConnection::connect_with(&options).await?;
    run_migrations(&mut connection).await?;
    partitions::make(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Roles are the whole server's: databases of one server that are migrated at once get into each other's way there. The
/// migration is undone then, and done again.
async fn run_migrations(connection: &mut PgConnection) -> Result<(), StoreError> {
    let mut attempts = 20;
    loop {
        match MIGRATIONS.run(&mut *connection).await {
            Err(error) if attempts > 0 && is_race(&error) => {
                tracing::debug!(%error, "migrating again");
                attempts -= 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            outcome => return Ok(outcome?),
        }
    }
}

fn is_race(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let Some(error) = error.as_database_error() else { return false };
    let duplicate = matches!(error.code().as_deref(), Some("42710" | "23505"));
    duplicate || error.message().contains("concurrently")
}
