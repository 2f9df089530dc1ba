//! A model of the dashboard's ingest: keeps what is posted byte for byte, checks each post against what it has, and
//! fails as it is told. Plain threads and sockets, so that it can lose an answer, cut it off, or not read at all.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    collections::{BTreeMap, HashMap},
    io::{self, Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard},
    thread,
    time::{Duration, Instant},
};

use sha2::{Digest, Sha256};
use workshop_testing::Random;

pub const TOKEN: &str = "token-of-ann-0123456789abcdef";

/// What it does instead of answering as it should; each is how often, of 100 posts.
#[derive(Clone, Copy, Default, Debug)]
pub struct Faults {
    /// Stores, and closes the connection.
    pub lost: u64,
    /// Stores, and sends half of an answer.
    pub cut: u64,
    /// Closes the connection and stores nothing.
    pub dropped: u64,
    /// 503 with `Retry-After: 0`.
    pub busy: u64,
    /// 429 without more.
    pub throttled: u64,
    /// 409 although the offset is right.
    pub conflict: u64,
    /// Stores the first lines only.
    pub partial: u64,
}

/// Everything of one log.
#[derive(Clone, Default)]
pub struct Log {
    pub streams: BTreeMap<String, Vec<u8>>,
    pub too_long: Vec<(String, u64, u64)>,
    pub diverged: Option<(String, u64, String)>,
}

#[derive(Default)]
pub struct Model {
    pub logs: HashMap<String, Log>,
    pub faults: Faults,
    pub random: Random,
    /// Every answer to a post is this, if set: status and body.
    pub answer: Option<(u16, String)>,
    /// No larger body is taken.
    pub most: Option<usize>,
    /// Nothing is answered.
    pub stalled: bool,
    pub requests: u64,
    pub posts: u64,
    pub connections: u64,
    pub largest: usize,
    /// When each post came.
    pub at: Vec<Instant>,
    /// What a shipper must not do.
    pub wrong: Vec<String>,
}

#[derive(Clone)]
pub struct Receiver {
    pub address: SocketAddr,
    model: Arc<Mutex<Model>>,
}

pub struct Request {
    method: String,
    path: Vec<String>,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

impl Receiver {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let receiver = Self { address, model: Arc::default() };
        let serving = receiver.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = serving.clone();
                let stream = stream.unwrap();
                serving.model().connections += 1;
                thread::spawn(move || serving.serve(&stream).ok());
            }
        });
        receiver
    }

    pub fn url(&self) -> String {
        format!("http://{}/ingest/ann", self.address)
    }

    pub fn model(&self) -> MutexGuard<'_, Model> {
        self.model.lock().unwrap()
    }

    pub fn log(&self, log: &str) -> Log {
        self.model().logs.get(log).cloned().unwrap_or_default()
    }

    /// The bytes of a stream.
    pub fn stream(&self, log: &str, stream: &str) -> Vec<u8> {
        self.log(log).streams.remove(stream).unwrap_or_default()
    }

    fn serve(&self, mut stream: &TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut buffer = Vec::new();
        while let Some(request) = read_request(&mut stream, &mut buffer)? {
            let answer = self.model().answer(&request);
            while self.model().stalled {
                thread::sleep(Duration::from_millis(20));
            }
            match answer {
                Answer::Whole(status, body) => respond(stream, status, &body, body.len())?,
                Answer::Cut(body) => {
                    respond(stream, 200, &body[..body.len() / 2], body.len())?;
                    return stream.shutdown(Shutdown::Both);
                }
                Answer::None => return stream.shutdown(Shutdown::Both),
            }
        }
        Ok(())
    }
}

enum Answer {
    Whole(u16, String),
    Cut(String),
    None,
}

impl Model {
    fn chance(&mut self, of_100: u64) -> bool {
        of_100 > 0 && self.random.below(100) < of_100
    }

    fn wrong(&mut self, what: String) {
        self.wrong.push(what);
    }

    fn answer(&mut self, request: &Request) -> Answer {
        self.requests += 1;
        if request.headers.get("authorization") != Some(&format!("Bearer {TOKEN}")) {
            return problem(401, "unauthorized", "a token is needed", None);
        }
        let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
        match (request.method.as_str(), &path[..]) {
            ("GET", ["ingest", "ann", log]) => match self.faulty() {
                Some(answer) => answer,
                None => Answer::Whole(200, self.position(log)),
            },
            ("POST", ["ingest", "ann", log, "diverged"]) => {
                let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
                let text = |name: &str| body[name].as_str().unwrap().to_owned();
                let diverged = (text("stream"), body["next"].as_u64().unwrap(), text("reason"));
                self.logs.entry((*log).into()).or_default().diverged = Some(diverged);
                Answer::Whole(200, "{}".into())
            }
            ("POST", ["ingest", "ann", log, stream @ ("state" | "commands" | "llm")]) => {
                self.post(log, (*stream).into(), request)
            }
            ("POST", ["ingest", "ann", log, "cast", name]) => self.post(log, format!("cast/{name}"), request),
            _ => {
                self.wrong(format!("{} {}", request.method, path.join("/")));
                problem(404, "not-found", "nothing there", None)
            }
        }
    }

    fn position(&self, log: &str) -> String {
        let found = self.logs.get(log).cloned().unwrap_or_default();
        let streams: BTreeMap<_, _> = found
            .streams
            .iter()
            .map(|(name, bytes)| {
                let line = bytes.split_inclusive(|&b| b == b'\n').next_back().unwrap_or_default();
                let hash: String = Sha256::digest(line).iter().map(|b| format!("{b:02x}")).collect();
                let last = serde_json::json!({"len": line.len(), "sha256": hash});
                let last = if line.is_empty() || line.contains(&0) { serde_json::Value::Null } else { last };
                (name, serde_json::json!({"next": bytes.len(), "seq": null, "last": last}))
            })
            .collect();
        let state = if found.diverged.is_some() { "diverged" } else { "open" };
        serde_json::json!({"state": state, "streams": streams}).to_string()
    }

