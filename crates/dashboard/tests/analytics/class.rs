//! A simulated class, shipped to a dashboard of its own.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{StreamExt, stream};
use reqwest::Response;
use serde_json::Value;
use sqlx::PgConnection;
use tempfile::TempDir;
use workshop_dashboard::store::workspaces;
use workshop_simulator::{Options, SimulatedClass, SimulatedStudent, WORKSHOP};
use workshop_testing::dashboard::{Database, Poster, Served, ship_once};

use crate::known::Student;

/// How long the class has been at it.
pub(crate) const MINUTES: u64 = 50;
/// Somebody who has a workspace that was never started.
pub(crate) const LATECOMER: &str = "Zdeněk Pozdní";

pub(crate) struct Shipped {
    served: Served,
    simulated: Vec<SimulatedStudent>,
    /// By workspace.
    tokens: Mutex<HashMap<String, String>>,
    database: Database,
    _folder: TempDir,
}

impl Shipped {
    /// A class of so many, in a database of its own.
    pub(crate) async fn class(workspaces: usize) -> Self {
        let database = Database::new().await;
        let folder = tempfile::tempdir().unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
        let past = Duration::from_secs(MINUTES * 60);
        let options = Options { workspaces, seed: 5, past, ..Options::default() };
        let mut class = SimulatedClass::new(&options, folder.path(), now).unwrap();
        class.advance(now).unwrap();
        let simulated: Vec<SimulatedStudent> = class.students().cloned().collect();
        let tokens = database.add_students(&simulated).await;
        database.add_named("zz-late", LATECOMER, WORKSHOP).await;
        let served = Served::on(&database).await;
        let ships = simulated
            .iter()
            .zip(&tokens)
            .map(|(student, token)| ship_once(&served, student, token, &["--only", "streams"]));
        let shipped: Vec<bool> = stream::iter(ships).buffer_unordered(8).collect().await;
        assert!(shipped.iter().all(|whole| *whole));
        let named = simulated.iter().map(|student| student.workspace.clone()).zip(tokens);
        let tokens = Mutex::new(named.collect());
        Self { served, simulated, tokens, database, _folder: folder }
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
        let token = self.database.add_named(workspace, workspace, WORKSHOP).await;
        self.tokens.lock().unwrap().insert(workspace.to_owned(), token);
    }

    pub(crate) async fn revoke(&self, workspace: &str) {
        workspaces::revoke(&mut self.database.connect().await, workspace).await.unwrap();
    }

    /// Posts the beginning of a stream.
    pub(crate) async fn post(&self, workspace: &str, log: &str, stream: &str, lines: String) {
        let token = self.tokens.lock().unwrap()[workspace].clone();
        let poster = Poster::new(self.served.address, workspace, &token);
        poster.send(poster.posting(log, stream, 0, lines.as_bytes())).await.ok();
    }

    /// What an instructor asks.
    pub(crate) async fn ask(&self, path: &str) -> Response {
        let answer = self.served.get(path).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.served.json(path).await
    }

    /// What the files say of each student.
    pub(crate) fn students(&self) -> Vec<Student> {
        self.simulated.iter().map(Student::read).collect()
    }

    /// A connection with an analyst's rights.
    pub(crate) async fn analyst(&self) -> PgConnection {
        self.database.connect_as("workshop_analyst").await
    }
}
