//! A Postgres server of a test's own, to be killed.

use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tempfile::TempDir;

/// A server in a folder of its own. Dropped, it is killed.
pub struct Server {
    folder: TempDir,
    port: u16,
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

impl Server {
    pub async fn start() -> Self {
        let folder = TempDir::with_prefix("workshop-postgres-").unwrap();
        let data = folder.path().join("data");
        if rustix::process::geteuid().is_root() {
            assert!(Command::new("chown").arg("postgres").arg(folder.path()).status().unwrap().success());
        }
        let made = as_postgres(program("initdb"))
            .args(["--auth=trust", "--username=workshop", "--no-sync", "--encoding=UTF8", "--locale=C", "-D"])
            .arg(&data)
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(made.success());
        let port = free_port();
        let process = Self::spawn(&folder, port);
        let server = Self { folder, port, process };
        server.ready().await;
        server
    }

    fn spawn(folder: &TempDir, port: u16) -> Child {
        as_postgres(program("postgres"))
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-p", &port.to_string(), "-h", "127.0.0.1", "-k"])
            .arg(folder.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
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
        // Its own processes notice, and end; until then another refuses the folder.
        loop {
            self.process = Self::spawn(&self.folder, self.port);
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
