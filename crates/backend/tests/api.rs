//! The API of a real backend: what it answers, whom it refuses, and that nothing it said is forgotten.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};
use workshop_events::Timestamp;
use workshop_testing::backend::{ACCESS, Folder, INSTRUCTOR, SUPERVISOR, WORKSHOP, set_mode};

/// A goss that leaves a mark when it is run.
fn false_goss(folder: &Folder, place: &str) -> std::path::PathBuf {
    let goss = folder.path(place);
    fs::create_dir_all(goss.parent().unwrap()).unwrap();
    fs::write(&goss, format!("#!/bin/sh\ntouch {}\n", folder.path("work/mark").display())).unwrap();
    set_mode(&goss, 0o755);
    goss
}

#[tokio::test]
async fn what_a_student_can_change_never_checks() {
    let folder = Folder::new(WORKSHOP);
    let mut backend = folder.start(&[]).ready().await;
    false_goss(&folder, "bin/goss");
    set_mode(&folder.path("bin"), 0o777);
    let (status, problem) = backend.post("/api/steps/one/validate").await;
    assert_eq!((status, &problem["type"]), (503, &json!("goss-not-trusted")));
    let detail = problem["detail"].as_str().unwrap();
    assert!(
        detail.contains("/bin cannot be trusted: everyone may write to it. It has to belong to root"),
        "{detail}"
    );

    // Nor does what is found in a PATH, be it that of the backend.
    let found = false_goss(&folder, "work/goss");
    let path = format!("{}:{}", found.parent().unwrap().display(), std::env::var("PATH").unwrap());
    drop(backend);
    backend = folder.start(&[("PATH", &path), ("WORKSHOP_GOSS", "/nowhere/goss")]).ready().await;
    let (status, problem) = backend.post("/api/steps/one/validate").await;
    assert_eq!((status, &problem["type"]), (503, &json!("goss-missing")), "{problem}");
    drop(backend);
    backend = folder.start(&[("PATH", &path), ("WORKSHOP_GOSS", "")]).ready().await;
    backend.post("/api/steps/one/validate").await;
    assert!(!folder.path("work/mark").exists(), "a false goss was run");
}

