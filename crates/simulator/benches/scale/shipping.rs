//! The dashboard as a process, and the shippers as tasks.

use std::env;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Parser;
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinSet;
use workshop_dashboard::arguments::{self, Arguments};
use workshop_dashboard::settings::Settings;
use workshop_shipper::{Metrics, Phase};
use workshop_simulator::{SimulatedClass, SimulatedStudent};
use workshop_testing::dashboard::INSTRUCTOR;
use workshop_testing::{Process as Child, free_port, until_async};

use crate::failure::Failure;
use crate::machine::Process;

/// Set for the process that is the dashboard.
pub(crate) const DASHBOARD: &str = "WORKSHOP_SCALE_DASHBOARD";

pub(crate) struct Server {
    process: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn process(&self) -> Process {
        Process::new(self.process.id())
    }

    /// How long an instructor's page waits for the class, in the median.
    pub(crate) async fn class_page(&self) -> Result<Duration, Failure> {
        let client = reqwest::Client::new();
        let mut times = Vec::new();
        for _ in 0..15 {
            let began = Instant::now();
            let asked =
                client.get(format!("http://127.0.0.1:{}/api/workspaces", self.port)).bearer_auth(INSTRUCTOR);
            asked.send().await?.error_for_status()?.bytes().await?;
            times.push(began.elapsed());
        }
        times.sort();
        Ok(times[times.len() / 2])
    }
}

/// The dashboard's settings, from the environment alone.
pub(crate) fn settings() -> Settings {
    match Arguments::parse_from(["workshop-dashboard", "serve"]).command {
        arguments::Command::Serve(settings) => *settings,
        _ => unreachable!(),
    }
}

/// Starts this very program as the dashboard.
pub(crate) async fn dashboard(database: &str, casts: &Path) -> Result<Server, Failure> {
    let port = free_port();
    let mut command = Command::new(env::current_exe()?);
    command
        .env(DASHBOARD, "1")
        .env("WORKSHOP_DATABASE_URL", database)
        .env("WORKSHOP_LISTEN", format!("127.0.0.1:{port}"))
        .env("WORKSHOP_CASTS", casts)
        .env("WORKSHOP_INSTRUCTOR_TOKEN", INSTRUCTOR);
    let process = Child::start(&mut command);
    until_async("the dashboard answers", async || TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    Ok(Server { process, port })
}

/// A shipper for each workspace.
pub(crate) struct Shippers {
    tell: watch::Sender<Phase>,
    tasks: JoinSet<bool>,
}

pub(crate) fn start(
    students: &[SimulatedStudent],
    tokens: &[String],
    port: u16,
) -> Result<Shippers, Failure> {
    let (tell, end) = workshop_shipper::ending(Phase::Running);
    let mut tasks = JoinSet::new();
    for (student, token) in students.iter().zip(tokens) {
        let url = format!("http://127.0.0.1:{port}/ingest/{}", student.workspace);
        let dir = student.dir.display().to_string();
        let arguments = ["shipper", "--url", &url, "--token", token, "--dir", &dir];
        let settings = workshop_shipper::Settings::try_parse_from(arguments)?;
        let end = end.clone();
        tasks.spawn(async move {
            workshop_shipper::ship(settings, end, Metrics::default()).await.unwrap_or(false)
        });
    }
    Ok(Shippers { tell, tasks })
}

impl Shippers {
    /// Has them ship what is left of the recordings; how many bytes of those the dashboard then lacks.
    pub(crate) async fn end(
        mut self,
        connection: &mut PgConnection,
        class: &SimulatedClass,
    ) -> Result<i64, Failure> {
        self.tell.send_replace(Phase::Finishing);
        let all = async { while self.tasks.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(Duration::from_secs(60), all).await;
        let mut written = 0;
        for student in class.students() {
            for recording in workshop_journal::recordings_in(&student.dir)? {
                written += recording.len as i64;
            }
        }
        let stored = "select coalesce(sum(next), 0)::bigint from cursors where stream like 'cast/%'";
        Ok(written - sqlx::query_scalar::<_, i64>(stored).fetch_one(connection).await?)
    }
}
