//! A student's terminal, live: the workspace's read-only socket, brought to the instructor's browser.
//!
//! The dashboard opens the socket with the token of the workspaces, which no browser ever sees. What a browser sends is
//! not passed on but for acknowledgements, which tell the workspace how much was shown.

use crate::error::ApiError;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, http::StatusCode};
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::{Url, header};
use serde::{Deserialize, Serialize};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use crate::Dashboard;
use crate::api::asked::is_name;
use crate::auth::Instructor;
use crate::client::{ClientError, client};
use crate::live::ended;
use workshop_edge::Path;
use workshop_edge::Problem;

/// The first frame has to come within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// A workspace answers within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// A browser is asked for a sign of life this often, and taken for gone after three without one.
const PING_EVERY: Duration = Duration::from_secs(30);
/// Terminals that are watched at once.
const MOST: usize = 200;
/// The largest frame of a workspace: a restored screen with its history.
const LARGEST: usize = 4 * 1024 * 1024;
const BUFFER: usize = 4 * 1024;

const BAD_HELLO: u16 = 4400;
const BAD_TOKEN: u16 = 4401;
const NO_TERMINAL: u16 = 4404;
const NO_HELLO: u16 = 4408;
const UNREACHABLE: u16 = 4502;

type Upstream = WebSocketStream<reqwest::Upgraded>;

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

    async fn connect(&self, url: Url) -> Result<Upstream, ConnectError<'_>> {
        match &self.https {
            Err(error) if url.scheme() == "https" => Err(ConnectError::Https(error)),
            _ => connect(&self.http, url).await,
        }
    }
}

/// Counts one relay for as long as it lasts.
struct Seat<'a>(&'a Relay);

impl<'a> Seat<'a> {
    fn take(relay: &'a Relay) -> Option<Self> {
        let taken = relay.open.fetch_add(1, Ordering::Relaxed) < MOST;
        let seat = Self(relay);
        taken.then_some(seat)
    }
}

impl Drop for Seat<'_> {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The relay's route.
pub fn routes() -> Router<Arc<Dashboard>> {
    Router::new().route("/ws/workspaces/{id}/terminal", get(socket))
}

/// What a browser says in its first frame.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Said {
    Hello { token: Option<String>, terminal: String, cols: u16, rows: u16 },
}

/// What it may say later.
#[derive(Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Ack {
    Ack { bytes: u64 },
}

#[derive(Serialize)]
struct Hello<'a> {
    r#type: &'static str,
    token: &'a str,
    terminal: &'a str,
    cols: u16,
    rows: u16,
}

#[derive(Serialize)]
struct Refusal<'a> {
    r#type: &'static str,
    title: &'a str,
    detail: &'a str,
}

type Refused = (u16, &'static str, &'static str);

/// A terminal of a workspace, as the instructor sees it: nothing typed there reaches the shell.
async fn socket(
    State(dashboard): State<Arc<Dashboard>>,
    Path(id): Path<String>,
    who: Option<Extension<Instructor>>,
    upgrade: WebSocketUpgrade,
) -> Result<Response, ApiError> {
    if !dashboard.relay.has_token() {
        return Err(
            Problem::not_found("Terminals are not shown: WORKSHOP_WORKSPACE_TOKEN is not set.").into()
        );
    }
    let upgrade = upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_message_size(BUFFER)
        .max_frame_size(BUFFER);
    Ok(upgrade.on_upgrade(async move |mut browser| {
        let mut ending = dashboard.live.ending();
        let told = tokio::select! {
            told = relay(&dashboard, &id, who.is_some(), &mut browser) => told,
            () = ended(&mut ending) => Err((1001, "Not now", "The dashboard is stopping.")),
        };
        if let Err((code, title, detail)) = told {
            refuse(&mut browser, code, title, detail).await;
        }
    }))
}

