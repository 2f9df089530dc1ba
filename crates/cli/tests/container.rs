//! What holds in a real container: what the student cannot reach, what an image does by itself, and what is survived.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};
use workshop_testing::cli::{On, Terminal, User, examples};
use workshop_testing::{on_engines, until};

on_engines!(on both:
    the_student_reaches_neither_log_artifact_nor_token,
    a_log_folder_of_the_host_is_closed_to_the_student,
    the_supervisors_api_needs_its_token,
    an_image_runs_by_itself,
    the_hosts_command_switches,
    it_gets_healthy_and_serves_the_host_alone,
    images_that_lie_are_refused,
    a_students_goss_never_checks,
    sudo_is_in_the_image_of_its_step_alone,
    a_killed_backend_comes_back_without_anyone,
    a_full_disk_loses_no_workspace,
    another_user_serves_with_group_0_or_says_why_not,
);

/// The image of hello-linux; built once for each engine, because builds of the same thing at once disturb each other.
const HELLO: &str = "localhost/hello-linux:latest";

fn hello() -> String {
    examples().join("hello-linux").display().to_string()
}

/// A user whose engine has the images of hello-linux.
fn with_images(on: On) -> User {
    static BUILT: Mutex<Vec<On>> = Mutex::new(Vec::new());
    let user = User::new(on);
    let mut built = BUILT.lock().unwrap_or_else(PoisonError::into_inner);
    if !built.contains(&on) {
        user.ok(&["build", "compile", &hello()]);
        built.push(on);
    }
    user
}

/// Tries everything that a student may not, and prints what worked. `$1` is a port to ask, `/tmp/tokens` no secret.
const PROBE: &str = r#"
try() { if "${@:2}" > /dev/null 2>&1 < /dev/null; then echo "open: $1"; fi; }
backend=$(pgrep -o -x workshop-backen)
for process in 1 "$backend"; do
    for file in environ mem maps smaps auxv pagemap stack syscall io; do
        try "$file of $process" sh -c "exec 3< /proc/$process/$file"
    done
    try "descriptors of $process" ls "/proc/$process/fd/"
    try "root of $process" ls "/proc/$process/root/"
    try "folder of $process" ls "/proc/$process/cwd/"
    try "signal to $process" kill -0 "$process"
    case $(uname -m) in x86_64) ptrace=101 ;; *) ptrace=117 ;; esac
    try "ptrace of $process" perl -e "exit(syscall($ptrace, 0x4206, $process, 0, 0) == -1)"
done
for file in /workshop/steps /workshop/workshop.json /workshop/runtime /workshop/runtime/log.json \
    /workshop/steps/look-around/goss.yaml /workshop/runtime/state-events.jsonl; do
    try "look at $file" stat "$file"
    try "reading $file" head -c 1 "$file"
    try "listing $file" ls "$file/"
    try "appending to $file" sh -c "echo >> $file"
    try "renaming $file" mv "$file" "$file.moved"
    try "removing $file" rm -rf "$file"
done
try "creating in the log" touch /workshop/runtime/mine
try "creating in the artifact" touch /workshop/mine
try "moving the log" mv /workshop/runtime /workshop/elsewhere
try "moving all of it" mv /workshop /elsewhere
try "mounting over the log" mount -t tmpfs none /workshop/runtime
try "mounting in a namespace of its own" unshare -rm mount -t tmpfs none /workshop/runtime
try "reading goss" head -c 1 /usr/local/bin/goss
try "changing goss" sh -c 'echo >> /usr/local/bin/goss'
try "changing the backend" sh -c 'echo >> /usr/local/bin/workshop-backend'
try "changing the shell's start" sh -c 'echo >> /etc/workshop-platform.bashrc'
try "another user" timeout 5 setsid su root -c true
try "sudo" sudo -n true
env | grep WORKSHOP | grep -v '^WORKSHOP_IMAGE_STEP=' | sed 's/^/in its environment: /'
grep -rahoE '[0-9a-f]{32}' /proc/[0-9]*/environ /proc/[0-9]*/cmdline /workshop /workspace /tmp /home /run /var/log \
    /etc /opt /dev/shm /usr/local 2> /dev/null | sort -u | sed 's/^/found: /'
