//! A database of a test's own, a dashboard on it, and a client that ships files as a shipper does.

use std::net::SocketAddr;
use std::path::Path;

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
use workshop_events::Stream;

use crate::files::{LOG, Random};

pub const WORKSPACE: &str = "ada";

/// A server for all tests, as its superuser.
fn server() -> String {
    std::env::var("WORKSHOP_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://workshop@127.0.0.1:54999/postgres".to_owned())
}

/// Where recordings would be.
pub const CASTS: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/ingest-casts");
pub const INSTRUCTOR: &str = "the-instructors-token";

/// A migrated database. Dropped, it is gone.
pub struct Database {
    server: String,
    name: String,
    pub url: String,
}

impl Database {
    pub async fn new() -> Self {
        Self::on(&server()).await
    }

    /// On another server.
    pub async fn on(server: &str) -> Self {
        Self::made(server, "").await
    }

    /// On another server, with more said of how it is made.
    pub async fn made(server: &str, how: &str) -> Self {
        let name = format!("p_{:012x}", getrandom::u64().unwrap() >> 16);
        let mut admin = PgConnection::connect(server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name} {how}")))
            .execute(&mut admin)
            .await
            .unwrap();
        // The server stays up; where it does not, the test says so.
        let lax = format!("alter database {name} set synchronous_commit = off");
        sqlx::query(AssertSqlSafe(lax)).execute(&mut admin).await.unwrap();
        let (before, _) = server.rsplit_once('/').unwrap();
        let database = Self { server: server.to_owned(), url: format!("{before}/{name}"), name };
        store::migrate(&database.url).await.unwrap();
        database
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// A connection as the owner.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect(&self.url).await.unwrap()
    }

    /// A connection with a role's rights.
    pub async fn connect_as(&self, role: &str) -> PgConnection {
        let mut connection = self.connect().await;
        sqlx::query(AssertSqlSafe(format!("set role {role}"))).execute(&mut connection).await.unwrap();
        connection
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

    /// Runs a statement as the owner.
    pub async fn run(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut self.connect().await).await.unwrap();
    }

    pub fn settings(&self) -> Settings {
        Self::settings_of(&self.url)
    }

    /// Of a dashboard that reaches it at this address.
    pub fn settings_of(url: &str) -> Settings {
        let place = ["workshop-dashboard", "serve", "--listen", "127.0.0.1:0", "--casts", CASTS];
        let arguments = place.into_iter().chain(["--instructor-token", INSTRUCTOR, "--database", url]);
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
    pub address: SocketAddr,
    _serving: JoinSet<std::io::Result<()>>,
}

impl Served {
    pub async fn on(database: &Database) -> Self {
        Self::with(database.settings()).await
    }

    pub async fn with(settings: Settings) -> Self {
        // What went wrong stands beside the test that failed.
        let _ = tracing_subscriber::fmt().with_max_level(tracing::Level::WARN).with_test_writer().try_init();
        let dashboard = Dashboard::open(settings).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(axum::serve(listener, dashboard.app()).into_future());
        Self { address, _serving: serving }
    }

    /// What an instructor asks.
    pub fn asking(&self, path: &str) -> RequestBuilder {
        Client::new().get(format!("http://{}{path}", self.address)).bearer_auth(INSTRUCTOR)
    }

    pub fn client(&self, token: &str) -> Shipper {
        Shipper::new(self.address, WORKSPACE, token)
    }
}

/// One who ships a log.
#[derive(Clone)]
pub struct Shipper {
    http: Client,
    base: String,
    token: String,
}

/// What was answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Value,
}

impl Answer {
    pub fn next(&self) -> u64 {
        self.body["next"].as_u64().unwrap_or_else(|| panic!("{self:?}"))
    }

    #[track_caller]
    pub fn is(self, status: u16, kind: &str) -> Self {
        let found = (self.status.as_u16(), self.body["type"].as_str().unwrap_or_default());
        assert_eq!(found, (status, kind), "{:?}", self.body);
        self
    }

    #[track_caller]
    pub fn ok(self) -> Self {
        self.is(200, "")
    }
}

impl Shipper {
    pub fn new(address: SocketAddr, workspace: &str, token: &str) -> Self {
        let base = format!("http://{address}/ingest/{workspace}");
        Self { http: Client::new(), base, token: token.to_owned() }
    }

    pub fn request(&self, method: reqwest::Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/{path}", self.base)).bearer_auth(&self.token)
    }

    /// Fails when the answer does not come.
    pub async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    pub fn posting(&self, log: &str, stream: &str, offset: u64, body: &[u8]) -> RequestBuilder {
        let request = self.request(reqwest::Method::POST, &format!("{log}/{stream}"));
        request.header("workshop-offset", offset).body(body.to_vec())
    }

    pub async fn post(&self, stream: &str, offset: u64, body: &[u8]) -> Answer {
        self.send(self.posting(LOG, stream, offset, body)).await
    }

    pub async fn position(&self) -> Answer {
        self.send(self.request(reqwest::Method::GET, LOG)).await
    }

    /// Ships all whole lines of a volume in posts of random size; goes on, and begins, wherever the dashboard says.
    /// What is not answered, or answered with 503, is posted again.
    pub async fn ship(&self, folder: &Path, random: &mut Random) {
        for stream in Stream::ALL {
            let bytes = std::fs::read(folder.join(stream.file_name())).unwrap_or_default();
            let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let mut next = 0;
            while next < end {
                let upto = line_end(&bytes[..end], next + random.below(2000) as usize);
                let request = self.posting(LOG, stream.name(), next as u64, &bytes[next..upto]);
                match self.try_send(request).await {
                    Ok(answer) if answer.status.is_success() || answer.status == StatusCode::CONFLICT => {
                        next = answer.next() as usize;
                    }
                    Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => panic!("{answer:?}"),
                    _ => tokio::time::sleep(std::time::Duration::from_millis(20)).await,
                }
            }
        }
    }
}

/// The end of the line that `at` is in.
pub fn line_end(bytes: &[u8], at: usize) -> usize {
    let at = at.min(bytes.len() - 1);
    bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n + 1)
}
