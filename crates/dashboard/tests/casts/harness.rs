//! A database and a place for recordings of a test's own, and dashboards on them as processes.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::local::LocalFileSystem;
use object_store::prefix::PrefixStore;
use object_store::{ObjectStore, ObjectStoreExt};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, PgConnection, PgPool};
use workshop_dashboard::casts::{Casts, Figures, Patience, once};
use workshop_dashboard::store::{self, Store, workspaces};

pub(crate) const LOG: &str = "0123456789abcdef";
pub(crate) const WORKSPACE: &str = "ada";
const INSTRUCTOR: &str = "the-instructors-token";
const LONG: Duration = Duration::from_secs(90);

/// Nothing is waited for.
pub(crate) const NOW: Patience =
    Patience { quiet: Duration::ZERO, silent: Duration::from_secs(3600), leftover: Duration::ZERO };

fn server() -> String {
    std::env::var("WORKSHOP_TEST_POSTGRES")
        .unwrap_or_else(|_| "postgres://workshop@127.0.0.1:54999/postgres".to_owned())
}

pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap()
}

/// The endpoint, bucket and keys of an S3 server, if there is one.
#[derive(Clone)]
pub(crate) struct S3 {
    pub(crate) endpoint: String,
    pub(crate) bucket: String,
    pub(crate) access: String,
    pub(crate) secret: String,
}

impl S3 {
    pub(crate) fn given() -> Option<Self> {
        let text = std::env::var("WORKSHOP_TEST_S3").ok()?;
        let parts: Vec<&str> = text.split(',').collect();
        let [endpoint, bucket, access, secret] = parts[..] else { panic!("WORKSHOP_TEST_S3: {text}") };
        let own = str::to_owned;
        Some(Self { endpoint: own(endpoint), bucket: own(bucket), access: own(access), secret: own(secret) })
    }
}

/// Where recordings are kept.
pub(crate) enum Place {
    Folder(tempfile::TempDir),
    S3 { server: S3, prefix: String },
}

impl Place {
    pub(crate) fn folder() -> Self {
        Self::Folder(tempfile::tempdir().unwrap())
    }

    pub(crate) fn s3(server: S3) -> Self {
        Self::S3 { server, prefix: format!("test-{:016x}", random()) }
    }

    /// A directory and, if there is one, an S3 server.
    pub(crate) fn all() -> Vec<Self> {
        std::iter::once(Self::folder()).chain(S3::given().map(Self::s3)).collect()
    }

    fn set(&self, command: &mut Command) {
        match self {
            Self::Folder(folder) => command.env("WORKSHOP_CASTS", folder.path()),
            Self::S3 { server, prefix } => command
                .env("WORKSHOP_CASTS", format!("s3://{}/{prefix}", server.bucket))
                .env("AWS_ENDPOINT_URL", &server.endpoint)
                .env("AWS_ACCESS_KEY_ID", &server.access)
                .env("AWS_SECRET_ACCESS_KEY", &server.secret),
        };
    }

    pub(crate) fn objects(&self) -> Arc<dyn ObjectStore> {
        match self {
            Self::Folder(folder) => Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap()),
            Self::S3 { server, prefix } => {
                let store = AmazonS3Builder::new()
                    .with_bucket_name(&server.bucket)
                    .with_endpoint(&server.endpoint)
                    .with_access_key_id(&server.access)
                    .with_secret_access_key(&server.secret)
                    .with_allow_http(true)
                    .build()
                    .unwrap();
                Arc::new(PrefixStore::new(store, prefix.as_str()))
            }
        }
    }

    /// Names of all objects, in order.
    pub(crate) async fn keys(&self) -> Vec<String> {
        let found: Vec<_> = self.objects().list(None).try_collect().await.unwrap();
        let mut keys: Vec<String> = found.into_iter().map(|object| object.location.to_string()).collect();
        keys.sort();
        keys
    }

    pub(crate) async fn put(&self, key: &str, bytes: &[u8]) {
        let path = object_store::path::Path::parse(key).unwrap();
        self.objects().put(&path, bytes.to_vec().into()).await.unwrap();
    }
}

