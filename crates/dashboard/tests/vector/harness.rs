//! A client that posts as Vector does, and the volumes that it posts.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, RequestBuilder, StatusCode};
use serde_json::Value;
use workshop_simulator::{Options, SimulatedClass, SimulatedStudent};
use workshop_testing::dashboard::Database;

use crate::replay::{Event, body};

/// What is missing has been missing for longer than the dashboard waits for it.
pub async fn wait_long(database: &Database) {
    database.run("update gaps set since = since - interval '11 minutes'").await;
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
    let options = Options { workspaces, seed, past: Duration::from_secs(90 * 60), ..Options::default() };
    let mut class = SimulatedClass::new(&options, folder, NOW).unwrap();
    class.advance(NOW).unwrap();
    class.students().cloned().collect()
}
