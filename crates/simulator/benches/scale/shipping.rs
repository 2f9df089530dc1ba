//! The dashboard as a process, and the shippers as tasks.

use std::env;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use clap::{Args, FromArgMatches, Parser};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;
use workshop_dashboard::settings::Settings;
use workshop_shipper::{Metrics, Phase};
use workshop_simulator::SimulatedClass;

use crate::machine::Process;
use crate::{DASHBOARD, Failure};

const INSTRUCTOR: &str = "the-instructors-token";

pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn process(&self) -> Process {
        Process::new(self.child.id())
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

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing is left to be done with one that cannot be killed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The dashboard's settings, from the environment alone.
pub(crate) fn settings() -> Settings {
    let command = Settings::augment_args(clap::Command::new("dashboard"));
    let matches = command.get_matches_from(["dashboard"]);
    Settings::from_arg_matches(&matches).unwrap_or_else(|error| error.exit())
}

/// Starts this very program as the dashboard.
pub(crate) async fn dashboard(database: &str, casts: &Path) -> Result<Server, Failure> {
    let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let address: SocketAddr = ([127, 0, 0, 1], port).into();
    let child = Command::new(env::current_exe()?)
        .env(DASHBOARD, "1")
        .env("WORKSHOP_DATABASE_URL", database)
        .env("WORKSHOP_LISTEN", address.to_string())
        .env("WORKSHOP_CASTS", casts)
        .env("WORKSHOP_INSTRUCTOR_TOKEN", INSTRUCTOR)
        .spawn()?;
    let server = Server { child, port };
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        if began.elapsed() > Duration::from_secs(20) {
            return Err("the dashboard does not answer".into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(server)
}

fn token(workspace: &str) -> String {
    format!("token-of-{workspace}")
}

/// Adds the workspaces of the class.
pub(crate) async fn add(connection: &mut PgConnection, class: &SimulatedClass) -> Result<(), Failure> {
    let students = || class.students();
    let names: Vec<String> = students().map(|student| student.workspace.clone()).collect();
    let students: Vec<String> = students().map(|student| student.name.clone()).collect();
    let hashes: Vec<Vec<u8>> = names.iter().map(|name| Sha256::digest(token(name)).to_vec()).collect();
    sqlx::query(
        "insert into workspaces (workspace, student, token_hash) select * from unnest($1::text[], $2::text[], $3::bytea[])",
    )
    .bind(names)
    .bind(students)
    .bind(hashes)
    .execute(connection)
    .await?;
    Ok(())
}

/// A shipper for each workspace.
pub(crate) struct Shippers {
    tell: watch::Sender<Phase>,
    tasks: JoinSet<bool>,
}

pub(crate) fn start(class: &SimulatedClass, port: u16) -> Result<Shippers, Failure> {
    let (tell, end) = workshop_shipper::ending(Phase::Running);
    let mut tasks = JoinSet::new();
    for student in class.students() {
        let url = format!("http://127.0.0.1:{port}/ingest/{}", student.workspace);
        let dir = student.dir.display().to_string();
        let arguments = ["shipper", "--url", &url, "--token", &token(&student.workspace), "--dir", &dir];
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