#[tokio::test]
async fn a_linear_workshop_from_the_first_check_to_the_last_step() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[]).ready().await;
    let state = backend.get("/api/state").await;
    assert_eq!(state["active"], "one");
    assert_eq!(state["completed"], json!([]));
    assert_eq!(state["capabilities"]["switch"], false);
    let steps = backend.get("/api/steps").await;
    let open = |steps: &Value| -> Vec<bool> {
        steps.as_array().unwrap().iter().map(|s| s["accessible"].as_bool().unwrap()).collect()
    };
    assert_eq!(open(&steps), [true, false, false]);
    assert_eq!(steps[1]["locked"], "Complete \"First\" first.");
    assert_eq!(steps[0]["helpModes"], json!([{"mode": "hints", "source": "file"}]));
    assert_eq!(backend.get("/api/steps/one/content").await, "# First\n");

    // No peeking, in whatever way.
    for (method, path) in [
        (Method::GET, "/api/steps/two/content"),
        (Method::POST, "/api/steps/two/viewed"),
        (Method::POST, "/api/steps/two/start"),
        (Method::POST, "/api/steps/two/validate"),
        (Method::POST, "/api/steps/three/done"),
        (Method::GET, "/api/steps/two/help/hints"),
    ] {
        let (status, problem) = backend.call(method, path, ACCESS, None).await;
        assert_eq!((status.as_u16(), &problem["type"]), (409, &json!("step-locked")), "{path}: {problem}");
    }

    let (status, report) = backend.post("/api/steps/one/validate").await;
    assert_eq!(status, 200, "{report}");
    assert_eq!(report["passed"], false);
    let failed = report["tests"].as_array().unwrap().iter().find(|t| t["passed"] == false).unwrap();
    assert!(failed["title"].as_str().unwrap().contains("the note is there"), "{report}");

    fs::write(folder.path("work/one.txt"), "hello").unwrap();
    let (_, report) = backend.post("/api/steps/one/validate").await;
    assert_eq!(report["passed"], true, "{report}");
    assert_eq!(backend.get("/api/state").await["completed"], json!(["one"]));
    assert_eq!(open(&backend.get("/api/steps").await), [true, true, false]);

    assert_eq!(backend.post("/api/steps/two/start").await.0, 200);
    fs::write(folder.path("work/two.txt"), "hello").unwrap();
    fs::set_permissions(folder.path("work/two.txt"), fs::Permissions::from_mode(0o644)).unwrap();
    let (_, report) = backend.post("/api/steps/two/validate").await;
    let failed = report["tests"].as_array().unwrap().iter().find(|t| t["passed"] == false).unwrap();
    assert!(failed["title"].as_str().unwrap().contains("closed to others"), "{report}");
    assert!(failed["found"].as_str().unwrap().contains("0644"), "{report}");
    assert!(failed["expected"].as_str().unwrap().contains("0640"), "{report}");

    // The failed check is there after a reload; a later failure of a completed step takes nothing back.
    let state = backend.get("/api/state").await;
    assert_eq!(state["checks"][1]["tests"][0], *failed);
    fs::remove_file(folder.path("work/one.txt")).unwrap();
    assert_eq!(backend.post("/api/steps/one/validate").await.1["passed"], false);
    assert_eq!(backend.get("/api/state").await["completed"], json!(["one"]));

    fs::set_permissions(folder.path("work/two.txt"), fs::Permissions::from_mode(0o640)).unwrap();
    std::os::unix::fs::chown(folder.path("work/two.txt"), Some(65534), None).unwrap();
    assert_eq!(backend.post("/api/steps/two/validate").await.1["passed"], true);
    assert_eq!(backend.post("/api/steps/two/done").await.1["type"], "has-check");
    assert_eq!(backend.post("/api/steps/three/validate").await.1["type"], "no-check");
    assert_eq!(backend.post("/api/steps/three/done").await.0, 200);
    assert_eq!(backend.get("/api/state").await["completed"], json!(["one", "two", "three"]));
}

#[tokio::test]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = Folder::new(WORKSHOP);
    fs::write(folder.path("work/one.txt"), "hello").unwrap();
    let backend = folder.start(&[]).ready().await;
    backend.post("/api/steps/one/validate").await;
    backend.post("/api/steps/two/start").await;
    let before = backend.get("/api/state").await;
    backend.kill();
    let backend = folder.start(&[]).ready().await;
    let after = backend.get("/api/state").await;
    for same in ["active", "completed", "given", "checks", "imageStep"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    assert_ne!(before["started"], after["started"]);
    let log = fs::read_to_string(folder.path("runtime/state-events.jsonl")).unwrap();
    assert_eq!(log.matches("\"backend_started\"").count(), 2);
    assert_eq!(log.matches("\"step_start\"").count(), 2, "initial and navigate, none doubled: {log}");
}

#[tokio::test]
async fn who_may_ask_for_what() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_SUPERVISOR_TOKEN", SUPERVISOR)]).ready().await;
    let check = async |method: Method, path: &str, token: &str, expected: u16| {
        let (status, body) = backend.call(method.clone(), path, token, None).await;
        assert_eq!(status.as_u16(), expected, "{method} {path} with {token:?}: {body}");
    };
    let get = Method::GET;
    let post = Method::POST;
    for (token, student, instructor, act, report, switch) in [
        ("", 401, 401, 401, 401, 401),
        ("nonsense", 401, 401, 401, 401, 401),
        (ACCESS, 200, 403, 200, 403, 400),
        (INSTRUCTOR, 200, 200, 403, 403, 403),
        (SUPERVISOR, 200, 200, 403, 400, 400),
    ] {
        check(get.clone(), "/api/state", token, student).await;
        check(get.clone(), "/api/steps/one/content", token, student).await;
        check(get.clone(), "/api/instructor/status", token, instructor).await;
        check(get.clone(), "/api/instructor/timeline", token, instructor).await;
        check(post.clone(), "/api/steps/one/viewed", token, act).await;
        // A body is missing: who gets as far as being told so was let in.
        check(post.clone(), "/api/supervisor/switch-failed", token, report).await;
        check(post.clone(), "/api/steps/one/switch", token, switch).await;
    }
    for path in ["/", "/healthz", "/readyz", "/metrics"] {
        let (status, _) = backend.call(Method::GET, path, "", None).await;
        assert!([200, 404].contains(&status.as_u16()), "{path} needs no token");
    }
    check(Method::DELETE, "/api/state", ACCESS, 405).await;
    check(get.clone(), "/api/nothing", ACCESS, 404).await;
    check(get.clone(), "/api/steps/%2e%2e%2fone/content", ACCESS, 404).await;
    check(get.clone(), "/api/recordings/..%2flog.json", ACCESS, 404).await;
    check(get.clone(), "/api/recordings/log.json", ACCESS, 404).await;
    check(get.clone(), "/api/steps/one/assets/..%2fcontent.md", ACCESS, 404).await;

    // A token in the wrong place is none.
    check(get.clone(), &format!("/api/state?token={ACCESS}"), "", 401).await;
    let answer = backend
        .request(get.clone(), "/api/state", "")
        .header("authorization", "Basic eA==")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 401);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["www-authenticate"], "Bearer");
}

