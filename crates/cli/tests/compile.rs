//! Compiling on real engines: what is built and what is not, what is then in the images, and what is refused.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::{Child, Command, Stdio};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::sleep;
use std::time::{Duration, Instant};

use expect_test::expect;
use workshop_testing::cli::{Engine, Workshop, given};

/// Each step's command leaves something that it never leaves twice.
const STEPS: &str = r#"
  - {id: one, title: One, markdown: Text one, commands: ["cat /proc/sys/kernel/random/uuid > /opt/one"]}
  - {id: two, title: Two, markdown: Text two, commands: ["cat /proc/sys/kernel/random/uuid > /opt/two"]}
  - {id: three, title: Three, markdown: Text three, commands: ["cat /proc/sys/kernel/random/uuid > /opt/three"]}
  - {id: four, title: Four, markdown: Text four, commands: ["cat /proc/sys/kernel/random/uuid > /opt/four"]}
"#;
const TAGS: [&str; 5] = ["step-0", "one", "two", "three", "four"];

/// Podman 4.3 may die of a build that fails, with everything else that it does at that moment: such a test has Podman for
/// itself.
static PODMAN: RwLock<()> = RwLock::new(());

fn alone(engine: &Engine) -> Option<RwLockWriteGuard<'static, ()>> {
    (engine.name() == "podman").then(|| PODMAN.write().unwrap_or_else(PoisonError::into_inner))
}

fn beside_others(engine: &Engine) -> Option<RwLockReadGuard<'static, ()>> {
    (engine.name() == "podman").then(|| PODMAN.read().unwrap_or_else(PoisonError::into_inner))
}

fn base() -> String {
    given("WORKSHOP_TEST_BASE")
}

