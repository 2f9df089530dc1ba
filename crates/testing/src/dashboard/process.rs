//! A dashboard as a process, which a test may kill.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};

use reqwest::Client;

use super::served::INSTRUCTOR;
use crate::process::{Process, free_port, program};
use crate::wait::until_async;

/// A dashboard on a database, at an address that stays the same. Dropped, it is killed.
pub struct DashboardProcess {
    /// Where it serves.
    pub address: SocketAddr,
    environment: Vec<(String, String)>,
    process: Option<Process>,
}

impl DashboardProcess {
    /// One that does not run yet. It has the instructors' token; `environment` may name more of its variables.
    pub fn new(database: &str, environment: impl IntoIterator<Item = (&'static str, String)>) -> Self {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        let usual = [
            ("WORKSHOP_DATABASE_URL", database.to_owned()),
            ("WORKSHOP_LISTEN", address.to_string()),
            ("WORKSHOP_INSTRUCTOR_TOKEN", INSTRUCTOR.to_owned()),
            ("RUST_LOG", "error".to_owned()),
        ];
        let environment = usual.into_iter().chain(environment);
        let environment = environment.map(|(name, value)| (name.to_owned(), value)).collect();
        Self { address, environment, process: None }
    }

    /// The address of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Its program, with its variables.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program("workshop-dashboard"));
        command.args(arguments).envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    /// Runs one of its commands to the end; returns what it printed.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Starts it, and waits until it answers.
    pub async fn start(&mut self) {
        self.start_as(|_| {}).await;
    }

    /// Starts it with other settings, and waits until it answers.
    pub async fn start_as(&mut self, set: impl FnOnce(&mut Command)) {
        let mut command = self.command(&["serve"]);
        set(&mut command);
        self.process = Some(Process::start(command.stdout(Stdio::null())));
        self.answers().await;
    }

    /// Waits until it answers.
    pub async fn answers(&mut self) {
        let http = Client::builder().no_proxy().build().unwrap();
        let url = self.url("/healthz");
        until_async("the dashboard answers", async || {
            let ended = self.process.as_mut().and_then(Process::ended);
            assert!(ended.is_none(), "the dashboard ended: {ended:?}");
            http.get(&url).send().await.is_ok()
        })
        .await;
    }

    /// Starts it if it does not run, without waiting: a database that is away ends it.
    pub fn keep(&mut self) {
        if self.process.as_mut().is_none_or(|process| process.ended().is_some()) {
            let mut serve = self.command(&["serve"]);
            self.process = Some(Process::start(serve.stdout(Stdio::null()).stderr(Stdio::null())));
        }
    }

    /// Its process, which must run.
    pub fn process(&self) -> &Process {
        self.process.as_ref().expect("a dashboard that runs")
    }

    /// Ends it with SIGKILL.
    pub fn kill(&mut self) {
        self.process = None;
    }
}
