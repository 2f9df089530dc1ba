//! The terminals' WebSocket: the first frame, who is let in, what is sent when, and frames that no page sends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

mod terminal_harness;

use std::time::Duration;

use axum::{Router, extract::WebSocketUpgrade, routing::get};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use terminal_harness::{PATIENCE, Workshop};
use tokio::{
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream,
    tungstenite::{Message, protocol::frame::coding::CloseCode},
};
use workshop_backend::terminal::{Role, socket};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A workshop behind a port: `/` for the student, `/instructor` for the instructor.
struct Server {
    workshop: Workshop,
    address: String,
}

impl Server {
    async fn start() -> Self {
        let workshop = Workshop::start("/bin/bash").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("ws://{}", listener.local_addr().unwrap());
        let route = |role: Role, token: &'static str| {
            let terminals = workshop.terminals.clone();
            get(move |upgrade: WebSocketUpgrade| {
                let terminals = terminals.clone();
                async move {
                    socket::sized(upgrade).on_upgrade(move |socket| {
                        socket::serve(socket, terminals, role, move |given| given == Some(token))
                    })
                }
            })
        };
        let router = Router::new()
            .route("/", route(Role::Student, "right"))
            .route("/instructor", route(Role::Instructor, "teacher"));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { workshop, address }
    }

    async fn connect(&self, path: &str) -> Socket {
        tokio_tungstenite::connect_async(format!("{}{path}", self.address)).await.unwrap().0
    }

    /// A student's socket after its hello.
    async fn student(&self) -> Socket {
        let mut socket = self.connect("/").await;
        say(&mut socket, &hello("right", "main")).await;
        socket
    }
}

fn hello(token: &str, terminal: &str) -> Value {
    json!({"type": "hello", "token": token, "terminal": terminal, "cols": 80, "rows": 24})
}

async fn say(socket: &mut Socket, frame: &Value) {
    socket.send(Message::Text(frame.to_string().into())).await.unwrap();
}

async fn next(socket: &mut Socket) -> Message {
    loop {
        match timeout(PATIENCE, socket.next()).await.expect("no frame").expect("the end").unwrap() {
            Message::Ping(_) | Message::Pong(_) => {}
            frame => return frame,
        }
    }
}

