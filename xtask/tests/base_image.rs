//! The base image on real engines: what it holds, who may do what in it, and that it serves. Left out unless engines are
//! named; `cargo xtask test containers` names them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::cell::RefCell;
use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::thread::sleep;
use std::time::{Duration, Instant};

const WORKSHOP: &str = "version: v1\nworkshop: {name: test, image: localhost/test}\nbase: {image: workshop-base:debian}\n\
    steps: [{id: one, title: One, markdown: Hello, goss: 'file: {/workspace/done: {exists: true}}'}]\n";

/// An engine, and what a test made there, which is removed in the end.
struct Engine {
    program: &'static str,
    address: Vec<String>,
    made: RefCell<Vec<Vec<String>>>,
}

impl Engine {
    fn all() -> [Self; 2] {
        let engine = |program, flag: &str, variable| {
            let address = env::var(variable).unwrap_or_else(|_| panic!("{variable} names no engine"));
            Self { program, address: vec![flag.to_owned(), address], made: Default::default() }
        };
        [
            engine("podman", "--url", "WORKSHOP_TEST_PODMAN"),
            engine("docker", "--host", "WORKSHOP_TEST_DOCKER"),
        ]
    }

    fn output(&self, arguments: &[&str]) -> Output {
        Command::new(self.program).args(&self.address).args(arguments).output().unwrap()
    }

    /// What the engine printed.
    fn run(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{} {arguments:?}: {text}{error}", self.program);
        text
    }

    /// A name for a new thing, which is removed in the end by `remove`.
    fn name(&self, test: &str, remove: &[&str]) -> String {
        let name = format!("base-{test}-{}-{}", std::process::id(), self.made.borrow().len());
        self.made.borrow_mut().push([remove, &[&name]].concat().into_iter().map(str::to_owned).collect());
        name
    }

