//! A real backend on volumes that are full, taken, damaged or not its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, reason = "tests")]

use std::{fs, io::Write, os::unix::process::CommandExt, process::Stdio, time::Duration};

use reqwest::Method;
use rustix::process::Signal;
use serde_json::json;
use workshop_testing::backend::{ACCESS, Backend, Folder, WORKSHOP};
use workshop_testing::{Mount, PATIENCE, free_port, until_async};

/// Asks until the answer is this.
async fn eventually(backend: &Backend, path: &str, field: &str, expected: serde_json::Value) {
    until_async(&format!("{field} is {expected}"), async || backend.get(path).await[field] == expected).await;
}

#[tokio::test]
async fn a_full_disk_is_said_and_got_over() {
    let folder = Folder::new(WORKSHOP);
    let runtime = folder.path("runtime");
    let Some(disk) = Mount::tmpfs_at("a_full_disk", &runtime, "size=1m") else { return };
    fs::write(folder.path("work/one.txt"), "hello").unwrap();
    let backend = folder.start(&[]).ready().await;
    let mut events = backend.events("/api/events", ACCESS).await;
    let filler = disk.fill();
    // The page that was begun may still have room: go on until it is full.
    let mut refused = None;
    for _ in 0..200 {
        let (status, body) = backend.post("/api/steps/one/validate").await;
        if status != 200 {
            refused = Some((status, body));
            break;
        }
    }
    let (status, problem) = refused.expect("the disk never got full");
    assert_eq!((status, &problem["type"]), (507, &json!("storage-full")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("not stored for certain"));
    assert_eq!(backend.get("/api/state").await["storage"], "full");
    let (ready, _) = backend.call(Method::GET, "/readyz", "", None).await;
    assert_eq!(ready, 200);
    fs::remove_file(filler).unwrap();
    // It goes on by itself, and says so though nobody does anything.
    eventually(&backend, "/api/state", "storage", json!("ok")).await;
    let (status, report) = backend.post("/api/steps/one/validate").await;
    assert_eq!(status, 200, "{report}");
    let state = backend.get("/api/state").await;
    assert_eq!((&state["storage"], &state["completed"]), (&json!("ok"), &json!(["one"])));
    let mut told = Vec::new();
    while let Some(event) = events.next_within(Duration::from_millis(300)).await {
        if event.kind == "storage" {
            told.push(event.data["storage"].clone());
        }
    }
    assert_eq!(told, ["full", "ok"]);
    // What is in the log now is what was said.
    backend.kill();
    let backend = folder.start(&[]).ready().await;
    assert_eq!(backend.get("/api/state").await["completed"], json!(["one"]));
    drop(disk);
}

#[tokio::test]
async fn a_disk_that_is_full_at_the_start_serves_what_it_holds() {
    let folder = Folder::new(WORKSHOP);
    let runtime = folder.path("runtime");
    let Some(disk) = Mount::tmpfs_at("a_full_disk", &runtime, "size=1m") else { return };
    fs::write(folder.path("work/one.txt"), "hello").unwrap();
    let backend = folder.start(&[]).ready().await;
    backend.post("/api/steps/one/validate").await;
    backend.kill();
    let filler = disk.fill();
    let before = fs::read_to_string(runtime.join("state-events.jsonl")).unwrap();
    let room = 4096 - before.len() % 4096;
    // Whatever room the last page has is not enough for a `backend_started`.
    let mut log = fs::File::options().append(true).open(runtime.join("state-events.jsonl")).unwrap();
    let _ = log.write_all(" ".repeat(room - 1).as_bytes());
    let _ = log.write_all(b"\n");
    let backend = folder.start(&[]).ready().await;
    let state = backend.get("/api/state").await;
    assert_eq!(state["completed"], json!(["one"]));
    assert_eq!((&state["active"], &state["storage"]), (&json!("one"), &json!("full")));
    assert_eq!(backend.get("/api/steps").await[1]["accessible"], true);
    assert_eq!(backend.get("/api/steps/two/content").await, "# Second\n");
    assert_eq!(backend.post("/api/steps/two/start").await.0, 507);
    fs::remove_file(filler).unwrap();
    eventually(&backend, "/api/state", "storage", json!("ok")).await;
    assert_eq!(backend.post("/api/steps/two/start").await.0, 200);
    let log = fs::read_to_string(runtime.join("state-events.jsonl")).unwrap();
    assert_eq!(log.matches("\"backend_started\"").count(), 2, "{log}");
    assert_eq!(backend.get("/api/state").await["active"], "two");
    drop(disk);
}

#[tokio::test]
async fn a_second_backend_waits_and_then_takes_over() {
    let folder = Folder::new(WORKSHOP);
    let first = folder.start(&[]).ready().await;
    first.post("/api/steps/one/viewed").await;
    let second = folder.start(&[]);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let early = second.client.get(format!("{}/readyz", second.base)).send().await;
    assert!(early.is_err(), "the second must not serve while the first does");
    first.kill();
    let second = second.ready().await;
    assert_eq!(second.get("/api/state").await["active"], "one");
}

#[tokio::test]
async fn sigterm_ends_it_in_order_whoever_is_connected() {
    let folder = Folder::new(WORKSHOP);
    let mut backend = folder.start(&[]).ready().await;
    let mut events = backend.events("/api/events", ACCESS).await;
    backend.process.signal(Signal::TERM);
    assert!(events.next_within(PATIENCE).await.is_none(), "the stream ends");
    let status = backend.process.wait();
    assert!(status.success(), "{status}");
}

/// Starts a backend that must refuse, and gives what it says.
fn refusal(folder: &Folder, env: &[(&str, &str)]) -> String {
    let mut command =
        workshop_testing::backend::command(&folder.path("artifact"), &folder.path("runtime"), 1, env);
    command.stderr(Stdio::piped()).process_group(0);
    let output = command.spawn().unwrap().wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(matches!(output.status.code(), Some(1 | 2)), "{}: {said}", output.status);
    said
}

#[tokio::test]
async fn an_empty_variable_is_not_set() {
    let folder = Folder::new(WORKSHOP);
    let empty = ["WORKSHOP_SWITCH", "WORKSHOP_SANDBOX", "WORKSHOP_SUPERVISOR_TOKEN", "WORKSHOP_CAST_LIMIT"];
    let backend = folder.start(&empty.map(|name| (name, ""))).ready().await;
    assert_eq!(backend.get("/api/state").await["capabilities"]["switch"], false);
}

#[test]
fn help_lists_the_variables_and_shows_no_token() {
    let folder = Folder::new(WORKSHOP);
    let mut command =
        workshop_testing::backend::command(&folder.path("artifact"), &folder.path("runtime"), 1, &[]);
    let help = String::from_utf8(command.arg("--help").output().unwrap().stdout).unwrap();
    for name in ["LISTEN", "SWITCH", "ACCESS_TOKEN", "ALLOWED_HOSTS", "GOSS_INTERVAL", "CAST_LIMIT"] {
        assert!(help.contains(&format!("[env: WORKSHOP_{name}")), "{name} in {help}");
    }
    assert!(!help.contains(ACCESS), "{help}");
}

#[test]
fn what_it_cannot_run_on_is_refused_with_one_clear_message() {
    let folder = Folder::new(WORKSHOP);
    let check = |folder: &Folder, env: &[(&str, &str)], expected: &[&str]| {
        let said = refusal(folder, env);
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        let is_error = |line: &&str| line.starts_with("error:") || line.contains(" ERROR ");
        assert_eq!(said.lines().filter(is_error).count(), 1, "{said}");
    };
    check(&folder, &[("WORKSHOP_LISTEN", "nowhere")], &["'nowhere'", "set WORKSHOP_LISTEN to an address"]);
    check(&folder, &[("WORKSHOP_SHELL_USER", "no-such-user")], &["no-such-user"]);
    check(&folder, &[("WORKSHOP_SANDBOX", "/proc/nothing")], &["sandbox"]);

    fs::write(
        folder.path("runtime/log.json"),
        r#"{"log":"0123456789abcdef","workshop":"another","created":"2026-01-01T00:00:00.000Z"}"#,
    )
    .unwrap();
    check(&folder, &[], &["belongs to the workshop \"another\", not to \"test\""]);
    fs::remove_file(folder.path("runtime/log.json")).unwrap();

    let meta = folder.path("artifact/steps/two/meta.json");
    fs::write(&meta, r#"{"id":"two","title":7,"position":2}"#).unwrap();
    check(&folder, &[], &["meta.json", "title"]);
    fs::remove_file(folder.path("artifact/workshop.json")).unwrap();
    check(&folder, &[], &["workshop.json"]);
}

#[tokio::test]
async fn a_damaged_log_is_reported_and_the_rest_of_it_kept() {
    let folder = Folder::new(WORKSHOP);
    fs::write(folder.path("work/one.txt"), "hello").unwrap();
    let backend = folder.start(&[]).ready().await;
    backend.post("/api/steps/one/viewed").await;
    backend.post("/api/steps/one/validate").await;
    backend.kill();
    let path = folder.path("runtime/state-events.jsonl");
    let mut bytes = fs::read(&path).unwrap();
    let at = bytes.windows(11).position(|w| w == b"step_viewed").unwrap();
    bytes[at] ^= 0x20;
    let line = bytes[..at].iter().rposition(|&b| b == b'\n').unwrap() + 1;
    bytes.extend_from_slice(b"{\"log\":\"cut off");
    fs::write(&path, &bytes).unwrap();

    let port = free_port();
    let mut command =
        workshop_testing::backend::command(&folder.path("artifact"), &folder.path("runtime"), port, &[]);
    let said = folder.path("stderr");
    command.stderr(fs::File::create(&said).unwrap());
    let backend = Backend::of(&mut command, port).ready().await;
    assert_eq!(backend.get("/api/state").await["completed"], json!(["one"]));
    let said = fs::read_to_string(said).unwrap();
    assert!(said.contains(&format!("offset={line} ")), "{said}");
    assert!(said.contains("checksum does not match"), "{said}");
    assert!(said.contains("cut off"), "{said}");
}