echo done
"#;

/// What the probe prints, in the student's own terminal.
fn probe(user: &User) -> Vec<String> {
    let row = user.row().unwrap();
    let token = |role: &str| row[role].rsplit_once('=').unwrap().1.to_owned();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("probe.sh");
    fs::write(&file, PROBE).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    let container = &user.containers()[0];
    user.engine(&["cp", file.to_str().unwrap(), &format!("{container}:/opt/probe.sh")]);
    let mut terminal = Terminal::open(user.port, &token("student"));
    terminal
        .enter("id -un > /tmp/who; bash /opt/probe.sh > /tmp/probe 2> /dev/null; mv /tmp/probe /tmp/probed");
    until("the probe is through", || user.in_container("ls /tmp").contains("probed"));
    assert_eq!(user.in_container("cat /tmp/who"), "student\n");
    let said = user.in_container("cat /tmp/probed");
    let supervisors = user.in_container("tr '\\0' '\\n' < /proc/$(pgrep -o -x workshop-backen)/environ");
    let supervisors = supervisors.lines().find_map(|line| line.strip_prefix("WORKSHOP_SUPERVISOR_TOKEN="));
    for secret in [&token("student"), &token("instructor"), supervisors.unwrap()] {
        assert!(!said.contains(secret), "a token was found");
    }
    said.lines().filter(|line| !line.starts_with("found: ")).map(ToOwned::to_owned).collect()
}

fn the_student_reaches_neither_log_artifact_nor_token(on: On) {
    let user = with_images(on);
    user.run(HELLO, &[]);
    assert_eq!(probe(&user), ["done"]);
    assert_eq!(user.state()["capabilities"]["isolated"], true);
}

/// Even where the image's `PATH` begins with a folder of the student's, and the workspace is started again.
fn a_students_goss_never_checks(on: On) {
    let user = with_images(on);
    let image = format!("localhost/{}:latest", user.name);
    user.engine(&["tag", HELLO, &image]);
    user.replace_image(&image, "ENV PATH=/workspace/bin:/usr/local/bin:/usr/bin:/bin");
    let bare = Bare::new(&user);
    bare.run(&image, true, &[]);
    let false_goss = "mkdir /workspace/bin && cd /workspace/bin && \
                      printf '#!/bin/sh\\ntouch /tmp/mark\\n' > goss && chmod 755 goss";
    user.engine(&["exec", "--user", "student", &bare.name, "sh", "-c", false_goss]);
    user.engine(&["restart", &bare.name]);
    until("it serves again", || user.serves());
    let (status, result) = bare.ask("POST", "/api/steps/look-around/validate", None);
    assert_eq!((status, &result["passed"]), (200, &false.into()), "{result}");
    user.engine(&["exec", &bare.name, "sh", "-c", "! test -e /tmp/mark"]);

    // A base may let everyone write where goss is. Then nothing checks.
    user.engine(&["exec", "--user", "root", &bare.name, "chmod", "777", "/usr/local/bin"]);
    let (status, problem) = bare.ask("POST", "/api/steps/look-around/validate", None);
    assert_eq!((status, &problem["type"]), (503, &"goss-not-trusted".into()), "{problem}");
    bare.remove();
    user.engine(&["rmi", "-f", &image]);
}

/// The folder's owner has the student's number, and lets everyone write. It stays so.
fn a_log_folder_of_the_host_is_closed_to_the_student(on: On) {
    let user = with_images(on);
    let log = user.home.path().join("log");
    fs::create_dir(&log).unwrap();
    chown(&log, Some(1000), Some(1000)).unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o777)).unwrap();
    user.run(HELLO, &["--data", log.to_str().unwrap()]);
    assert_eq!(probe(&user), ["done"]);
    let now = fs::metadata(&log).unwrap();
    assert_eq!((now.uid(), now.gid(), now.mode() & 0o7777), (1000, 1000, 0o777));
    assert!(log.join("state-events.jsonl").is_file());
}