/// Reads output until it holds `text`; other frames on the way are given back.
async fn until(socket: &mut Socket, text: &str) -> Vec<Value> {
    let (mut output, mut told) = (String::new(), Vec::new());
    while !output.contains(text) {
        match next(socket).await {
            Message::Binary(bytes) => {
                output.push_str(std::str::from_utf8(&bytes).expect("frames are whole UTF-8"))
            }
            Message::Text(frame) => told.push(serde_json::from_str(&frame).unwrap()),
            other => panic!("{other:?} before {text:?}, after {output:?}"),
        }
    }
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_let_in_is_told_why() {
    let server = Server::start().await;
    for (path, first, code) in [
        ("/", hello("wrong", "main").to_string(), 4401),
        (
            "/",
            json!({"type": "hello", "token": null, "terminal": "main", "cols": 80, "rows": 24}).to_string(),
            4401,
        ),
        ("/instructor", hello("right", "main").to_string(), 4401),
        ("/instructor", hello("teacher", "never-opened").to_string(), 4404),
        ("/", hello("right", "../etc").to_string(), 4400),
        ("/", hello("right", "").to_string(), 4400),
        ("/", json!({"type": "hello", "token": "right", "terminal": "main"}).to_string(), 4400),
        (
            "/",
            json!({"type": "hello", "token": "right", "terminal": "main", "cols": -1, "rows": 1e9})
                .to_string(),
            4400,
        ),
        ("/", json!({"type": "resize", "cols": 80, "rows": 24}).to_string(), 4400),
        ("/", "{".to_owned(), 4400),
        ("/", "[".repeat(10_000), 4400),
    ] {
        let mut socket = server.connect(path).await;
        socket.send(Message::Text(first.clone().into())).await.unwrap();
        let Message::Text(refusal) = next(&mut socket).await else { panic!("{first}: no reason") };
        let refusal: Value = serde_json::from_str(&refusal).unwrap();
        assert_eq!(refusal["type"], "error", "{refusal}");
        assert!(refusal["title"].is_string() && refusal["detail"].is_string(), "{refusal}");
        let Message::Close(Some(close)) = next(&mut socket).await else { panic!("{first}: not closed") };
        assert_eq!(close.code, CloseCode::from(code), "{first}");
    }
    // Keys before a hello.
    let mut socket = server.connect("/").await;
    socket.send(Message::Binary("rm -rf /\r".into())).await.unwrap();
    assert!(matches!(next(&mut socket).await, Message::Text(_)));
    assert!(server.workshop.terminals.list().is_empty(), "nobody opened a terminal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silence_is_closed_after_five_seconds_and_nothing_is_sent_before() {
    let server = Server::start().await;
    let mut socket = server.connect("/").await;
    assert!(
        timeout(Duration::from_secs(3), socket.next()).await.is_err(),
        "something was sent before the hello"
    );
    assert!(matches!(next(&mut socket).await, Message::Text(_)));
    assert!(
        matches!(next(&mut socket).await, Message::Close(Some(close)) if close.code == CloseCode::from(4408))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_terminal_over_the_socket() {
    let server = Server::start().await;
    let mut socket = server.student().await;
    let Message::Text(first) = next(&mut socket).await else { panic!("the first frame is not text") };
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(
        (first["type"].as_str(), first["terminal"].as_str(), first["cols"].as_u64(), first["rows"].as_u64()),
        (Some("restored"), Some("main"), Some(80), Some(24)),
        "{first}"
    );
    assert_eq!(first["running"], true);
    until(&mut socket, "$ ").await;
    // Frames that no page sends change nothing.
    for frame in
        ["", "null", "{}", "{\"type\":\"later\"}", "{\"type\":\"ack\",\"bytes\":-5}", "{\"type\":\"resize\"}"]
    {
        socket.send(Message::Text(frame.into())).await.unwrap();
    }
    say(&mut socket, &json!({"type": "ack", "bytes": u64::MAX})).await;
    say(&mut socket, &hello("wrong", "other")).await;
    say(&mut socket, &json!({"type": "resize", "cols": 65535, "rows": 0})).await;
    socket.send(Message::Binary("stty size; echo $((6 * 7))\r".into())).await.unwrap();
    until(&mut socket, "1 500\r\n42").await;
    // The instructor looks and cannot type.
    let mut instructor = server.connect("/instructor").await;
    say(&mut instructor, &hello("teacher", "main")).await;
    until(&mut instructor, "42").await;
    instructor.send(Message::Binary("echo from-the-instructor\r".into())).await.unwrap();
    socket.send(Message::Binary("echo a''nd\r".into())).await.unwrap();
    until(&mut instructor, "and").await;
    // The shell ends, a key starts another.
    socket.send(Message::Binary("exit 3\r".into())).await.unwrap();
    let ended = loop {
        if let Message::Text(frame) = next(&mut socket).await {
            break serde_json::from_str::<Value>(&frame).unwrap();
        }
    };
    assert_eq!(ended, json!({"type": "exit", "code": 3}));
    socket.send(Message::Binary("x".into())).await.unwrap();
    let told = until(&mut socket, "$ ").await;
    assert!(told[0]["type"] == "restored" && told[0]["session"] != first["session"], "{told:?}");
    // The backend stops.
    server.workshop.terminals.shut_down().await;
    loop {
        match next(&mut socket).await {
            Message::Close(close) => break assert_eq!(close.unwrap().code, CloseCode::Away),
            _ => continue,
        }
    }
    let commands = server.workshop.commands();
    assert!(!commands.iter().any(|c| c["cmd"].as_str().unwrap().contains("instructor")), "{commands:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frame_that_is_too_large_ends_its_socket_and_no_other() {
    let server = Server::start().await;
    let (mut bad, mut good) = (server.student().await, server.student().await);
    until(&mut good, "$ ").await;
    // The server may hang up while it is being sent.
    let _ = bad.send(Message::Binary(vec![b'x'; 3 * 1024 * 1024].into())).await;
    let end = timeout(PATIENCE, async {
        while let Some(Ok(frame)) = bad.next().await {
            if frame.is_close() {
                break;
            }
        }
    });
    assert!(end.await.is_ok(), "the socket lives on");
    good.send(Message::Binary("echo al''ive\r".into())).await.unwrap();
    until(&mut good, "alive").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_that_is_cut_leaves() {
    let server = Server::start().await;
    let mut socket = server.student().await;
    until(&mut socket, "$ ").await;
    drop(socket);
    let count = |w: &Workshop| {
        w.records("state-events.jsonl").iter().filter(|e| e["event"] == "disconnected").count()
    };
    server.workshop.until("it is in the log", |w| count(w) == 1).await;
    assert!(server.workshop.terminals.list()[0].running, "the shell outlives its browser");
}
