//! The API of a running workspace, as its supervisor uses it.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use futures_util::StreamExt;
use reqwest::{Client, RequestBuilder, StatusCode};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use workshop_events::SwitchKind;
use workshop_wire::ProblemBody;
use workshop_wire::backend::{SwitchAccepted, SwitchBody, SwitchFailedBody, SwitchState};

use crate::engine::Container;
use crate::variables::SUPERVISOR_TOKEN;

/// How often a backend that does not serve yet is tried.
const RETRY: Duration = Duration::from_millis(50);
/// How long an answer may take; the stream of events has no such limit.
const ANSWER: Duration = Duration::from_secs(10);

/// A swap that the log asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SwitchRequest {
    /// Its id in the log.
    pub(crate) id: String,
    /// Switch or reset.
    pub(crate) kind: SwitchKind,
    /// The step to begin at.
    pub(crate) step: String,
}

/// The API of a workspace on this machine.
#[derive(Debug, Clone)]
pub(crate) struct WorkspaceClient {
    client: Client,
    base: String,
    token: String,
}

impl WorkspaceClient {
    /// The client of a container, whether or not it runs.
    pub(crate) fn of(container: &Container) -> Result<Self> {
        // Nothing on the way to the loopback address may be a proxy.
        let client = Client::builder().no_proxy().connect_timeout(ANSWER).build()?;
        let base = format!("http://127.0.0.1:{}", container.labels.port);
        let token = container.variable(SUPERVISOR_TOKEN).unwrap_or_default().to_owned();
        Ok(Self { client, base, token })
    }

    fn authorized(&self, request: RequestBuilder) -> RequestBuilder {
        if self.token.is_empty() { request } else { request.bearer_auth(&self.token) }
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.authorized(self.client.get(format!("{}{path}", self.base)))
    }

    fn post(&self, path: &str, body: &impl Serialize) -> RequestBuilder {
        self.authorized(self.client.post(format!("{}{path}", self.base))).json(body).timeout(ANSWER)
    }

    /// Whether it serves now.
    pub(crate) async fn is_ready(&self) -> bool {
        let answer =
            self.client.get(format!("{}/readyz", self.base)).timeout(Duration::from_secs(2)).send().await;
        answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
    }

    /// Waits until it serves; false when that takes longer than until `deadline`.
    pub(crate) async fn becomes_ready(&self, deadline: Instant) -> bool {
        loop {
            if self.is_ready().await {
                return true;
            }
            if Instant::now() + RETRY > deadline {
                return false;
            }
            sleep(RETRY).await;
        }
    }

    /// The swap that the log asks for, if one is open.
    pub(crate) async fn open_request(&self) -> Result<Option<SwitchRequest>> {
        Ok(open(self.state().await?))
    }

    /// Why a request failed, if it is the last one and did.
    pub(crate) async fn failure_of(&self, request: &str) -> Result<Option<String>> {
        let failed = self.state().await?.switch_failed.filter(|failed| failed.request == request);
        Ok(failed.map(|failed| failed.reason))
    }

    async fn state(&self) -> Result<SwitchState> {
        let answer = self.get("/api/state").timeout(ANSWER).send().await?;
        good(answer).await?.json().await.context("/api/state answered with something else than a state")
    }

    /// Waits until a swap is asked for. An error means that the stream broke.
    pub(crate) async fn next_request(&self) -> Result<SwitchRequest> {
        loop {
            let state = self.state().await?;
            let path = format!("/api/events?after={}", state.cursor);
            if let Some(request) = open(state) {
                return Ok(request);
            }
            let answer = good(self.get(&path).send().await?).await?;
            let mut stream = answer.bytes_stream();
            let mut text = Vec::new();
            // What the event says is asked again: the state alone says whether the request is still open.
            while !mentions_a_swap(&mut text) {
                match stream.next().await {
                    Some(piece) => text.extend_from_slice(&piece?),
                    None => bail!("the stream of events ended"),
                }
            }
        }
    }

    /// Asks for a swap. The id of the request, or why it is refused.
    pub(crate) async fn request_switch(&self, step: &str, kind: SwitchKind) -> Result<String> {
        let answer = self.post(&format!("/api/steps/{step}/switch"), &SwitchBody { kind }).send().await?;
        Ok(good(answer).await?.json::<SwitchAccepted>().await?.request)
    }

    /// Reports that a swap failed. Done when it is known there: now, already, or when the log knows no such request.
    pub(crate) async fn report_failure(&self, request: &str, reason: &str) -> Result<()> {
        let body = SwitchFailedBody { request: request.to_owned(), reason: reason.to_owned() };
        let answer = self.post("/api/supervisor/switch-failed", &body).send().await?;
        if answer.status() == StatusCode::NOT_FOUND {
            return Ok(());
        }
        good(answer).await.map(|_| ())
    }
}

/// The swap that is open in a state.
fn open(state: SwitchState) -> Option<SwitchRequest> {
    state.switch.map(|open| SwitchRequest { id: open.request, kind: open.kind, step: open.step })
}

/// Whether the lines that are complete speak of a swap or begin anew; they are taken out.
fn mentions_a_swap(text: &mut Vec<u8>) -> bool {
    let Some(end) = text.iter().rposition(|byte| *byte == b'\n') else { return false };
    let lines: Vec<u8> = text.drain(..=end).collect();
    let lines = String::from_utf8_lossy(&lines);
    lines.lines().any(|line| line.contains("\"switch_requested\"") || line.starts_with("event: reset"))
}

/// An answer that is no refusal; a refusal in the words of its problem.
async fn good(answer: reqwest::Response) -> Result<reqwest::Response> {
    let status = answer.status();
    if status.is_success() {
        return Ok(answer);
    }
    let problem: ProblemBody = answer.json().await.unwrap_or_default();
    match (problem.title.as_str(), problem.detail.as_str()) {
        ("", _) => bail!("the workspace answered {status}"),
        (title, "") => bail!("{title}"),
        (title, detail) => bail!("{title}: {detail}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_lines_count() {
        let mut text = b"id: 1\ndata: {\"event\":\"step_viewed\"}\n\ndata: {\"event\":\"switch_requ".to_vec();
        assert!(!mentions_a_swap(&mut text));
        assert_eq!(text, b"data: {\"event\":\"switch_requ");
        text.extend_from_slice(b"ested\",\"step\":\"two\"}\n");
        assert!(mentions_a_swap(&mut text));
        assert!(text.is_empty());
    }
}
