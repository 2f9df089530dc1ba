//! The real command on a real engine, in a world of its own: configuration, data, names and ports.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::engine::{Engine, On, all_of, given};
use crate::process::{Process, free_port, goss, program};
use crate::wait::until;

/// A user with a machine: a home, an engine, and one workspace that is taken down in the end.
pub struct User {
    /// What the workspace runs on.
    pub on: On,
    /// The home.
    pub home: TempDir,
    /// The workspace's name.
    pub name: String,
    /// The workspace's port.
    pub port: u16,
    engine: Option<Engine>,
    parts: PathBuf,
}

static COUNTER: AtomicU32 = AtomicU32::new(0);

/// The example workshops.
pub fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

impl User {
    /// One without a workspace.
    pub fn new(on: On) -> Self {
        let home = tempfile::tempdir().unwrap();
        let number = COUNTER.fetch_add(1, Ordering::Relaxed);
        let name = format!("t{}-{number}", std::process::id());
        let parts = match on {
            On::Sandbox => own_parts(home.path()),
            _ => given("WORKSHOP_PARTS").into(),
        };
        Self { on, home, name, port: free_port(), engine: Engine::of(on), parts }
    }

    /// `workshop …`, in this user's world.
    pub fn workshop(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("workshop"));
        command.args(arguments).env_clear().env("HOME", self.home.path()).env("WORKSHOP_PARTS", &self.parts);
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
        command.stdin(Stdio::null());
        match &self.engine {
            None => command.env("WORKSHOP_ENGINE", "sandbox"),
            Some(engine) => command.env("DOCKER_HOST", &engine.address),
        };
        command
    }

    /// Runs it to its end, which must be a good one, and returns what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let output = self.workshop(arguments).output().unwrap();
        assert!(output.status.success(), "workshop {arguments:?}: {}", all_of(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs it to its end, which must be this exit code, and returns what it complained of.
    pub fn fails(&self, arguments: &[&str], code: i32) -> String {
        let output = self.workshop(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "workshop {arguments:?}: {}", all_of(&output));
        String::from_utf8(output.stderr).unwrap()
    }

    /// Starts the workspace of a target, detached.
    pub fn run(&self, target: &str, more: &[&str]) {
        let port = self.port.to_string();
        self.ok(&[&["run", target, "--name", &self.name, "--port", &port, "--detach", "--no-open"], more]
            .concat());
    }

    /// Starts `workshop run` that goes on watching, once its workspace serves.
    pub fn supervisor(&self, target: &str, env: &[(&str, &str)]) -> Supervisor {
        let port = self.port.to_string();
        let mut command = self.workshop(&["run", target, "--name", &self.name, "--port", &port, "--no-open"]);
        let log =
            self.home.path().join(format!("supervisor-{}.log", COUNTER.fetch_add(1, Ordering::Relaxed)));
        let output = fs::File::create(&log).unwrap();
        command.envs(env.iter().copied()).stdout(output.try_clone().unwrap()).stderr(output);
        let mut supervisor = Supervisor { process: Process::start(&mut command), log };
        until("the supervisor says that it runs", || {
            if let Some(status) = supervisor.process.ended() {
                panic!("the supervisor ended: {status}: {}", supervisor.said());
            }
            supervisor.said().contains("instructor  http")
        });
        supervisor
    }

    /// This workspace as `workshop list --output json` has it.
    pub fn row(&self) -> Option<BTreeMap<String, String>> {
        let text = self.ok(&["list", "--output", "json"]);
        let rows: Vec<BTreeMap<String, String>> = serde_json::from_str(&text).unwrap();
        rows.into_iter().find(|row| row["name"] == self.name)
    }

    fn token(&self, role: &str) -> String {
        self.row().expect("the workspace is there")[role].rsplit_once('=').unwrap().1.to_owned()
    }

    /// Asks the workspace's API as the student.
    pub fn ask(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let token = self.token("student");
        self.ask_with(&token, method, path, body)
    }

    /// Asks the workspace's API with a token.
    pub fn ask_with(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut command = Command::new("curl");
        command.args(["-s", "--max-time", "20", "-X", method, "-w", "\n%{http_code}", &url]);
        command.args(["-H", &format!("Authorization: Bearer {token}")]);
        if let Some(body) = body {
            command.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (body, status) = text.rsplit_once('\n').unwrap_or_default();
        (status.parse().unwrap_or(0), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// The state as the student sees it.
    pub fn state(&self) -> Value {
        let (status, state) = self.ask("GET", "/api/state", None);
        assert_eq!(status, 200, "{state}");
        state
    }

    /// The state, if the workspace answers at this moment.
    pub fn state_if_any(&self) -> Option<Value> {
        let token = self.row()?["student"].rsplit_once('=')?.1.to_owned();
        let (status, state) = self.ask_with(&token, "GET", "/api/state", None);
        (status == 200).then_some(state)
    }

    /// Asks for a swap as the student does in the page: the request.
    pub fn request(&self, step: &str, kind: &str) -> String {
        let (status, answer) =
            self.ask("POST", &format!("/api/steps/{step}/switch"), Some(serde_json::json!({ "kind": kind })));
        assert_eq!(status, 202, "{answer}");
        answer["request"].as_str().unwrap().to_owned()
    }

    /// Waits until no swap is open and the step is active.
    pub fn arrives(&self, step: &str) {
        until(&format!("{step} is active"), || {
            let token = self.row().map(|row| row["student"].rsplit_once('=').unwrap().1.to_owned());
            let Some(token) = token else { return false };
            let (status, state) = self.ask_with(&token, "GET", "/api/state", None);
            status == 200 && state["active"] == step && state["switch"].is_null()
        });
    }

    /// The state events of the log, in order.
    pub fn events(&self) -> Vec<Value> {
        // Podman's network may be without its rules for a moment when another container goes.
        until("it answers", || self.state_if_any().is_some());
        let text = match self.on {
            On::Sandbox => fs::read_to_string(self.log_folder().join("state-events.jsonl")).unwrap(),
            _ => self.in_container("cat /workshop/runtime/state-events.jsonl"),
        };
        text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// How often an event with this request is in the log.
    pub fn count(&self, event: &str, request: &str) -> usize {
        let of = |line: &Value| {
            let named =
                if event == "backend_started" { &line["switch"]["request"] } else { &line["request"] };
            line["event"] == event && named == request
        };
        self.events().iter().filter(|line| of(line)).count()
    }

    /// The log volume of a workspace in a sandbox.
    pub fn log_folder(&self) -> PathBuf {
        self.home.path().join(".local/share/workshop").join(&self.name).join("runtime")
    }

    /// The containers of the workspace, running or not, by name.
    pub fn containers(&self) -> Vec<String> {
        match self.on {
            On::Sandbox => {
                let folder = self.home.path().join(".local/share/workshop").join(&self.name);
                let entries = fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap());
                let names = entries.map(|entry| entry.file_name().into_string().unwrap());
                names.filter(|name| name.starts_with("workshop-")).collect()
            }
            _ => {
                let label = format!("label=workshop.name={}", self.name);
                let role = "label=workshop.role=workspace";
                let out = self.engine(&[
                    "ps",
                    "-a",
                    "--filter",
                    &label,
                    "--filter",
                    role,
                    "--format",
                    "{{.Names}}",
                ]);
                out.lines().map(ToOwned::to_owned).collect()
            }
        }
    }

    /// A copy of an example, to be changed; its images have names of their own.
    pub fn copy(&self, example: &str) -> String {
        let folder = self.home.path().join(example);
        let copied =
            Command::new("cp").arg("-r").arg(examples().join(example)).arg(&folder).status().unwrap();
        assert!(copied.success());
        let path = folder.join("workshop.yaml");
        let yaml = fs::read_to_string(&path).unwrap();
        let image = format!("image: localhost/{example}");
        assert!(yaml.contains(&image), "{yaml}");
        fs::write(&path, yaml.replace(&image, &format!("image: localhost/{}", self.name))).unwrap();
        folder.display().to_string()
    }

    /// What to run of a copied workshop without building it again.
    pub fn built(&self, workshop: &str) -> String {
        if self.on == On::Sandbox { workshop.to_owned() } else { format!("localhost/{}:latest", self.name) }
    }

    /// Makes the image after a step of a copied workshop one whose workspace cannot start.
    pub fn spoil(&self, workshop: &str, step: &str) {
        match self.on {
            On::Sandbox => {
                let path = Path::new(workshop).join("workshop.yaml");
                let yaml = fs::read_to_string(&path).unwrap();
                let (before, at) = yaml.split_once(&format!("- id: {step}\n")).unwrap();
                let at = at.replacen("    commands:\n", "    commands:\n      - \"false\"\n", 1);
                fs::write(&path, format!("{before}- id: {step}\n{at}")).unwrap();
            }
            _ => {
                self.replace_image(&format!("localhost/{}:{step}", self.name), "ENTRYPOINT [\"/bin/false\"]")
            }
        }
    }

    /// Puts another image under a tag, made from the one that it had.
    pub fn replace_image(&self, tag: &str, lines: &str) {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("Containerfile"), format!("FROM {tag}\n{lines}\n")).unwrap();
        let file = folder.path().join("Containerfile");
        self.engine(&[
            "build",
            "-q",
            // Podman's cache trips over layers that another test removes.
            "--no-cache",
            "-t",
            tag,
            "-f",
            file.to_str().unwrap(),
            folder.path().to_str().unwrap(),
        ]);
    }

    /// Whether the workspace answers.
    pub fn serves(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/readyz", self.port);
        Command::new("curl").args(["-sf", "--max-time", "2", &url]).output().unwrap().status.success()
    }

    /// kill -9 of the backend alone.
    pub fn kill_backend(&self) {
        match self.on {
            On::Sandbox => self.kill_container(),
            // The container ends with it, and with the container what became of this command.
            _ => {
                let kill = "kill -9 $(pgrep -x workshop-backen | head -n 1)";
                let container = &self.containers()[0];
                let _ =
                    self.engine_command(&["exec", "--user", "root", container, "sh", "-c", kill]).output();
            }
        }
    }

    /// kill -9 of the container with all that is in it.
    pub fn kill_container(&self) {
        let containers = self.containers();
        match self.on {
            On::Sandbox => {
                let folder =
                    self.home.path().join(".local/share/workshop").join(&self.name).join(&containers[0]);
                let process: Value =
                    serde_json::from_str(&fs::read_to_string(folder.join("process.json")).unwrap()).unwrap();
                let killed = Command::new("kill").args(["-9", &process["pid"].to_string()]).status().unwrap();
                assert!(killed.success());
            }
            _ => drop(self.engine(&["kill", "-s", "KILL", &containers[0]])),
        }
    }

    /// What the engine's own client prints.
    pub fn engine(&self, arguments: &[&str]) -> String {
        self.engine.as_ref().expect("a container engine").run(arguments)
    }

    /// The engine's own client, with these arguments.
    pub fn engine_command(&self, arguments: &[&str]) -> Command {
        self.engine.as_ref().expect("a container engine").command(arguments)
    }

    /// The images of its copied workshop. They go when this does.
    pub fn images(&self) -> Images<'_> {
        Images(self)
    }

    /// Runs a script as root in the one container of the workspace.
    pub fn in_container(&self, script: &str) -> String {
        let containers = self.containers();
        assert_eq!(containers.len(), 1, "{containers:?}");
        self.engine(&["exec", "--user", "root", &containers[0], "sh", "-c", script])
    }
}

impl Drop for User {
    fn drop(&mut self) {
        if std::thread::panicking() && std::env::var_os("WORKSHOP_TEST_KEEP").is_some() {
            eprintln!("kept: {} in {}", self.name, self.home.path().display());
            return;
        }
        let _ = self.workshop(&["rm", "--data", &self.name]).output();
    }
}

/// The images of a user's copied workshop. They go when this does.
pub struct Images<'a>(&'a User);

impl Drop for Images<'_> {
    fn drop(&mut self) {
        self.0
            .engine
            .as_ref()
            .expect("a container engine")
            .remove_images(&format!("localhost/{}", self.0.name));
    }
}

/// A `workshop run` that watches over its workspace. Dropped, it is killed.
pub struct Supervisor {
    /// Its process.
    pub process: Process,
    log: PathBuf,
}

impl Supervisor {
    /// What it printed so far.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Waits until it ends by itself, or is killed.
    pub fn ends(&mut self) {
        until("the supervisor ends", || self.process.ended().is_some());
    }
}

/// Parts for a sandbox: what cargo and set-up built.
fn own_parts(home: &Path) -> PathBuf {
    let parts = home.join("parts");
    fs::create_dir(&parts).unwrap();
    for (program, name) in [(program("workshop-backend"), "workshop-backend"), (goss(), "goss")] {
        std::os::unix::fs::symlink(program, parts.join(name)).unwrap();
    }
    parts
}
