//! Shipping a million lines to a receiver on this machine, against a bare loop that reads and posts the same bytes; what
//! that costs; and how soon a line of an idle file is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints")]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use workshop_events::{Cause, CheckCount, LogId, StateEvent, Stream, Timestamp, Trigger, codec::Body};
use workshop_testing::measure::{median, row};
use workshop_testing::{Process, program};

const COMMAND: &str = "cargo bench -p workshop-shipper --bench ship";
const LINES: u64 = 1_000_000;
const PAIRS: usize = 5;
/// Vector 0.58 on such a file: lines a second, processor time of a million lines in seconds, memory in MB.
const VECTOR: (f64, f64, f64) = (83_000.0, 17.5, 200.0);
const APPENDS: usize = 300;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("log.json"),
        json!({"log": LogId::from_bits(1), "workshop": "test", "created": "2026-01-01T00:00:00.000Z"})
            .to_string(),
    )
    .unwrap();
    write_lines(&folder.path().join(Stream::State.file_name()));
    throughput(folder.path());
    latency(folder.path());
}

/// A million events, as a class of many days would write them.
fn write_lines(path: &Path) {
    let events = [
        StateEvent::StepStart { step: "one".into(), cause: Cause::Navigate },
        StateEvent::GossResult {
            step: "one".into(),
            passed: true,
            checks: CheckCount { total: 3, passed: 3 },
            trigger: Trigger::Periodic,
            failed: Vec::new(),
        },
        StateEvent::Connected {
            session: Some("0123456789abcdef".into()),
            client: Some("00000000000000ff".into()),
        },
    ];
    let bodies: Vec<Body> = events.iter().map(|e| Body::new(e).unwrap()).collect();
    let mut lines = Vec::new();
    for seq in 1..=LINES {
        let ts = Timestamp::from_millis(1_790_000_000_000 + i64::try_from(seq).unwrap() * 500);
        let body = &bodies[usize::try_from(seq).unwrap() % bodies.len()];
        body.write_line(LogId::from_bits(1), seq, ts, &mut lines);
    }
    let mut file = File::create(path).unwrap();
    file.write_all(&lines).unwrap();
    file.sync_all().unwrap();
}

/// Takes whatever is posted, keeps nothing, and tells how far it is.
fn receive() -> (SocketAddr, Receiver<(Instant, u64)>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (stream, tell) = (stream.unwrap(), tell.clone());
            thread::spawn(move || answer(&stream, &tell));
        }
    });
    (address, told)
}

fn answer(mut stream: &TcpStream, tell: &Sender<(Instant, u64)>) {
    stream.set_nodelay(true).unwrap();
    let mut reader = BufReader::with_capacity(256 * 1024, stream);
    let mut block = vec![0; 256 * 1024];
    let mut line = String::new();
    loop {
        let (mut len, mut offset, mut first) = (0, 0, true);
        loop {
            line.clear();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let head = line.trim_end().to_ascii_lowercase();
            if head.is_empty() && !first {
                break;
            }
            first = false;
            match head.split_once(": ") {
                Some(("content-length", value)) => len = value.parse().unwrap(),
                Some(("workshop-offset", value)) => offset = value.parse::<u64>().unwrap(),
                _ => {}
            }
        }
        let next = offset + len as u64;
        while len > 0 {
            let n = reader.read(&mut block[..len.min(256 * 1024)]).unwrap();
            len -= n;
        }
        let _ = tell.send((Instant::now(), next));
        let body = format!("{{\"next\":{next},\"seq\":1}}");
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// What no shipper can do without: the bytes are read, and posted.
fn copy(path: &Path, to: SocketAddr) {
    let mut stream = TcpStream::connect(to).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut file = File::open(path).unwrap();
    let mut block = vec![0; 1024 * 1024];
    let (mut offset, mut answer) = (0, [0; 1024]);
    loop {
        let n = file.read(&mut block).unwrap();
        if n == 0 {
            return;
        }
        let head = format!("POST / HTTP/1.1\r\nworkshop-offset: {offset}\r\ncontent-length: {n}\r\n\r\n");
        stream.write_all(head.as_bytes()).unwrap();
        stream.write_all(&block[..n]).unwrap();
        offset += n as u64;
        assert!(stream.read(&mut answer).unwrap() > 0);
    }
}

fn shipper(dir: &Path, to: SocketAddr) -> Process {
    let mut shipper = Command::new(program("workshop-shipper"));
    shipper
        .env("WORKSHOP_INGEST_URL", format!("http://{to}/ingest/ann"))
        .env("WORKSHOP_INGEST_TOKEN", "token")
        .env("WORKSHOP_RUNTIME_DIR", dir)
        .env("NO_PROXY", "*")
        .env("RUST_LOG", "error")
        .stdin(Stdio::null());
    Process::start(&mut shipper)
}

/// Seconds of processor time that a process has used.
fn processor(child: &Process) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    // USER_HZ, the same on every Linux that we run on.
    ticks / 100.0
}

fn throughput(dir: &Path) {
    let path = dir.join(Stream::State.file_name());
    let len = fs::metadata(&path).unwrap().len();
    let (mut bare, mut shipped, mut times, mut sizes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let (address, _told) = receive();
        let begin = Instant::now();
        copy(&path, address);
        bare.push(LINES as f64 / begin.elapsed().as_secs_f64());
        let (address, told) = receive();
        let begin = Instant::now();
        let shipper = shipper(dir, address);
        while told.recv().unwrap().1 < len {}
        shipped.push(LINES as f64 / begin.elapsed().as_secs_f64());
        times.push(processor(&shipper));
        sizes.push(shipper.memory("VmHWM") as f64 / 1024.0);
    }
    let goal = format!(">= {} lines/s", VECTOR.0 * 3.0);
    row(COMMAND, "shipper, 1 M lines, from its start", "lines/s", (median(shipped), median(bare)), &goal);
    let goal = format!("<= {:.2} s", VECTOR.1 * 0.33);
    row(COMMAND, "shipper, processor time of 1 M lines", "s", median(times), &goal);
    let goal = format!("<= {} MB", VECTOR.2 * 0.15);
    row(COMMAND, "shipper, most memory meanwhile", "MB RSS", median(sizes), &goal);
}

/// A line is appended now and then, and the file is idle in between.
fn latency(dir: &Path) {
    let (address, told) = receive();
    let shipper = shipper(dir, address);
    let path = dir.join(Stream::Commands.file_name());
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    let mut len = 0;
    let whole = fs::metadata(dir.join(Stream::State.file_name())).unwrap().len();
    while told.recv().unwrap().1 < whole {}
    thread::sleep(Duration::from_secs(1));
    let mut took: Vec<f64> = (0..APPENDS)
        .map(|n| {
            // Not in step with anything that is looked at regularly.
            thread::sleep(Duration::from_millis(60 + (n as u64 * 37) % 101));
            let line = format!("{{\"cmd\":\"ls {n}\",\"exit\":0}}\n");
            len += line.len() as u64;
            file.write_all(line.as_bytes()).unwrap();
            let begin = Instant::now();
            loop {
                let (at, next) = told.recv().unwrap();
                if next == len {
                    return at.duration_since(begin).as_secs_f64() * 1000.0;
                }
            }
        })
        .collect();
    drop(shipper);
    took.sort_by(f64::total_cmp);
    row(COMMAND, "line of an idle file -> receiver, p50", "ms", took[APPENDS / 2], "<= 150 ms");
    row(COMMAND, "line of an idle file -> receiver, p99", "ms", took[APPENDS * 99 / 100], "<= 150 ms");
}