fn the_supervisors_api_needs_its_token(on: On) {
    let user = with_images(on);
    user.run(HELLO, &[]);
    let row = user.row().unwrap();
    let token = |role: &str| row[role].rsplit_once('=').unwrap().1.to_owned();
    let (student, instructor) = (token("student"), token("instructor"));
    let ask = |path: &str, body: &Value, token: Option<&str>| {
        let bearer = token.map(|token| format!("Authorization: Bearer {token}\\r\\n")).unwrap_or_default();
        let (body, length) = (body.to_string(), body.to_string().len());
        let request = format!(
            "POST {path} HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n{bearer}\
             Content-Type: application/json\\r\\nContent-Length: {length}\\r\\n\\r\\n{body}"
        );
        let script = format!(
            "exec 3<>/dev/tcp/127.0.0.1/8080; printf '{request}' >&3; read -r _ status _ <&3; echo $status"
        );
        let container = &user.containers()[0];
        user.engine(&["exec", "--user", "student", container, "bash", "-c", &script]).trim().to_owned()
    };
    let failed = json!({ "request": "0123456789ab", "reason": "so I say" });
    let switch = json!({ "kind": "switch" });
    for (token, expected) in [
        (None, ["401", "401"]),
        (Some("0123456789abcdef0123456789abcdef"), ["401", "401"]),
        // The page's own way to ask for a swap, which is refused because the step is not open yet.
        (Some(student.as_str()), ["403", "409"]),
        (Some(instructor.as_str()), ["403", "403"]),
    ] {
        let answers = [
            ask("/api/supervisor/switch-failed", &failed, token),
            ask("/api/steps/small-service/switch", &switch, token),
        ];
        assert_eq!(answers, expected, "{token:?}");
    }
    assert!(user.state()["switch"].is_null());
}

/// A container that its user starts by hand, removed in the end with its volume.
struct Bare<'a> {
    user: &'a User,
    name: String,
    port: u16,
}

static BARE: AtomicU32 = AtomicU32::new(0);

impl<'a> Bare<'a> {
    fn new(user: &'a User) -> Self {
        let number = BARE.fetch_add(1, Ordering::Relaxed);
        Self { user, name: format!("bare-{}-{number}", user.name), port: user.port }
    }

    /// Starts an image on its volume, if it is to have one.
    fn run(&self, image: &str, volume: bool, more: &[&str]) {
        let publish = format!("127.0.0.1:{}:8080", self.port);
        let mount = format!("{}:/workshop/runtime", self.name);
        let volume: &[&str] = if volume { &["-v", &mount] } else { &[] };
        let start = ["run", "-d", "--name", &self.name, "-p", &publish];
        self.user.engine(&[&start, volume, more, &[image]].concat());
        until("the image serves", || self.user.serves());
    }

    fn remove(&self) {
        self.user.engine(&["rm", "-f", &self.name]);
    }

    fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let mut command = Command::new("curl");
        command.args(["-s", "--max-time", "20", "-X", method, "-w", "\n%{http_code}", &url]);
        if let Some(body) = body {
            command.args(["-H", "Content-Type: application/json", "-d", &body.to_string()]);
        }
        let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
        let (body, status) = text.rsplit_once('\n').unwrap();
        (status.parse().unwrap(), serde_json::from_str(body).unwrap_or(Value::Null))
    }

    fn state(&self) -> Value {
        self.ask("GET", "/api/state", None).1
    }

    /// The records of states. What is being written at this moment is no record yet.
    fn log(&self) -> Vec<Value> {
        let text = self.user.engine(&["exec", &self.name, "cat", "/workshop/runtime/state-events.jsonl"]);
        let lines = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Drop for Bare<'_> {
    fn drop(&mut self) {
        let _ = self.user.engine_command(&["rm", "-f", "-v", &self.name]).output();
        let _ = self.user.engine_command(&["volume", "rm", "-f", &self.name]).output();
    }
}

