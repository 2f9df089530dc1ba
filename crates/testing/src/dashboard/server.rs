//! A Postgres of a test's own, to be killed, stopped, or left without space.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::Signal;
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

use crate::process::{Process, free_port};
use crate::wait::until_async;

/// A server in a folder of its own. Dropped, it is killed.
pub struct Server {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Process,
}

/// A program of the newest server that is installed. Debian keeps them where no `PATH` looks.
fn installed(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
    let found = versions.map(|version| version.unwrap().path().join("bin").join(name));
    found.filter(|path| path.exists()).max().unwrap_or_else(|| panic!("{name} is not installed"))
}

/// A command of Postgres, which refuses to run as root.
fn as_postgres(name: &str) -> Command {
    let program = installed(name);
    let mut command = if rustix::process::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null());
    command
}

/// Makes a file or folder readable and writable for a server.
pub fn give_to_postgres(path: &Path) {
    if rustix::process::geteuid().is_root() {
        assert!(Command::new("chown").arg("postgres").arg(path).status().unwrap().success());
    }
}

impl Server {
    /// Starts one.
    pub async fn start() -> Self {
        Self::with(Path::new("/tmp"), |_| Vec::new()).await
    }

    /// Starts one below a folder, with settings that may name files in its own folder.
    pub async fn with(parent: &Path, settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = TempDir::with_prefix_in("workshop-postgres-", parent).unwrap();
        give_to_postgres(folder.path());
        let made = as_postgres("initdb")
            .args(["--auth=trust", "--username=workshop", "--no-sync", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--wal-segsize=1", "-D"])
            .arg(folder.path().join("data"))
            .status();
        assert!(made.unwrap().success());
        let (port, settings) = (free_port(), settings(folder.path()));
        let process = Self::spawn(&folder, port, &settings);
        let mut server = Self { folder, port, settings, process };
        server.answers().await;
        server
    }

    fn spawn(folder: &TempDir, port: u16, settings: &[String]) -> Process {
        let log = File::options().append(true).create(true).open(folder.path().join("log")).unwrap();
        let mut command = as_postgres("postgres");
        command.arg("-D").arg(folder.path().join("data")).args(["-p", &port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories="] {
            command.args(["-c", setting]);
        }
        command.args(settings.iter().flat_map(|setting| ["-c", setting]));
        // A group of its own: a crash ends all its processes.
        Process::start(command.stderr(log).process_group(0))
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its address, as its superuser.
    pub fn url(&self) -> String {
        format!("postgres://workshop@127.0.0.1:{}/postgres", self.port)
    }

    /// Waits until it answers. If it ended because the one before was not gone yet, it is started again.
    pub async fn answers(&mut self) {
        until_async("Postgres answers", async || {
            if self.process.ended().is_some() {
                self.process = Self::spawn(&self.folder, self.port, &self.settings);
            }
            PgConnection::connect(&self.url()).await.is_ok()
        })
        .await;
    }

    /// Kills all its processes, and starts it again without waiting until it answers.
    pub fn crash(&mut self) {
        self.process.kill_group();
        self.start_again();
    }

    /// Stops it as an administrator does: connections are ended, and transactions rolled back.
    pub fn stop(&mut self) {
        self.process.signal(Signal::INT);
        self.process.wait();
    }

    /// Starts it after it ended.
    pub fn start_again(&mut self) {
        self.process = Self::spawn(&self.folder, self.port, &self.settings);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.process.kill_group();
    }
}
