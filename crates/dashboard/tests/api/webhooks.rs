//! Events posted elsewhere: what, how signed, in which order, and when the receiver or the dashboard fails.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use tokio::task::JoinHandle;
use workshop_testing::dashboard::Served;

use super::harness::{Database, MORNING};

const SECRET: &str = "a-secret-of-the-webhook";

/// What it got, and what it answers next.
#[derive(Default)]
struct Heard {
    posts: Vec<(HeaderMap, String)>,
    answers: Vec<StatusCode>,
    /// Answers of a workspace, for good.
    always: HashMap<String, StatusCode>,
}

struct Receiver {
    heard: Arc<Mutex<Heard>>,
    url: String,
    server: JoinHandle<()>,
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Receiver {
    async fn start() -> Self {
        Self::on("127.0.0.1:0").await
    }

    async fn on(address: &str) -> Self {
        let heard: Arc<Mutex<Heard>> = Arc::default();
        let listener = tokio::net::TcpListener::bind(address).await.unwrap();
        let url = format!("http://{}/hook?key=in-the-address", listener.local_addr().unwrap());
        let app = Router::new().route("/hook", post(take)).with_state(heard.clone());
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { heard, url, server }
    }

    fn events(&self) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.posts.iter().map(|(_, body)| serde_json::from_str(body).unwrap()).collect()
    }

    fn ids(&self) -> Vec<String> {
        self.events().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect()
    }