fn an_image_runs_by_itself(on: On) {
    let user = with_images(on);
    for (tag, volume, begins, given) in [
        ("latest", false, "look-around", json!([])),
        ("latest", true, "look-around", json!([])),
        ("files-and-folders", false, "permissions", json!(["look-around", "files-and-folders"])),
        ("files-and-folders", true, "permissions", json!(["look-around", "files-and-folders"])),
    ] {
        let image = format!("localhost/hello-linux:{tag}");
        let bare = Bare::new(&user);
        bare.run(&image, volume, &[]);
        let state = bare.state();
        assert_eq!((&state["active"], &state["given"]), (&begins.into(), &given), "{tag}");
        let student = |script: &str| {
            let command = ["exec", "--user", "student", &bare.name, "sh", "-c", script];
            user.engine(&command)
        };
        student("cd /workspace; { pwd; uname -s; nproc; } > where.txt");
        let (status, result) = bare.ask("POST", "/api/steps/look-around/validate", None);
        assert_eq!((status, &result["passed"]), (200, &true.into()), "{tag}: {result}");
        if volume {
            bare.remove();
            bare.run(&image, true, &[]);
            let state = bare.state();
            assert_eq!((&state["completed"], &state["given"]), (&json!(["look-around"]), &given), "{tag}");
        }
    }
}

fn the_hosts_command_switches(on: On) {
    let user = with_images(on);
    for (step, kind, image) in
        [("look-around", "reset", "step-0"), ("permissions", "switch", "files-and-folders")]
    {
        let bare = Bare::new(&user);
        bare.run("localhost/hello-linux:permissions", true, &[]);
        let (status, problem) =
            bare.ask("POST", &format!("/api/steps/{step}/switch"), Some(&json!({ "kind": kind })));
        assert_eq!((status, &problem["type"]), (409, &"unsupervised".into()), "{problem}");
        let command = problem["command"].as_str().unwrap();
        assert!(
            command.starts_with("docker run --rm -p 127.0.0.1:8080:8080 -v <volume>:/workshop/runtime -e ")
        );
        assert!(command.ends_with(&format!(":{kind}:{step} localhost/hello-linux:{image}")), "{command}");
        bare.remove();
        let command = command
            .replace("<volume>", &bare.name)
            .replace("-p 127.0.0.1:8080", &format!("--name {} -p 127.0.0.1:{}", bare.name, bare.port));
        let words: Vec<&str> = command.split(' ').skip(1).collect();
        let mut running =
            user.engine_command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        until("the command serves", || user.serves());
        let state = bare.state();
        assert_eq!((&state["active"], &state["imageStep"]), (&step.into(), &image.into()));
        assert!(state["switch"].is_null(), "{state}");
        let request = words.iter().find_map(|word| word.strip_prefix("WORKSHOP_SWITCH=")).unwrap();
        let request = request.split(':').next().unwrap();
        let started = bare.log().into_iter().rfind(|line| line["event"] == "backend_started").unwrap();
        assert_eq!(started["switch"], json!({ "request": request, "kind": kind, "step": step }));
        user.engine(&["stop", &bare.name]);
        running.wait().unwrap();
    }
}

