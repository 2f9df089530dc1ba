//! A database of a test's own, dashboards on it, and rows by hand.

use std::net::SocketAddr;
use std::sync::Arc;

use clap::Parser;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use tokio::task::JoinHandle;
use workshop_dashboard::settings::Settings;
use workshop_dashboard::{Dashboard, store};

pub(crate) const TOKEN: &str = "the-instructors-token";
pub(crate) const LOG: &str = "00000000000000aa";
/// 2026-11-20T09:00:00Z.
pub(crate) const MORNING: i64 = 1_795_165_200_000;

fn server() -> String {
    std::env::var("WORKSHOP_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://workshop@127.0.0.1:54999/postgres".to_owned())
}

/// A migrated database. Dropped, it is gone.
pub(crate) struct Database {
    name: String,
    pub(crate) url: String,
    pub(crate) pool: PgPool,
}

impl Database {
    pub(crate) async fn new() -> Self {
        let mut random = [0; 6];
        getrandom::fill(&mut random).unwrap();
        let name = format!("a_api_{}", random.iter().map(|b| format!("{b:02x}")).collect::<String>());
        let mut server_connection = PgConnection::connect(&server()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}")))
            .execute(&mut server_connection)
            .await
            .unwrap();
        let url = server().replace("/postgres", &format!("/{name}"));
        // Roles are the whole server's: two migrations at once would both make them.
        sqlx::query("select pg_advisory_lock(54999)").execute(&mut server_connection).await.unwrap();
        store::migrate(&url).await.unwrap();
        sqlx::query("select pg_advisory_unlock(54999)").execute(&mut server_connection).await.unwrap();
        let pool = PgPool::connect(&url).await.unwrap();
        Self { name, url, pool }
    }

    pub(crate) async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
            .execute(&self.pool)
            .await
            .unwrap_or_else(|e| panic!("{sql}: {e}"));
    }

    /// A workspace as an administrator adds it.
    pub(crate) async fn workspace(&self, name: &str, student: &str) {
        sqlx::query("insert into workspaces (workspace, workshop, student, token_hash) values ($1, 'git-basics', $2, sha256($1::bytea))")
            .bind(name)
            .bind(student)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A log of it, and what its newest log says: three steps, the first completed, the second active.
    pub(crate) async fn working(&self, name: &str, student: &str, log: &str) {
        self.workspace(name, student).await;
        self.run(&format!(
            "insert into logs (log, workspace, opened, via) values ('{log}', '{name}', '2026-11-20', 'shipper');
             insert into workspace_status values ('{name}', '{log}', 'git-basics', 'linear', 'stage', 'Stage a change', 2, 3,
                 '{{init}}', '{{}}', now() - interval '5 minutes', 1, 2, null, 1, now() - interval '1 hour', null, null, null, null,
                 now() - interval '1 hour', now() - interval '30 seconds');
             insert into step_status values
                 ('{log}', 'init', '{name}', 1, 'Begin', null, true, false, true, now() - interval '5 minutes', 1, true, true,
                  0, 60000, null, 'completed'),
                 ('{log}', 'stage', '{name}', 2, 'Stage a change', null, true, false, true, null, 1, null, null, 2, 1000,
                  now() - interval '5 minutes', 'active'),
                 ('{log}', 'commit', '{name}', 3, 'Commit', null, true, false, false, null, 0, null, null, 0, 0, null, 'none');"
        ))
        .await;
    }

    /// Changes a workspace as ingest does: together with its version. Nothing is notified.
    pub(crate) async fn change(&self, name: &str, set: &str) {
        self.run(&format!(
            "begin; update workspace_status set {set} where workspace = '{name}';
             update workspaces set version = version + 1 where workspace = '{name}'; commit;"
        ))
        .await;
    }

    pub(crate) async fn command(&self, name: &str, log: &str, seq: i64, cmd: &str) {
        sqlx::query(
            "insert into command_log (opened, log, seq, workspace, ts, step, session, cmd, exit, cwd, ms, at)
             values ('2026-11-20', $1, $2, $3, to_timestamp($4::double precision / 1000), 'stage', 's1', $5, 0, '/workspace', 12, 1.5)",
        )
        .bind(log)
        .bind(seq)
        .bind(name)
        .bind(MORNING + seq * 1000)
        .bind(cmd)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// A line of a log, without its projections.
    pub(crate) async fn line(&self, log: &str, stream: &str, seq: i64, ts: i64, kind: &str, line: &str) {
        sqlx::query(
            "insert into events (opened, log, stream, seq, ts, kind, line)
             values ('2026-11-20', $1, $2, $3, to_timestamp($4::double precision / 1000), $5, $6)",
        )
        .bind(log)
        .bind(stream)
        .bind(seq)
        .bind(ts)
        .bind(kind)
        .bind(line)
        .execute(&self.pool)
        .await
        .unwrap();
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let sql = format!("drop database if exists {} with (force)", self.name);
        let drop = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server()).await.unwrap();
                sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
            });
        };
        // A test that failed is told of that, not of this.
        let _ = std::thread::spawn(drop).join();
    }
}

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

/// Settings as the command line makes them.
pub(crate) fn settings(url: &str, more: &[&str]) -> Settings {
    let casts = concat!(env!("CARGO_TARGET_TMPDIR"), "/api-casts");
    let arguments = ["workshop-dashboard", "--database", url, "--listen", "127.0.0.1:0", "--casts", casts];
    Arguments::try_parse_from(arguments.iter().chain(more)).unwrap().settings
}

/// A dashboard that serves. Dropped, it is gone.
pub(crate) struct Running {
    pub(crate) dashboard: Arc<Dashboard>,
    pub(crate) address: SocketAddr,
    pub(crate) http: Client,
    server: JoinHandle<()>,
}

impl Running {
    /// With the instructors' token.
    pub(crate) async fn start(database: &Database) -> Self {
        Self::with(database, &["--instructor-token", TOKEN]).await
    }

    pub(crate) async fn with(database: &Database, more: &[&str]) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, settings(&database.url, more)).await
    }

    pub(crate) async fn on(listener: tokio::net::TcpListener, settings: Settings) -> Self {
        // What went wrong stands beside the test that failed.
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::INFO).with_test_writer().try_init();
        let dashboard = Dashboard::open(settings).await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = dashboard.app();
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let http = Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { dashboard, address, http, server }
    }

    /// Without a token.
    pub(crate) fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("http://{}{path}", self.address))
    }

    /// With it.
    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.ask(Method::GET, path).bearer_auth(TOKEN)
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    pub(crate) async fn status(&self, path: &str) -> StatusCode {
        self.get(path).send().await.unwrap().status()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
    }
}
