//! A database of a test's own, a dashboard on it, and a client that posts as Vector does.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use workshop_dashboard::Dashboard;
use workshop_dashboard::arguments::{Arguments, Command};
use workshop_dashboard::settings::Settings;
use workshop_dashboard::store::{self, workspaces};
use workshop_simulator::SimulatedStudent;

use crate::replay::{Event, body};

pub const INSTRUCTOR: &str = "token-of-the-instructors-0123456789";

/// A migrated database. Dropped, it is gone.
pub struct Database {
    server: String,
    name: String,
    pub url: String,
}

impl Database {
    pub async fn new() -> Self {
        let server = std::env::var("WORKSHOP_TEST_POSTGRES")
            .expect("WORKSHOP_TEST_POSTGRES; see cargo xtask postgres");
        let name = format!("v_{:012x}", getrandom::u64().unwrap() >> 16);
        let mut admin = PgConnection::connect(&server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
        let (before, _) = server.rsplit_once('/').unwrap();
        let url = format!("{before}/{name}");
        store::migrate(&url).await.unwrap();
        Self { server, name, url }
    }

    /// A connection as the owner.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// Adds a workspace; gives its token.
    pub async fn add(&self, workspace: &str) -> String {
        let new = workspaces::NewWorkspace {
            workspace: workspace.to_owned(),
            student: format!("The student {workspace}"),
            workshop: String::new(),
            url: None,
        };
        let added = workspaces::add(&mut self.connect().await, vec![new]).await.unwrap();
        added[0].token.clone()
    }

    /// The one number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_one(&mut self.connect().await).await.unwrap()
    }

    /// The rows of a query, each as text.
    pub async fn rows(&self, query: &str) -> Vec<String> {
        let query = format!("select row_to_json(t)::text from ({query}) t order by 1");
        sqlx::query_scalar(AssertSqlSafe(query)).fetch_all(&mut self.connect().await).await.unwrap()
    }

    /// Runs statements as the owner.
    pub async fn run(&self, statements: &str) {
        sqlx::raw_sql(AssertSqlSafe(statements)).execute(&mut self.connect().await).await.unwrap();
    }

    /// What is missing has been missing for longer than it is waited for.
    pub async fn wait_long(&self) {
        self.run("update gaps set since = since - interval '11 minutes'").await;
    }

    pub fn settings(&self, listen: &str, casts: &str) -> Settings {
        let arguments = ["dashboard", "serve", "--listen", listen, "--database", &self.url, "--casts", casts];
        let arguments = arguments.into_iter().chain(["--instructor-token", INSTRUCTOR]);
        match Arguments::parse_from(arguments).command {
            Command::Serve(settings) => *settings,
            other => panic!("{other:?}"),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let Ok(mut admin) = PgConnection::connect(&server).await else { return };
                let statement = format!("drop database if exists {name} with (force)");
                let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await;
            });
        });
        let _ = dropping.join();
    }
}

/// A dashboard in this process. Dropped, it ends.
pub struct Served {
    pub dashboard: Arc<Dashboard>,
    pub address: SocketAddr,
    _casts: tempfile::TempDir,
    _serving: JoinSet<std::io::Result<()>>,
}

impl Served {
    pub async fn on(database: &Database) -> Self {
        let casts = tempfile::tempdir().unwrap();
        let settings = database.settings("127.0.0.1:0", casts.path().to_str().unwrap());
        let dashboard = Dashboard::open(settings).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(axum::serve(listener, dashboard.app()).into_future());
        Self { dashboard, address, _casts: casts, _serving: serving }
    }

    /// What an instructor is shown.
    pub async fn asked(&self, path: &str) -> Value {
        let client = Client::builder().no_proxy().build().unwrap();
        let request = client.get(format!("http://{}{path}", self.address)).bearer_auth(INSTRUCTOR);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        answer.json().await.unwrap()
    }
}

/// Vector, as far as the dashboard sees it.
#[derive(Clone)]
pub struct Vector {
    http: Client,
    pub url: String,
    pub token: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub retry_after: Option<String>,
    pub body: Value,
}

impl Answer {
    /// How many lines there were, were new, and were no records.
    #[track_caller]
    pub fn counts(&self) -> (u64, u64, u64) {
        assert_eq!(self.status, StatusCode::OK, "{:?}", self.body);
        let number = |name: &str| self.body[name].as_u64().unwrap();
        (number("lines"), number("stored"), number("malformed"))
    }

    #[track_caller]
    pub fn is(&self, status: u16, kind: &str) {
        let found = (self.status.as_u16(), self.body["type"].as_str().unwrap_or_default());
        assert_eq!(found, (status, kind), "{:?}", self.body);
    }
}

impl Vector {
    pub fn new(address: SocketAddr, workspace: &str, token: &str) -> Self {
        let http = Client::builder().no_proxy().build().unwrap();
        Self { http, url: format!("http://{address}/ingest/vector/{workspace}"), token: token.to_owned() }
    }

    /// A post with the headers that Vector sends.
    pub fn posting(&self, body: Vec<u8>) -> RequestBuilder {
        self.http
            .post(&self.url)
            .bearer_auth(&self.token)
            .header("content-type", "application/x-ndjson")
            .header("user-agent", "Vector/0.58.0 (x86_64-unknown-linux-gnu)")
            .header("accept-encoding", "identity")
            .body(body)
    }

    /// Fails when the answer does not come.
    pub async fn send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status();
        let retry_after =
            response.headers().get("retry-after").map(|value| value.to_str().unwrap().to_owned());
        let body = response.bytes().await?;
        Ok(Answer { status, retry_after, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    pub async fn post(&self, events: &[Event]) -> Answer {
        self.send(self.posting(body(events))).await.unwrap()
    }

    /// Posts until there is an answer that Vector does not try again after. A batch that it would drop is a failure.
    pub async fn deliver(&self, events: &[Event]) {
        loop {
            match self.send(self.posting(body(events))).await {
                Ok(answer) if answer.status.is_success() => return,
                Ok(answer) if !answer.status.is_server_error() => panic!("dropped: {answer:?}"),
                _ => tokio::time::sleep(Duration::from_millis(5)).await,
            }
        }
    }
}

/// A class that is over, in a folder.
pub fn class(folder: &std::path::Path, workspaces: usize, seed: u64) -> Vec<SimulatedStudent> {
    // 2026-11-20T10:00:00Z.
    const NOW: i64 = 1_795_168_800_000;
    let options = workshop_simulator::Options {
        workspaces,
        seed,
        past: Duration::from_secs(90 * 60),
        ..workshop_simulator::Options::default()
    };
    let mut class = workshop_simulator::SimulatedClass::new(&options, folder, NOW).unwrap();
    class.advance(NOW).unwrap();
    class.students().cloned().collect()
}