fn it_gets_healthy_and_serves_the_host_alone(on: On) {
    let user = with_images(on);
    user.run(HELLO, &[]);
    let container = user.containers()[0].clone();
    // Engines without systemd run no checks by themselves; asked to, all do.
    match on {
        On::Podman => drop(user.engine(&["healthcheck", "run", &container])),
        _ => until("it is healthy", || {
            user.engine(&["inspect", "--format", "{{.State.Health.Status}}", &container]) == "healthy\n"
        }),
    }
    let bindings = user.engine(&["inspect", "--format", "{{json .HostConfig.PortBindings}}", &container]);
    let bindings: Value = serde_json::from_str(&bindings).unwrap();
    let port = user.port.to_string();
    assert_eq!(bindings, json!({ "8080/tcp": [{ "HostIp": "127.0.0.1", "HostPort": port }] }));
    // Nothing more than any container has, and no folder of the host.
    let inspect =
        |what: &str| user.engine(&["inspect", "--format", &format!("{{{{json {what}}}}}"), &container]);
    assert_eq!(inspect(".HostConfig.Privileged").trim(), "false");
    assert!(
        ["null", "[]"].contains(&inspect(".HostConfig.CapAdd").trim()),
        "{}",
        inspect(".HostConfig.CapAdd")
    );
    let mounts: Value = serde_json::from_str(&inspect(".Mounts")).unwrap();
    assert_eq!(
        (mounts.as_array().unwrap().len(), &mounts[0]["Destination"]),
        (1, &json!("/workshop/runtime"))
    );
    assert_eq!(mounts[0]["Type"], "volume");
    let student = user.engine(&["exec", "--user", "student", &container, "sh", "-c", "id -u; id -G"]);
    assert_eq!(student, "1000\n1000\n");
    // Stopped in its process, it is not healthy.
    user.in_container("pkill -STOP -x workshop-backen");
    let healthy =
        user.engine_command(&["exec", &container, "/usr/local/bin/workshop-backend", "healthcheck"]);
    assert!(!{ healthy }.output().unwrap().status.success());
    user.in_container("pkill -CONT -x workshop-backen");
}

/// Labels of an image are the word of whoever made it.
fn images_that_lie_are_refused(on: On) {
    let user = with_images(on);
    for name in ["../x", "-x", "x/y", "x y", "x\ny", "$(id)", "x;id", "\"x\"", "X", ""] {
        let said = user.fails(&["run", &hello(), &format!("--name={name}"), "--no-open", "--detach"], 2);
        assert!(said.contains("lowercase letters"), "{said}");
    }
    let liar = format!("localhost/liar-{}", user.name);
    let precious = user.home.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("log.json"), "{}").unwrap();
    let lie = |lines: &str| {
        user.engine(&["tag", "localhost/hello-linux:latest", &format!("{liar}:latest")]);
        user.replace_image(&format!("{liar}:latest"), lines);
    };
    let image = format!("{liar}:latest");
    for lines in [
        r#"LABEL workshop.steps="../../containers,x""#,
        r#"LABEL workshop.steps="one,two three""#,
        r#"LABEL workshop.steps="one,\"two\"""#,
        r#"LABEL workshop.steps="one,$(id)""#,
        r#"LABEL workshop.steps="""#,
        r#"LABEL workshop.extras="[{\"name\":\"../x\",\"image\":\"localhost/hello-linux\"}]""#,
        r#"LABEL workshop.extras="[{\"name\":\"x y\\nz\",\"image\":\"localhost/hello-linux\"}]""#,
        r#"LABEL workshop.extras="no list""#,
        r#"LABEL workshop.role="workspace""#,
    ] {
        lie(lines);
        let port = user.port.to_string();
        let said =
            user.fails(&["run", &image, "--name", &user.name, "--port", &port, "--detach", "--no-open"], 1);
        assert!(said.contains("is no step of a workshop"), "{lines}: {said}");
        assert!(user.containers().is_empty(), "{lines}");
    }
    // Its name is shown, and nothing else is made of it; where the log is, and whose the container is, it cannot say.
    lie(&format!(
        "LABEL workshop.name=\"../../x '$(touch /tmp/x)'\" workshop.folder=\"{}\" workshop.volume=other \
         workshop.request=\"../x\"",
        precious.display()
    ));
    user.run(&image, &[]);
    assert_eq!(user.containers(), [format!("workshop-{}", user.name)]);
    let step = user.state()["active"].clone();
    assert_eq!(step, "look-around");
    user.ok(&["rm", "--data", &user.name]);
    assert!(precious.join("log.json").exists(), "a label said whose folder it was");
    // Nor does a container of it that someone started by hand pass for a workspace.
    lie(&format!(
        "LABEL workshop.role=workspace workshop.name={} workshop.step=x workshop.port=1 workshop.folder=\"{}\"",
        user.name,
        precious.display()
    ));
    let bare = Bare::new(&user);
    bare.run(&image, false, &[]);
    assert!(user.row().is_none());
    user.fails(&["rm", "--data", &user.name], 2);
    assert!(precious.join("log.json").exists());
    drop(bare);
    user.engine(&["rmi", "-f", &image]);
}