#[tokio::test]
async fn foreign_hosts_origins_and_sites_are_refused_on_every_kind_of_request() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[]).ready().await;
    let port = backend.port;
    let own = format!("http://127.0.0.1:{port}");
    let cases = [
        ("host", "evil.example".to_owned(), 403),
        ("host", format!("127.0.0.1.evil.example:{port}"), 403),
        ("host", format!("localhost:{port}"), 200),
        ("host", format!("[::1]:{port}"), 200),
        ("origin", "http://evil.example".to_owned(), 403),
        ("origin", "null".to_owned(), 403),
        ("origin", format!("http://127.0.0.1:{}", port.wrapping_add(1)), 403),
        ("origin", own, 200),
        ("sec-fetch-site", "cross-site".to_owned(), 403),
        ("sec-fetch-site", "same-site".to_owned(), 403),
        ("sec-fetch-site", "same-origin".to_owned(), 200),
        ("sec-fetch-site", "none".to_owned(), 200),
    ];
    for (name, value, expected) in cases {
        for (method, path) in [
            (Method::GET, "/api/state"),
            (Method::GET, "/api/events"),
            (Method::POST, "/api/steps/one/viewed"),
            (Method::GET, "/ws/terminal"),
        ] {
            let mut request = backend.request(method, path, ACCESS).header(name, &value);
            let socket = path.starts_with("/ws");
            if socket {
                request = request
                    .header("connection", "upgrade")
                    .header("upgrade", "websocket")
                    .header("sec-websocket-version", "13")
                    .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
            }
            let status = request.send().await.unwrap().status().as_u16();
            let expected = if socket && expected == 200 { 101 } else { expected };
            assert_eq!(status, expected, "{name}: {value} on {path}");
        }
        // The pages themselves check the Host alone; health answers to anyone who reaches it.
        let page = backend.request(Method::GET, "/", "").header(name, &value).send().await.unwrap();
        assert_eq!(page.status() == 403, name == "host" && expected == 403, "{name}: {value} on /");
        let health = backend.request(Method::GET, "/healthz", "").header(name, &value).send().await.unwrap();
        assert_eq!(health.status(), 200);
    }
    let page = backend.request(Method::GET, "/", "").send().await.unwrap();
    assert!(page.headers()["content-security-policy"].to_str().unwrap().starts_with("default-src 'none'"));
    assert_eq!(page.headers()["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn bodies_are_bounded_and_must_be_what_they_should_be() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_SUPERVISOR_TOKEN", SUPERVISOR)]).ready().await;
    let path = "/api/steps/one/switch";
    let check = async |body: String, kind: &'static str, expected: u16, detail: &str| {
        let request = backend.request(Method::POST, path, ACCESS).header("content-type", kind).body(body);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status().as_u16(), expected);
        let problem: Value = answer.json().await.unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(detail), "{problem}");
    };
    let json = "application/json";
    check("{\"kind\":\"switch\"}".into(), "text/plain", 415, "application/json").await;
    check("{".into(), json, 400, "EOF").await;
    check("{}".into(), json, 400, "missing field `kind`").await;
    check("{\"kind\":\"burn\"}".into(), json, 400, "expected `switch` or `reset`").await;
    check("{\"kind\":\"switch\",\"extra\":1}".into(), json, 400, "unknown field `extra`").await;
    check("[".repeat(50_000), json, 400, "").await;
    check(" ".repeat(70_000), json, 413, "65536").await;
    let long = backend
        .request(Method::POST, "/api/steps/one/validate", ACCESS)
        .body("x".repeat(70_000))
        .send()
        .await;
    assert_eq!(long.unwrap().status(), 413);
}