    /// One of the faults that store nothing.
    fn faulty(&mut self) -> Option<Answer> {
        if self.chance(self.faults.dropped) {
            return Some(Answer::None);
        }
        if self.chance(self.faults.busy) {
            return Some(problem(503, "unavailable", "not now", None));
        }
        if self.chance(self.faults.throttled) {
            return Some(problem(429, "throttled", "slower", None));
        }
        None
    }

    fn post(&mut self, log: &str, stream: String, request: &Request) -> Answer {
        self.posts += 1;
        self.at.push(Instant::now());
        self.largest = self.largest.max(request.body.len());
        if let Some((status, body)) = &self.answer {
            return Answer::Whole(*status, body.clone());
        }
        if self.most.is_some_and(|most| request.body.len() > most) {
            return problem(413, "too-large", "the body is too large", None);
        }
        if let Some(answer) = self.faulty() {
            return answer;
        }
        let Some(offset) = request.headers.get("workshop-offset").and_then(|text| text.parse::<usize>().ok())
        else {
            self.wrong("a post without an offset".into());
            return problem(400, "bad-request", "no offset", None);
        };
        if self.logs.get(log).is_some_and(|log| log.diverged.is_some()) {
            self.wrong(format!("{stream} posted to a log that has diverged"));
            return problem(409, "diverged", "the log has diverged", None);
        }
        let have = self.logs.entry(log.into()).or_default().streams.get(&stream).map_or(0, Vec::len);
        if offset > have || self.chance(self.faults.conflict) {
            return problem(409, "offset-gap", "a gap", Some(have));
        }
        self.store(log, &stream, offset, request);
        let next = self.logs[log].streams[&stream].len();
        let body = serde_json::json!({"next": next, "seq": null}).to_string();
        if self.chance(self.faults.lost) {
            return Answer::None;
        }
        if self.chance(self.faults.cut) {
            return Answer::Cut(body);
        }
        Answer::Whole(200, body)
    }

    fn store(&mut self, log: &str, stream: &str, offset: usize, request: &Request) {
        let mut body = request.body.clone();
        if let Some(len) = request.headers.get("workshop-too-long").and_then(|len| len.parse::<u64>().ok()) {
            if !body.is_empty() {
                self.wrong("a line that is too long, and a body".into());
            }
            body = vec![0; usize::try_from(len).unwrap()];
            let log = self.logs.get_mut(log).unwrap();
            if log.streams.get(stream).map_or(0, Vec::len) == offset {
                log.too_long.push((stream.into(), offset as u64, len));
            }
        } else if !body.ends_with(b"\n") {
            self.wrong(format!("{stream} at {offset}: {} bytes that are no whole lines", body.len()));
            return;
        }
        if self.chance(self.faults.partial) {
            let half = body[..body.len().div_ceil(2)].iter().rposition(|&b| b == b'\n');
            body.truncate(half.map_or(body.len(), |newline| newline + 1));
        }
        let held = self.logs.get_mut(log).unwrap().streams.entry(stream.into()).or_default();
        let seen = held.len() - offset;
        let repeated = seen.min(body.len());
        let differs = held[offset..offset + repeated] != body[..repeated];
        held.extend_from_slice(&body[repeated..]);
        if differs {
            self.wrong(format!("{stream} at {offset}: other bytes than before"));
        }
    }
}

fn problem(status: u16, kind: &str, detail: &str, next: Option<usize>) -> Answer {
    Answer::Whole(
        status,
        serde_json::json!({"type": kind, "title": kind, "detail": detail, "next": next}).to_string(),
    )
}

fn respond(mut stream: &TcpStream, status: u16, body: &str, len: usize) -> io::Result<()> {
    let retry = if status == 503 { "Retry-After: 0\r\n" } else { "" };
    let answer = format!("HTTP/1.1 {status} X\r\n{retry}Content-Length: {len}\r\n\r\n{body}");
    stream.write_all(answer.as_bytes())
}

/// Reads a request; none when the connection is closed. What was read of the next one stays in the buffer.
pub fn read_request(stream: &mut &TcpStream, buffer: &mut Vec<u8>) -> io::Result<Option<Request>> {
    let mut block = vec![0; 64 * 1024];
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        match stream.read(&mut block)? {
            0 => return Ok(None),
            n => buffer.extend_from_slice(&block[..n]),
        }
    };
    let text = String::from_utf8(buffer[..head].to_vec()).unwrap();
    let mut lines = text.split("\r\n");
    let mut first = lines.next().unwrap().split(' ');
    let (method, path) = (first.next().unwrap().to_owned(), first.next().unwrap());
    let path = path.trim_start_matches('/').split('/').map(decode).collect();
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let len: usize = headers.get("content-length").map_or(0, |len| len.parse().unwrap());
    while buffer.len() < head + len {
        match stream.read(&mut block)? {
            0 => return Ok(None),
            n => buffer.extend_from_slice(&block[..n]),
        }
    }
    let rest = buffer.split_off(head + len);
    let body = buffer.split_off(head);
    *buffer = rest;
    Ok(Some(Request { method, path, headers, body }))
}

fn decode(segment: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = segment.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        rest = after;
        if first == b'%' {
            let (digits, after) = rest.split_at(2);
            bytes.push(u8::from_str_radix(std::str::from_utf8(digits).unwrap(), 16).unwrap());
            rest = after;
        } else {
            bytes.push(first);
        }
    }
    String::from_utf8(bytes).unwrap()
}
