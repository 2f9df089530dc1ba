//! A real backend on a free port, with an artifact compiled from a few lines, and a client that speaks its API.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::Value;

use crate::process::{Process, free_port, on_path, program};
use crate::sse::Events;
use crate::wait::until_async;

/// The student's token.
pub const ACCESS: &str = "access-token-0123456789";
/// The instructor's token.
pub const INSTRUCTOR: &str = "instructor-token-0123456789";
/// The supervisor's token, which a backend has only if a test gives it.
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
    root: tempfile::TempDir,
}

impl Folder {
    /// With the artifact of a workshop, given as YAML. `ONE` and `TWO` in it become paths in the student's folder.
    pub fn new(workshop: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let path = root.path();
        // The student is another user and works in `work`.
        set_mode(path, 0o755);
        for name in ["source", "artifact", "runtime", "work", "bin"] {
            fs::create_dir(path.join(name)).unwrap();
        }
        // The student runs it, and what was built may lie where only its builder can look.
        let goss = on_path("goss").expect("goss, which `cargo xtask test` builds, in PATH");
        fs::copy(goss, path.join("bin/goss")).unwrap();
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

    /// A path in it: `artifact`, `runtime`, `work` and `source` are there.
    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Starts a backend on it, with more variables.
    pub fn start(&self, env: &[(&str, &str)]) -> Backend {
        Backend::start(&self.path("artifact"), &self.path("runtime"), env)
    }
}

/// Sets the mode of a file or folder.
pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// A running backend. Dropped, it is killed.
pub struct Backend {
    /// Its process.
    pub process: Process,
    /// Its address, such as `http://127.0.0.1:8080`.
    pub base: String,
    /// Its port.
    pub port: u16,
    /// A client.
    pub client: reqwest::Client,
}

impl Backend {
    /// Starts it.
    pub fn start(artifact: &Path, runtime: &Path, env: &[(&str, &str)]) -> Self {
        let port = free_port();
        Self::of(&mut command(artifact, runtime, port, env), port)
    }

    /// Starts it by a command that has it listen on this port.
    pub fn of(command: &mut Command, port: u16) -> Self {
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { process: Process::start(command), base: format!("http://127.0.0.1:{port}"), port, client }
    }

    /// Waits until it serves.
    pub async fn ready(mut self) -> Self {
        until_async("the backend gets ready", async || {
            let ended = self.process.ended();
            assert!(ended.is_none(), "the backend ended: {ended:?}");
            let answer = self.client.get(format!("{}/readyz", self.base)).send().await;
            answer.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        self
    }

    /// Ends it with SIGKILL.
    pub fn kill(mut self) {
        self.process.kill();
    }

    /// A request; without a token if that is empty.
    pub fn request(&self, method: Method, path: &str, token: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    /// Sends a request; status and body, as text if it is not JSON.
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

    /// What the student is answered.
    pub async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call(Method::GET, path, ACCESS, None).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }

    /// Posts as the student.
    pub async fn post(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.call(Method::POST, path, ACCESS, None).await;
        (status.as_u16(), body)
    }

    /// Follows a stream of events.
    pub async fn events(&self, path: &str, token: &str) -> Events {
        Events::of(self.request(Method::GET, path, token).send().await.unwrap())
    }
}

/// A backend's program, with the variables that it needs and more.
pub fn command(artifact: &Path, runtime: &Path, port: u16, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program("workshop-backend"));
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