    fn container(&self, test: &str) -> String {
        // Docker never waits for one that is to go.
        let at_once: &[&str] = if self.program == "podman" { &["--time", "0"] } else { &[] };
        self.name(test, &[&["rm", "--force"], at_once].concat())
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        for remove in self.made.borrow().iter().rev() {
            self.output(&remove.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
}

fn base() -> String {
    env::var("WORKSHOP_TEST_BASE").expect("WORKSHOP_TEST_BASE names the base image")
}

fn part(name: &str) -> PathBuf {
    Path::new(&env::var("WORKSHOP_PARTS").expect("WORKSHOP_PARTS names the parts")).join(name)
}

/// A folder of this test's own with a compiled workshop in it.
fn artifact(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("source")).unwrap();
    fs::write(folder.join("source/workshop.yaml"), WORKSHOP).unwrap();
    let definition = workshop_definition::load(&folder.join("source")).unwrap();
    workshop_definition::compile_artifact(&definition, &folder.join("artifact")).unwrap();
    folder
}

fn until(what: &str, mut done: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !done() {
        assert!(Instant::now() < deadline, "{what}: not within 30 s");
        sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "needs container engines"]
fn serves_as_healthy_and_has_one_version_everywhere() {
    let artifact = artifact("serves");
    for engine in Engine::all() {
        let container = engine.container("serves");
        engine.run(&["create", "--name", &container, "--hostname", "workshop", &base()]);
        let from = format!("{}/.", artifact.join("artifact").display());
        engine.run(&["cp", &from, &format!("{container}:/workshop")]);
        engine.run(&["start", &container]);
        let healthy = || {
            let check = ["exec", &container, "/usr/local/bin/workshop-backend", "healthcheck"];
            engine.output(&check).status.success()
        };
        until("healthy", healthy);

        let image = |format: &str| engine.run(&["image", "inspect", "--format", format, &base()]);
        let label = image("{{index .Config.Labels \"org.opencontainers.image.version\"}}");
        assert_eq!(label, env!("CARGO_PKG_VERSION"));
        let binary = engine.run(&["exec", &container, "workshop-backend", "--version"]);
        assert_eq!(binary, format!("workshop-backend {label}"));
        let ask = "exec 3<>/dev/tcp/127.0.0.1/8080; printf 'GET /healthz HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3";
        let health = engine.run(&["exec", &container, "bash", "-c", ask]);
        assert!(health.contains(&format!("\"version\":\"{label}\"")), "{health}");
        let pinned = format!("{}-v{label}", base());
        assert_eq!(image("{{.Id}}"), engine.run(&["image", "inspect", "--format", "{{.Id}}", &pinned]));

        let first = engine.run(&["exec", &container, "cat", "/proc/1/cmdline"]);
        assert_eq!(first.trim_matches('\0'), "/sbin/tini\0--\0/usr/local/bin/workshop-backend");
        let health =
            image("{{json .Config.Healthcheck}}{{json .Config.WorkingDir}}{{json .Config.ExposedPorts}}");
        for part in ["\"healthcheck\"]", "\"/workspace\"", "\"8080/tcp\""] {
            assert!(health.contains(part), "{part} in {health}");
        }

        engine.run(&["exec", &container, "sh", "-c", "kill -STOP $(pgrep workshop-backen)"]);
        assert!(!healthy(), "a backend that is stopped is not healthy");
        engine.run(&["exec", &container, "sh", "-c", "kill -CONT $(pgrep workshop-backen)"]);
        engine.run(&["stop", "--time", "10", &container]);
        let code = engine.run(&["inspect", "--format", "{{.State.ExitCode}}", &container]);
        assert_eq!(code, "0", "SIGTERM reaches the backend, which ends in order");
    }
}

/// What the student may not: read goss, which would let a running check be looked into; the artifact; the log.
#[test]
#[ignore = "needs container engines"]
fn the_student_runs_goss_and_reads_neither_it_nor_the_artifact() {
    for engine in Engine::all() {
        let student = |script: &str| {
            let base = base();
            let user = ["run", "--rm", "--user", "student", "--entrypoint", "sh", &base, "-c", script];
            engine.output(&user)
        };
        for allowed in [
            "goss --version",
            "touch /workspace/mine",
            "test $(id -u) = 1000",
            "cd && touch .profile",
            "ps",
            "less -V",
        ] {
            assert!(student(allowed).status.success(), "{}: {allowed}", engine.program);
        }
        for refused in [
            "cat /usr/local/bin/goss",
            "cp /usr/local/bin/goss /tmp",
            "ls /workshop",
            "ls /workshop/runtime",
            "touch /workshop/runtime/x",
            "touch /usr/local/bin/x",
            "rm -f /usr/local/bin/goss",
            "touch /etc/workshop-platform.bashrc",
            "sudo -n true",
        ] {
            assert!(!student(refused).status.success(), "{}: {refused}", engine.program);
        }
        // The check's own process: neither its memory nor what it reads.
        let spy = "sleep 3 | goss -g - validate & sleep 0.5; p=$(pgrep -x goss); cat /proc/$p/mem || \
            ls -l /proc/$p/fd || cat /proc/$p/environ";
        let spied = student(spy);
        assert!(!spied.status.success(), "{}: {}", engine.program, String::from_utf8_lossy(&spied.stdout));

        let modes = "stat -c '%a %U:%G %n' /workshop /workshop/runtime /workspace /usr/local/bin/goss";
        let modes = engine.run(&["run", "--rm", "--entrypoint", "sh", &base(), "-c", modes]);
        assert_eq!(
            modes,
            "750 root:root /workshop\n770 root:root /workshop/runtime\n755 student:student /workspace\n\
             111 root:root /usr/local/bin/goss"
        );
    }
}

/// The names of a container network are in no file of the image, and its name service may be for another glibc than ours.
#[test]
#[ignore = "needs container engines"]
fn other_containers_are_reached_by_name() {
    for engine in Engine::all() {
        let network = engine.name("reach", &["network", "rm"]);
        engine.run(&["network", "create", &network]);
        let (server, base) = (engine.container("reach"), base());
        let serve = "sleep 2; exec perl -MIO::Socket -e '$s = IO::Socket::INET->new(LocalPort => 5432, Listen => 5); \
            while ($c = $s->accept) { close $c }'";
        engine.run(&[
            "run",
            "--detach",
            "--name",
            &server,
            "--network",
            &network,
            "--entrypoint",
            "sh",
            &base,
            "-c",
            serve,
        ]);
        let reach = |arguments: &[&str]| {
            let mut run = vec!["run", "--rm", "--network", &network, "--entrypoint"];
            run.extend(["/usr/local/bin/workshop-backend", &base, "reach"]);
            run.extend(arguments);
            let output = engine.output(&run);
            (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
        };
        let port = format!("{server}:5432");
        assert_eq!(reach(&[&port, "--within", "20"]), (Some(0), String::new()), "{}", engine.program);
        let (code, said) = reach(&[&port, "nobody:1", &format!("{server}:1"), "--within", "1"]);
        assert_eq!(code, Some(1), "{}: {said}", engine.program);
        let silent: Vec<&str> = said.lines().filter_map(|line| line.split(' ').next()).collect();
        assert_eq!(silent, ["nobody:1", &format!("{server}:1")], "{}: {said}", engine.program);
        assert_eq!(reach(&["nonsense"]).0, Some(2));
    }
}

#[test]
#[ignore = "needs container engines"]
fn the_backend_serves_in_an_image_of_nothing_but_busybox() {
    let folder = artifact("busybox");
    let root = folder.join("root");
    for name in ["bin", "etc", "tmp", "workspace", "workshop/runtime"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    let busybox = ["/bin/busybox", "/usr/bin/busybox"].map(Path::new).into_iter().find(|path| path.is_file());
    fs::copy(busybox.expect("busybox-static is installed"), root.join("bin/busybox")).unwrap();
    fs::copy(part("workshop-backend"), root.join("bin/workshop-backend")).unwrap();
    fs::set_permissions(root.join("bin/workshop-backend"), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("busybox", root.join("bin/sh")).unwrap();
    fs::write(root.join("etc/passwd"), "root:x:0:0::/:/bin/sh\nstudent:x:1000:1000::/workspace:/bin/sh\n")
        .unwrap();
    let archive = folder.join("busybox.tar");
    let packed = Command::new("tar")
        .args(["--create", "--owner=0", "--group=0", "--file"])
        .arg(&archive)
        .arg("--directory")
        .arg(&root)
        .arg(".")
        .status();
    assert!(packed.unwrap().success());
    for engine in Engine::all() {
        let image = engine.name("busybox", &["rmi", "--force"]);
        engine.run(&["import", archive.to_str().unwrap(), &image]);
        let container = engine.container("busybox");
        let serve = "/bin/workshop-backend";
        let shell = "WORKSHOP_SHELL=/bin/sh";
        engine.run(&["create", "--name", &container, "--env", shell, &image, serve]);
        let from = format!("{}/.", folder.join("artifact").display());
        engine.run(&["cp", &from, &format!("{container}:/workshop")]);
        engine.run(&["start", &container]);
        until("healthy", || engine.output(&["exec", &container, serve, "healthcheck"]).status.success());
        let get = "/bin/busybox wget -q -O - http://127.0.0.1:8080";
        let page = engine.run(&["exec", &container, "sh", "-c", &format!("{get}/")]);
        assert!(page.contains("<html"), "the pages are in the binary: {page}");
        let steps = engine.run(&["exec", &container, "sh", "-c", &format!("{get}/api/steps")]);
        assert!(steps.contains("\"one\""), "{steps}");
    }
}