/// A dashboard as a process, with a database and a place for recordings. Dropped, all is gone.
pub(crate) struct Dashboard {
    name: String,
    pub(crate) url: String,
    pub(crate) pool: PgPool,
    pub(crate) place: Place,
    token: String,
    port: u16,
    child: Option<Child>,
    http: Client,
}

impl Dashboard {
    pub(crate) async fn start(place: Place) -> Self {
        let name = format!("c_{:012x}", random() >> 16);
        let mut admin = PgConnection::connect(&server()).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
        let url = format!("{}/{name}", server().rsplit_once('/').unwrap().0);
        store::migrate(&url).await.unwrap();
        let pool = PgPool::connect(&url).await.unwrap();
        let new = workspaces::NewWorkspace {
            workspace: WORKSPACE.to_owned(),
            student: "Ada".to_owned(),
            workshop: String::new(),
            url: None,
        };
        let added = workspaces::add(&mut pool.acquire().await.unwrap(), vec![new]).await.unwrap();
        let token = added[0].token.clone();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut dashboard = Self { name, url, pool, place, token, port, child: None, http: Client::new() };
        dashboard.serve().await;
        dashboard
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-dashboard"));
        command.env("WORKSHOP_DATABASE_URL", &self.url).env("WORKSHOP_INSTRUCTOR_TOKEN", INSTRUCTOR);
        command.stdout(Stdio::null());
        self.place.set(&mut command);
        command
    }

    pub(crate) async fn serve(&mut self) {
        self.serve_as(|_| {}).await;
    }

