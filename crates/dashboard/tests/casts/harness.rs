//! A dashboard as a process, with a database and a place for recordings, and what is posted to it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::Value;
use workshop_dashboard::casts::{Casts, Figures, Patience, once};
use workshop_dashboard::store::Store;
use workshop_testing::dashboard::{
    CastStore, DashboardProcess, Database, INSTRUCTOR, LOG, WORKSPACE, line_end,
};

/// Nothing is waited for.
pub(crate) const NOW: Patience =
    Patience { quiet: Duration::ZERO, silent: Duration::from_secs(3600), leftover: Duration::ZERO };

pub(crate) fn random() -> u64 {
    getrandom::u64().unwrap()
}

/// A dashboard as a process. Dropped, all is gone.
pub(crate) struct Dashboard {
    // Ends before its database and its recordings go.
    pub(crate) process: DashboardProcess,
    pub(crate) database: Database,
    pub(crate) place: CastStore,
    token: String,
    http: Client,
}

impl Dashboard {
    pub(crate) async fn start(place: CastStore) -> Self {
        let database = Database::new().await;
        let token = database.add(WORKSPACE).await;
        let process = DashboardProcess::new(&database.url, place.environment());
        let mut dashboard = Self { process, database, place, token, http: Client::new() };
        dashboard.process.start().await;
        dashboard
    }

    pub(crate) fn rebuild(&self) {
        self.process.run(&["rebuild"]);
    }

    /// Merges and sweeps, with a dashboard's rights.
    pub(crate) async fn upkeep(&self, patience: &Patience) -> bool {
        let store = Store::open(&self.database.url).await.unwrap();
        once(store.ingest(), &Casts::new(self.place.objects()), patience, true).await.unwrap()
    }

    /// As well; what was counted.
    pub(crate) async fn figures_of_upkeep(&self, patience: &Patience) -> Figures {
        let store = Store::open(&self.database.url).await.unwrap();
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
        self.http.request(method, self.process.url(path)).bearer_auth(token)
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

    pub(crate) async fn refs(&self) -> Vec<String> {
        self.database.texts("select row_to_json(r)::text from recording_refs r order by name").await
    }
}

pub(crate) async fn told(response: Response) -> (u16, String, usize) {
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap_or_default();
    let kind = body["type"].as_str().unwrap_or_default().to_owned();
    (status, kind, body["next"].as_u64().unwrap_or_default().try_into().unwrap())
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
