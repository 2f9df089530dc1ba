//! Clients that read nothing, and lie about it, cost a real backend little memory.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};
use workshop_testing::backend::{ACCESS, Backend, Folder, INSTRUCTOR, WORKSHOP};

/// By so much the memory of the backend may grow, in KiB: less than what a shell prints here.
const MAX_GROWTH: u64 = 32 * 1024;
/// What a shell prints, in MiB.
const FLOOD_MIB: u64 = 48;

/// Looks at the memory until `done`, prints its growth since `before`, and bounds it.
async fn assert_bounded(backend: &Backend, what: &str, before: u64, done: impl Fn() -> bool) {
    let begin = Instant::now();
    let mut most = before;
    loop {
        let last = done();
        most = most.max(backend.process.memory("VmRSS"));
        assert!(most < before + MAX_GROWTH, "{what}: {before} KiB became {most} KiB");
        if last {
            break;
        }
        assert!(begin.elapsed() < Duration::from_secs(300), "{what}: it does not end");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    eprintln!("{what}: {} MiB became {} MiB at most", before / 1024, most / 1024);
}

/// A command that prints [`FLOOD_MIB`] and then makes a file, and whether that is there.
fn flood(folder: &Folder) -> (String, impl Fn() -> bool) {
    let done = folder.path("work/done");
    let line = "x".repeat(100);
    let command = format!("yes {line} | head -c {FLOOD_MIB}M; touch {}\r", done.display());
    (command, move || done.exists())
}

/// A connection whose kernel keeps as little as it can of what is not read.
async fn connect(backend: &Backend) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(([127, 0, 0, 1], backend.port).into()).await.unwrap()
}

type Socket = WebSocketStream<TcpStream>;

async fn terminal(backend: &Backend, path: &str, token: &str) -> Socket {
    let address = format!("ws://127.0.0.1:{}{path}", backend.port);
    let (mut socket, _) = client_async(address, connect(backend).await).await.unwrap();
    let hello = json!({"type": "hello", "token": token, "terminal": "main", "cols": 80, "rows": 24});
    say(&mut socket, &hello).await;
    socket
}

async fn say(socket: &mut Socket, frame: &Value) {
    socket.send(Message::Text(frame.to_string().into())).await.unwrap();
}

/// Claims again and again to have worked off everything, and reads nothing. Ends with its connection.
fn lie(mut socket: Socket) -> JoinHandle<()> {
    tokio::spawn(async move {
        let all = json!({"type": "ack", "bytes": u64::MAX}).to_string();
        while socket.send(Message::Text(all.clone().into())).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    })
}

/// A page that reads, acknowledges what it reads, and changes its size all the time.
async fn read_and_resize(mut socket: Socket) {
    let mut received = 0;
    for cols in (80..200u16).cycle() {
        say(&mut socket, &json!({"type": "resize", "cols": cols, "rows": 24})).await;
        let Some(Ok(frame)) = socket.next().await else { return };
        if let Message::Binary(output) = frame {
            received += output.len();
            say(&mut socket, &json!({"type": "ack", "bytes": received})).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_student_who_reads_nothing_and_acknowledges_everything() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_CAST_LIMIT", "1MiB")]).ready().await;
    let mut socket = terminal(&backend, "/ws/terminal", ACCESS).await;
    let before = backend.process.memory("VmRSS");
    let (command, done) = flood(&folder);
    socket.send(Message::Binary(command.into())).await.unwrap();
    let liar = lie(socket);
    assert_bounded(&backend, "one student", before, done).await;
    liar.abort();
}

/// Output and sizes of a student who reads go to instructors who do not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instructors_who_read_nothing_beside_a_student_who_reads() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_CAST_LIMIT", "1MiB")]).ready().await;
    let mut student = terminal(&backend, "/ws/terminal", ACCESS).await;
    let (command, done) = flood(&folder);
    student.send(Message::Binary(command.into())).await.unwrap();
    let student = tokio::spawn(read_and_resize(student));
    let before = backend.process.memory("VmRSS");
    let mut liars = Vec::new();
    for _ in 0..3 {
        liars.push(lie(terminal(&backend, "/ws/instructor/terminal", INSTRUCTOR).await));
    }
    assert_bounded(&backend, "three instructors", before, done).await;
    student.abort();
    liars.iter().for_each(JoinHandle::abort);
}

/// Twenty tests that fail, with titles as long as a record keeps: each check is a record of about 15 kB.
fn large_checks() -> String {
    let mut workshop = "version: v1\nworkshop: {name: test, image: localhost/test}\nbase: {image: \"workshop-base:debian\"}\n\
        steps:\n  - id: one\n    title: First\n    markdown: \"# First\\n\"\n    goss: |\n      file:\n"
        .to_owned();
    for n in 0..20 {
        let title = format!("{n} {}", "long ".repeat(60));
        write!(workshop, "        /no/such/{n}:\n          title: {title}\n          exists: true\n")
            .unwrap();
    }
    workshop
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn followers_of_events_who_read_nothing() {
    let folder = Folder::new(&large_checks());
    let backend = folder.start(&[]).ready().await;
    let (status, _) = backend.post("/api/steps/one/validate").await;
    assert_eq!(status, 200);
    let mut followers = Vec::new();
    for (path, token) in [("/api/events", ACCESS), ("/api/instructor/events", INSTRUCTOR)].repeat(20) {
        let mut follower = connect(&backend).await;
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\r\n");
        follower.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        follower.read_exact(&mut status).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 200");
        followers.push(follower);
    }
    let before = backend.process.memory("VmRSS");
    let volume = || fs::metadata(folder.path("runtime/state-events.jsonl")).unwrap().len();
    let begin = volume();
    while volume() - begin < 1536 * 1024 {
        assert_eq!(backend.post("/api/steps/one/validate").await.0, 200);
    }
    assert_bounded(&backend, "forty followers", before, || true).await;
}
