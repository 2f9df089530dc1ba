//! Real shells on real terminals, a real log, and pages that look at them.
#![allow(dead_code, unreachable_pub, clippy::print_stderr, reason = "each test file uses its part")]

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use avt::Terminal;
use bytes::Bytes;
use serde_json::Value;
use tokio::time::timeout;
use workshop_backend::{
    terminal::{Frame, Role, Seat, Settings, Terminals},
    workspace::{self, Identity, Workspace},
};
use workshop_definition::artifact::Artifact;
use workshop_sandbox::{Direct, Launcher, Programs, Sandbox, find_program};
use workshop_wire::terminal::ServerMessage;

/// Nothing in these tests takes this long.
pub const PATIENCE: Duration = Duration::from_secs(60);

const WORKSHOP: &str = "version: v1\nworkshop: {name: test, image: localhost/test}\nbase: {image: \"workshop-base:debian\"}\n\
                        steps:\n  - {id: one, title: First, markdown: \"# First\\n\"}\n";

/// A workspace with terminals, in a folder of its own. The student's home is in it.
pub struct Workshop {
    pub root: tempfile::TempDir,
    pub workspace: Workspace,
    pub terminals: Terminals,
}

impl Workshop {
    /// Terminals with this shell.
    pub async fn start(shell: &str) -> Self {
        Self::with(shell, 0, &[]).await
    }

    /// Terminals with this shell, a limit for casts, and files in the student's home.
    pub async fn with(shell: &str, cast_limit: u64, home: &[(&str, &str)]) -> Self {
        let root = tempfile::tempdir().unwrap();
        fs::create_dir(root.path().join("runtime")).unwrap();
        Self::at(root, shell, cast_limit, home).await
    }

    /// The same in a folder that has a log volume already.
    pub async fn at(root: tempfile::TempDir, shell: &str, cast_limit: u64, home: &[(&str, &str)]) -> Self {
        let path = |name: &str| root.path().join(name);
        for name in ["source", "artifact", "home"] {
            fs::create_dir(path(name)).unwrap();
        }
        for open in [root.path(), &path("home")] {
            fs::set_permissions(open, fs::Permissions::from_mode(0o777)).unwrap();
        }
        fs::write(path("home/.bashrc"), "PS1='$ '\n").unwrap();
        fs::write(path("home/.zshrc"), "PROMPT='$ '\nunsetopt prompt_sp\n").unwrap();
        for (name, text) in home {
            fs::write(path("home").join(name), text).unwrap();
        }
        fs::write(path("source/workshop.yaml"), WORKSHOP).unwrap();
        let definition = workshop_definition::load(&path("source")).unwrap();
        workshop_definition::compile_artifact(&definition, &path("artifact")).unwrap();
        let artifact = Artifact::load(&path("artifact")).unwrap();
        let opened = workspace::open(&path("runtime"), artifact, Identity::default(), || {}).unwrap();
        opened.workspace.begin().await;
        let home = path("home");
        let terminals = Terminals::new(Settings {
            workspace: opened.workspace.clone(),
            launcher: Launcher::Direct(Direct::new("nobody").unwrap()),
            shell: shell.to_owned(),
            sandbox: false,
            author_env: vec![
                ("HOME".into(), home.to_str().unwrap().into()),
                ("WORKSHOP_SECRET".into(), "no".into()),
            ],
            directory: home,
            cast_limit,
        })
        .unwrap();
        Self { root, workspace: opened.workspace, terminals }
    }

    /// The same workshop with its terminals in a sandbox. `None` where there can be none.
    pub async fn in_sandbox(shell: &str) -> Option<Self> {
        let mut workshop = Self::start(shell).await;
        if find_program("bwrap").is_none() {
            eprintln!("bubblewrap is not installed: skipped");
            return None;
        }
        let programs =
            Programs { backend: env!("CARGO_BIN_EXE_workshop-backend").into(), goss: "/bin/true".into() };
        let sandbox = Sandbox::start(&workshop.root.path().join("sandbox"), &programs).await.unwrap();
        workshop.terminals = Terminals::new(Settings {
            workspace: workshop.workspace.clone(),
            launcher: Launcher::Sandbox(sandbox),
            shell: shell.to_owned(),
            sandbox: true,
            author_env: Vec::new(),
            directory: "/workspace".into(),
            cast_limit: 0,
        })
        .unwrap();
        Some(workshop)
    }

    /// A student's page at a terminal.
    pub async fn page(&self, terminal: &str, cols: u16, rows: u16) -> Page {
        Page::open(&self.terminals, terminal, Role::Student, cols, rows).await
    }

