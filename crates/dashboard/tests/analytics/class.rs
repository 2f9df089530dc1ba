//! A simulated class, shipped to a dashboard of its own.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, FromArgMatches, Parser};
use futures_util::{StreamExt, stream};
use reqwest::{Client, Response};
use serde_json::Value;
use sha2::{Digest, Sha256};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;
use tokio::net::TcpListener;
use workshop_dashboard::store::workspaces;
use workshop_dashboard::{Dashboard, settings, store};
use workshop_shipper::{Metrics, Phase};
use workshop_simulator::{Options, SimulatedClass, SimulatedStudent};

use crate::known::Student;

/// How long the class has been at it.
pub(crate) const MINUTES: u64 = 50;
/// Somebody who has a workspace that was never started.
pub(crate) const LATECOMER: &str = "Zdeněk Pozdní";

const INSTRUCTOR: &str = "token-of-the-instructors";

pub(crate) struct Shipped {
    address: SocketAddr,
    simulated: Vec<SimulatedStudent>,
    server: String,
    database: String,
    name: String,
    _folder: TempDir,
}

impl Shipped {
    /// A class of so many, in a database of its own with that in its name.
    pub(crate) async fn class(name: &str, workspaces: usize) -> Self {
        let server = std::env::var("WORKSHOP_TEST_POSTGRES")
            .expect("WORKSHOP_TEST_POSTGRES; see cargo xtask postgres");
        let name = format!("x_{name}_{}", std::process::id());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("create database {name}"))).execute(&mut admin).await.unwrap();
        let (before, _) = server.rsplit_once('/').unwrap();
        let database = format!("{before}/{name}");
        store::migrate(&database).await.unwrap();

        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let past = Duration::from_secs(MINUTES * 60);
        let options = Options { workspaces, seed: 5, past, ..Options::default() };
        let mut class = SimulatedClass::new(&options, &folder.path().join("volumes"), now).unwrap();
        class.advance(now).unwrap();
        let simulated: Vec<SimulatedStudent> = class.students().cloned().collect();
        add(&database, &simulated).await;

        let casts = folder.path().join("casts");
        let arguments = ["dashboard", "--database", &database, "--casts", casts.to_str().unwrap()];
        let arguments = arguments.into_iter().chain(["--instructor-token", INSTRUCTOR]);
        let command = settings::Settings::augment_args(clap::Command::new("dashboard"));
        let matches = command.get_matches_from(arguments);
        let settings = settings::Settings::from_arg_matches(&matches).unwrap();
        let dashboard = Dashboard::open(settings).await.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, dashboard.app()).into_future());
        let ships =
            simulated.iter().map(|one| ship(format!("http://{address}/ingest/{}", one.workspace), one));
        let shipped: Vec<bool> = stream::iter(ships).buffer_unordered(8).collect().await;
        assert!(shipped.iter().all(|whole| *whole));
        Self { address, simulated, server, database, name, _folder: folder }
    }

    /// `backend_started` of the class.
    pub(crate) fn started(&self) -> Value {
        let file = std::fs::read_to_string(self.simulated[0].dir.join("state-events.jsonl")).unwrap();
        let mut lines = file.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let mut started = lines.find(|line| line["event"] == "backend_started").unwrap();
        started.as_object_mut().unwrap().remove("crc");
        started
    }

    /// Adds a workspace without a log.
    pub(crate) async fn add(&self, workspace: &str) {
        insert(&mut PgConnection::connect(&self.database).await.unwrap(), workspace, workspace).await;
    }

    pub(crate) async fn revoke(&self, workspace: &str) {
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        workspaces::revoke(&mut connection, workspace).await.unwrap();
    }

    /// Posts the beginning of a stream.
    pub(crate) async fn post(&self, workspace: &str, log: &str, stream: &str, lines: String) {
        let url = format!("http://{}/ingest/{workspace}/{log}/{stream}", self.address);
        let request = Client::new().post(url).bearer_auth(token(workspace)).header("workshop-offset", 0);
        assert_eq!(request.body(lines).send().await.unwrap().status(), 200, "{workspace}");
    }

    /// What an instructor asks.
    pub(crate) async fn ask(&self, path: &str) -> Response {
        let request = Client::new().get(format!("http://{}{path}", self.address)).bearer_auth(INSTRUCTOR);
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.ask(path).await.json().await.unwrap()
    }

    /// What the files say of each student.
    pub(crate) fn students(&self) -> Vec<Student> {
        self.simulated.iter().map(Student::read).collect()
    }

    /// A connection with an analyst's rights.
    pub(crate) async fn analyst(&self) -> PgConnection {
        let mut connection = PgConnection::connect(&self.database).await.unwrap();
        sqlx::query("set role workshop_analyst").execute(&mut connection).await.unwrap();
        connection
    }

    pub(crate) async fn end(self) {
        let mut admin = PgConnection::connect(&self.server).await.unwrap();
        let drop = format!("drop database {} with (force)", self.name);
        sqlx::query(AssertSqlSafe(drop)).execute(&mut admin).await.unwrap();
    }
}

fn token(workspace: &str) -> String {
    format!("token-of-{workspace}")
}

async fn add(database: &str, students: &[SimulatedStudent]) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let listed = students.iter().map(|student| (student.workspace.as_str(), student.name.as_str()));
    for (workspace, student) in listed.chain([("zz-late", LATECOMER)]) {
        insert(&mut connection, workspace, student).await;
    }
}

async fn insert(connection: &mut PgConnection, workspace: &str, student: &str) {
    let hash = Sha256::digest(token(workspace));
    sqlx::query("insert into workspaces (workspace, workshop, student, token_hash) values ($1, $2, $3, $4)")
        .bind(workspace)
        .bind(workshop_simulator::WORKSHOP)
        .bind(student)
        .bind(hash.as_slice())
        .execute(connection)
        .await
        .unwrap();
}

/// Ships what is in a volume, and ends.
async fn ship(url: String, student: &SimulatedStudent) -> bool {
    let token = token(&student.workspace);
    let dir = student.dir.to_str().unwrap();
    let arguments =
        ["shipper", "--once", "--only", "streams", "--url", &url, "--token", &token, "--dir", dir];
    let settings = workshop_shipper::Settings::parse_from(arguments);
    let (_tell, end) = workshop_shipper::ending(Phase::Finishing);
    workshop_shipper::ship(settings, end, Metrics::default()).await.unwrap()
}
