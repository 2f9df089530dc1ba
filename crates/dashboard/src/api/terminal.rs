//! A student's terminal, live: the workspace's read-only socket, brought to the instructor's browser.
//!
//! The dashboard opens the socket with the token of the workspaces, which no browser ever sees. What a browser sends is
//! not passed on but for acknowledgements, which tell the workspace how much was shown.

use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Url;
use serde::Serialize;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite;
use workshop_edge::{Path, Problem};
use workshop_wire::terminal::{
    CLOSE_HELLO, CLOSE_NO_HELLO, CLOSE_NO_TERMINAL, CLOSE_TOKEN, CLOSE_UNREACHABLE, ClientMessage,
    ServerMessage,
};

use super::params::is_name;
use crate::auth::Instructor;
use crate::error::ApiError;
use crate::live::ended;
use crate::relay::{BUFFER, MOST, Upstream, socket_address};
use crate::service::Dashboard;

/// The first frame has to come within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// How long a peer may take to accept a frame of ours.
const TELL_WITHIN: Duration = Duration::from_secs(5);
/// A browser is asked for a sign of life this often, and taken for gone after three without one.
const PING_EVERY: Duration = Duration::from_secs(30);
/// The dashboard stops, or the workspace went away.
const GOING_AWAY: u16 = 1001;

/// Close code, title, detail.
type Refusal = (u16, &'static str, String);

fn refusal(code: u16, title: &'static str, detail: impl Into<String>) -> Refusal {
    (code, title, detail.into())
}

/// A terminal of a workspace, as the instructor sees it: nothing typed there reaches the shell.
pub(crate) async fn socket(
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
        let outcome = tokio::select! {
            outcome = relay(&dashboard, &id, who.is_some(), &mut browser) => outcome,
            () = ended(&mut ending) => Err(refusal(GOING_AWAY, "Not now", "The dashboard is stopping.")),
        };
        if let Err(refusal) = outcome {
            refuse(&mut browser, refusal).await;
        }
    }))
}

async fn refuse(browser: &mut WebSocket, (code, title, detail): Refusal) {
    let error = text(&ServerMessage::Error { title: title.to_owned(), detail });
    let refused = async {
        browser.send(Message::Text(error.into())).await?;
        browser.send(Message::Close(Some(CloseFrame { code, reason: title.into() }))).await
    };
    // The browser may be gone already, or hang.
    let _ = timeout(TELL_WITHIN, refused).await;
}

fn text(message: &impl Serialize) -> String {
    // Strings and numbers only: it cannot fail.
    serde_json::to_string(message).unwrap_or_default()
}

async fn relay(dashboard: &Dashboard, id: &str, known: bool, browser: &mut WebSocket) -> Result<(), Refusal> {
    let (token, hello) = greeted(dashboard, browser).await?;
    let by_token = token.is_some_and(|token| dashboard.auth.by_token(&token).is_some());
    if !known && !by_token {
        return Err(refusal(CLOSE_TOKEN, "Not allowed", "Log in, or bring the token."));
    }
    let Some(_seat) = dashboard.relay.seat() else {
        let detail = format!("{MOST} are being watched already; close one.");
        return Err(refusal(CLOSE_HELLO, "Too many terminals", detail));
    };
    let url = address(dashboard, id).await?;
    let unreachable = || {
        refusal(
            CLOSE_UNREACHABLE,
            "Not reachable",
            "The workspace does not answer, or refuses this dashboard.",
        )
    };
    let mut workspace = dashboard.relay.connect(url).await.map_err(|error| {
        tracing::warn!(workspace = id, %error, "a terminal cannot be opened");
        unreachable()
    })?;
    if !tell(&mut workspace, &hello).await {
        return Err(unreachable());
    }
    pass(&mut workspace, browser).await;
    // It may be gone already, or hang.
    let _ = timeout(TELL_WITHIN, workspace.close(None)).await;
    Ok(())
}

/// False when the workspace no longer reads what it is sent: it is gone, or hangs.
async fn tell(workspace: &mut Upstream, message: &ClientMessage) -> bool {
    let sent = workspace.send(tungstenite::Message::text(text(message)));
    matches!(timeout(TELL_WITHIN, sent).await, Ok(Ok(())))
}

/// The browser's token, and its hello as the workspace gets it: with the token of the workspaces instead.
async fn greeted(
    dashboard: &Dashboard,
    browser: &mut WebSocket,
) -> Result<(Option<String>, ClientMessage), Refusal> {
    let first = match timeout(HELLO_WITHIN, browser.recv()).await {
        Err(_) => {
            return Err(refusal(CLOSE_NO_HELLO, "No hello", "The first frame has to come within 5 seconds."));
        }
        Ok(Some(Ok(Message::Text(text)))) => serde_json::from_str(&text),
        Ok(_) => return Err(refusal(CLOSE_HELLO, "Not a hello", "The first frame has to be a hello.")),
    };
    let Ok(ClientMessage::Hello { token, terminal, cols, rows }) = first else {
        let detail = "It needs a token or null, a terminal, cols and rows.";
        return Err(refusal(CLOSE_HELLO, "Not a hello", detail));
    };
    let workspaces = dashboard.relay.token().map(str::to_owned);
    Ok((token, ClientMessage::Hello { token: workspaces, terminal, cols, rows }))
}

/// Where the workspace's socket is.
async fn address(dashboard: &Dashboard, id: &str) -> Result<Url, Refusal> {
    let none =
        || refusal(CLOSE_NO_TERMINAL, "No such workspace", "It is not known here, or its address is not.");
    if !is_name(id) {
        return Err(none());
    }
    let url: Option<Option<String>> =
        sqlx::query_scalar("select url from workspaces where workspace = $1 and revoked is null")
            .bind(id)
            .fetch_optional(dashboard.store.views())
            .await
            .map_err(|_| refusal(CLOSE_UNREACHABLE, "Not now", "The database does not answer."))?;
    let url = url.flatten().ok_or_else(none)?;
    socket_address(&url).ok_or_else(|| {
        refusal(CLOSE_UNREACHABLE, "Not reachable", "The workspace's address must be an http or https one.")
    })
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
                        let _ = timeout(TELL_WITHIN, browser.send(Message::Close(close))).await;
                        return;
                    }
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => {
                        let close = CloseFrame { code: GOING_AWAY, reason: "The workspace is gone".into() };
                        let _ = timeout(TELL_WITHIN, browser.send(Message::Close(Some(close)))).await;
                        return;
                    }
                };
                if !matches!(timeout(3 * PING_EVERY, browser.send(message)).await, Ok(Ok(()))) {
                    return;
                }
            }
            frame = browser.recv() => {
                unanswered = 0;
                match frame {
                    Some(Ok(Message::Text(text))) => {
                        // Anything else, above all what is typed, ends here.
                        let Ok(ack @ ClientMessage::Ack { .. }) = serde_json::from_str(&text) else { continue };
                        if !tell(workspace, &ack).await {
                            return;
                        }
                    }
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                    Some(Ok(_)) => {}
                }
            }
            _ = ping.tick() => {
                unanswered += 1;
                let sent = timeout(TELL_WITHIN, browser.send(Message::Ping(bytes::Bytes::new())));
                if unanswered > 3 || !matches!(sent.await, Ok(Ok(()))) {
                    return;
                }
            }
        }
    }
}
