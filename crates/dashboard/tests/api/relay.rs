//! A workspace's terminal, live, through the dashboard.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade};
use axum::response::{Redirect, Response};
use axum::routing::get;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use workshop_testing::dashboard::{INSTRUCTOR, Served};
use workshop_testing::until_async;

use super::harness::{Database, LOG};

const WORKSPACES: &str = "the-token-of-the-workspaces";

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A workspace's socket: remembers what it is told, says what a terminal says.
#[derive(Clone, Default)]
struct Workspace(Arc<Mutex<Vec<String>>>);

impl Workspace {
    async fn start(&self) -> String {
        let app = Router::new()
            .route("/behind/ws/instructor/terminal", get(terminal))
            .route(
                "/elsewhere/ws/instructor/terminal",
                get(|| async { Redirect::to("/behind/ws/instructor/terminal") }),
            )
            .route("/hung/ws/instructor/terminal", get(hung))
            .with_state(self.clone());
        let socket = TcpSocket::new_v4().unwrap();
        // One that hangs is noticed when its buffer is full.
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(16).unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        format!("http://{address}")
    }

    fn heard(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

async fn terminal(State(workspace): State<Workspace>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let Some(Ok(Frame::Text(hello))) = socket.recv().await else { return };
        workspace.0.lock().unwrap().push(hello.to_string());
        let hello: Value = serde_json::from_str(&hello).unwrap();
        if hello["terminal"] == "absent" {
            let close = CloseFrame { code: 4404, reason: "No such terminal".into() };
            socket.send(Frame::Close(Some(close))).await.unwrap();
            return;
        }
        socket.send(Frame::Text(json!({"type": "restored", "cols": 80}).to_string().into())).await.unwrap();
        socket.send(Frame::Binary("$ ls\r\n".into())).await.unwrap();
        socket.send(Frame::Binary(vec![b'x'; 300_000].into())).await.unwrap();
        while let Some(Ok(frame)) = socket.recv().await {
            let told = match frame {
                Frame::Text(text) => text.to_string(),
                Frame::Binary(bytes) => format!("typed {bytes:?}"),
                _ => continue,
            };
            workspace.0.lock().unwrap().push(told);
        }
        workspace.0.lock().unwrap().push("left".to_owned());
    })
}

/// Reads the hello, and nothing after it.
async fn hung(State(workspace): State<Workspace>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.on_upgrade(async move |mut socket: WebSocket| {
        let Some(Ok(Frame::Text(hello))) = socket.recv().await else { return };
        workspace.0.lock().unwrap().push(hello.to_string());
        std::future::pending::<()>().await;
    })
}

async fn open(running: &Served, name: &str) -> Socket {
    let url = format!("ws://{}/ws/workspaces/{name}/terminal", running.address);
    connect_async(url).await.unwrap().0
}

async fn say(socket: &mut Socket, value: Value) {
    socket.send(Message::text(value.to_string())).await.unwrap();
}

fn hello(token: Option<&str>, terminal: &str) -> Value {
    json!({"type": "hello", "token": token, "terminal": terminal, "cols": 80, "rows": 24})
}

/// The next frame that is not a ping.
async fn next(socket: &mut Socket) -> Message {
    loop {
        let frame =
            timeout(Duration::from_secs(60), socket.next()).await.expect("nothing comes").unwrap().unwrap();
        if !frame.is_ping() {
            return frame;
        }
    }
}

/// The code that a socket is closed with.
async fn closed(socket: &mut Socket) -> u16 {
    loop {
        if let Message::Close(frame) = next(socket).await {
            return frame.map_or(0, |frame| frame.code.into());
        }
    }
}

async fn set_up(path: &str) -> (Database, Served, Workspace) {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    let workspace = Workspace::default();
    let url = workspace.start().await;
    database.run(&format!("update workspaces set url = '{url}{path}' where workspace = 'ada'")).await;
    let running =
        Served::with(&database.url, &["--instructor-token", INSTRUCTOR, "--workspace-token", WORKSPACES])
            .await;
    (database, running, workspace)
}

