//! A dashboard that refuses, is away, or is slow: said once, tried again without haste, and nothing is lost.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    time::{Duration, Instant},
};

use common::{
    Folder, HEADER, LOG, Shipper, check_right, command,
    receiver::{Receiver, TOKEN},
    until, until_same,
};

/// Starts a shipper on a volume with something in it, lets it run a moment, and gives what it said.
fn refused(receiver: &Receiver, folder: &Folder, moment: Duration) -> String {
    let shipper = Shipper::start(receiver, folder.dir(), &[]);
    std::thread::sleep(moment);
    shipper.kill()
}

fn full() -> Folder {
    let folder = Folder::new();
    folder.append("state", "one\n");
    folder.append("cast/a.cast", HEADER);
    folder
}

#[test]
fn said_once_and_never_in_a_hot_loop() {
    let cases = [
        (401, "unauthorized", 2),
        (403, "other-workspace", 2),
        (410, "expired", 2),
        (400, "bad-request", 2),
        (404, "not-found", 2),
        (409, "other-path", 2),
        (409, "diverged", 2),
        (418, "teapot", 2),
        (302, "moved", 2),
        // These are tried again, more and more slowly.
        (500, "broken", 20),
        (503, "unavailable", 60),
        (200, "not an answer", 20),
    ];
    std::thread::scope(|scope| {
        for (status, kind, posts) in cases {
            scope.spawn(move || refused_as(status, kind, posts));
        }
    });
}

fn refused_as(status: u16, kind: &str, posts: u64) {
    let receiver = Receiver::start();
    let folder = full();
    let detail = format!("detail of {kind} {TOKEN}");
    let body = serde_json::json!({"type": kind, "detail": detail}).to_string();
    receiver.model().answer = Some((status, body));
    let said = refused(&receiver, &folder, Duration::from_secs(3));
    let model = receiver.model();
    assert!(model.posts >= 1, "{status} {kind}: {said}");
    assert!(model.posts <= posts, "{status} {kind}: {} posts\n{said}", model.posts);
    assert!(model.requests <= model.posts + 3, "{status} {kind}: {} requests", model.requests);
    assert!(!said.contains(TOKEN), "{status} {kind}: the token is in the log:\n{said}");
    let complaints = said.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).count();
    // Each of the two lanes says it for its own streams.
    assert!((1..=3).contains(&complaints), "{status} {kind}:\n{said}");
    if status != 200 {
        assert!(said.contains(&format!("detail of {kind}")), "{status} {kind}:\n{said}");
    }
}

#[test]
fn a_wrong_token_is_said_once_and_not_shown() {
    let receiver = Receiver::start();
    let folder = full();
    let mut command = command(&receiver, folder.dir(), &[]);
    command.env("WORKSHOP_INGEST_TOKEN", "another-token").env("RUST_LOG", "trace");
    let shipper = Shipper::of(&mut command);
    until("a request", || receiver.model().requests > 0);
    std::thread::sleep(Duration::from_secs(1));
    shipper.terminate();
    let (code, said) = shipper.end();
    assert_eq!(code, Some(1));
    // The end is worth another try.
    assert!(receiver.model().requests <= 2, "{said}");
    assert!(said.contains("401"), "{said}");
    assert!(!said.contains("another-token"), "the token is in the log:\n{said}");
}

/// Told to log everything, with a dashboard that takes everything and repeats the token in what it says.
#[test]
fn the_token_is_in_no_line() {
    let receiver = Receiver::start();
    let folder = full();
    let mut command = command(&receiver, folder.dir(), &["--metrics", "127.0.0.1:0"]);
    let shipper = Shipper::of(command.env("RUST_LOG", "trace"));
    until_same(&receiver, &folder, LOG, "all");
    receiver.model().answer = Some((503, format!("{{\"detail\":\"{TOKEN}\"}}")));
    folder.append("state", "two\n");
    let before = receiver.model().posts;
    until("a post", || receiver.model().posts > before + 1);
    receiver.model().answer = None;
    until_same(&receiver, &folder, LOG, "more");
    shipper.terminate();
    // Which looks for the token, too.
    let (code, said) = shipper.end();
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("TRACE") && said.contains("DEBUG"), "{said}");
    assert!(!said.contains(TOKEN), "{said}");
}

