//! What a terminal costs over a bare PTY: the echo of a key, floods with an acknowledging page, Ctrl-C, and the memory
//! that a page which stalls takes. The server is the backend's own, its client a WebSocket on loopback.

// A benchmark that fails should say so at once, and its output is its product.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, clippy::print_stderr)]

use std::{
    fs,
    io::{Read, Write},
    os::{fd::OwnedFd, unix::fs::PermissionsExt},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use axum::{Router, extract::WebSocketUpgrade, routing::get};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};
use workshop_backend::{
    terminal::{Role, Settings, Terminals, socket},
    workspace::{self, Identity},
};
use workshop_definition::artifact::Artifact;
use workshop_sandbox::{Direct, Launcher, Program, RunAs, Running, Signal, TerminalSize};
use workshop_testing::measure::{median, pairs, row};

const COMMAND: &str = "cargo bench -p workshop-backend --bench terminal";
const PAIRS: usize = 5;
const KEYS: usize = 400;
const FLOOD: Duration = Duration::from_millis(1500);
/// What a page acknowledges at a time.
const ACK_EVERY: u64 = 32 * 1024;

const WORKSHOP: &str = "version: v1\nworkshop: {name: bench, image: localhost/bench}\nbase: {image: \"workshop-base:debian\"}\n\
                        steps:\n  - {id: one, title: First, markdown: \"# First\\n\"}\n";

fn main() {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let backend = Runtime::new().unwrap();
    // The client has a thread of its own, as a browser has.
    let client = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (terminals, address) = backend.block_on(serve(root.path()));
    let bench = Bench { backend, client, address };

    // First, while no flood has left its buffers behind.
    row(COMMAND, "memory that a page which stalls takes", "MB", bench.stalled(), "≤ 8 MB");
    let mut page = bench.page("echo");
    bench.start_echo(&mut page);
    let echo = pairs(PAIRS, || bench.echo(&mut page), || bench.bare_echo());
    row(COMMAND, "echo of a key over the WebSocket, p50", "ms", &echo[..], "the bound + 0.3 ms");
    let beyond = median(echo.iter().map(|pair| pair.0)) - median(echo.iter().map(|pair| pair.1));
    row(COMMAND, "echo of a key, beyond a bare PTY loop", "ms", beyond, "≤ 0.3 ms");
    let mut page = bench.page("flood");
    for (name, command) in [("`yes`", vec!["yes"]), ("60-byte lines", vec!["yes", SIXTY])] {
        let mut stopped = Vec::new();
        let flood = pairs(
            PAIRS,
            || {
                let (speed, stop) = bench
                    .flood(&mut page, &command.iter().map(|arg| format!("'{arg}' ")).collect::<String>());
                stopped.push(stop);
                speed
            },
            || bench.bare_flood(&command),
        );
        row(COMMAND, &format!("flood of {name}, recorded and acknowledged"), "MB/s", &flood[..], "≥ 0.7");
        let slowest = stopped.into_iter().fold(0.0, f64::max);
        let name = format!("Ctrl-C in a flood of {name}, to the prompt, the slowest");
        row(COMMAND, &name, "ms", slowest, "≤ 100 ms");
    }
    bench.backend.block_on(terminals.shut_down());
    let events = fs::read_to_string(root.path().join("runtime/state-events.jsonl")).unwrap();
    assert!(!events.contains("recording_stopped"), "not all of it was recorded: {events}");
}

/// 59 characters and a line feed.
const SIXTY: &str = "a line that is as long as many lines of the output of tools";