    pub fn runtime(&self) -> PathBuf {
        self.root.path().join("runtime")
    }

    /// All records of a stream's file. What is being written at this moment is no record yet.
    pub fn records(&self, file: &str) -> Vec<Value> {
        let text = fs::read(self.runtime().join(file)).unwrap_or_default();
        let lines = text.split_inclusive(|byte| *byte == b'\n').filter(|line| line.ends_with(b"\n"));
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }

    /// All commands.
    pub fn commands(&self) -> Vec<Value> {
        self.records("command-log.jsonl")
    }

    /// All casts, by name, as text.
    pub fn casts(&self) -> Vec<(String, String)> {
        let found = self.workspace.journal().recordings().unwrap();
        found
            .into_iter()
            .map(|f| (f.name.clone(), fs::read_to_string(self.runtime().join(f.name)).unwrap()))
            .collect()
    }

    /// Waits until something is so.
    pub async fn until(&self, what: &str, so: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !so(self) {
            assert!(begin.elapsed() < PATIENCE, "{what}; commands: {:#?}", self.commands());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// A page: a terminal emulator that acknowledges what it drew.
pub struct Page {
    pub seat: Seat,
    pub terminal: Terminal,
    /// All output since the page was told to begin anew.
    pub output: String,
    pub messages: Vec<ServerMessage>,
    pub acknowledges: bool,
    received: u64,
}

impl Page {
    pub async fn open(terminals: &Terminals, name: &str, role: Role, cols: u16, rows: u16) -> Self {
        let seat = terminals.attach(name, role, (cols, rows)).await.unwrap();
        let mut page = Self {
            seat,
            terminal: Terminal::with_scrollback(cols.into(), rows.into(), Some(5000)).unwrap(),
            output: String::new(),
            messages: Vec::new(),
            acknowledges: true,
            received: 0,
        };
        page.until("a first screen", |page| !page.messages.is_empty()).await;
        page
    }

    pub async fn types(&self, text: impl AsRef<[u8]>) {
        self.seat.type_bytes(Bytes::copy_from_slice(text.as_ref())).await.unwrap();
    }

    /// Takes one frame.
    pub async fn take(&mut self) {
        match self.seat.outbox().next().await {
            Frame::Output(text) => {
                self.terminal.feed(&text);
                self.output.push_str(&text);
                self.received += text.len() as u64;
                self.seat.outbox().note_written(text.len());
                if self.acknowledges {
                    self.seat.acknowledge(self.received).await.unwrap();
                }
            }
            Frame::Message(message) => {
                match &message {
                    ServerMessage::Restored { cols, rows, .. } => {
                        self.terminal =
                            Terminal::with_scrollback((*cols).into(), (*rows).into(), Some(5000)).unwrap();
                        self.output.clear();
                    }
                    ServerMessage::Size { cols, rows } => {
                        self.terminal.resize((*cols).into(), (*rows).into())
                    }
                    ServerMessage::Exit { .. } | ServerMessage::Error { .. } => {}
                }
                self.messages.push(message);
            }
            Frame::Close => panic!("the terminal was closed"),
        }
    }

    /// Takes frames until something is so.
    pub async fn until(&mut self, what: &str, so: impl Fn(&Self) -> bool) {
        let begin = Instant::now();
        while !so(self) {
            let left = PATIENCE.saturating_sub(begin.elapsed());
            assert!(
                timeout(left, self.take()).await.is_ok(),
                "{what}; messages {:?}; screen:\n{}",
                self.messages,
                self.text()
            );
        }
    }

    /// Takes frames until the screen shows this.
    pub async fn shows(&mut self, text: &str) {
        self.until(&format!("the screen shows {text:?}"), |page| page.text().contains(text)).await;
    }

    /// Takes frames until there have been none for a while.
    pub async fn settle(&mut self) {
        while timeout(Duration::from_millis(250), self.take()).await.is_ok() {}
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.terminal.screen().visible_lines().map(|line| line.text().trim_end().to_owned() + "\n").collect()
    }

    /// The screen with its history.
    pub fn history(&self) -> Vec<String> {
        self.terminal.primary_screen().text()
    }
}

/// The shell's path, if it is installed.
pub fn shell(name: &str) -> Option<String> {
    let path = Path::new("/bin").join(name);
    if path.exists() {
        return Some(path.to_str().unwrap().to_owned());
    }
    eprintln!("{name} is not installed: skipped");
    None
}
