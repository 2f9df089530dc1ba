//! How long a swap takes, from the page's request to the prompt in the new container, against the engine's own command:
//! stop, then run of the same image on the same kind of volume and port, to the same prompt. In turn, on both engines.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a benchmark prints"
)]

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::json;
use workshop_testing::cli::{On, User};
use workshop_testing::measure::row;
use workshop_testing::until;

/// Steps of `git-basics`, each with the image that it begins in.
const STEPS: [(&str, &str); 4] = [
    ("take-it-back", "first-commit"),
    ("branches", "take-it-back"),
    ("conflict", "branches"),
    ("first-commit", "step-0"),
];
const PAIRS: usize = 8;
/// How soon a page that does not get through tries again.
const AGAIN: Duration = Duration::from_millis(10);
/// How long one try may hang: engines take a port's rules away and make them again meanwhile.
const TRY: Duration = Duration::from_millis(50);

fn main() {
    for on in [On::Podman, On::Docker] {
        measure(on);
    }
}

fn measure(on: On) {
    let user = User::new(on);
    let workshop = user.copy("git-basics");
    let _images = user.images();
    let _supervisor = user.supervisor(&workshop, &[]);
    let mut by_hand = ByHand::begin(&user);
    let token = user.row().unwrap()["student"].rsplit_once('=').unwrap().1.to_owned();
    let pairs: Vec<(f64, f64)> = (0..=PAIRS)
        .map(|number| {
            let (step, image) = STEPS[number % STEPS.len()];
            let swapped = swap(&user, &token, step);
            sleep(Duration::from_secs(1));
            let bound = by_hand.swap(step, image);
            (swapped, bound)
        })
        // The first pair is to warm up.
        .skip(1)
        .collect();
    let name = format!("swap, image present, request to prompt, on {on:?}");
    row("cargo xtask bench swap", &name, "ms", &pairs[..], "≤ 1.2");
    eprintln!("{on:?}: {pairs:.0?}");
    // The containers go before their images.
    drop(by_hand);
    user.ok(&["rm", "--data", &user.name]);
}

fn milliseconds(begin: Instant) -> f64 {
    begin.elapsed().as_secs_f64() * 1e3
}

/// A swap as the page asks for it, with a supervisor that watches.
fn swap(user: &User, token: &str, step: &str) -> f64 {
    let mut page = Page::prompted(user.port, token);
    let body = json!({ "kind": "switch" }).to_string();
    let begin = Instant::now();
    let mut request = TcpStream::connect((Ipv4Addr::LOCALHOST, user.port)).unwrap();
    write!(
        request,
        "POST /api/steps/{step}/switch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Authorization: Bearer {token}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    request.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    page.ends();
    let page = Page::prompted(user.port, token);
    let took = milliseconds(begin);
    // The old container's removal is no part of it.
    until("the swap is over", || user.containers().len() == 1);
    page.lives();
    took
}

/// The same containers without `workshop`: whoever wants another image types two commands of the engine.
struct ByHand<'a> {
    user: &'a User,
    port: u16,
    number: u32,
}

/// The student's token there.
const TOKEN: &str = "00000000000000000000000000000000";

impl<'a> ByHand<'a> {
    fn begin(user: &'a User) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let by_hand = Self { user, port, number: 0 };
        by_hand.run("first-commit", "step-0");
        by_hand
    }

    fn container(&self) -> String {
        format!("{}-by-hand-{}", self.user.name, self.number)
    }

    fn volume(&self) -> String {
        format!("{}-by-hand", self.user.name)
    }

    /// Runs the image in which a step begins, on the same log.
    fn run(&self, step: &str, image: &str) {
        self.user.engine(&[
            "run",
            "--detach",
            "--name",
            &self.container(),
            "--hostname",
            "workshop",
            "--restart",
            "on-failure:5",
            "--publish",
            &format!("127.0.0.1:{}:8080", self.port),
            "--volume",
            &format!("{}:/workshop/runtime", self.volume()),
            "--env",
            &format!("WORKSHOP_ACCESS_TOKEN={TOKEN}"),
            "--env",
            &format!("WORKSHOP_SWITCH={:012x}:switch:{step}", self.number),
            &format!("localhost/{}:{image}", self.user.name),
        ]);
    }

