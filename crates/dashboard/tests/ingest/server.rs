//! A Postgres server of a test's own, to be killed, restarted, filled up.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A server in a folder of its own. Dropped, it is killed.
pub struct Server {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Child,
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A program of the newest server that is installed.
fn program(name: &str) -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").unwrap();
    let found =
        versions.map(|version| version.unwrap().path().join("bin").join(name)).filter(|path| path.exists());
    found.max().unwrap_or_else(|| panic!("{name} is not installed"))
}

/// Postgres refuses to run as root.
fn as_postgres(program: PathBuf) -> Command {
    if !rustix::process::geteuid().is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]).arg(program);
    command
}

/// Makes a file or folder theirs that a server reads or writes.
pub fn give_to_postgres(path: &Path) {
    if rustix::process::geteuid().is_root() {
        assert!(Command::new("chown").arg("postgres").arg(path).status().unwrap().success());
    }
}

impl Server {
    pub async fn start() -> Self {
        Self::with(&std::env::temp_dir(), |_| Vec::new()).await
    }

    /// Below a folder, with settings that may name files in its own one.
    pub async fn with(parent: &Path, settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let folder = TempDir::with_prefix_in("workshop-postgres-", parent).unwrap();
        let data = folder.path().join("data");
        give_to_postgres(folder.path());
        let made = as_postgres(program("initdb"))
            .args(["--auth=trust", "--username=workshop", "--no-sync", "--encoding=UTF8", "--locale=C"])
            .args(["--wal-segsize=1", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let (port, settings) = (free_port(), settings(folder.path()));
        let process = Self::spawn(&folder, port, &settings);
        let server = Self { folder, port, settings, process };
        server.ready().await;
        server
    }

    fn spawn(folder: &TempDir, port: u16, settings: &[String]) -> Child {
        as_postgres(program("postgres"))
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(folder.path())
            .args(settings.iter().flat_map(|setting| ["-c", setting]))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn url(&self) -> String {
        format!("postgres://workshop@127.0.0.1:{}/postgres", self.port)
    }

    async fn ready(&self) {
        for _ in 0..600 {
            if PgConnection::connect(&self.url()).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("the server does not answer");
    }

    /// Kills it as a crash does, and starts it again.
    pub async fn crash(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        self.begin().await;
    }

    /// Stops it as an administrator does: connections are ended, what is under way is rolled back.
    pub fn stop(&mut self) {
        let pid = rustix::process::Pid::from_child(&self.process);
        // It may have ended by itself.
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
        self.process.wait().unwrap();
    }

    /// Starts it after it ended.
    pub async fn begin(&mut self) {
        // After a crash its own processes have to notice first; until then another refuses the folder.
        loop {
            self.process = Self::spawn(&self.folder, self.port, &self.settings);
            for _ in 0..600 {
                tokio::time::sleep(Duration::from_millis(20)).await;
                if PgConnection::connect(&self.url()).await.is_ok() {
                    return;
                }
                if self.process.try_wait().unwrap().is_some() {
                    break;
                }
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Err(error) = self.process.kill() {
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
        let _ = self.process.wait();
    }
}
