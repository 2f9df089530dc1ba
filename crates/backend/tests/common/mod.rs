//! A real backend on a free port, with an artifact compiled from a few lines, and a client that speaks its API.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

pub const ACCESS: &str = "access-token-0123456789";
pub const INSTRUCTOR: &str = "instructor-token-0123456789";
pub const SUPERVISOR: &str = "supervisor-token-0123456789";

/// Three steps: a file to make, a file with a mode, and one without a check.
pub const WORKSHOP: &str = r##"
version: v1
workshop: {name: test, image: localhost/test}
base: {image: "workshop-base:debian"}
steps:
  - id: one
    title: First
    markdown: "# First\n"
    hints: "Look **closer**.\n"
    goss: |
      file:
        ONE:
          title: the note is there
          exists: true
  - id: two
    title: Second
    markdown: "# Second\n"
    goss: |
      file:
        TWO:
          title: the note is closed to others
          exists: true
          mode: "0640"
  - id: three
    title: Third
    markdown: "# Third\n"
"##;

/// A folder with an artifact, a log volume and a place for the student's files.
pub struct Folder {
    pub root: tempfile::TempDir,
}

impl Folder {
    pub fn new(workshop: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        // The student is another user and works in `work`.
        set_mode(path, 0o755);
        for name in ["source", "artifact", "runtime", "work", "bin"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        // The student runs it, and what was built may lie where only its builder can look.
        let paths = std::env::var_os("PATH").unwrap_or_default();
        let goss =
            std::env::split_paths(&paths).map(|folder| folder.join("goss")).find(|goss| goss.is_file());
        fs::copy(goss.expect("goss, which `cargo xtask test` builds, in PATH"), path.join("bin/goss"))
            .unwrap();
        set_mode(&path.join("bin/goss"), 0o755);
        set_mode(&path.join("work"), 0o777);
        let work = path.join("work");
        let yaml = workshop
            .replace("ONE", work.join("one.txt").to_str().unwrap())
            .replace("TWO", work.join("two.txt").to_str().unwrap());
        fs::write(path.join("source/workshop.yaml"), yaml).unwrap();
        let definition = workshop_definition::load(&path.join("source")).unwrap();
        workshop_definition::compile_artifact(&definition, &path.join("artifact")).unwrap();
        Self { root }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn start(&self, env: &[(&str, &str)]) -> Backend {
        Backend::start(&self.path("artifact"), &self.path("runtime"), env)
    }
}

pub fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// A running backend; killed when it is dropped.
pub struct Backend {
    pub child: Child,
    pub base: String,
    pub port: u16,
    pub client: reqwest::Client,
}

impl Backend {
    pub fn start(artifact: &Path, runtime: &Path, env: &[(&str, &str)]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = command(artifact, runtime, port, env).spawn().unwrap();
        let base = format!("http://127.0.0.1:{port}");
        Self { child, base, port, client: reqwest::Client::new() }
    }

    /// Waits until it serves.
    pub async fn ready(mut self) -> Self {
        let begin = Instant::now();
        loop {
            if let Ok(answer) = self.client.get(format!("{}/readyz", self.base)).send().await
                && answer.status() == 200
            {
                return self;
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                panic!("the backend ended: {status}");
            }
            assert!(begin.elapsed() < Duration::from_secs(60), "the backend does not get ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    pub async fn call(
        &self,
        method: Method,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> (StatusCode, Value) {
        let mut request = self.request(method, path, token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, ACCESS, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    pub async fn post(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.call(Method::POST, path, ACCESS, None).await;
        (status.as_u16(), body)
    }

    /// Follows a stream of events, each as (event, id, data).
    pub async fn events(&self, path: &str, token: &str) -> Events {
        let answer = self.request(Method::GET, path, token).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        Events { stream: Box::pin(answer.bytes_stream()), text: String::new() }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(artifact: &Path, runtime: &Path, port: u16, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-backend"));
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("WORKSHOP_GOSS", artifact.with_file_name("bin").join("goss"))
        .env("WORKSHOP_DIR", artifact)
        .env("WORKSHOP_RUNTIME_DIR", runtime)
        .env("WORKSHOP_LISTEN", format!("127.0.0.1:{port}"))
        .env("WORKSHOP_SHELL_USER", "nobody")
        .env("WORKSHOP_ACCESS_TOKEN", ACCESS)
        .env("WORKSHOP_INSTRUCTOR_TOKEN", INSTRUCTOR)
        .envs(env.iter().copied())
        .stdin(Stdio::null());
    command
}

type Bytes = std::pin::Pin<Box<dyn futures_util::Stream<Item = reqwest::Result<bytes::Bytes>> + Send>>;

/// A stream of server-sent events.
pub struct Events {
    stream: Bytes,
    text: String,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub kind: String,
    pub id: String,
    pub data: Value,
}

impl Events {
    /// The next event; `None` when the stream ends or nothing comes for `patience`.
    pub async fn next_within(&mut self, patience: Duration) -> Option<Event> {
        loop {
            if let Some((one, rest)) = self.text.split_once("\n\n") {
                let (one, rest) = (one.to_owned(), rest.to_owned());
                self.text = rest;
                let field = |name: &str| {
                    one.lines().find_map(|l| l.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
                };
                if field("event").is_empty() {
                    continue;
                }
                let data = serde_json::from_str(field("data")).unwrap();
                return Some(Event { kind: field("event").into(), id: field("id").into(), data });
            }
            let chunk = tokio::time::timeout(patience, self.stream.next()).await.ok()??;
            self.text += std::str::from_utf8(&chunk.ok()?).unwrap();
        }
    }

    pub async fn next(&mut self) -> Event {
        self.next_within(Duration::from_secs(60)).await.expect("no event came")
    }
}