/// Passwordless sudo as the student's shell has it, or its lack.
fn sudo_works(user: &User, image: &str) -> bool {
    let run = ["run", "--rm", "--user", "student", "--entrypoint", "sudo", image, "-n", "id", "-u"];
    let output = user.engine_command(&run).output().unwrap();
    output.status.success() && output.stdout == b"0\n"
}

fn sudo_is_in_the_image_of_its_step_alone(on: On) {
    let user = User::new(on);
    let folder = user.home.path().join("with-sudo");
    fs::create_dir(&folder).unwrap();
    let base = std::env::var("WORKSHOP_TEST_BASE").expect("cargo xtask test containers sets it");
    let base = if on == On::Podman && !base.contains('/') { format!("localhost/{base}") } else { base };
    let install = "RUN apt-get update && apt-get install -y --no-install-recommends sudo";
    fs::write(folder.join("Containerfile"), format!("FROM {base}\n{install}\n")).unwrap();
    let step = |id: &str, more: &str| format!("  - {{id: {id}, title: {id}, markdown: Text{more}}}\n");
    let yaml = format!(
        "version: v1\nworkshop: {{name: with-sudo, image: localhost/{}}}\nbase: {{containerFile: Containerfile}}\nsteps:\n{}{}{}",
        user.name,
        step("one", ""),
        step("two", ", sudo: true"),
        step("three", "")
    );
    fs::write(folder.join("workshop.yaml"), yaml).unwrap();
    user.ok(&["build", "compile", folder.to_str().unwrap()]);
    let tags = ["step-0", "one", "two", "three"];
    let granted = tags.map(|tag| sudo_works(&user, &format!("localhost/{}:{tag}", user.name)));
    assert_eq!(granted, [false, false, true, false]);
    for tag in tags {
        user.engine(&["rmi", "-f", &format!("localhost/{}:{tag}", user.name)]);
    }
}

fn a_killed_backend_comes_back_without_anyone(on: On) {
    let user = with_images(on);
    user.run(HELLO, &[]);
    user.ask("POST", "/api/steps/look-around/viewed", None);
    user.kill_backend();
    until("the engine starts it again", || {
        user.row().is_some_and(|row| row["state"] == "running") && user.serves()
    });
    let started = user.events().iter().filter(|line| line["event"] == "backend_started").count();
    assert_eq!(started, 2);
    assert_eq!(user.state()["active"], "look-around");
}

/// A disk of its own for a log, mounted by the test, so as root.
struct Disk(std::path::PathBuf);

impl Disk {
    fn new(user: &User) -> Self {
        let folder = user.home.path().join("disk");
        fs::create_dir(&folder).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=2m,mode=0700", "none"])
            .arg(&folder)
            .status()
            .unwrap();
        assert!(mounted.success(), "a disk to fill can be mounted by root only");
        Self(folder)
    }

    fn fill(&self) {
        // To the last byte; dd ends when nothing more fits.
        let ballast = format!("of={}", self.0.join("ballast").display());
        let filled = Command::new("dd").args(["if=/dev/zero", "bs=4096", &ballast]).output().unwrap();
        assert!(!filled.status.success());
    }

    /// Also the rest of the blocks that the log has, until nothing can be recorded.
    fn fill_log(&self, user: &User) {
        self.fill();
        until("nothing can be recorded", || {
            user.ask("POST", "/api/steps/look-around/validate", None).0 == 507
        });
    }

