//! Whom a terminal's socket lets in.

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use workshop_testing::in_time;
use workshop_wire::terminal::CLOSE_TOKEN;

/// Whether a socket answers a hello with this token by anything but a refusal of it. `cookie` comes with the request.
pub(crate) async fn lets_in(address: &str, path: &str, token: Option<&str>, cookie: &str) -> bool {
    let mut request = format!("ws://{address}{path}").into_client_request().unwrap();
    if !cookie.is_empty() {
        request.headers_mut().insert("cookie", cookie.parse().unwrap());
    }
    let (mut socket, _) = connect_async(request).await.unwrap();
    let hello = json!({"type": "hello", "token": token, "terminal": "main", "cols": 80, "rows": 24});
    socket.send(Message::text(hello.to_string())).await.unwrap();
    let answer = async {
        loop {
            match socket.next().await.expect("an answer").unwrap() {
                Message::Close(close) => return u16::from(close.unwrap().code) != CLOSE_TOKEN,
                Message::Text(text) if !text.contains("\"error\"") => return true,
                _ => {}
            }
        }
    };
    in_time(path, answer).await
}
