//! A dashboard in the test's own process.

use std::future::pending;
use std::net::SocketAddr;
use std::sync::Arc;

use clap::Parser;
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tracing_subscriber::filter::LevelFilter;
use workshop_dashboard::arguments::{Arguments, Command};
use workshop_dashboard::settings::Settings;
use workshop_dashboard::{Dashboard, router};
use workshop_edge::{Limits, serve};

use super::database::Database;
use super::poster::{Poster, WORKSPACE};

/// The instructors' token of every dashboard of a test.
pub const INSTRUCTOR: &str = "token-of-the-instructors-0123456789";

/// Settings of `workshop-dashboard serve`, as the command line gives them.
pub fn settings(database: &str, casts: &str, more: &[&str]) -> Settings {
    let arguments = ["workshop-dashboard", "serve", "--database", database, "--casts", casts];
    match Arguments::parse_from(arguments.iter().chain(more)).command {
        Command::Serve(settings) => *settings,
        other => panic!("{other:?}"),
    }
}

/// A dashboard that serves. Dropped, it ends.
pub struct Served {
    /// The dashboard.
    pub dashboard: Arc<Dashboard>,
    /// Where it serves.
    pub address: SocketAddr,
    /// A client that follows no redirects.
    pub http: Client,
    _casts: tempfile::TempDir,
    _serving: JoinSet<()>,
}

impl Served {
    /// With the instructors' token.
    pub async fn on(database: &Database) -> Self {
        Self::with(&database.url, &["--instructor-token", INSTRUCTOR]).await
    }

    /// On a database by its address, with these arguments.
    pub async fn with(database: &str, arguments: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::listening(listener, database, arguments).await
    }

    /// The same, on a listener whose address had to be known before.
    pub async fn listening(listener: TcpListener, database: &str, arguments: &[&str]) -> Self {
        // What goes wrong is printed with the test that fails.
        let _ = tracing_subscriber::fmt().with_max_level(LevelFilter::WARN).with_test_writer().try_init();
        let casts = tempfile::tempdir().unwrap();
        let settings = settings(database, casts.path().to_str().unwrap(), arguments);
        let dashboard = Dashboard::open(settings).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, router(&dashboard), Limits::default(), pending()));
        let http = Client::builder().no_proxy().redirect(Policy::none()).build().unwrap();
        Self { dashboard, address, http, _casts: casts, _serving: serving }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A request without a token.
    pub fn ask(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, self.url(path))
    }

    /// A request of an instructor.
    pub fn get(&self, path: &str) -> RequestBuilder {
        self.ask(Method::GET, path).bearer_auth(INSTRUCTOR)
    }

    /// What an instructor is answered.
    pub async fn json(&self, path: &str) -> Value {
        let response = self.get(path).send().await.unwrap();
        let status = response.status();
        let text = response.text().await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// What `/metrics` says.
    pub async fn metrics(&self) -> String {
        self.ask(Method::GET, "/metrics").send().await.unwrap().text().await.unwrap()
    }

    /// The status of an instructor's request.
    pub async fn status(&self, path: &str) -> StatusCode {
        self.get(path).send().await.unwrap().status()
    }

    /// A client that posts what belongs to [`WORKSPACE`].
    pub fn poster(&self, token: &str) -> Poster {
        Poster::new(self.address, WORKSPACE, token)
    }
}
