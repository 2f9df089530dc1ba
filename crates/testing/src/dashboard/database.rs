//! A database of a test's own.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::thread;

use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use workshop_dashboard::store::{self, workspaces};
use workshop_simulator::{SimulatedStudent, WORKSHOP};

use crate::wait::until_async;

/// The address of the server that the environment names, as its superuser.
pub fn postgres() -> String {
    std::env::var("WORKSHOP_TEST_POSTGRES")
        .expect("WORKSHOP_TEST_POSTGRES names no server; `cargo xtask postgres` runs one")
}

/// A migrated database. Dropped, it is gone.
pub struct Database {
    server: String,
    /// Its name.
    pub name: String,
    /// Its address, as its owner.
    pub url: String,
    /// Connections as its owner.
    pub pool: PgPool,
}

impl Database {
    /// On the server that the environment names. Nobody kills that one, so commits do not wait for its disk.
    pub async fn new() -> Self {
        let database = Self::durable().await;
        database.run(&format!("alter database {} set synchronous_commit = off", database.name)).await;
        database
    }

    /// The same, but a commit is on the disk: for benchmarks.
    pub async fn durable() -> Self {
        let server = postgres();
        let template = template(&server).await;
        let database = Self::on(&server, &format!("template {template}")).await;
        // What is granted on a database itself is not copied.
        let grants = "update pg_database copy set datacl = template.datacl from pg_database template";
        let names = format!("copy.datname = '{}' and template.datname = '{template}'", database.name);
        database.run(&format!("{grants} where {names}")).await;
        database
    }

    /// On another server. `options` are those of `create database`. A commit is on the disk.
    pub async fn on(server: &str, options: &str) -> Self {
        let name = format!("test_{:012x}", getrandom::u64().unwrap() >> 16);
        let mut admin = PgConnection::connect(server).await.unwrap();
        execute(&mut admin, &format!("create database {name} {options}")).await;
        let url = address(server, &name);
        // A copy of the template may be of yesterday, without the partition of the last day.
        store::migrate(&url).await.unwrap();
        let pool = PgPool::connect(&url).await.unwrap();
        Self { server: server.to_owned(), name, url, pool }
    }

    /// A connection as its owner.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// A connection with a role's rights.
    pub async fn connect_as(&self, role: &str) -> PgConnection {
        let mut connection = self.connect().await;
        execute(&mut connection, &format!("set role {role}")).await;
        connection
    }

    /// Runs statements as its owner.
    pub async fn run(&self, statements: &str) {
        let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned())).execute(&self.pool).await;
        done.unwrap_or_else(|error| panic!("{error}: {statements}"));
    }

    /// The one number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        let number = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await;
        number.unwrap_or_else(|error| panic!("{error}: {query}"))
    }

    /// Waits until exactly `connections` connections of this application are waiting for a lock.
    pub async fn until_waiting(&self, application: &str, connections: i64) {
        let waiting = format!(
            "select count(*) from pg_stat_activity where application_name = '{application}' and wait_event_type = 'Lock' \
             and datname = current_database()"
        );
        let what = format!("{connections} connections of {application} wait");
        until_async(&what, async || self.number(&waiting).await == connections).await;
    }

    /// The texts that a query gives, one a row.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let texts = sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&self.pool).await;
        texts.unwrap_or_else(|error| panic!("{error}: {query}"))
    }

    /// The rows of a query in order, each as JSON.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        self.texts(&format!("select row_to_json(t)::text from ({query}) t order by 1")).await
    }

    /// Adds a workspace; returns its token.
    pub async fn add(&self, workspace: &str) -> String {
        self.add_named(workspace, &format!("The student {workspace}"), "").await
    }

    /// Adds a workspace with a student's name and a workshop's; returns its token.
    pub async fn add_named(&self, workspace: &str, student: &str, workshop: &str) -> String {
        self.add_all([(workspace, student, workshop)]).await.remove(0)
    }

    /// Adds the workspaces of a simulated class; returns their tokens.
    pub async fn add_students(&self, students: &[SimulatedStudent]) -> Vec<String> {
        self.add_all(students.iter().map(|one| (one.workspace.as_str(), one.name.as_str(), WORKSHOP))).await
    }

    async fn add_all<'a>(&self, all: impl IntoIterator<Item = (&'a str, &'a str, &'a str)>) -> Vec<String> {
        let new = all.into_iter().map(|(workspace, student, workshop)| workspaces::NewWorkspace {
            workspace: workspace.to_owned(),
            student: student.to_owned(),
            workshop: workshop.to_owned(),
            url: None,
        });
        let added = workspaces::add(&mut self.connect().await, new.collect()).await.unwrap();
        added.into_iter().map(|added| added.token).collect()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                // The server of a test may be gone.
                let Ok(mut admin) = PgConnection::connect(&server).await else { return };
                let statement = format!("drop database if exists {name} with (force)");
                let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await;
            });
        });
        let _ = dropping.join();
    }
}

/// A database that is at this version and that nobody uses, to make others from: copying it takes less time than
/// migrating each. The first test that needs it makes it, for the programs of all tests.
async fn template(server: &str) -> String {
    let name = format!("template_{:016x}", migrations());
    let mut admin = PgConnection::connect(server).await.unwrap();
    if exists(&mut admin, &name).await {
        return name;
    }
    execute(&mut admin, "select pg_advisory_lock(54999)").await;
    if !exists(&mut admin, &name).await {
        let unfinished = format!("{name}_unfinished");
        execute(&mut admin, &format!("drop database if exists {unfinished} with (force)")).await;
        execute(&mut admin, &format!("create database {unfinished}")).await;
        store::migrate(&address(server, &unfinished)).await.unwrap();
        execute(&mut admin, &format!("alter database {unfinished} rename to {name}")).await;
    }
    // Closing the connection would do, but not at once.
    execute(&mut admin, "select pg_advisory_unlock(54999)").await;
    name
}

async fn exists(admin: &mut PgConnection, database: &str) -> bool {
    let query = "select exists (select from pg_database where datname = $1)";
    sqlx::query_scalar(query).bind(database).fetch_one(admin).await.unwrap()
}

/// A number that differs when the migrations do.
fn migrations() -> u64 {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut hasher = DefaultHasher::new();
    for file in files {
        std::fs::read(file).unwrap().hash(&mut hasher);
    }
    hasher.finish()
}

/// The address of another database of a server.
fn address(server: &str, database: &str) -> String {
    let (before, _) = server.rsplit_once('/').expect("an address that ends in a database");
    format!("{before}/{database}")
}

async fn execute(connection: &mut PgConnection, statement: &str) {
    let done = sqlx::query(AssertSqlSafe(statement.to_owned())).execute(connection).await;
    done.unwrap_or_else(|error| panic!("{error}: {statement}"));
}