#[tokio::test]
async fn events_go_on_from_any_cursor() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[]).ready().await;
    let state = backend.get("/api/state").await;
    let cursor = state["cursor"].as_str().unwrap().to_owned();
    backend.post("/api/steps/one/viewed").await;
    backend.post("/api/steps/one/viewed").await;
    // What happened between the state and the connection is not lost, and viewing twice is one event.
    let mut events = backend.events(&format!("/api/events?after={cursor}"), ACCESS).await;
    let first = events.next().await;
    assert_eq!((first.kind.as_str(), &first.data["event"]), ("state", &json!("step_viewed")));
    let stored = fs::read_to_string(folder.path("runtime/state-events.jsonl")).unwrap();
    let line: Value = serde_json::from_str(stored.lines().last().unwrap()).unwrap();
    assert_eq!(first.data, line, "the very line of the log");
    assert!(events.next_within(Duration::from_millis(300)).await.is_none());
    backend.post("/api/steps/one/validate").await;
    let second = events.next().await;
    assert_eq!(second.data["event"], "goss_result");
    // From the first one's id, also after a restart: the second and what came since.
    backend.kill();
    let backend = folder.start(&[]).ready().await;
    let mut events = backend.events(&format!("/api/events?after={}", first.id), ACCESS).await;
    assert_eq!(events.next().await, second);
    assert_eq!(events.next().await.data["event"], "backend_started");
    // A cursor of another log, of the future, or none at all.
    let (log, seq) = first.id.split_once('.').unwrap();
    for bad in [format!("0000000000000000.{seq}"), format!("{log}.999"), "nonsense".to_owned()] {
        let mut events = backend.events(&format!("/api/events?after={bad}"), ACCESS).await;
        assert_eq!(events.next().await.kind, "reset", "{bad}");
    }
    let mut instructor = backend.events("/api/instructor/events", INSTRUCTOR).await;
    backend.post("/api/steps/one/validate").await;
    let event = instructor.next().await;
    assert_eq!(event.id.split('.').count(), 4, "{event:?}");
}

#[tokio::test]
async fn a_switch_without_a_supervisor_names_the_hosts_command() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[]).ready().await;
    let (status, problem) =
        backend.call(Method::POST, "/api/steps/one/switch", ACCESS, Some(json!({"kind": "reset"}))).await;
    assert_eq!((status.as_u16(), &problem["type"]), (409, &json!("unsupervised")));
    let command = problem["command"].as_str().unwrap();
    assert!(command.starts_with(
        "docker run --rm -p 127.0.0.1:8080:8080 -v <volume>:/workshop/runtime -e WORKSHOP_SWITCH="
    ));
    assert!(command.ends_with(":reset:one localhost/test:step-0"), "{command}");
    backend.kill();
    // What that command does.
    let request = command.split("WORKSHOP_SWITCH=").nth(1).unwrap().split_whitespace().next().unwrap();
    let request = request.replace(":one", ":three");
    let env = [("WORKSHOP_SWITCH", request.as_str()), ("WORKSHOP_IMAGE_STEP", "two")];
    let backend = folder.start(&env).ready().await;
    let state = backend.get("/api/state").await;
    assert_eq!(state["active"], "three");
    assert_eq!(state["given"], json!(["one", "two"]));
    assert_eq!(state["completed"], json!([]));
    // The same container once more: no second swap.
    assert_eq!(backend.post("/api/steps/one/start").await.0, 200);
    backend.kill();
    let backend = folder.start(&env).ready().await;
    assert_eq!(backend.get("/api/state").await["active"], "one");
}