    async fn until(&self, count: usize) {
        let (mut began, mut last) = (Instant::now(), 0);
        loop {
            let got = self.heard.lock().unwrap().posts.len();
            if got >= count {
                return;
            }
            // Since the newest, however long all of them take.
            if got > last {
                (began, last) = (Instant::now(), got);
            }
            assert!(began.elapsed() < Duration::from_secs(30), "got {:?}", self.ids());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

async fn take(State(heard): State<Arc<Mutex<Heard>>>, headers: HeaderMap, body: String) -> StatusCode {
    let mut heard = heard.lock().unwrap();
    let event: Value = serde_json::from_str(&body).unwrap();
    if let Some(status) = heard.always.get(event["workspace"].as_str().unwrap()) {
        return *status;
    }
    if !heard.answers.is_empty() {
        return heard.answers.remove(0);
    }
    heard.posts.push((headers, body));
    StatusCode::NO_CONTENT
}

/// A file for these receivers.
fn file(hooks: &[(&Receiver, &str)]) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    for (receiver, rest) in hooks {
        writeln!(file, "[[webhook]]\nurl = \"{}\"\nsecret = \"{SECRET}\"\n{rest}\n", receiver.url).unwrap();
    }
    file
}

async fn start(database: &Database, file: &tempfile::NamedTempFile) -> Served {
    Served::with(&database.url, &["--webhooks", file.path().to_str().unwrap()]).await
}

async fn known(database: &Database, hooks: i64) {
    let began = Instant::now();
    loop {
        let known: i64 = sqlx::query_scalar("select count(*) from webhook_cursors where log = ''")
            .fetch_one(&database.pool)
            .await
            .unwrap();
        if known == hooks {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Records as ingest stores them.
async fn happened(
    database: &Database,
    name: &str,
    log: &str,
    stream: &str,
    kind: &str,
    seqs: std::ops::RangeInclusive<i64>,
) {
    for seq in seqs {
        let line = format!(r#"{{"log":"{log}","seq":{seq},"n":"{kind}"}}"#);
        database.line(log, stream, seq, MORNING + seq * 1000, kind, &line).await;
    }
    database.change(name, "tries = tries").await;
}

#[tokio::test]
async fn an_event_is_posted_signed_and_as_it_stands_in_its_log() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    happened(&database, "ada", "0000000000000001", "state", "step_start", 1..=3).await;
    let receiver = Receiver::start().await;
    let file = file(&[(&receiver, "events = [\"goss_result\", \"command\"]")]);
    let running = start(&database, &file).await;
    known(&database, 1).await;
    happened(&database, "ada", "0000000000000001", "state", "goss_result", 4..=4).await;
    happened(&database, "ada", "0000000000000001", "state", "step_viewed", 5..=5).await;
    happened(&database, "ada", "0000000000000001", "commands", "command", 1..=1).await;
    running.dashboard.touched();
    receiver.until(2).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let events = receiver.events();
    assert_eq!(events.len(), 2, "what was there before it began is not told, nor what was not asked for");
    let mut events = events;
    events.sort_by_key(|event| event["event"].to_string());
    assert_eq!(
        events[1],
        json!({"id": "0000000000000001.state.4", "workspace": "ada", "student": "Ada", "workshop": "git-basics",
            "log": "0000000000000001", "stream": "state", "seq": 4, "ts": "2026-11-20T09:00:04.000Z", "event": "goss_result",
            "line": r#"{"log":"0000000000000001","seq":4,"n":"goss_result"}"#})
    );
    let heard = receiver.heard.lock().unwrap();
    let (headers, body) = &heard.posts[0];
    assert_eq!(headers["content-type"], "application/json");
    let signature = headers["workshop-signature"].to_str().unwrap();
    let (time, mac) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert!(now.abs_diff(time.parse().unwrap()) < 60);
    let mut expected = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    expected.update(format!("{time}.{body}").as_bytes());
    let expected: String = expected.finalize().into_bytes().iter().map(|b| format!("{b:02x}")).collect();
    assert_eq!(mac, expected);
}

#[tokio::test]
async fn each_workspace_is_told_in_order_through_failures_and_restarts() {
    let database = Database::new().await;
    let logs: Vec<(String, String)> = (0..4).map(|at| (format!("ws{at}"), format!("{at:016x}"))).collect();
    for (name, log) in &logs {
        database.working(name, "A student", log).await;
    }
    let receiver = Receiver::start().await;
    let file = file(&[(&receiver, "events = [\"*\"]")]);
    let running = start(&database, &file).await;
    known(&database, 1).await;
    receiver.heard.lock().unwrap().answers = vec![
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::NOT_FOUND,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::FOUND,
    ];
    for (name, log) in &logs {
        happened(&database, name, log, "state", "step_viewed", 1..=150).await;
    }
    running.dashboard.touched();
    receiver.until(40).await;
    // Killed in the middle.
    drop(running);
    for (name, log) in &logs {
        happened(&database, name, log, "state", "step_viewed", 151..=160).await;
    }
    tokio::time::sleep(Duration::from_millis(200)).await;
    let _again = start(&database, &file).await;
    let began = Instant::now();
    loop {
        let mut ids = receiver.ids();
        ids.sort();
        ids.dedup();
        if ids.len() == 4 * 160 {
            break;
        }
        assert!(began.elapsed() < Duration::from_secs(120), "{} of 640", ids.len());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for (name, _) in &logs {
        let mut highest = 0;
        let mut again = 0;
        for event in receiver.events().iter().filter(|event| event["workspace"] == name.as_str()) {
            let seq = event["seq"].as_i64().unwrap();
            assert!(seq <= highest + 1, "{name}: {seq} after {highest}");
            again += i64::from(seq <= highest);
            highest = highest.max(seq);
        }
        assert!(highest == 160 && again <= 1, "{name}: up to {highest}, {again} twice");
    }
}

#[tokio::test]
async fn streams_of_a_log_are_told_by_time() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    let receiver = Receiver::start().await;
    let file = file(&[(&receiver, "events = [\"*\"]")]);
    let running = start(&database, &file).await;
    known(&database, 1).await;
    database
        .run(
            "insert into events (opened, log, stream, seq, ts, kind, line)
             select '2026-11-20', '0000000000000001', s.stream, n, timestamptz '2026-11-20 09:00Z' + n * s.every, 'x', '{}'
             from generate_series(1, 320) n, (values ('state', interval '1 s'), ('commands', interval '700 ms')) s (stream, every)",
        )
        .await;
    database.change("ada", "tries = 1").await;
    running.dashboard.touched();
    receiver.until(640).await;
    let times: Vec<String> =
        receiver.events().iter().map(|event| event["ts"].as_str().unwrap().to_owned()).collect();
    assert!(times.is_sorted());
}

#[tokio::test]
async fn a_dead_receiver_and_a_refused_workspace_hold_up_nobody_else() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    database.working("bob", "Bob", "0000000000000002").await;
    let alive = Receiver::start().await;
    let dead = Receiver::start().await;
    dead.server.abort();
    alive.heard.lock().unwrap().always.insert("ada".to_owned(), StatusCode::UNPROCESSABLE_ENTITY);
    let file = file(&[(&dead, "events = [\"*\"]"), (&alive, "events = [\"*\"]")]);
    let running = start(&database, &file).await;
    known(&database, 2).await;
    happened(&database, "ada", "0000000000000001", "state", "step_viewed", 1..=5).await;
    happened(&database, "bob", "0000000000000002", "state", "step_viewed", 1..=5).await;
    running.dashboard.touched();
    alive.until(5).await;
    assert!(alive.events().iter().all(|event| event["workspace"] == "bob"));
    // Once it lets them in, they come.
    alive.heard.lock().unwrap().always.clear();
    alive.until(10).await;
    // And so does everything for one that comes back.
    let address = dead.url.strip_prefix("http://").unwrap().split('/').next().unwrap();
    let back = Receiver::on(address).await;
    back.until(10).await;
    assert_eq!(back.ids().len(), 10);
}

#[tokio::test]
async fn one_of_several_replicas_delivers_and_another_takes_over() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    let receiver = Receiver::start().await;
    let file = file(&[(&receiver, "events = [\"*\"]")]);
    let first = start(&database, &file).await;
    known(&database, 1).await;
    let second = start(&database, &file).await;
    for round in 0..5 {
        happened(
            &database,
            "ada",
            "0000000000000001",
            "state",
            "step_viewed",
            round * 10 + 1..=round * 10 + 10,
        )
        .await;
        first.dashboard.touched();
    }
    receiver.until(50).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.ids().len(), 50, "each once");
    assert_eq!((first.dashboard.webhooks.counts().0, second.dashboard.webhooks.counts().0), (50, 0));
    drop(first);
    happened(&database, "ada", "0000000000000001", "state", "step_viewed", 51..=60).await;
    receiver.until(60).await;
    // A database that loses all connections loses nothing else.
    database
        .run("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .await;
    happened(&database, "ada", "0000000000000001", "state", "step_viewed", 61..=70).await;
    receiver.until(70).await;
    let mut ids = receiver.ids();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 70);
}

#[tokio::test]
async fn a_hole_is_waited_for_and_a_workshop_can_be_asked_for() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    database.working("bob", "Bob", "0000000000000002").await;
    database.run("update workspaces set workshop = 'other' where workspace = 'bob'").await;
    let receiver = Receiver::start().await;
    let file = file(&[(&receiver, "events = [\"*\"]\nworkshop = \"git-basics\"")]);
    let running = start(&database, &file).await;
    known(&database, 1).await;
    database
        .run("insert into gaps (log, stream, from_seq, to_seq) values ('0000000000000001', 'state', 3, 3)")
        .await;
    happened(&database, "ada", "0000000000000001", "state", "step_viewed", 1..=2).await;
    happened(&database, "ada", "0000000000000001", "state", "step_viewed", 4..=5).await;
    happened(&database, "bob", "0000000000000002", "state", "step_viewed", 1..=5).await;
    running.dashboard.touched();
    receiver.until(2).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(receiver.ids().len(), 2);
    database.run("delete from gaps").await;
    happened(&database, "ada", "0000000000000001", "state", "step_viewed", 3..=3).await;
    receiver.until(5).await;
    let seqs: Vec<i64> = receiver.events().iter().map(|event| event["seq"].as_i64().unwrap()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5]);
}