/// In an image with nothing but the program: http needs no certificates, and https says that they are missing.
#[test]
fn authorities_are_needed_for_https_only() {
    let nothing = tempfile::tempdir().unwrap();
    let receiver = Receiver::start();
    let folder = full();
    let mut command = command(&receiver, folder.dir(), &["--once"]);
    command.env("SSL_CERT_FILE", "/dev/null").env("SSL_CERT_DIR", nothing.path());
    assert_eq!(Shipper::of(&mut command).end().0, Some(0));
    until_same(&receiver, &folder, LOG, "all");
    let (code, said) =
        Shipper::of(command.env("WORKSHOP_INGEST_URL", "https://127.0.0.1:1/ingest/ann")).end();
    assert_eq!(code, Some(1));
    assert!(said.contains("install ca-certificates"), "{said}");
}

/// The records of this log come by Vector: recordings go on.
#[test]
fn recordings_are_shipped_beside_vector() {
    let receiver = Receiver::start();
    let folder = full();
    let _shipper = Shipper::start(&receiver, folder.dir(), &["--only", "casts"]);
    until("the recording", || !receiver.stream(LOG, "cast/a.cast").is_empty());
    assert_eq!(receiver.log(LOG).streams.len(), 1);
    check_right(&receiver, "casts");
}

/// As something on the way does that takes no large bodies.
#[test]
fn posts_get_smaller_when_they_are_too_large() {
    let receiver = Receiver::start();
    receiver.model().most = Some(100_000);
    let folder = Folder::new();
    let line = |n: usize| format!("{}\n", "x".repeat(n));
    for n in 0..100 {
        folder.append("state", line(7 * n + 60_000 * usize::from(n % 10 == 0)));
    }
    folder.append("llm", line(200_000) + "after\n");
    let _shipper = Shipper::start(&receiver, folder.dir(), &[]);
    until("the last line", || receiver.stream(LOG, "llm").ends_with(b"after\n"));
    let whole: Vec<u8> = std::fs::read(folder.path("state")).unwrap();
    until("all lines", || receiver.stream(LOG, "state") == whole);
    assert_eq!(receiver.log(LOG).too_long, [("llm".to_owned(), 0, 200_001)]);
    check_right(&receiver, "too large");
}

#[test]
fn goes_on_when_the_dashboard_is_there_again() {
    // Nobody listens at first.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let receiver = Receiver::start();
    let folder = full();
    let mut command = command(&receiver, folder.dir(), &[]);
    command.env("WORKSHOP_INGEST_URL", format!("http://{address}/ingest/ann"));
    let shipper = Shipper::of(&mut command);
    std::thread::sleep(Duration::from_millis(500));
    let listener = TcpListener::bind(address).unwrap();
    // Then somebody who carries everything to the receiver.
    let to = receiver.address;
    std::thread::spawn(move || {
        for from in listener.incoming() {
            let (mut from, mut to) = (from.unwrap(), TcpStream::connect(to).unwrap());
            let (mut answers, mut back) = (to.try_clone().unwrap(), from.try_clone().unwrap());
            std::thread::spawn(move || std::io::copy(&mut answers, &mut back));
            std::thread::spawn(move || std::io::copy(&mut from, &mut to));
        }
    });
    until_same(&receiver, &folder, LOG, "there again");
    let said = shipper.kill();
    assert!(said.contains("tried again") || said.contains("asked again"), "{said}");
}

#[test]
fn waits_as_long_as_it_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let receiver = Receiver::start();
    let folder = full();
    let mut command = command(&receiver, folder.dir(), &[]);
    command.env("WORKSHOP_INGEST_URL", format!("http://{address}/ingest/ann"));
    let _shipper = Shipper::of(&mut command);
    let ask = || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        let answer = "HTTP/1.1 429 X\r\nRetry-After: 2\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).unwrap();
        Instant::now()
    };
    let first = ask();
    let second = ask();
    assert!(second - first >= Duration::from_secs(2));
}

/// Connections are used again, and lines that come one by one quickly are posted together.
#[test]
fn one_connection_and_few_posts() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    let shipper = Shipper::start(&receiver, folder.dir(), &["--only", "streams"]);
    folder.append("state", "first\n");
    until_same(&receiver, &folder, LOG, "the first");
    for n in 0..200 {
        folder.append("state", format!("{n}\n"));
        std::thread::sleep(Duration::from_millis(1));
    }
    until_same(&receiver, &folder, LOG, "all");
    let model = receiver.model();
    assert_eq!(model.connections, 1);
    assert!(model.posts < 100, "{} posts", model.posts);
    drop(model);
    shipper.kill();
}