/// The backend's terminals, on a port.
async fn serve(root: &Path) -> (Terminals, String) {
    for name in ["source", "artifact", "runtime", "home"] {
        fs::create_dir(root.join(name)).unwrap();
    }
    fs::set_permissions(root, fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(root.join("home/.bashrc"), "PS1='ready> '\n").unwrap();
    fs::write(root.join("source/workshop.yaml"), WORKSHOP).unwrap();
    let definition = workshop_definition::load(&root.join("source")).unwrap();
    workshop_definition::compile_artifact(&definition, &root.join("artifact")).unwrap();
    let artifact = Artifact::load(&root.join("artifact")).unwrap();
    let opened = workspace::open(&root.join("runtime"), artifact, Identity::default(), || {}).unwrap();
    opened.workspace.begin().await;
    let home = root.join("home");
    let terminals = Terminals::new(Settings {
        workspace: opened.workspace,
        launcher: launcher(),
        shell: "/bin/bash".to_owned(),
        sandbox: false,
        author_env: vec![("HOME".to_owned(), home.to_str().unwrap().to_owned())],
        directory: "/".into(),
        // All of a flood is recorded.
        cast_limit: 0,
    })
    .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = terminals.clone();
    let router = Router::new().route(
        "/",
        get(move |upgrade: WebSocketUpgrade| {
            let terminals = serving.clone();
            async move {
                socket::sized(upgrade)
                    .on_upgrade(|socket| socket::serve(socket, terminals, Role::Student, |_| true))
            }
        }),
    );
    let listener = axum::serve::ListenerExt::tap_io(listener, |stream| stream.set_nodelay(true).unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (terminals, address)
}

fn launcher() -> Launcher {
    // As whoever runs the benchmark.
    Launcher::Direct(Direct::new("root").unwrap())
}

type Socket = WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>;

struct Bench {
    backend: Runtime,
    client: Runtime,
    address: String,
}

/// A page: reads, acknowledges, and looks for the prompt.
struct Page {
    socket: Socket,
    received: u64,
    acknowledged: u64,
    tail: String,
}

impl Page {
    async fn types(&mut self, keys: &str) {
        self.socket.send(Message::Binary(keys.to_owned().into())).await.unwrap();
    }

    /// Takes a frame, and answers how many bytes of output it had.
    async fn take(&mut self) -> usize {
        let Message::Binary(bytes) = self.socket.next().await.unwrap().unwrap() else { return 0 };
        self.received += bytes.len() as u64;
        let end = &bytes[bytes.len().saturating_sub(200)..];
        self.tail.push_str(&String::from_utf8_lossy(end));
        let cut = self.tail.floor_char_boundary(self.tail.len().saturating_sub(200));
        self.tail.drain(..cut);
        if self.received - self.acknowledged >= ACK_EVERY {
            self.acknowledge().await;
        }
        bytes.len()
    }

    async fn acknowledge(&mut self) {
        self.acknowledged = self.received;
        let ack = json!({"type": "ack", "bytes": self.received}).to_string();
        self.socket.send(Message::Text(ack.into())).await.unwrap();
    }

    async fn prompt(&mut self) {
        while !self.tail.ends_with("ready> ") {
            self.take().await;
        }
    }
}

impl Bench {
    /// A page at a terminal, at its prompt.
    fn page(&self, terminal: &str) -> Page {
        self.client.block_on(async {
            let (mut socket, _) = tokio_tungstenite::connect_async(&self.address).await.unwrap();
            if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
                stream.set_nodelay(true).unwrap();
            }
            let hello = json!({"type": "hello", "token": null, "terminal": terminal, "cols": 80, "rows": 24});
            socket.send(Message::Text(hello.to_string().into())).await.unwrap();
            let mut page = Page { socket, received: 0, acknowledged: 0, tail: String::new() };
            page.prompt().await;
            page
        })
    }

    /// Has the terminal give back each key.
    fn start_echo(&self, page: &mut Page) {
        self.client.block_on(async {
            page.types("stty raw -echo; echo cat; exec cat\r").await;
            while !page.tail.ends_with("cat\n") {
                page.take().await;
            }
        });
    }

    /// Median time from a key to its echo, in ms.
    fn echo(&self, page: &mut Page) -> f64 {
        self.client.block_on(async {
            let mut times = Vec::new();
            for _ in 0..KEYS {
                tokio::time::sleep(Duration::from_millis(1)).await;
                let begin = Instant::now();
                page.types("x").await;
                while page.take().await == 0 {}
                times.push(begin.elapsed().as_secs_f64() * 1e3);
            }
            median(times)
        })
    }

    fn bare_echo(&self) -> f64 {
        let (mut master, running) = self.spawn(&["sh", "-c", "stty raw -echo; echo cat; exec cat"]);
        let mut buffer = [0; 256];
        let mut seen = Vec::new();
        while !seen.ends_with(b"cat\n") {
            let n = master.read(&mut buffer).unwrap();
            seen.extend_from_slice(&buffer[..n]);
        }
        let mut times = Vec::new();
        for _ in 0..KEYS {
            thread::sleep(Duration::from_millis(1));
            let begin = Instant::now();
            master.write_all(b"x").unwrap();
            assert_eq!(master.read(&mut buffer).unwrap(), 1);
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
        running.signal_group(Signal::KILL);
        median(times)
    }

    /// MB/s that reach a page, and ms from Ctrl-C to the prompt.
    fn flood(&self, page: &mut Page, command: &str) -> (f64, f64) {
        self.client.block_on(async {
            page.types(&format!("{command}\r")).await;
            let begin = Instant::now();
            let from = page.received;
            while begin.elapsed() < FLOOD {
                page.take().await;
            }
            let speed = (page.received - from) as f64 / begin.elapsed().as_secs_f64() / 1e6;
            let stop = Instant::now();
            page.types("\u{3}").await;
            page.prompt().await;
            let stopped = stop.elapsed().as_secs_f64() * 1e3;
            page.acknowledge().await;
            (speed, stopped)
        })
    }

    fn bare_flood(&self, command: &[&str]) -> f64 {
        let (mut master, running) = self.spawn(command);
        let mut buffer = vec![0; 64 * 1024];
        let (begin, mut read) = (Instant::now(), 0);
        while begin.elapsed() < FLOOD {
            read += master.read(&mut buffer).unwrap();
        }
        let speed = read as f64 / begin.elapsed().as_secs_f64() / 1e6;
        running.signal_group(Signal::KILL);
        speed
    }

    /// MB by which memory grew while a page that reads nothing had a flood in its terminal.
    fn stalled(&self) -> f64 {
        let mut page = self.page("stalled");
        self.client.block_on(async {
            let before = resident();
            page.types("yes\r").await;
            let mut most: f64 = 0.0;
            for _ in 0..40 {
                tokio::time::sleep(Duration::from_millis(100)).await;
                most = most.max(resident() - before);
            }
            page.types("\u{3}").await;
            most
        })
    }

    fn spawn(&self, argv: &[&str]) -> (fs::File, Running) {
        let program = Program {
            argv: argv.iter().map(|&arg| arg.to_owned()).collect(),
            env: launcher().base_env(),
            cwd: "/".into(),
            run_as: RunAs::Student,
        };
        let started = launcher();
        let spawned = started.spawn_on_terminal(&program, TerminalSize { rows: 24, cols: 80 });
        let (master, running): (OwnedFd, Running) = self.backend.block_on(spawned).unwrap();
        (master.into(), running)
    }
}

/// Resident memory of this process, in MB.
fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}
