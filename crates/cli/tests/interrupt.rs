//! Ctrl-C while images are built: it ends at once, and the next compile is as if nothing had been.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workshop_testing::cli::{On, User};
use workshop_testing::{on_engines, until};

on_engines!(on both: a_compile_ends, a_run_that_compiles_ends, on_a_terminal_nothing_of_it_is_left);

/// Podman clears up after an interrupted build, and not only its own containers: one such build at a time.
static ONE: Mutex<()> = Mutex::new(());

/// A workshop whose build waits, longer than any test does.
struct Workshop {
    _alone: MutexGuard<'static, ()>,
    user: User,
    folder: PathBuf,
    /// What waits, told from all others by how long.
    sleep: String,
}

impl Workshop {
    fn new(on: On) -> Self {
        let alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
        let user = User::new(on);
        let folder = user.home.path().join("workshop");
        fs::create_dir(&folder).unwrap();
        let sleep = format!("sleep 100000.{}", user.name.replace(['t', '-'], ""));
        let workshop = Self { _alone: alone, user, folder, sleep };
        workshop.write(&workshop.sleep);
        workshop
    }

    /// The command that waits. On Podman it is one of the base: where a build has several stages, Podman's service may
    /// not outlive that somebody hangs up.
    fn write(&self, waits: &str) {
        let base = std::env::var("WORKSHOP_TEST_BASE").expect("cargo xtask test containers sets it");
        let (base, command) = match self.user.on {
            On::Podman => {
                let local = if base.contains('/') { "" } else { "localhost/" };
                let file = format!("FROM {local}{base}\nRUN {waits}\n");
                fs::write(self.folder.join("Containerfile"), file).unwrap();
                (json!({ "containerFile": "Containerfile" }), "true")
            }
            _ => (json!({ "image": base }), waits),
        };
        let workshop = json!({
            "version": "v1",
            "workshop": { "name": "waits", "image": format!("localhost/{}", self.user.name), "navigation": "free" },
            "base": base,
            "steps": [{ "id": "one", "title": "One", "markdown": "Text", "commands": ["true", command] }],
        });
        // JSON is YAML.
        fs::write(self.folder.join("workshop.yaml"), workshop.to_string()).unwrap();
    }

    fn path(&self) -> &str {
        self.folder.to_str().unwrap()
    }

    /// Interrupts a command once it waits for the build, and returns how it ended.
    fn interrupt(&self, arguments: &[&str]) -> ExitStatus {
        let said = self.user.home.path().join("said");
        let output = fs::File::create(&said).unwrap();
        let mut command = self.user.workshop(arguments);
        let mut child = command.stdout(output.try_clone().unwrap()).stderr(output).spawn().unwrap();
        until("the command waits", || {
            assert_eq!(child.try_wait().unwrap(), None, "{}", fs::read_to_string(&said).unwrap());
            !processes(&self.sleep).is_empty()
        });
        let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(interrupted.success());
        let begin = Instant::now();
        loop {
            match child.try_wait().unwrap() {
                Some(status) => return status,
                None if begin.elapsed() > Duration::from_secs(30) => panic!("it goes on"),
                None => std::thread::sleep(Duration::from_millis(20)),
            }
        }
    }

    /// The lock is whole or not there, and nothing half-written is beside it.
    fn is_tidy(&self) {
        for entry in fs::read_dir(&self.folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            assert!(["workshop.yaml", "workshop.lock", "Containerfile"].contains(&name.as_str()), "{name}");
            if name == "workshop.lock" {
                let text = fs::read(self.folder.join(name)).unwrap();
                let lock: Value = serde_json::from_slice(&text).unwrap();
                assert!(lock["tags"].as_array().unwrap().iter().all(|tag| tag["tag"] != "one"), "{lock}");
            }
        }
        assert_eq!(self.user.containers(), [""; 0]);
    }

    /// The next compile builds everything.
    fn compiles(&self) {
        self.write("true");
        self.user.ok(&["build", "compile", self.path()]);
        self.user.ok(&["build", "status", self.path()]);
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        // Podman goes on with the command.
        for process in processes(&self.sleep) {
            let _ = Command::new("kill").args(["-9", &process]).status();
        }
        for tag in ["step-0", "one", "latest"] {
            let image = format!("localhost/{}:{tag}", self.user.name);
            let _ = self.user.engine_command(&["rmi", "-f", &image]).output();
        }
    }
}

/// The processes of this machine with exactly this command line.
fn processes(line: &str) -> Vec<String> {
    let entries = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap());
    let of_it = |path: &Path| {
        let read = fs::read_to_string(path.join("cmdline")).unwrap_or_default();
        read.trim_end_matches('\0').split('\0').eq(line.split(' '))
    };
    entries
        .filter(|entry| of_it(&entry.path()))
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect()
}

fn a_compile_ends(on: On) {
    let workshop = Workshop::new(on);
    let status = workshop.interrupt(&["build", "compile", workshop.path()]);
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    workshop.is_tidy();
    if on == On::Docker {
        until("the engine ends the command, too", || processes(&workshop.sleep).is_empty());
    }
    workshop.compiles();
}

fn a_run_that_compiles_ends(on: On) {
    let workshop = Workshop::new(on);
    let run = ["run", workshop.path(), "--name", &workshop.user.name, "--port", "0", "--detach", "--no-open"];
    let status = workshop.interrupt(&run);
    assert_eq!((status.code(), status.signal()), (Some(130), None));
    workshop.is_tidy();
    workshop.compiles();
}

/// Through a real terminal, where the key itself interrupts.
fn on_a_terminal_nothing_of_it_is_left(on: On) {
    let workshop = Workshop::new(on);
    let compile = workshop.user.workshop(&["build", "compile", workshop.path()]);
    let words = [compile.get_program()].into_iter().chain(compile.get_args());
    let line = words.map(|word| word.to_str().unwrap()).collect::<Vec<_>>().join(" ");
    let shown = workshop.user.home.path().join("shown");
    let mut script = Command::new("script");
    script.args(["-qefc", &line]).arg(&shown).env_clear().env("TERM", "xterm").env("COLUMNS", "80");
    script.envs(compile.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let mut script = script.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    until("the command waits", || !processes(&workshop.sleep).is_empty());
    script.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let status = script.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    let shown = fs::read_to_string(&shown).unwrap();
    // The spinner was there, its line is cleared, and the cursor is as it was.
    let (_, last) = shown.rsplit_once("\r\u{1b}[2K").expect("a spinner");
    let last = last.split("\nScript done").next().unwrap();
    assert_eq!(last, "", "{shown:?}");
    assert_eq!(shown.matches("\u{1b}[?25l").count(), shown.matches("\u{1b}[?25h").count());
    workshop.is_tidy();
    workshop.compiles();
}
