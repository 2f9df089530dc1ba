//! Memory is bounded, whatever the files are and however long the dashboard takes; and what the metrics say of it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod common;

use std::{
    fs::File,
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use common::{Folder, HEADER, LOG, Shipper, receiver::Receiver, until};
use workshop_testing::free_port;

/// What a shipper may have at most, in KiB: debug builds are larger.
const MOST: u64 = 64 * 1024;

#[test]
fn whatever_the_files_are() {
    let receiver = Receiver::start();
    receiver.model().stalled = true;
    let folder = Folder::new();
    // A line without end, of 1 GB, most of which is a hole.
    let file = File::create(folder.path("state")).unwrap();
    file.set_len(1 << 30).unwrap();
    folder.append("commands", "{\"a\": \"line\"}\n".repeat(3_000_000));
    folder.append("llm", format!("{}\n", "y".repeat((1 << 20) - 1)).repeat(64));
    let unfinished = format!("{HEADER}[1.0, \"o\", \"{}", "z".repeat(1_000_000));
    for n in 0..200 {
        folder.append(&format!("cast/{n}.cast"), &unfinished);
    }
    let shipper = Shipper::start(&receiver, folder.dir(), &[]);
    until("a request", || receiver.model().requests > 0);
    receiver.model().stalled = false;
    until("a post", || receiver.model().posts > 2);
    receiver.model().stalled = true;
    std::thread::sleep(Duration::from_secs(1));
    let stalled = shipper.memory("VmHWM");
    receiver.model().stalled = false;
    let len = |stream: &str| receiver.model().logs[LOG].streams.get(stream).map_or(0, Vec::len);
    until("all", || len("llm") == 64 << 20 && len("commands") == 42_000_000);
    until("the recordings", || len("cast/199.cast") == HEADER.len());
    let most = shipper.memory("VmHWM");
    println!("{stalled} KiB while the dashboard stalled, {most} KiB in the end");
    assert!(stalled < MOST && most < MOST, "{stalled} and {most} KiB");
    assert!(receiver.model().largest <= 1 << 20);
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("{name}:\n{text}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn metrics_tell_how_far_it_is_behind() {
    let receiver = Receiver::start();
    let folder = Folder::new();
    let address = format!("127.0.0.1:{}", free_port());
    let _shipper = Shipper::start(&receiver, folder.dir(), &["--metrics", &address]);
    until("metrics", || TcpStream::connect(&address).is_ok());
    assert!(get(&address, "/healthz").starts_with("HTTP/1.1 200"));
    folder.append("state", "one\ntwo\n");
    folder.append("cast/a.cast", HEADER);
    until("both", || receiver.log(LOG).streams.len() == 2);
    until("none waits", || {
        value(&get(&address, "/metrics"), "workshop_shipper_lag_records{stream=\"state\"}") == 0.0
    });
    let text = get(&address, "/metrics");
    assert_eq!(value(&text, "workshop_shipper_lag_seconds{stream=\"state\"}"), 0.0);
    assert_eq!(value(&text, "workshop_shipper_shipped_bytes_total"), 8.0 + HEADER.len() as f64);
    assert_eq!(value(&text, "workshop_shipper_posts_total"), 2.0);
    assert_eq!(value(&text, "workshop_shipper_retries_total"), 0.0);
    receiver.model().answer = Some((503, String::new()));
    folder.append("state", "three\nfour\nfive\nhalf");
    folder.append("cast/a.cast", "[1.0, \"o\", \"x\"]\n");
    folder.append("cast/b.cast", HEADER);
    until("retries", || value(&get(&address, "/metrics"), "workshop_shipper_retries_total") > 1.0);
    until("the lag grows", || {
        value(&get(&address, "/metrics"), "workshop_shipper_lag_seconds{stream=\"state\"}") > 0.2
    });
    let text = get(&address, "/metrics");
    assert_eq!(value(&text, "workshop_shipper_lag_records{stream=\"state\"}"), 3.0);
    assert!(value(&text, "workshop_shipper_lag_records{stream=\"casts\"}") >= 1.0, "{text}");
    assert_eq!(value(&text, "workshop_shipper_lag_records{stream=\"llm\"}"), 0.0);
    receiver.model().answer = Some((400, String::new()));
    until("a refusal", || value(&get(&address, "/metrics"), "workshop_shipper_refused_total") > 0.0);
}