    fn empty(&self) {
        fs::remove_file(self.0.join("ballast")).unwrap();
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn a_full_disk_loses_no_workspace(on: On) {
    let user = with_images(on);
    let disk = Disk::new(&user);
    let data = disk.0.join("log").display().to_string();
    user.run(HELLO, &["--data", &data]);
    user.ok(&["switch", &user.name, "permissions"]);

    // Full while nobody watches: what is asked for is refused, and the page is still there.
    disk.fill_log(&user);
    let (status, problem) =
        user.ask("POST", "/api/steps/look-around/switch", Some(json!({ "kind": "reset" })));
    assert_eq!(status, 507, "{problem}");
    assert_eq!((user.containers().len(), user.state()["active"].clone()), (1, "permissions".into()));
    user.fails(&["switch", &user.name, "look-around"], 1);
    assert_eq!((user.containers().len(), user.state()["active"].clone()), (1, "permissions".into()));
    disk.empty();

    // Full between the request and the swap: the new container serves what the log has, and cannot append.
    until("it appends again", || user.ask("POST", "/api/steps/permissions/viewed", None).0 == 200);
    let request = user.request("look-around", "switch");
    disk.fill_log(&user);
    let mut supervisor = user.supervisor(HELLO, &[]);
    until("one container is left", || user.containers().len() == 1 && user.serves());
    assert_eq!(user.ask("GET", "/api/state", None).0, 200);
    disk.empty();
    user.arrives("look-around");
    until("one container is left", || user.containers().len() == 1);
    // Told as soon as there is room. A line that met the end of the disk is torn, and stays.
    let is_end = |line: &Value| match line["event"].as_str() {
        Some("backend_started") => line["switch"]["request"] == request.as_str(),
        Some("switch_failed") => line["request"] == request.as_str(),
        _ => false,
    };
    let ends = || {
        let log = fs::read_to_string(disk.0.join("log/state-events.jsonl")).unwrap();
        log.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_end).count()
    };
    until("the log tells how it ended", || ends() > 0);
    assert_eq!(ends(), 1);
    user.ok(&["switch", &user.name, "permissions"]);
    assert_eq!(user.state()["active"], "permissions");
    supervisor.kill();
}

fn another_user_serves_with_group_0_or_says_why_not(on: On) {
    let user = with_images(on);
    let image = "localhost/hello-linux:latest";
    for volume in [false, true] {
        let bare = Bare::new(&user);
        bare.run(image, volume, &["--user", "12345:0"]);
        assert_eq!(bare.state()["capabilities"]["isolated"], false);
        let (status, result) = bare.ask("POST", "/api/steps/look-around/validate", None);
        assert_eq!((status, &result["passed"]), (200, &false.into()), "{result}");
        let logs = user.engine_command(&["logs", &bare.name]).output().unwrap();
        let said = String::from_utf8(logs.stderr).unwrap() + &String::from_utf8(logs.stdout).unwrap();
        assert_eq!(said.matches("the backend is not root").count(), 1, "{said}");
    }
    let output = user.engine_command(&["run", "--rm", "--user", "12345:12345", image]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success());
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("run as root or with group 0"), "{said}");
}

/// A user without any rights, in a mount namespace whose `/etc` knows them: nothing of it is on the machine itself.
struct Rootless {
    folder: tempfile::TempDir,
}

const NOBODYS_UID: u32 = 54_321;