async fn refuse(browser: &mut WebSocket, code: u16, title: &str, detail: &str) {
    let refusal = Refusal { r#type: "error", title, detail };
    let text = serde_json::to_string(&refusal).unwrap_or_default();
    // The browser may be gone already.
    let _ = browser.send(Message::Text(text.into())).await;
    let _ = browser.send(Message::Close(Some(CloseFrame { code, reason: title.into() }))).await;
}

async fn relay(dashboard: &Dashboard, id: &str, known: bool, browser: &mut WebSocket) -> Result<(), Refused> {
    let Said::Hello { token, terminal, cols, rows } = greeted(browser).await?;
    let by_token = token.as_deref().is_some_and(|token| dashboard.auth.by_token(token).is_some());
    if !known && !by_token {
        return Err((BAD_TOKEN, "Not allowed", "Log in, or bring the token."));
    }
    let Some(_seat) = Seat::take(&dashboard.relay) else {
        return Err((BAD_HELLO, "Too many terminals", "200 are being watched already; close one."));
    };
    let url = address(dashboard, id).await?;
    let workspaces = dashboard.relay.token.as_deref().unwrap_or_default();
    let unreachable =
        (UNREACHABLE, "Not reachable", "The workspace does not answer, or refuses this dashboard.");
    let mut workspace = match timeout(PATIENCE, dashboard.relay.connect(url)).await {
        Ok(Ok(workspace)) => workspace,
        Ok(Err(error)) => {
            tracing::warn!(workspace = id, %error, "a terminal cannot be opened");
            return Err(unreachable);
        }
        Err(_) => return Err(unreachable),
    };
    let hello = Hello { r#type: "hello", token: workspaces, terminal: &terminal, cols, rows };
    let hello = serde_json::to_string(&hello).unwrap_or_default();
    workspace.send(tungstenite::Message::text(hello)).await.map_err(|_| unreachable)?;
    pass(&mut workspace, browser).await;
    // It may be gone already.
    let _ = workspace.close(None).await;
    Ok(())
}

async fn greeted(browser: &mut WebSocket) -> Result<Said, Refused> {
    match timeout(HELLO_WITHIN, browser.recv()).await {
        Err(_) => Err((NO_HELLO, "No hello", "The first frame has to come within 5 seconds.")),
        Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str(&text)
            .map_err(|_| (BAD_HELLO, "Not a hello", "It needs a token or null, a terminal, cols and rows.")),
        Ok(_) => Err((BAD_HELLO, "Not a hello", "The first frame has to be a hello.")),
    }
}

/// Where the workspace's socket is.
async fn address(dashboard: &Dashboard, id: &str) -> Result<Url, Refused> {
    let none = (NO_TERMINAL, "No such workspace", "It is not known here, or its address is not.");
    if !is_name(id) {
        return Err(none);
    }
    let url: Option<Option<String>> =
        sqlx::query_scalar("select url from workspaces where workspace = $1 and revoked is null")
            .bind(id)
            .fetch_optional(dashboard.store.views())
            .await
            .map_err(|_| (UNREACHABLE, "Not now", "The database does not answer."))?;
    let text = url.flatten().ok_or(none)?;
    socket_address(&text).ok_or((
        UNREACHABLE,
        "Not reachable",
        "The workspace's address is no http or https one.",
    ))
}

fn socket_address(text: &str) -> Option<Url> {
    let mut url: Url = text.parse().ok()?;
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return None;
    }
    url.path_segments_mut().ok()?.pop_if_empty().extend(["ws", "instructor", "terminal"]);
    url.set_query(None);
    url.set_fragment(None);
    Some(url)
}

#[derive(Debug, thiserror::Error)]
enum ConnectError<'a> {
    #[error(transparent)]
    Https(&'a ClientError),
    #[error("{0}")]
    Request(reqwest::Error),
    #[error("it answers {0}, not with a WebSocket")]
    Status(StatusCode),
    #[error("its answer is not one to this handshake")]
    Handshake,
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

/// Passes frames on until either side ends. One at a time: a browser that does not read holds up its workspace's socket,
/// and the workspace sends it the screen anew when it reads again.
async fn pass(workspace: &mut Upstream, browser: &mut WebSocket) {
    let mut ping = tokio::time::interval(PING_EVERY);
    let mut unanswered = 0;
    loop {
        tokio::select! {
            frame = workspace.next() => {
                let message = match frame {
                    Some(Ok(tungstenite::Message::Binary(bytes))) => Message::Binary(bytes),
                    Some(Ok(tungstenite::Message::Text(text))) => Message::Text(text.as_str().into()),
                    Some(Ok(tungstenite::Message::Close(frame))) => {
                        let close = frame.map(|f| CloseFrame { code: f.code.into(), reason: f.reason.as_str().into() });
                        let _ = browser.send(Message::Close(close)).await;
                        return;
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => {
                        let reason = Utf8Bytes::from_static("The workspace is gone");
                        let close = CloseFrame { code: 1001, reason: reason.as_str().into() };
                        let _ = browser.send(Message::Close(Some(close))).await;
                        return;
                    }
                };
                if !matches!(timeout(3 * PING_EVERY, browser.send(message)).await, Ok(Ok(()))) {
                    return;
                }
            }
            said = browser.recv() => {
                unanswered = 0;
                match said {
                    Some(Ok(Message::Text(text))) => {
                        // Anything else, above all what is typed, ends here.
                        let Ok(ack) = serde_json::from_str::<Ack>(&text) else { continue };
                        let ack = serde_json::to_string(&ack).unwrap_or_default();
                        if workspace.send(tungstenite::Message::text(ack)).await.is_err() {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                }
            }
            _ = ping.tick() => {
                unanswered += 1;
                if unanswered > 3 || browser.send(Message::Ping(bytes::Bytes::new())).await.is_err() {
                    return;
                }
            }
        }
    }
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
