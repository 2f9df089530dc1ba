//! Reaches the terminals of workspaces: connections to their read-only sockets, of which a browser sees what they send.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use reqwest::{Url, header};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::client::{ClientError, client};

/// A workspace answers within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Terminals that are watched at once.
pub(crate) const MOST: usize = 200;
/// The largest frame of a workspace: a restored screen with its history.
const LARGEST: usize = 4 * 1024 * 1024;
/// Buffers of a socket: what passes through is small and frequent.
pub(crate) const BUFFER: usize = 4 * 1024;

/// The socket of a workspace's terminal.
pub(crate) type Upstream = WebSocketStream<reqwest::Upgraded>;

/// The relays of this replica.
pub struct Relay {
    http: reqwest::Client,
    /// Whether https can be spoken.
    https: Result<(), ClientError>,
    token: Option<String>,
    open: AtomicUsize,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("open", &self.open).finish_non_exhaustive()
    }
}

impl Relay {
    /// Relays with the token of the workspaces; without one there are none.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(token: Option<String>) -> Result<Self, ClientError> {
        let make = || {
            reqwest::Client::builder()
                // The operator says where a workspace is; a workspace does not say where else to go.
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .http1_only()
                .connect_timeout(PATIENCE)
        };
        // Where workspaces are, and whether by https, is known only when they are asked for.
        let (http, https) = match client(make, true) {
            Ok(http) => (http, Ok(())),
            Err(error) => (client(make, false)?, Err(error)),
        };
        let token = token.filter(|token| !token.is_empty());
        Ok(Self { http, https, token, open: AtomicUsize::new(0) })
    }

    /// Whether there is a token to open terminals with.
    pub fn has_token(&self) -> bool {
        self.token.is_some()
    }

    /// How many are open.
    pub fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// The token of the workspaces, which no browser ever sees.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// A place for one more terminal; `None` when too many are watched.
    pub fn seat(&self) -> Option<Seat<'_>> {
        let taken = self.open.fetch_add(1, Ordering::Relaxed) < MOST;
        let seat = Seat(self);
        taken.then_some(seat)
    }

    /// Opens the socket of the workspace at this address.
    ///
    /// # Errors
    /// It does not answer in time, or not with a WebSocket.
    pub async fn connect(&self, url: Url) -> Result<Upstream, ConnectError<'_>> {
        match &self.https {
            Err(error) if url.scheme() == "https" => Err(ConnectError::Https(error)),
            _ => timeout(PATIENCE, connect(&self.http, url)).await.map_err(|_| ConnectError::Slow)?,
        }
    }
}

/// Counts one relay for as long as it lasts.
#[derive(Debug)]
pub struct Seat<'a>(&'a Relay);

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Where a workspace's socket is, by the workspace's address; `None` for one that is not reached by HTTP.
pub(crate) fn socket_address(text: &str) -> Option<Url> {
    let mut url: Url = text.parse().ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(["ws", "instructor", "terminal"]);
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

/// Why a workspace's socket cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError<'a> {
    /// TLS cannot be set up.
    #[error(transparent)]
    Https(&'a ClientError),
    /// The request failed.
    #[error("{0}")]
    Request(reqwest::Error),
    /// It answered like any other server.
    #[error("it answers {0}, not with a WebSocket")]
    Status(StatusCode),
    /// It answered another handshake.
    #[error("its answer is not one to this handshake")]
    Handshake,
    /// It did not answer.
    #[error("it does not answer within 5 seconds")]
    Slow,
}

async fn connect(http: &reqwest::Client, url: Url) -> Result<Upstream, ConnectError<'static>> {
    let failed = |error: reqwest::Error| ConnectError::Request(error.without_url());
    let key = generate_key();
    let response = http
        .get(url)
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key)
        .send()
        .await
        .map_err(failed)?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(ConnectError::Status(response.status()));
    }
    let accepted = response.headers().get(header::SEC_WEBSOCKET_ACCEPT);
    if accepted.is_none_or(|accepted| accepted != derive_accept_key(key.as_bytes()).as_str()) {
        return Err(ConnectError::Handshake);
    }
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(Some(LARGEST))
        .max_frame_size(Some(LARGEST));
    let upgraded = response.upgrade().await.map_err(failed)?;
    Ok(WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(config)).await)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspace_is_reached_by_http_only() {
        let check = |text: &str, expected: Option<&str>| {
            assert_eq!(socket_address(text).as_ref().map(Url::as_str), expected, "{text}");
        };
        check("http://ws-1:8080", Some("http://ws-1:8080/ws/instructor/terminal"));
        check(
            "https://class.example/ada/?x=1#token=y",
            Some("https://class.example/ada/ws/instructor/terminal"),
        );
        check("file:///etc/passwd", None);
        check("ftp://ws-1", None);
        check("ws-1:8080", None);
        check("", None);
    }
}