    /// With other settings.
    pub(crate) async fn serve_as(&mut self, set: impl FnOnce(&mut Command)) {
        let mut command = self.command();
        set(&mut command);
        self.child =
            Some(command.args(["serve", "--listen", &format!("127.0.0.1:{}", self.port)]).spawn().unwrap());
        let begin = Instant::now();
        while self.http.get(format!("http://127.0.0.1:{}/healthz", self.port)).send().await.is_err() {
            assert!(begin.elapsed() < LONG, "the dashboard does not come up");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
    }

    pub(crate) fn rebuild(&self) {
        assert!(self.command().arg("rebuild").status().unwrap().success());
    }

    /// Merges and sweeps, with a dashboard's rights.
    pub(crate) async fn upkeep(&self, patience: &Patience) -> bool {
        let store = Store::open(&self.url).await.unwrap();
        once(store.ingest(), &Casts::new(self.place.objects()), patience, true).await.unwrap()
    }

    /// As well; what was counted.
    pub(crate) async fn figures_of_upkeep(&self, patience: &Patience) -> Figures {
        let store = Store::open(&self.url).await.unwrap();
        let casts = Casts::new(self.place.objects());
        assert!(once(store.ingest(), &casts, patience, true).await.unwrap());
        casts.counts().figures()
    }

    pub(crate) async fn metrics(&self) -> String {
        self.ask(Method::GET, "/metrics", "").send().await.unwrap().text().await.unwrap()
    }

    /// Status and text of `/readyz`.
    pub(crate) async fn readiness(&self) -> (u16, String) {
        let answer = self.ask(Method::GET, "/readyz", "").send().await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(crate) fn ask(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        self.http.request(method, format!("http://127.0.0.1:{}{path}", self.port)).bearer_auth(token)
    }

    pub(crate) fn posting(&self, stream: &str, offset: usize, body: &[u8]) -> RequestBuilder {
        let path = format!("/ingest/{WORKSPACE}/{LOG}/{stream}");
        self.ask(Method::POST, &path, &self.token).header("workshop-offset", offset).body(body.to_vec())
    }

    /// Status, problem type and offset of an answer.
    pub(crate) async fn post(&self, stream: &str, offset: usize, body: &[u8]) -> (u16, String, usize) {
        told(self.posting(stream, offset, body).send().await.unwrap()).await
    }

    /// Ships the rest of a recording in so many posts.
    pub(crate) async fn ship(&self, name: &str, bytes: &[u8], posts: usize) {
        let mut at = 0;
        while at < bytes.len() {
            let end = line_end(bytes, at + bytes.len() / posts);
            let answer = self.post(&format!("cast/{name}"), at, &bytes[at..end]).await;
            assert_eq!(answer, (200, String::new(), end));
            at = end;
        }
    }

    pub(crate) async fn position(&self) -> Value {
        let path = format!("/ingest/{WORKSPACE}/{LOG}");
        self.ask(Method::GET, &path, &self.token).send().await.unwrap().json().await.unwrap()
    }

    pub(crate) async fn diverged(&self, stream: &str, next: usize) -> u16 {
        let path = format!("/ingest/{WORKSPACE}/{LOG}/diverged");
        let body = serde_json::json!({"stream": stream, "next": next, "reason": "another file"});
        self.ask(Method::POST, &path, &self.token).json(&body).send().await.unwrap().status().as_u16()
    }

    pub(crate) fn playing(&self, name: &str) -> RequestBuilder {
        self.ask(Method::GET, &format!("/api/recordings/{LOG}/{name}"), INSTRUCTOR)
    }

    pub(crate) async fn played(&self, name: &str) -> Vec<u8> {
        let response = self.playing(name).send().await.unwrap();
        assert_eq!(response.status(), 200);
        response.bytes().await.unwrap().to_vec()
    }

    pub(crate) async fn number(&self, query: &str) -> i64 {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_one(&self.pool).await.unwrap()
    }

    pub(crate) async fn texts(&self, query: &str) -> Vec<String> {
        sqlx::query_scalar(AssertSqlSafe(query.to_owned())).fetch_all(&self.pool).await.unwrap()
    }

    pub(crate) async fn run(&self, statement: &str) {
        sqlx::raw_sql(AssertSqlSafe(statement.to_owned())).execute(&self.pool).await.unwrap();
    }

    pub(crate) async fn refs(&self) -> Vec<String> {
        self.texts("select row_to_json(r)::text from recording_refs r order by name").await
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        let statement = format!("drop database if exists {} with (force)", self.name);
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let Ok(mut admin) = PgConnection::connect(&server()).await else { return };
                let _ = sqlx::query(AssertSqlSafe(statement)).execute(&mut admin).await;
            });
        });
        let _ = dropping.join();
    }
}

pub(crate) async fn told(response: Response) -> (u16, String, usize) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or_default().to_owned();
    (status, kind, body["next"].as_u64().unwrap_or_default().try_into().unwrap())
}

/// The end of the line that `at` is in.
pub(crate) fn line_end(bytes: &[u8], at: usize) -> usize {
    let at = at.min(bytes.len() - 1);
    bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |n| at + n + 1)
}

/// A recording of about so many bytes.
pub(crate) fn cast(len: usize) -> Vec<u8> {
    let mut bytes = b"{\"version\":2,\"width\":80,\"height\":24,\"timestamp\":1795165200}\n".to_vec();
    let mut time = 0.0;
    while bytes.len() < len {
        time += 0.25;
        let text = "é\u{1b}[1mx".repeat((random() % 60) as usize);
        let data = serde_json::to_string(&text).unwrap();
        bytes.extend_from_slice(format!("[{time:.6}, \"o\", {data}]\n").as_bytes());
    }
    bytes
}

/// A line of the state stream.
pub(crate) fn state(seq: u64, event: &str) -> String {
    format!("{{\"log\":\"{LOG}\",\"seq\":{seq},\"ts\":\"2026-11-20T09:00:{:02}.000Z\",{event}}}\n", seq % 60)
}

/// The files below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}
