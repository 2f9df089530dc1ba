//! Shipping a million lines to a receiver on this machine, against a bare loop that reads and posts the same bytes; what
//! that costs; and how soon a line of an idle file is there.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark prints")]

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{self, Receiver, Sender},
    thread,
    time::{Duration, Instant},
};

use serde_json::json;
use workshop_events::{Cause, CheckCount, LogId, StateEvent, Stream, Timestamp, Trigger, codec::Body};

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

fn row(row: &str, value: f64, unit: &str, bound: Option<f64>, goal: &str) {
    let ratio = bound.map(|bound| value / bound);
    let command = "cargo bench -p workshop-shipper --bench ship";
    println!(
        "{}",
        json!({"row": row, "value": value, "unit": unit, "bound": bound, "ratio": ratio, "goal": goal, "command": command})
    );
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
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

fn shipper(dir: &Path, to: SocketAddr) -> Child {
    Command::new(env!("CARGO_BIN_EXE_workshop-shipper"))
        .env("WORKSHOP_INGEST_URL", format!("http://{to}/ingest/ann"))
        .env("WORKSHOP_INGEST_TOKEN", "token")
        .env("WORKSHOP_RUNTIME_DIR", dir)
        .env("NO_PROXY", "*")
        .env("RUST_LOG", "error")
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Seconds of processor time that a process has used.
fn processor(child: &Child) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", child.id())).unwrap();
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap().split(' ').collect();
    let ticks = fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
    // USER_HZ, the same on every Linux that we run on.
    ticks / 100.0
}

/// The most memory that it had, in MB.
fn memory(child: &Child) -> f64 {
    let status = fs::read_to_string(format!("/proc/{}/status", child.id())).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<f64>().unwrap() / 1024.0
}

fn end(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
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
        sizes.push(memory(&shipper));
        end(shipper);
    }
    let goal = format!(">= {} lines/s", VECTOR.0 * 3.0);
    row("shipper, 1 M lines, from its start", median(shipped), "lines/s", Some(median(bare)), &goal);
    let goal = format!("<= {:.2} s", VECTOR.1 * 0.33);
    row("shipper, processor time of 1 M lines", median(times), "s", None, &goal);
    let goal = format!("<= {} MB", VECTOR.2 * 0.15);
    row("shipper, most memory meanwhile", median(sizes), "MB RSS", None, &goal);
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
    end(shipper);
    took.sort_by(f64::total_cmp);
    row("line of an idle file -> receiver, p50", took[APPENDS / 2], "ms", None, "<= 150 ms");
    row("line of an idle file -> receiver, p99", took[APPENDS * 99 / 100], "ms", None, "<= 150 ms");
}
