//! A client that posts the log of a workspace as a shipper does.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use reqwest::{Client, Method, RequestBuilder, StatusCode};
use serde_json::Value;
use workshop_events::Stream;

use crate::random::Random;

/// The workspace that most tests post to.
pub const WORKSPACE: &str = "ada";
/// The log that most tests post.
pub const LOG: &str = "0123456789abcdef";

/// Posts what belongs to one workspace.
#[derive(Clone)]
pub struct Poster {
    http: Client,
    base: String,
    token: String,
}

/// What the dashboard answered.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body; null if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The offset at which the dashboard expects the next post.
    #[track_caller]
    pub fn next(&self) -> u64 {
        self.body["next"].as_u64().unwrap_or_else(|| panic!("{self:?}"))
    }

    /// The type of its problem; empty if it is none.
    pub fn kind(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default()
    }

    /// Asserts status and type of problem.
    #[track_caller]
    pub fn is(self, status: u16, kind: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.kind()), (status, kind), "{:?}", self.body);
        self
    }

    /// Asserts that it is none.
    #[track_caller]
    pub fn ok(self) -> Self {
        self.is(200, "")
    }
}

impl Poster {
    /// For a dashboard at this address.
    pub fn new(address: SocketAddr, workspace: &str, token: &str) -> Self {
        let http = Client::builder().no_proxy().build().unwrap();
        Self { http, base: format!("http://{address}/ingest/{workspace}"), token: token.to_owned() }
    }

    /// A request to a path below the workspace's.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}/{path}", self.base)).bearer_auth(&self.token)
    }

    /// Sends a request. Fails when no answer comes.
    pub async fn try_send(&self, request: RequestBuilder) -> Result<Answer, reqwest::Error> {
        let response = request.send().await?;
        let status = response.status();
        let body = response.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null) })
    }

    /// Sends a request.
    pub async fn send(&self, request: RequestBuilder) -> Answer {
        self.try_send(request).await.unwrap()
    }

    /// A post of bytes of a stream.
    pub fn posting(&self, log: &str, stream: &str, offset: u64, body: &[u8]) -> RequestBuilder {
        let request = self.request(Method::POST, &format!("{log}/{stream}"));
        request.header("workshop-offset", offset).body(body.to_vec())
    }

    /// Posts bytes of a stream of [`LOG`].
    pub async fn post(&self, stream: &str, offset: u64, body: &[u8]) -> Answer {
        self.send(self.posting(LOG, stream, offset, body)).await
    }

    /// Asks how far the dashboard is with [`LOG`].
    pub async fn position(&self) -> Answer {
        self.send(self.request(Method::GET, LOG)).await
    }

    /// Ships all whole lines of a volume as [`LOG`], in posts of random size; goes on, and begins, wherever the dashboard says. A post
    /// without an answer, or answered with 503, is posted again.
    pub async fn ship(&self, folder: &Path, random: &mut Random) {
        for stream in Stream::ALL {
            let bytes = std::fs::read(folder.join(stream.file_name())).unwrap_or_default();
            let end = bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let mut next = 0;
            while next < end {
                let upto = line_end(&bytes[..end], next + random.index(2000));
                let request = self.posting(LOG, stream.name(), next as u64, &bytes[next..upto]);
                match self.try_send(request).await {
                    Ok(answer) if answer.status.is_success() || answer.status == StatusCode::CONFLICT => {
                        next = answer.next() as usize;
                    }
                    Ok(answer) if answer.status != StatusCode::SERVICE_UNAVAILABLE => panic!("{answer:?}"),
                    _ => tokio::time::sleep(Duration::from_millis(5)).await,
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