    fn swap(&mut self, step: &str, image: &str) -> f64 {
        let mut page = Page::prompted(self.port, TOKEN);
        let old = self.container();
        self.number += 1;
        let begin = Instant::now();
        self.user.engine(&["stop", "--time", "10", &old]);
        self.run(step, image);
        page.ends();
        let page = Page::prompted(self.port, TOKEN);
        let took = milliseconds(begin);
        self.user.engine(&["rm", "--force", &old]);
        page.lives();
        took
    }
}

impl Drop for ByHand<'_> {
    fn drop(&mut self) {
        self.user.engine(&["rm", "--force", &self.container()]);
        self.user.engine(&["volume", "rm", &self.volume()]);
    }
}

/// Kinds of frames of a WebSocket.
const TEXT: u8 = 1;
const BINARY: u8 = 2;
const CLOSE: u8 = 8;

/// A page's terminal.
struct Page(TcpStream);

impl Page {
    /// Tries to open it until it has a prompt.
    fn prompted(port: u16, token: &str) -> Self {
        let begin = Instant::now();
        loop {
            match Self::try_prompt(port, token) {
                Ok(page) => return page,
                Err(error) => assert!(begin.elapsed() < Duration::from_secs(60), "no prompt: {error}"),
            }
            sleep(AGAIN);
        }
    }

    fn try_prompt(port: u16, token: &str) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), TRY)?;
        stream.set_read_timeout(Some(TRY))?;
        let mut page = Self(stream);
        page.0.write_all(
            b"GET /ws/terminal HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
              Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
        )?;
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            page.0.read_exact(&mut byte)?;
            head.push(byte[0]);
        }
        if !head.starts_with(b"HTTP/1.1 101") {
            return Err(io::Error::other(String::from_utf8_lossy(&head).into_owned()));
        }
        let hello = json!({ "type": "hello", "token": token, "terminal": "main", "cols": 80, "rows": 24 });
        page.send(TEXT, hello.to_string().as_bytes());
        // From here on it is the shell that takes its time.
        page.0.set_read_timeout(Some(Duration::from_secs(30)))?;
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains("$ ") {
            let (kind, payload) = page.frame()?;
            if kind == CLOSE {
                return Err(io::Error::other("closed"));
            }
            if kind == BINARY {
                shown.extend(payload);
            }
        }
        Ok(page)
    }

    /// Waits until the container has closed it.
    fn ends(&mut self) {
        while self.frame().is_ok_and(|(kind, _)| kind != CLOSE) {}
    }

    /// It is the new container's: its shell answers when the old one is gone.
    fn lives(mut self) {
        self.send(BINARY, b"echo it is $((6 * 7))\r");
        let mut shown = Vec::new();
        while !String::from_utf8_lossy(&shown).contains("it is 42") {
            shown.extend(self.frame().expect("the shell answers").1);
        }
    }

    /// A frame, masked with zeros.
    fn send(&mut self, kind: u8, payload: &[u8]) {
        let mut frame = vec![0x80 | kind, 0x80 | 126];
        frame.extend(u16::try_from(payload.len()).unwrap().to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(payload);
        self.0.write_all(&frame).unwrap();
    }

    /// The next frame of the server: its kind and what is in it.
    fn frame(&mut self) -> io::Result<(u8, Vec<u8>)> {
        let mut head = [0; 2];
        self.0.read_exact(&mut head)?;
        let length = match head[1] {
            126 => {
                let mut length = [0; 2];
                self.0.read_exact(&mut length)?;
                u64::from(u16::from_be_bytes(length))
            }
            127 => {
                let mut length = [0; 8];
                self.0.read_exact(&mut length)?;
                u64::from_be_bytes(length)
            }
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.0.read_exact(&mut payload)?;
        Ok((head[0] & 0x0f, payload))
    }
}