impl Rootless {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().display();
        let passwd = fs::read_to_string("/etc/passwd").unwrap();
        let passwd = format!("{passwd}tester:x:{NOBODYS_UID}:{NOBODYS_UID}::{path}/home:/bin/sh\n");
        let enter = format!(
            "mount --make-rprivate /\nmount --bind {path}/passwd /etc/passwd || exit\n\
             mount --bind {path}/ids /etc/subuid || exit\nmount --bind {path}/ids /etc/subgid || exit\ncd {path}/home\n\
             exec setpriv --reuid {NOBODYS_UID} --regid {NOBODYS_UID} --clear-groups env -i PATH=\"$PATH\" \
             HOME={path}/home XDG_RUNTIME_DIR={path}/run CONTAINERS_CONF={path}/containers.conf \"$@\"\n"
        );
        let conf = std::env::var("CONTAINERS_CONF").ok().map(|path| fs::read_to_string(path).unwrap());
        for (name, text) in [
            ("passwd", passwd),
            ("ids", "tester:300000:65536\n".to_owned()),
            ("enter.sh", enter),
            ("containers.conf", conf.unwrap_or_default()),
        ] {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["home", "run"] {
            fs::create_dir(folder.path().join(name)).unwrap();
            chown(folder.path().join(name), Some(NOBODYS_UID), Some(NOBODYS_UID)).unwrap();
        }
        Self { folder }
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("unshare");
        command.args(["--mount", "sh"]).arg(self.folder.path().join("enter.sh")).args(words);
        command.stdin(Stdio::null());
        command
    }

    fn podman(&self, arguments: &[&str]) -> String {
        let podman = ["podman", "--cgroup-manager", "cgroupfs", "--storage-driver", "overlay"];
        let output = self.command(&[&podman, arguments].concat()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "podman {arguments:?}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }
}

impl Drop for Rootless {
    fn drop(&mut self) {
        let _ = self.command(&["podman", "rm", "-f", "-a"]).output();
        let pause = fs::read_to_string(self.folder.path().join("run/libpod/tmp/pause.pid"));
        if let Ok(pid) = pause {
            let _ = Command::new("kill").arg(pid.trim()).status();
        }
    }
}

#[test]
#[ignore = "needs Podman: cargo xtask test containers"]
fn a_rootless_engine_separates_as_well() {
    let user = with_images(On::Podman);
    let rootless = Rootless::new();
    let namespaces = rootless.command(&["unshare", "--user", "true"]).output().unwrap();
    if !namespaces.status.success() {
        let said = String::from_utf8_lossy(&namespaces.stderr);
        eprintln!("skipped: the kernel lets nobody but root have a user namespace: {said}");
        return;
    }
    let archive = rootless.folder.path().join("image.tar");
    let archive = archive.to_str().unwrap();
    user.engine(&["save", "-o", archive, HELLO]);
    fs::set_permissions(archive, fs::Permissions::from_mode(0o644)).unwrap();
    rootless.podman(&["load", "-q", "-i", archive]);
    let bare = Bare::new(&user);
    // On the host's network, because what forwards ports without root is not on every machine.
    let listen = format!("WORKSHOP_LISTEN=127.0.0.1:{}", bare.port);
    let run = ["run", "-d", "--name", "rootless", "--network", "host", "-e", &listen];
    rootless.podman(&[&run[..], &["-v", "log:/workshop/runtime", HELLO]].concat());
    until("it serves", || user.serves());
    let state = bare.state();
    assert_eq!((&state["active"], &state["capabilities"]["isolated"]), (&"look-around".into(), &true.into()));
    let student =
        |script: &str| rootless.podman(&["exec", "--user", "student", "rootless", "bash", "-c", script]);
    let reach =
        "cat /proc/$(pgrep -o -x workshop-backen)/environ /workshop/workshop.json /workshop/runtime/log.json";
    let reached = student(&format!(
        "{{ {reach}; touch /workshop/runtime/mine; kill -0 1; }} 2> /dev/null && echo yes; true"
    ));
    assert_eq!(reached, "");
    student("cd /workspace; { pwd; uname -s; nproc; } > where.txt");
    let (status, result) = bare.ask("POST", "/api/steps/look-around/validate", None);
    assert_eq!((status, &result["passed"]), (200, &true.into()), "{result}");
    rootless.podman(&["rm", "-f", "rootless"]);
    rootless.podman(&[&run[..], &["-v", "log:/workshop/runtime", HELLO]].concat());
    until("it serves again", || user.serves());
    assert_eq!(bare.state()["completed"], json!(["look-around"]));
}