/// Podman compiles all examples; Docker, whose part is the main road, one of them.
fn compiles_and_a_second_compile_rebuilds_nothing(name: &str, engines: &[Engine]) {
    for engine in engines {
        let _engines = beside_others(engine);
        let example = Workshop::example(engine, name);
        let first = example.compile(&[]);
        assert_eq!(first.built().len(), first.answer["tags"].as_array().unwrap().len(), "{name}");
        let second = example.compile(&[]);
        assert!(second.built().is_empty() && second.commands().is_empty(), "{name}");
        assert!(example.status().lines().all(|line| line.ends_with(" built")), "{}", example.status());
        // Also without what is known of the first: from the engine's layer cache.
        fs::remove_file(example.path().join("workshop.lock")).unwrap();
        let third = example.compile(&[]);
        assert!(third.built().is_empty() && third.commands().is_empty(), "{name}");
        assert_eq!(third.answer, second.answer);
    }
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn hello_linux_compiles_and_a_second_compile_rebuilds_nothing() {
    compiles_and_a_second_compile_rebuilds_nothing("hello-linux", &Engine::all());
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn git_basics_compiles_and_a_second_compile_rebuilds_nothing() {
    compiles_and_a_second_compile_rebuilds_nothing("git-basics", &Engine::all()[..1]);
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn web_server_compiles_and_a_second_compile_rebuilds_nothing() {
    compiles_and_a_second_compile_rebuilds_nothing("web-server", &Engine::all()[..1]);
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn an_edit_runs_what_comes_after_it_and_nothing_else() {
    for engine in Engine::all() {
        let _engines = beside_others(&engine);
        // No other run's layers are these.
        let unique = std::process::id();
        let workshop =
            Workshop::new(&engine, &base(), &STEPS.replace("cat /proc", &format!(": {unique}; cat /proc")));
        let left = |tag: &str, step: &str| engine.text(&workshop.name(tag), &format!("/opt/{step}"));
        let artifact = || TAGS.map(|tag| engine.last_layer(&workshop.name(tag)));
        assert_eq!(workshop.compile(&[]).commands(), ["four 1", "one 1", "three 1", "two 1"]);
        let before = TAGS[1..].iter().map(|step| left("four", step)).collect::<Vec<_>>();
        let first_artifact = artifact();
        assert!(first_artifact.iter().all(|layer| *layer == first_artifact[0]), "one layer for all images");

        workshop.edit("workshop.yaml", "> /opt/three", ">> /opt/three");
        let said = workshop.compile(&[]);
        assert_eq!(
            (said.commands(), said.built()),
            (vec!["four 1".into(), "three 1".into()], vec!["three", "four"])
        );
        let after = TAGS[1..].iter().map(|step| left("four", step)).collect::<Vec<_>>();
        assert_eq!(after[..2], before[..2]);
        assert!(after[2] != before[2] && after[3] != before[3]);
        assert_eq!(left("two", "two"), before[1]);
        // Made again elsewhere and later, byte for byte.
        assert_eq!(artifact(), first_artifact);

        workshop.edit("workshop.yaml", "Text three", "Another text");
        let said = workshop.compile(&[]);
        assert_eq!(said.commands(), [""; 0]);
        assert_eq!(said.built(), ["step-0", "one", "two", "three", "four", "latest"]);
        assert_eq!(TAGS[1..].iter().map(|step| left("four", step)).collect::<Vec<_>>(), after);
        let artifact = artifact();
        assert!(artifact[0] != first_artifact[0] && artifact.iter().all(|layer| *layer == artifact[0]));
        assert_eq!(engine.text(&workshop.name("one"), "/workshop/steps/three/content.md"), "Another text");
    }
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn engines_get_the_same_artifact() {
    let mut hashes = Vec::new();
    for engine in Engine::all() {
        let _engines = beside_others(&engine);
        let workshop = Workshop::empty(&engine, "localhost/compile-test");
        let yaml = "version: v1\nworkshop: {name: test, image: localhost/compile-same}\n";
        workshop.write("workshop.yaml", &format!("{yaml}base: {{image: \"{}\"}}\nsteps:\n{STEPS}", base()));
        workshop.compile(&[]);
        let lock = fs::read_to_string(workshop.path().join("workshop.lock")).unwrap();
        let lock: serde_json::Value = serde_json::from_str(&lock).unwrap();
        hashes.push((lock["tags"][0]["artifact"].clone(), lock["tags"][4]["recipe"].clone()));
        let image = "localhost/compile-same:four";
        for (path, mode) in
            [("", 0o750), ("/workshop.json", 0o640), ("/steps/one", 0o750), ("/runtime", 0o770)]
        {
            let (header, _) = engine.file(image, &format!("/workshop{path}")).unwrap();
            assert_eq!(header.mode().unwrap() & 0o7777, mode, "{path}");
            assert_eq!(
                (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
                (0, 0, 0),
                "{path}"
            );
        }
        for tag in TAGS.iter().chain([&"latest"]) {
            engine.docker_run(&["image", "rm", "--force", &format!("localhost/compile-same:{tag}")]);
        }
    }
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn hostile_text_survives() {
    let steps = r#"
  - id: one
    title: One
    markdown: Text
    env: {QUOTES: "a \"b\" 'c' \\ $HOME ${HOME} `id` # <<EOF \\", LINES: "1\n2 $HOME \"\r\n", EMPTY: "", AFTER: "\\n"}
    files:
      - {path: "/workspace/a dir/$HOME \"it's\" [x]*.txt", content: "$HOME\n", mode: "0640"}
      - {path: /opt/tool, content: "x", mode: "4755"}
    commands:
      - |
        cat > /opt/out <<'EOF'
        "it's" $HOME \n # <<X \
        EOF
        printf '%s|%s' "$QUOTES" "$LINES" >> /opt/out
      - "cat '/workspace/a dir'/* > /opt/read; env > /opt/env; id -u >> /opt/env; pwd >> /opt/env"
"#;
    for engine in Engine::all() {
        let _engines = beside_others(&engine);
        let workshop = Workshop::new(&engine, &base(), steps);
        workshop.compile(&[]);
        let image = workshop.name("one");
        let config = engine.inspect(&image)["Config"].clone();
        let env: Vec<&str> =
            config["Env"].as_array().unwrap().iter().map(|line| line.as_str().unwrap()).collect();
        let quotes = "a \"b\" 'c' \\ $HOME ${HOME} `id` # <<EOF \\";
        let lines = "1\n2 $HOME \"\r\n";
        for (name, value) in [
            ("QUOTES", quotes),
            ("LINES", lines),
            ("EMPTY", ""),
            ("AFTER", "\\n"),
            ("WORKSHOP_IMAGE_STEP", "one"),
        ] {
            assert!(env.contains(&format!("{name}={value}").as_str()), "{}: {env:?}", engine.name());
        }
        assert_eq!(engine.text(&image, "/opt/out"), format!("\"it's\" $HOME \\n # <<X \\\n{quotes}|{lines}"));
        let seen = engine.text(&image, "/opt/env");
        assert!(seen.ends_with("\n0\n/workspace\n") && !seen.contains("VALUE_"), "{seen}");
        let file = "/workspace/a dir/$HOME \"it's\" [x]*.txt";
        for (path, owner) in [(file, "640 1000"), ("/workspace/a dir", "755 1000"), ("/opt/tool", "4755 0")] {
            assert_eq!(engine.owner(&image, path), owner, "{}: {path}", engine.name());
        }
        assert!(engine.text(&image, "/opt/read").starts_with("$HOME\n"));
    }
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn a_failing_command_stops_the_build_and_is_named() {
    let steps = STEPS.replace("> /opt/three\"]", "> /opt/three\", \"echo first; echo second >&2; exit 7\"]");
    for engine in Engine::all() {
        let _engines = alone(&engine);
        let workshop = Workshop::new(&engine, &base(), &steps);
        let said = workshop.build(&["compile"]);
        assert_eq!(said.code, 1);
        let head = "error: step three: command 2 failed (exit code 7): echo first; echo second >&2; exit 7\n";
        let printed =
            said.error.strip_prefix(head).unwrap_or_else(|| panic!("{}: {}", engine.name(), said.error));
        // They come through two pipes.
        assert!(["first\nsecond\n", "second\nfirst\n"].contains(&printed), "{}: {printed}", engine.name());
        assert_eq!(
            workshop.status(),
            "step-0 built\none built\ntwo built\nthree missing\nfour missing\nlatest missing"
        );
    }
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn status_tells_built_stale_and_missing_apart() {
    for engine in Engine::all() {
        let _engines = beside_others(&engine);
        let workshop = Workshop::new(&engine, &base(), STEPS);
        let check = |expected: [&str; 6]| {
            let lines =
                TAGS.iter().chain([&"latest"]).zip(expected).map(|(tag, state)| format!("{tag} {state}"));
            assert_eq!(workshop.status(), lines.collect::<Vec<_>>().join("\n"), "{}", engine.name());
        };
        check(["missing"; 6]);
        workshop.compile(&[]);
        check(["built"; 6]);
        engine.docker_run(&["image", "rm", &workshop.name("two")]);
        check(["built", "built", "missing", "built", "built", "built"]);
        engine.docker_run(&["tag", &workshop.name("one"), &workshop.name("two")]);
        check(["built", "built", "stale image", "built", "built", "built"]);
        workshop.edit("workshop.yaml", "> /opt/three", ">> /opt/three");
        let (stale, image) = ("stale recipe", "stale image");
        check(["built", "built", image, stale, stale, "built"]);
        let said = workshop.compile(&["--from-step", "three"]);
        assert_eq!(said.built(), ["three", "four"]);
        check(["built", "built", image, "built", "built", "built"]);
        workshop.compile(&[]);
        workshop.edit("workshop.yaml", "Text one", "Another");
        check(["stale artifact"; 6]);
        workshop.compile(&["--from-step", "four"]);
        let stale = "stale artifact";
        check([stale, stale, stale, stale, "built", stale]);
        let said = workshop.build(&["compile", "--from-step", "five"]);
        assert_eq!(said.code, 2);
        assert_eq!(said.error, "error: --from-step: no step \"five\"; there are: one, two, three, four\n");
    }
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn sudo_is_of_the_steps_that_ask() {
    let steps = r#"
  - {id: one, title: One, markdown: Text, sudo: true, commands: ["install -m 4755 /bin/true /usr/bin/sudo"]}
  - {id: two, title: Two, markdown: Text}
"#;
    for engine in Engine::all() {
        let _engines = alone(&engine);
        let workshop = Workshop::new(&engine, &base(), steps);
        workshop.compile(&[]);
        let rights = |tag| engine.file(&workshop.name(tag), "/etc/sudoers.d/workshop-student");
        let (header, line) = rights("one").unwrap();
        assert_eq!(line, "student ALL=(ALL:ALL) NOPASSWD: ALL\n");
        assert_eq!((header.mode().unwrap() & 0o7777, header.uid().unwrap()), (0o440, 0));
        assert!(rights("step-0").is_none() && rights("two").is_none());
        workshop.edit("workshop.yaml", "install -m 4755 /bin/true /usr/bin/sudo", "true");
        let said = workshop.build(&["compile"]);
        assert_eq!(said.code, 1);
        let message = "there is no program sudo: install it in the base, or by a command of this step";
        assert_eq!(said.error, format!("error: step one: sudo\n{message}\n"), "{}", engine.name());
    }
}

/// An image with busybox and nothing else.
fn busybox(engine: &Engine, name: &str) -> String {
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("bin")).unwrap();
    fs::copy("/bin/busybox", root.path().join("bin/busybox")).unwrap();
    symlink("busybox", root.path().join("bin/sh")).unwrap();
    let tar = root.path().with_extension("tar");
    let packed = Command::new("tar").arg("-C").arg(root.path()).arg("-cf").arg(&tar).arg("bin").status();
    assert!(packed.unwrap().success());
    let name = format!("localhost/compile-{name}-{}:latest", std::process::id());
    engine.docker_run(&["import", tar.to_str().unwrap(), &name]);
    fs::remove_file(tar).unwrap();
    name
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn a_base_without_the_parts_is_refused_or_gets_them() {
    for engine in Engine::all() {
        let _engines = beside_others(&engine);
        let base = busybox(&engine, "busybox");
        let steps = "  - {id: one, title: One, markdown: Text, files: [{path: /workspace/a, content: hi}], commands: [\"cp a b\"]}\n";
        let workshop = Workshop::new(&engine, &base, steps);
        let said = workshop.build(&["compile"]);
        assert_eq!(said.code, 2);
        let lacks = format!("error: the base {base} lacks\n");
        expect![[r#"
              /sbin/tini
              /usr/local/bin/workshop-backend
              /usr/local/bin/goss
              /etc/workshop-platform.bashrc
              /etc/workshop-platform.zsh/.zshrc
              the user student
            Build on one of the workshop-base images, or have them copied in: --inject
        "#]]
        .assert_eq(said.error.strip_prefix(&lacks).unwrap());
        workshop.compile(&["--inject"]);
        assert!(workshop.status().lines().all(|line| line.ends_with(" built")), "{}", workshop.status());
        let image = workshop.name("one");
        assert_eq!(engine.owner(&image, "/workspace/b"), "644 1000");
        let container = engine.docker_run(&["run", "--detach", "--publish", "127.0.0.1::8080", &image]);
        let address = engine.docker_run(&["port", &container, "8080/tcp"]);
        let healthy = answers(address.lines().next().unwrap(), "/healthz");
        let logs = engine.docker().args(["logs", &container]).output().unwrap();
        engine.docker_run(&["rm", "--force", "--volumes", &container]);
        assert!(healthy, "{}: {}", engine.name(), String::from_utf8_lossy(&logs.stderr));
        drop(workshop);
        engine.docker_run(&["image", "rm", "--force", &base]);
    }
}

/// Whether a service answers 200 within half a minute.
fn answers(address: &str, path: &str) -> bool {
    let until = Instant::now() + Duration::from_secs(30);
    while Instant::now() < until {
        let mut answer = String::new();
        if let Ok(mut stream) = TcpStream::connect(address) {
            let asked = write!(stream, "GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n");
            if asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ") {
                return true;
            }
        }
        sleep(Duration::from_millis(100));
    }
    false
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn a_base_of_another_version_is_used_with_a_warning() {
    for engine in Engine::all() {
        let _engines = alone(&engine);
        let workshop = Workshop::empty(&engine, "localhost/compile-test");
        workshop.write(
            "Containerfile",
            &format!("FROM {}\nLABEL org.opencontainers.image.version=9.9\n", base()),
        );
        let yaml = format!("version: v1\nworkshop: {{name: test, image: {}}}\n", workshop.image);
        workshop.write(
            "workshop.yaml",
            &format!("{yaml}base: {{containerFile: Containerfile}}\nsteps:\n{STEPS}"),
        );
        let output = Command::new(env!("CARGO_BIN_EXE_workshop"))
            .args(["build", "compile"])
            .arg(workshop.path())
            .env("DOCKER_HOST", &engine.address)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        let warning = concat!(
            "warning: the base of Containerfile says that it is version 9.9, this is workshop ",
            env!("CARGO_PKG_VERSION"),
            "; it is used as it is"
        );
        assert!(output.status.success() && said.contains(warning), "{said}");
        // What the base is built from counts, and only that.
        workshop.write("notes.txt", "nothing of the base");
        assert!(workshop.status().starts_with("step-0 built\n"), "{}", workshop.status());
        workshop.edit("Containerfile", "9.9", "9.8");
        assert!(workshop.status().starts_with("step-0 stale containerFile\n"), "{}", workshop.status());
        workshop.edit("Containerfile", "LABEL", "RUN echo nothing works here; false\nLABEL");
        let said = workshop.build(&["compile"]);
        assert_eq!(said.code, 1);
        let expected = "error: the base cannot be built by Containerfile: RUN echo nothing works here; false\nnothing works here\n";
        assert!(said.error.starts_with(expected), "{}", said.error);
    }
}

/// A registry that wants a name and a password.
struct Registry {
    process: Child,
    address: String,
    folder: tempfile::TempDir,
}

impl Registry {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let address = format!("127.0.0.1:{port}");
        // The password is `secret`.
        let user = "author:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n";
        fs::write(folder.path().join("htpasswd"), user).unwrap();
        let settings = format!(
            "version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\nstorage: {{inmemory: {{}}}}\n\
             http: {{addr: \"{address}\"}}\nauth: {{htpasswd: {{realm: test, path: {}}}}}\n",
            folder.path().join("htpasswd").display()
        );
        fs::write(folder.path().join("registry.yml"), settings).unwrap();
        let process = Command::new("docker-registry")
            .arg("serve")
            .arg(folder.path().join("registry.yml"))
            .stderr(Stdio::null())
            .spawn()
            .expect("`cargo xtask test containers` puts docker-registry into the PATH");
        let registry = Self { process, address, folder };
        let until = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(&registry.address).is_err() {
            assert!(Instant::now() < until, "the registry does not answer");
            sleep(Duration::from_millis(50));
        }
        registry
    }

    /// The digest of a tag.
    fn digest(&self, repository: &str, tag: &str) -> Option<String> {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(
            stream,
            "HEAD /v2/{repository}/manifests/{tag} HTTP/1.0\r\nHost: {}\r\nAuthorization: Basic YXV0aG9yOnNlY3JldA==\r\n\
             Accept: application/vnd.docker.distribution.manifest.v2+json\r\n\r\n",
            self.address
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let line = answer.lines().find_map(|line| line.strip_prefix("Docker-Content-Digest: "))?;
        Some(line.trim().to_owned())
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "needs a container engine: cargo xtask test containers"]
fn images_are_pushed_with_the_credentials_at_hand() {
    let registry = Registry::start();
    let folder = registry.folder.path();
    // As Docker, Podman and a helper keep them.
    let auths =
        format!("{{\"auths\": {{\"{}\": {{\"auth\": \"YXV0aG9yOnNlY3JldA==\"}}}}}}", registry.address);
    for (name, text) in [
        ("docker/config.json", auths.clone()),
        ("podman.json", auths),
        ("helper/config.json", format!("{{\"credHelpers\": {{\"{}\": \"for-tests\"}}}}", registry.address)),
        ("none/config.json", "{}".to_owned()),
        ("none.json", "{}".to_owned()),
    ] {
        fs::create_dir_all(folder.join(name).parent().unwrap()).unwrap();
        fs::write(folder.join(name), text).unwrap();
    }
    let helper = folder.join("docker-credential-for-tests");
    let script = format!(
        "#!/bin/sh\nread server\n[ \"$1 $server\" = 'get {}' ] || exit 1\n\
         echo '{{\"ServerURL\": \"x\", \"Username\": \"author\", \"Secret\": \"secret\"}}'\n",
        registry.address
    );
    fs::write(&helper, script).unwrap();
    fs::set_permissions(&helper, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", folder.display(), std::env::var("PATH").unwrap());
    for engine in Engine::all() {
        let _engines = beside_others(&engine);
        for (docker, podman, pushed) in [
            ("none", "none.json", false),
            ("docker", "none.json", true),
            ("none", "podman.json", true),
            ("helper", "none.json", true),
        ] {
            let repository = format!("{}/team/test", registry.address);
            let mut workshop = Workshop::empty(&engine, &repository);
            workshop.define(&base(), "  - {id: one, title: One, markdown: Text}\n");
            workshop.with("DOCKER_CONFIG", folder.join(docker));
            workshop.with("REGISTRY_AUTH_FILE", folder.join(podman));
            workshop.with("PATH", &path);
            let said = workshop.build(&["compile", "--push"]);
            let case = format!("{} {docker} {podman}: {}", engine.name(), said.error);
            assert_eq!(said.code, i32::from(!pushed), "{case}");
            let repository = workshop.image.split_once('/').unwrap().1;
            if !pushed {
                assert!(said.error.contains("step-0 cannot be pushed"), "{case}");
                assert_eq!(registry.digest(repository, "step-0"), None);
                continue;
            }
            for (tag, place) in [("step-0", 0), ("one", 1), ("latest", 2)] {
                let digest = registry.digest(repository, tag).unwrap();
                assert_eq!(said.answer["tags"][place]["digest"], *digest, "{case}");
                let lock = fs::read_to_string(workshop.path().join("workshop.lock")).unwrap();
                assert!(lock.contains(&digest), "{lock}");
            }
        }
        let local = Workshop::new(&engine, &base(), STEPS);
        let said = local.build(&["compile", "--push"]);
        assert!(said.code == 2 && said.error.contains("is in no registry"), "{}", said.error);
    }
}
