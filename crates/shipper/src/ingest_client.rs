//! The client of the dashboard's ingest protocol: what is posted, and what the answers mean.

use std::time::Duration;

use bytes::Bytes;
use reqwest::{
    Client, Method, RequestBuilder, Response, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use serde::Deserialize;
use workshop_events::LogId;
use workshop_wire::{
    ProblemBody,
    ingest::{DIVERGED, Diverged, LogPosition, OFFSET, Stored, TOO_LONG, kind},
};

use crate::{
    error::ShipError,
    settings::{IngestUrl, Settings},
    token::Token,
};

const CONNECT: Duration = Duration::from_secs(10);
/// Connections are used again within this time; the dashboard closes those that are idle for 30 s.
const IDLE: Duration = Duration::from_secs(20);
/// No answer to a post is longer.
const ANSWER: usize = 64 * 1024;
/// No position is longer: it names each recording of a log.
const POSITION: usize = 16 * 1024 * 1024;
/// So much of what somebody else wrote is shown.
const SHOWN: usize = 300;

/// Why something was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    /// Nobody answered, or not now. Whether it was taken is not known; it is posted again.
    #[error("{reason}")]
    NotNow { reason: String, after: Option<Duration> },
    /// The post has to begin at another offset.
    #[error("the dashboard goes on at {next}")]
    Gap { next: u64 },
    /// The body is too large for the dashboard, or for something on the way.
    #[error("the post is too large: {0}")]
    TooLarge(String),
    /// Nothing of this log, or of this workspace, is taken.
    #[error("{0}")]
    Closed(String),
    /// The records of this log come by Vector.
    #[error("{0}")]
    OtherPath(String),
    /// This post is not taken, and would not be if it were repeated.
    #[error("{0}")]
    Rejected(String),
}

/// Posts for one workspace.
pub(crate) struct IngestClient {
    client: Client,
    url: IngestUrl,
    token: Token,
}

impl IngestClient {
    /// For the workspace of the settings. Sends nothing yet.
    pub(crate) fn new(settings: &Settings) -> Result<Self, ShipError> {
        let mut headers = HeaderMap::new();
        if let Ok(mut value) = HeaderValue::from_str(&format!("Bearer {}", settings.token.0)) {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        let make = || {
            Client::builder()
                .user_agent(concat!("workshop-shipper/", env!("CARGO_PKG_VERSION")))
                .default_headers(headers.clone())
                .http1_only()
                // The token goes to nobody else.
                .redirect(Policy::none())
                .connect_timeout(CONNECT)
                .timeout(settings.timeout)
                .pool_idle_timeout(IDLE)
                .pool_max_idle_per_host(2)
        };
        // Over http no certificate is looked at, so none need be there.
        let client = match make().tls_certs_only([]).build()? {
            _ if settings.url.is_https() => make().build().map_err(|_| ShipError::NoAuthorities)?,
            client => client,
        };
        Ok(Self { client, url: settings.url.clone(), token: settings.token.clone() })
    }

    /// What the dashboard has of a log.
    pub(crate) async fn position(&self, log: LogId) -> Result<LogPosition, Refusal> {
        let url = self.url.join(&[&log.to_string()]);
        let body = self.answer(self.client.get(url), POSITION).await?;
        understood(&body)
    }

    /// Posts whole lines that begin at `offset`; the answer is where the next post begins.
    pub(crate) async fn post(
        &self,
        log: LogId,
        stream: &str,
        offset: u64,
        lines: Bytes,
    ) -> Result<u64, Refusal> {
        let request =
            self.stream(log, stream, offset).header(CONTENT_TYPE, "application/x-ndjson").body(lines);
        understood::<Stored>(&self.answer(request, ANSWER).await?).map(|stored| stored.next)
    }

    /// Says that a line of `len` bytes, newline included, stands at `offset` and is too long to be posted.
    pub(crate) async fn too_long(
        &self,
        log: LogId,
        stream: &str,
        offset: u64,
        len: u64,
    ) -> Result<u64, Refusal> {
        let request = self.stream(log, stream, offset).header(TOO_LONG, len);
        understood::<Stored>(&self.answer(request, ANSWER).await?).map(|stored| stored.next)
    }

    /// Reports that a file is not what the dashboard stored of it.
    pub(crate) async fn diverged(&self, log: LogId, difference: &Diverged) -> Result<(), Refusal> {
        let url = self.url.join(&[&log.to_string(), DIVERGED]);
        self.answer(self.client.post(url).json(difference), ANSWER).await.map(drop)
    }

    fn stream(&self, log: LogId, stream: &str, offset: u64) -> RequestBuilder {
        let log = log.to_string();
        let segments: Vec<&str> = std::iter::once(log.as_str()).chain(stream.splitn(2, '/')).collect();
        self.client.request(Method::POST, self.url.join(&segments)).header(OFFSET, offset)
    }

    /// The body of a good answer.
    async fn answer(&self, request: RequestBuilder, most: usize) -> Result<Vec<u8>, Refusal> {
        let lost = |error: reqwest::Error| Refusal::NotNow { reason: self.shown(&lost(error)), after: None };
        let mut response = request.send().await.map_err(lost)?;
        let status = response.status();
        let after = retry_after(&response);
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(lost)? {
            if body.len() + chunk.len() > most {
                return Err(Refusal::NotNow { reason: format!("{status}, and an endless answer"), after });
            }
            body.extend_from_slice(&chunk);
        }
        if status == StatusCode::OK {
            return Ok(body);
        }
        let problem: ProblemBody = serde_json::from_slice(&body).unwrap_or_default();
        Err(self.refusal(status, problem, after))
    }

    fn refusal(&self, status: StatusCode, problem: ProblemBody, after: Option<Duration>) -> Refusal {
        let said = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
        let reason = self.shown(&format!("{status}: {said}"));
        match status.as_u16() {
            409 if problem.kind == kind::OTHER_PATH => Refusal::OtherPath(reason),
            409 if problem.kind == kind::DIVERGED => Refusal::Closed(reason),
            409 => match problem.next {
                Some(next) => Refusal::Gap { next },
                None => Refusal::Rejected(reason),
            },
            413 => Refusal::TooLarge(reason),
            401 | 403 | 410 => Refusal::Closed(reason),
            300..=399 => Refusal::Closed(format!("{reason} (the address answers with another address)")),
            400 | 404..=407 | 411..=424 | 426..=428 => Refusal::Rejected(reason),
            _ => Refusal::NotNow { reason, after },
        }
    }

    /// What somebody else wrote, as it may stand in a line of ours: short, without control characters or the token.
    fn shown(&self, text: &str) -> String {
        let text = text.replace(&self.token.0, "…");
        text.trim_end_matches([' ', ':']).chars().filter(|c| !c.is_control()).take(SHOWN).collect()
    }
}

/// Reads an answer; one that is cut off or not understood may as well have been lost.
fn understood<T: for<'a> Deserialize<'a>>(body: &[u8]) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::NotNow {
        reason: format!("the dashboard's answer cannot be read: {error}"),
        after: None,
    })
}

/// Why no answer came, down to the cause, without the address.
fn lost(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The seconds that the dashboard asks for. A date is nothing to go by: clocks differ.
fn retry_after(response: &Response) -> Option<Duration> {
    let seconds: u64 = response.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
