//! The processes of the tests: a Postgres with a data folder of its own, dashboards on it, and shippers.

use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use workshop_simulator::SimulatedStudent;

const START: Duration = Duration::from_secs(60);
pub const INSTRUCTOR: &str = "token-of-the-instructors-0123456789";
const STEP: Duration = Duration::from_millis(20);

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !holds() {
        assert!(begin.elapsed() < START, "waited too long: {what}");
        sleep(STEP);
    }
}

/// Kills a process and all that it started. They are a group of their own.
fn kill_group(child: &mut Child) {
    let group = child.id().to_string();
    let _ = Command::new("kill").args(["-KILL", "--", &format!("-{group}")]).status();
    let _ = child.wait();
}

/// splitmix64, from a seed that is printed.
pub struct Random(u64);

impl Random {
    pub fn new() -> Self {
        let seed = getrandom::u64().unwrap();
        println!("seed {seed}");
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// A Postgres that may be killed.
pub struct Postgres {
    folder: tempfile::TempDir,
    port: u16,
    server: Child,
}

/// The folder of the newest server's programs.
fn programs() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").expect("Debian's postgresql");
    let newest = versions.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<u32>().ok()).max();
    Path::new("/usr/lib/postgresql").join(newest.unwrap().to_string()).join("bin")
}

/// A command of Postgres, which refuses to be root's.
fn unprivileged(program: &str) -> Command {
    let program = programs().join(program);
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups", "--"]).arg(program);
    command
}

fn is_root() -> bool {
    id("-u", None) == 0
}

fn id(option: &str, user: Option<&str>) -> u32 {
    let output = Command::new("id").arg(option).args(user).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

impl Postgres {
    pub fn start() -> Self {
        // Where another user may go.
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        if is_root() {
            chown(folder.path(), Some(id("-u", Some("postgres"))), Some(id("-g", Some("postgres")))).unwrap();
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        }
        let made = unprivileged("initdb")
            .args(["--username", "workshop", "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"])
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .current_dir("/")
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let port = free_port();
        let server = Self::spawn(folder.path(), port);
        let mut postgres = Self { folder, port, server };
        postgres.answering();
        postgres
    }

    fn spawn(folder: &Path, port: u16) -> Child {
        let mut command = unprivileged("postgres");
        command.arg("-D").arg(folder.join("data")).args(["-p", &port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=on"] {
            command.args(["-c", setting]);
        }
        let said = File::options().append(true).create(true).open(folder.join("log")).unwrap();
        command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(said).process_group(0);
        command.spawn().unwrap()
    }

    /// Waits until it answers; starts it again when it could not start.
    pub fn answering(&mut self) {
        let url = self.url("postgres");
        until("Postgres", || {
            if self.server.try_wait().unwrap().is_some() {
                self.server = Self::spawn(self.folder.path(), self.port);
            }
            sql(&url, "select 1")
        });
    }

    /// kill -9 of all its processes; then it is started, which takes a while.
    pub fn kill_and_start(&mut self) {
        kill_group(&mut self.server);
        self.server = Self::spawn(self.folder.path(), self.port);
    }

    /// Makes a database.
    pub fn database(&self, name: &str) -> String {
        assert!(sql(&self.url("postgres"), &format!("create database {name}")));
        self.url(name)
    }

    fn url(&self, database: &str) -> String {
        format!("postgres://workshop@127.0.0.1:{}/{database}", self.port)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        kill_group(&mut self.server);
    }
}

fn sql(url: &str, text: &str) -> bool {
    let psql = Command::new("psql").args(["--no-psqlrc", "--quiet", "--command", text, url]).output();
    psql.unwrap().status.success()
}

/// A dashboard.
pub struct Dashboard {
    database: String,
    casts: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Dashboard {
    pub fn new(database: &str, folder: &Path) -> Self {
        let port = free_port();
        Self { database: database.to_owned(), casts: folder.join(format!("casts-{port}")), port, child: None }
    }

    pub fn database(&self) -> &str {
        &self.database
    }

    pub fn address(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_workshop-dashboard"));
        command
            .env("WORKSHOP_DATABASE_URL", &self.database)
            .env("WORKSHOP_LISTEN", format!("127.0.0.1:{}", self.port))
            .env("WORKSHOP_CASTS", &self.casts)
            .env("WORKSHOP_INSTRUCTOR_TOKEN", INSTRUCTOR)
            .env("RUST_LOG", "error")
            .stdin(Stdio::null());
        command
    }

    /// Runs one of its commands to the end, and gives what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command().args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts it and waits until it answers.
    pub fn start(&mut self) {
        until("the dashboard", || {
            self.keep();
            std::net::TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        });
    }

    /// Starts it again if it has ended, as whatever runs it would.
    pub fn keep(&mut self) {
        if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
            let mut serve = self.command();
            // What it says of a database that is away is as it should be.
            self.child = Some(serve.arg("serve").stderr(Stdio::null()).spawn().unwrap());
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Dashboard {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Adds the workspaces of a class; their tokens.
pub fn import(dashboard: &Dashboard, folder: &Path, students: &[SimulatedStudent]) -> Vec<String> {
    let list = folder.join("class.csv");
    workshop_simulator::write_list(&list, students.iter()).unwrap();
    dashboard.run(&["migrate"]);
    let added = dashboard.run(&["workspace", "import", list.to_str().unwrap()]);
    let mut reader = csv::Reader::from_reader(added.as_bytes());
    reader.records().map(|record| record.unwrap()[4].to_owned()).collect()
}

/// A shipper of one workspace: this program as another process.
pub struct Shipper {
    url: String,
    token: String,
    dir: PathBuf,
    child: Option<Child>,
}

impl Shipper {
    pub fn new(dashboard: &Dashboard, student: &SimulatedStudent, token: &str) -> Self {
        let url = dashboard.address(&format!("ingest/{}", student.workspace));
        Self { url, token: token.to_owned(), dir: student.dir.clone(), child: None }
    }

    /// Starts it, or again if it has ended.
    pub fn keep(&mut self) {
        if self.child.as_mut().is_none_or(|child| child.try_wait().unwrap().is_some()) {
            let child = Command::new(std::env::current_exe().unwrap())
                .args(["--ignored", "--exact", "shipper", "--nocapture", "--test-threads=1"])
                .env("WORKSHOP_INGEST_URL", &self.url)
                .env("WORKSHOP_INGEST_TOKEN", &self.token)
                .env("WORKSHOP_RUNTIME_DIR", &self.dir)
                .env("NO_PROXY", "*")
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn();
            self.child = Some(child.unwrap());
        }
    }

    /// kill -9.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
}

impl Drop for Shipper {
    fn drop(&mut self) {
        self.kill();
    }
}