#[tokio::test]
async fn one_switch_at_a_time_until_the_supervisor_reports() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[("WORKSHOP_SUPERVISOR_TOKEN", SUPERVISOR)]).ready().await;
    let ask = async |step: &str, token: &str| {
        let path = format!("/api/steps/{step}/switch");
        let (status, body) = backend.call(Method::POST, &path, token, Some(json!({"kind": "switch"}))).await;
        (status.as_u16(), body)
    };
    assert_eq!(ask("three", ACCESS).await.0, 409, "locked for the student");
    // Several at once: one is taken.
    let answers = futures_util::future::join_all((0..8).map(|_| ask("three", SUPERVISOR))).await;
    let taken: Vec<&Value> = answers.iter().filter(|a| a.0 == 202).map(|a| &a.1).collect();
    assert_eq!(taken.len(), 1, "{answers:?}");
    assert!(answers.iter().filter(|a| a.0 != 202).all(|a| a.1["type"] == "switch-open"));
    let request = taken[0]["request"].as_str().unwrap();
    assert_eq!(backend.get("/api/state").await["switch"]["request"], request);
    let report = async |body: Value| {
        backend.call(Method::POST, "/api/supervisor/switch-failed", SUPERVISOR, Some(body)).await.0.as_u16()
    };
    assert_eq!(report(json!({"request": "unknown", "reason": "x"})).await, 404);
    // Told twice because the answer was lost: once in the log.
    assert_eq!(report(json!({"request": request, "reason": "the image does not exist"})).await, 200);
    assert_eq!(report(json!({"request": request, "reason": "the image does not exist"})).await, 200);
    let state = backend.get("/api/state").await;
    assert_eq!(state["switch"], Value::Null);
    assert_eq!(state["switchFailed"]["reason"], "the image does not exist");
    let log = fs::read_to_string(folder.path("runtime/state-events.jsonl")).unwrap();
    assert_eq!(log.matches("\"switch_failed\"").count(), 1);
}

#[tokio::test]
async fn help_is_given_and_recorded() {
    let folder = Folder::new(WORKSHOP);
    let backend = folder.start(&[]).ready().await;
    assert_eq!(backend.get("/api/steps/one/help/hints").await["markdown"], "Look **closer**.\n");
    assert_eq!(backend.get("/api/steps/one/help/history").await, json!([]), "reading changes nothing");
    assert_eq!(backend.post("/api/steps/one/help/hints").await.0, 200);
    let history = backend.get("/api/steps/one/help/history").await;
    assert_eq!((&history[0]["mode"], &history[0]["source"]), (&json!("hints"), &json!("file")));
    for mode in ["solve", "nonsense", "..%2fhints"] {
        assert_eq!(backend.post(&format!("/api/steps/one/help/{mode}")).await.0, 404, "{mode}");
    }
}

#[tokio::test]
async fn the_state_at_an_earlier_moment() {
    let folder = Folder::new(WORKSHOP);
    fs::write(folder.path("work/one.txt"), "hello").unwrap();
    let backend = folder.start(&[]).ready().await;
    tokio::time::sleep(Duration::from_millis(30)).await;
    let (_, report) = backend.post("/api/steps/one/validate").await;
    let at = async |ts: &str| {
        let path = format!("/api/instructor/at?ts={ts}");
        let (status, body) = backend.call(Method::GET, &path, INSTRUCTOR, None).await;
        assert_eq!(status, 200, "{body}");
        body["steps"][0]["status"].clone()
    };
    let then = report["ts"].as_str().unwrap();
    assert_eq!(at(then).await, "completed");
    let before = Timestamp::parse(then).unwrap().as_millis() - 1;
    let before = Timestamp::from_millis(before).to_string();
    assert_eq!(at(&before).await, "active");
    let (status, problem) = backend.call(Method::GET, "/api/instructor/at?ts=noon", INSTRUCTOR, None).await;
    assert_eq!((status.as_u16(), &problem["type"]), (400, &json!("bad-request")));
}
