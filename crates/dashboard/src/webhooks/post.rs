//! One post to a webhook: what it says, how it is signed, what the answer means.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::{Client, StatusCode, header, redirect};
use serde::Serialize;
use sha2::Sha256;
use workshop_events::Timestamp;

use super::file::Hook;
use crate::client::{ClientError, client};
use crate::values::now;

/// A receiver answers within this time.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest that a receiver may ask to be left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(60 * 60);

/// What is posted.
#[derive(Serialize)]
pub(super) struct Delivery<'a> {
    /// `<log>.<stream>.<seq>`: the same however often it is delivered.
    pub(super) id: String,
    pub(super) workspace: &'a str,
    pub(super) student: &'a str,
    pub(super) workshop: &'a str,
    pub(super) log: &'a str,
    pub(super) stream: &'a str,
    pub(super) seq: i64,
    pub(super) ts: Timestamp,
    pub(super) event: &'a str,
    /// The record's line as it stands in its log.
    pub(super) line: &'a str,
}

/// Why a post was not taken.
#[derive(Debug)]
pub(super) struct Refusal {
    /// Whether the receiver as a whole has trouble, rather than with this one.
    pub(super) whole: bool,
    /// How long it wants to be left alone.
    pub(super) wait: Option<Duration>,
    /// In words; nothing secret.
    pub(super) why: String,
}

/// Posts to these; follows no redirects.
pub(super) fn poster(hooks: &[Hook]) -> Result<Client, ClientError> {
    let make = || {
        Client::builder()
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .connect_timeout(PATIENCE / 2)
            .user_agent(concat!("workshop-dashboard/", env!("CARGO_PKG_VERSION")))
    };
    client(make, hooks.iter().any(|hook| hook.url.scheme() == "https"))
}

/// Posts once.
pub(super) async fn post(client: &Client, hook: &Hook, delivery: &Delivery<'_>) -> Result<(), Refusal> {
    let body = serde_json::to_string(delivery).unwrap_or_default();
    let signature = signature(&hook.secret, now().as_millis() / 1000, &body);
    let sent = client
        .post(hook.url.clone())
        .header(header::CONTENT_TYPE, "application/json")
        .header("workshop-signature", signature)
        .body(body)
        .send()
        .await;
    let response = match sent {
        // An address may have a secret in it.
        Err(error) => {
            return Err(Refusal { whole: true, wait: None, why: error.without_url().to_string() });
        }
        Ok(response) => response,
    };
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let wait =
        response.headers().get(header::RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let whole = status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT);
    let wait = wait.map(|seconds| Duration::from_secs(seconds).min(LONGEST_WAIT));
    Err(Refusal { whole, wait, why: format!("it answers {status}") })
}

/// `t=<seconds>,v1=<HMAC-SHA256 of "<seconds>.<body>">`: with the time in it, so that an old post cannot be sent again.
fn signature(secret: &str, seconds: i64, body: &str) -> String {
    let mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).map(|mut mac| {
        mac.update(format!("{seconds}.").as_bytes());
        mac.update(body.as_bytes());
        mac.finalize().into_bytes()
    });
    format!("t={seconds},v1={}", hex::encode(mac.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signature_is_of_time_and_body() {
        // printf '1800000000.{"id":"x"}' | openssl dgst -sha256 -hmac 0123456789abcdef
        let expected = "t=1800000000,v1=32854fa8b4a0313db77f013259cccf66d22f5d4fb1da02e997f80dc42acb275d";
        assert_eq!(signature("0123456789abcdef", 1_800_000_000, r#"{"id":"x"}"#), expected);
    }
}