#[tokio::test]
async fn a_terminal_is_shown_and_nothing_is_typed_into_it() {
    let (_database, running, workspace) = set_up("/behind").await;
    assert_eq!(running.json("/api/workspaces/ada").await["live"], true);
    let mut socket = open(&running, "ada").await;
    say(&mut socket, hello(Some(INSTRUCTOR), "main")).await;
    let restored = next(&mut socket).await.into_text().unwrap();
    assert_eq!(serde_json::from_str::<Value>(&restored).unwrap(), json!({"type": "restored", "cols": 80}));
    assert_eq!(next(&mut socket).await.into_data(), "$ ls\r\n".as_bytes());
    assert_eq!(next(&mut socket).await.into_data().len(), 300_000);
    socket.send(Message::binary("rm -rf /\n".as_bytes().to_vec())).await.unwrap();
    say(&mut socket, json!({"type": "resize", "cols": 1, "rows": 1})).await;
    say(&mut socket, json!({"type": "hello", "token": "x", "terminal": "main", "cols": 1, "rows": 1})).await;
    say(&mut socket, json!({"type": "ack", "bytes": 300_006, "more": "x"})).await;
    socket.close(None).await.unwrap();
    let left = async || workspace.heard().last().is_some_and(|last| last == "left");
    until_async("the workspace hears the end", left).await;
    let heard = workspace.heard();
    let first: Value = serde_json::from_str(&heard[0]).unwrap();
    assert_eq!(first, hello(Some(WORKSPACES), "main"), "the workspaces' token, not the instructor's");
    assert_eq!(&heard[1..], [r#"{"type":"ack","bytes":300006}"#, "left"]);
}

/// Its place is another's, although neither side of the relay ever closes its socket.
#[tokio::test(flavor = "multi_thread")]
async fn a_workspace_that_hangs_is_given_up() {
    let (_database, running, workspace) = set_up("/hung").await;
    let mut socket = open(&running, "ada").await;
    say(&mut socket, hello(Some(INSTRUCTOR), "main")).await;
    until_async("the workspace is greeted", async || workspace.heard().len() == 1).await;
    assert!(running.metrics().await.contains("workshop_relays 1\n"));
    let ack = json!({"type": "ack", "bytes": 1}).to_string();
    // Until the relay no longer reads, as its own send waits, or has given up.
    while let Ok(Ok(())) = timeout(Duration::from_secs(1), socket.send(Message::text(ack.clone()))).await {}
    let free = async || running.metrics().await.contains("workshop_relays 0\n");
    until_async("its place is free", free).await;
}

#[tokio::test]
async fn only_instructors_see_a_terminal() {
    let (_database, running, workspace) = set_up("/behind").await;
    for token in [None, Some(""), Some("x"), Some(WORKSPACES)] {
        let mut socket = open(&running, "ada").await;
        say(&mut socket, hello(token, "main")).await;
        assert_eq!(closed(&mut socket).await, 4401, "{token:?}");
    }
    let mut socket = open(&running, "ada").await;
    socket.send(Message::binary(vec![1])).await.unwrap();
    assert_eq!(closed(&mut socket).await, 4400);
    assert!(workspace.heard().is_empty());
    // Another site's page cannot even open one.
    for (name, value) in
        [("origin", "http://evil.example"), ("sec-fetch-site", "cross-site"), ("host", "evil.example")]
    {
        let url = format!("ws://{}/ws/workspaces/ada/terminal", running.address);
        let mut request = url.into_client_request().unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        assert!(connect_async(request).await.is_err(), "{name}");
    }
}

#[tokio::test]
async fn what_cannot_be_shown_is_said() {
    let (database, running, workspace) = set_up("/behind").await;
    let check = async |name: &str, terminal: &str, expected: u16| {
        let mut socket = open(&running, name).await;
        say(&mut socket, hello(Some(INSTRUCTOR), terminal)).await;
        assert_eq!(closed(&mut socket).await, expected, "{name} {terminal}");
    };
    check("nobody", "main", 4404).await;
    // As the workspace says it.
    check("ada", "absent", 4404).await;
    assert_eq!(workspace.heard().len(), 1);
    for (url, expected) in [
        // Where it may not go, and where nobody is.
        ("'http://127.0.0.1:1'", 4502),
        ("'file:///etc/passwd'", 4502),
        ("null", 4404),
    ] {
        database.run(&format!("update workspaces set url = {url} where workspace = 'ada'")).await;
        check("ada", "main", expected).await;
    }
}

#[tokio::test]
async fn no_redirect_is_followed() {
    let (_database, running, workspace) = set_up("/elsewhere").await;
    let mut socket = open(&running, "ada").await;
    say(&mut socket, hello(Some(INSTRUCTOR), "main")).await;
    assert_eq!(closed(&mut socket).await, 4502);
    assert!(workspace.heard().is_empty());
}

#[tokio::test]
async fn without_the_workspaces_token_there_is_none() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    database.run("update workspaces set url = 'http://127.0.0.1:1'").await;
    let running = Served::on(&database).await;
    assert_eq!(running.json("/api/workspaces/ada").await["live"], false);
    let url = format!("ws://{}/ws/workspaces/ada/terminal", running.address);
    assert!(connect_async(url).await.is_err());
}
