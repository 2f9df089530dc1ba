//! A viewer's WebSocket: its frames, and who may open one.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code},
};
use futures_util::{
    SinkExt as _, StreamExt as _,
    stream::{SplitSink, SplitStream},
};
use tokio::time::{MissedTickBehavior, interval, timeout};
use workshop_wire::terminal::{
    CLOSE_HELLO, CLOSE_NO_HELLO, CLOSE_NO_TERMINAL, CLOSE_TOKEN, ClientMessage, ServerMessage,
};

use super::{
    outbox::{Frame, Outbox},
    registry::{AttachError, Seat, Terminals},
    viewer::Role,
};

/// The first frame has to come within this time.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// A browser is asked for a sign of life this often, and taken for gone after three without one.
const PING_EVERY: Duration = Duration::from_secs(30);
/// tungstenite's default is 128 KiB a direction; this is what a terminal needs.
const BUFFER: usize = 4 * 1024;
/// The largest frame that a browser may send. It is small because the first one comes from anybody; the page sends a
/// long paste in several.
const MAX_FRAME: usize = 64 * 1024;
/// A text frame that waits because its socket does not read is bounded by tungstenite to this.
const MAX_WRITE_BUFFER: usize = 512 * 1024;

/// Sets the sizes of a socket's buffers.
pub fn sized(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(BUFFER)
        .write_buffer_size(BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_message_size(MAX_FRAME)
        .max_frame_size(MAX_FRAME)
}

/// Serves one viewer. `allows` is asked for the token of the hello.
pub async fn serve(
    socket: WebSocket,
    terminals: Terminals,
    role: Role,
    allows: impl FnOnce(Option<&str>) -> bool,
) {
    let (mut to, mut from) = socket.split();
    let seat = match greet(&mut from, &terminals, role, allows).await {
        Ok(seat) => seat,
        Err((code, title, detail)) => return refuse(&mut to, code, title, detail).await,
    };
    let outbox = seat.outbox().clone();
    tokio::select! {
        () = send(&mut to, &outbox) => {}
        () = listen(&mut from, &seat, role) => {}
        // It does not read, so it cannot be told.
        () = outbox.full() => {}
    }
    seat.leave().await;
}

type Refused = (u16, &'static str, &'static str);

async fn greet(
    from: &mut SplitStream<WebSocket>,
    terminals: &Terminals,
    role: Role,
    allows: impl FnOnce(Option<&str>) -> bool,
) -> Result<Seat, Refused> {
    let bad = |detail| (CLOSE_HELLO, "Not a hello", detail);
    let first = timeout(HELLO_WITHIN, from.next()).await;
    let text = match first {
        Err(_) => return Err((CLOSE_NO_HELLO, "No hello", "The first frame has to come within 5 seconds.")),
        Ok(Some(Ok(Message::Text(text)))) => text,
        Ok(_) => return Err(bad("The first frame has to be a hello.")),
    };
    let Ok(ClientMessage::Hello { token, terminal, cols, rows }) = serde_json::from_str(&text) else {
        return Err(bad("It needs a token or null, a terminal, cols and rows."));
    };
    if !allows(token.as_deref()) {
        return Err((CLOSE_TOKEN, "Not allowed", "The token is missing or wrong."));
    }
    terminals.attach(&terminal, role, clamp(cols, rows)).await.map_err(|error| match error {
        AttachError::Name => bad("A terminal's name has 1 to 32 of a-z, 0-9 and -."),
        AttachError::NotFound => (CLOSE_NO_TERMINAL, "No such terminal", "The student has not opened it."),
        AttachError::TooMany => {
            (CLOSE_HELLO, "Too many terminals", "A workspace has at most 16; use one that is open.")
        }
        AttachError::Unavailable => (close_code::AWAY, "Not now", "The backend is stopping."),
    })
}

async fn refuse(to: &mut SplitSink<WebSocket, Message>, code: u16, title: &str, detail: &str) {
    let error = ServerMessage::Error { title: title.to_owned(), detail: detail.to_owned() };
    let close = CloseFrame { code, reason: title.into() };
    // The browser may be gone already.
    let _ = to.feed(text(&error)).await;
    let _ = to.send(Message::Close(Some(close))).await;
}

fn text(message: &ServerMessage) -> Message {
    Message::Text(serde_json::to_string(message).unwrap_or_default().into())
}

/// Sends what waits, until the socket or the terminal ends.
async fn send(to: &mut SplitSink<WebSocket, Message>, outbox: &Outbox) {
    let mut ping = interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let frame = tokio::select! {
            frame = outbox.next() => frame,
            _ = ping.tick() => {
                if to.send(Message::Ping(Bytes::new())).await.is_err() {
                    return;
                }
                continue;
            }
        };
        let mut output = 0;
        let message = match frame {
            Frame::Output(text) => {
                output = text.len();
                Message::Binary(text.into_bytes().into())
            }
            Frame::Message(message) => text(&message),
            Frame::Close => {
                let close = CloseFrame { code: close_code::AWAY, reason: "The backend stops".into() };
                // The browser may be gone already.
                let _ = to.send(Message::Close(Some(close))).await;
                return;
            }
        };
        if to.send(message).await.is_err() {
            return;
        }
        outbox.note_written(output);
    }
}

/// Takes what the browser says, until it leaves, is silent for too long, or says something that is no frame.
async fn listen(from: &mut SplitStream<WebSocket>, seat: &Seat, role: Role) {
    while let Ok(Some(Ok(message))) = timeout(3 * PING_EVERY, from.next()).await {
        let served = match message {
            Message::Binary(bytes) if role == Role::Student => seat.type_bytes(bytes).await,
            Message::Text(text) => match serde_json::from_str(&text) {
                Ok(ClientMessage::Resize { cols, rows }) => seat.resize(clamp(cols, rows)).await,
                Ok(ClientMessage::Ack { bytes }) => seat.acknowledge(bytes).await,
                // A second hello, or a frame of a later version.
                Ok(ClientMessage::Hello { .. }) | Err(_) => Ok(()),
            },
            Message::Close(_) => return,
            Message::Binary(_) | Message::Ping(_) | Message::Pong(_) => Ok(()),
        };
        if served.is_err() {
            return;
        }
    }
}

/// A size that a screen can have, whatever a page says.
fn clamp(cols: u16, rows: u16) -> (u16, u16) {
    (cols.clamp(2, 500), rows.clamp(1, 300))
}
