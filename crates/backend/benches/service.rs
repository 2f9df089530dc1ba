//! The service as a whole: how soon it serves, and what it and its clients cost in memory.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails says so at once")]

use std::{
    fs,
    hint::black_box,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio_tungstenite::tungstenite::{Message, client::IntoClientRequest};
use workshop_events::{Cause, CheckCount, LogId, StateEvent, Timestamp, Trigger, codec::Body};
use workshop_testing::backend::{ACCESS, Backend, Folder, INSTRUCTOR, WORKSHOP};
use workshop_testing::measure::{median, row};

const COMMAND: &str = "cargo bench -p workshop-backend --bench service";
const EVENTS: u64 = 100_000;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    readiness();
    runtime.block_on(memory());
}

/// Writes a log of a hundred thousand events, as a class of many hours would.
fn write_log(folder: &Folder) {
    let log = LogId::from_bits(1);
    let step = |id: &'static str| id.into();
    let events = [
        StateEvent::StepStart { step: step("one"), cause: Cause::Navigate },
        StateEvent::StepViewed { step: step("two") },
        StateEvent::GossResult {
            step: step("one"),
            passed: true,
            checks: CheckCount { total: 3, passed: 3 },
            trigger: Trigger::Periodic,
            failed: Vec::new(),
        },
        StateEvent::Connected {
            session: Some(step("0123456789abcdef")),
            client: Some(step("00000000000000ff")),
        },
        StateEvent::Disconnected {
            session: Some(step("0123456789abcdef")),
            client: Some(step("00000000000000ff")),
        },
    ];
    let bodies: Vec<Body> = events.iter().map(|e| Body::new(e).unwrap()).collect();
    let mut lines = Vec::new();
    for seq in 1..=EVENTS {
        let ts = Timestamp::from_millis(1_790_000_000_000 + seq as i64 * 500);
        bodies[seq as usize % bodies.len()].write_line(log, seq, ts, &mut lines);
    }
    let mut file = fs::File::create(folder.path("runtime/state-events.jsonl")).unwrap();
    file.write_all(&lines).unwrap();
    // A log that is read at a start was written long before.
    file.sync_all().unwrap();
    fs::write(
        folder.path("runtime/log.json"),
        json!({"log": log, "workshop": "test", "created": "2026-01-01T00:00:00.000Z"}).to_string(),
    )
    .unwrap();
}

/// What no reader of these lines can do without: the process, and parsing.
fn bound(folder: &Folder, empty: &str) -> Duration {
    let begin = Instant::now();
    Command::new(empty).stdin(Stdio::null()).status().unwrap();
    let text = fs::read_to_string(folder.path("runtime/state-events.jsonl")).unwrap();
    for line in text.lines() {
        let record: Borrowed<'_> = serde_json::from_str(line).unwrap();
        black_box(&record);
    }
    begin.elapsed()
}

#[derive(serde::Deserialize)]
#[allow(dead_code, reason = "parsed, not used")]
struct Borrowed<'a> {
    log: &'a str,
    seq: u64,
    ts: &'a str,
    event: &'a str,
    step: Option<&'a str>,
    session: Option<&'a str>,
    client: Option<&'a str>,
    crc: &'a str,
}

fn readiness() {
    let folder = Folder::new(WORKSHOP);
    let empty = compile_empty(&folder);
    let pairs: Vec<(f64, f64)> = (0..7)
        .map(|_| {
            write_log(&folder);
            let bound = bound(&folder, &empty).as_secs_f64() * 1000.0;
            let _ = fs::remove_dir_all(folder.path("runtime"));
            fs::create_dir(folder.path("runtime")).unwrap();
            write_log(&folder);
            let begin = Instant::now();
            let backend = folder.start(&[("WORKSHOP_LOG", "error")]);
            while !serves(backend.port) {
                std::thread::sleep(Duration::from_micros(200));
            }
            let took = begin.elapsed().as_secs_f64() * 1000.0;
            backend.kill();
            (bound, took)
        })
        .collect();
    let value = median(pairs.iter().map(|p| p.1));
    let bound = median(pairs.iter().map(|p| p.0));
    row(COMMAND, "exec to first 200 on /readyz, log of 100,000 events", "ms", (value, bound), "<= 100 ms");
}

/// A static program that does nothing.
fn compile_empty(folder: &Folder) -> String {
    let source = folder.path("empty.rs");
    fs::write(&source, "fn main() {}\n").unwrap();
    let program = folder.path("empty");
    let compiled = Command::new("rustc")
        .args(["-O", "-C", "target-feature=+crt-static", "-o"])
        .arg(&program)
        .arg(&source)
        .status()
        .unwrap();
    assert!(compiled.success());
    program.to_str().unwrap().to_owned()
}

fn serves(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    let asked = stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let mut answer = [0; 12];
    asked.is_ok() && stream.read_exact(&mut answer).is_ok() && answer.ends_with(b"200")
}

fn resident(backend: &Backend) -> f64 {
    backend.process.memory("VmRSS") as f64
}

async fn memory() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_LOG", "error")]).ready().await;
    backend.get("/api/state").await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    row(COMMAND, "idle backend", "MB RSS", resident(&backend) / 1024.0, "<= 15 MB");

    const SSE: usize = 500;
    // The first few pay for what all share.
    let mut streams = Vec::new();
    for _ in 0..20 {
        streams.push(backend.events("/api/events", ACCESS).await);
    }
    let before = resident(&backend);
    for _ in 0..SSE {
        streams.push(backend.events("/api/events", ACCESS).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = (resident(&backend) - before) / SSE as f64;
    row(COMMAND, "a client of /api/events", "KiB RSS", each, "<= 24 KiB");
    drop(streams);

    const SOCKETS: usize = 200;
    let mut sockets = vec![socket(&backend, "/ws/terminal", ACCESS).await];
    for _ in 0..20 {
        sockets.push(socket(&backend, "/ws/instructor/terminal", INSTRUCTOR).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let before = resident(&backend);
    for _ in 0..SOCKETS {
        sockets.push(socket(&backend, "/ws/instructor/terminal", INSTRUCTOR).await);
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    let each = (resident(&backend) - before) / SOCKETS as f64;
    row(COMMAND, "a WebSocket", "KiB RSS", each, "<= 8 KiB");
}

type Socket = tokio_tungstenite::WebSocketStream<tokio_tungstenite::MaybeTlsStream<tokio::net::TcpStream>>;

/// A viewer that has seen the screen.
async fn socket(backend: &Backend, path: &str, token: &str) -> Socket {
    let request = format!("ws://127.0.0.1:{}{path}", backend.port).into_client_request().unwrap();
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    let hello = json!({"type": "hello", "token": token, "terminal": "main", "cols": 80, "rows": 24});
    socket.send(Message::text(hello.to_string())).await.unwrap();
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            break;
        }
    }
    socket
}
