//! The shippers of the tests, as processes.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::Stdio;

use workshop_simulator::SimulatedStudent;
use workshop_testing::dashboard::DashboardProcess;
use workshop_testing::{Process, this_test};

/// A shipper of one workspace: this program as another process. Dropped, it is killed.
pub struct Shipper {
    url: String,
    token: String,
    dir: PathBuf,
    process: Option<Process>,
}

impl Shipper {
    pub fn new(dashboard: &DashboardProcess, student: &SimulatedStudent, token: &str) -> Self {
        let url = dashboard.url(&format!("/ingest/{}", student.workspace));
        Self { url, token: token.to_owned(), dir: student.dir.clone(), process: None }
    }

    /// One for each student.
    pub fn all(dashboard: &DashboardProcess, students: &[SimulatedStudent], tokens: &[String]) -> Vec<Self> {
        students.iter().zip(tokens).map(|(student, token)| Self::new(dashboard, student, token)).collect()
    }

    /// Starts it, or again if it has ended.
    pub fn keep(&mut self) {
        if self.process.as_mut().is_none_or(|process| process.ended().is_some()) {
            let mut shipper = this_test("shipper");
            shipper
                .env("WORKSHOP_INGEST_URL", &self.url)
                .env("WORKSHOP_INGEST_TOKEN", &self.token)
                .env("WORKSHOP_RUNTIME_DIR", &self.dir)
                .env("NO_PROXY", "*")
                .stdout(Stdio::null())
                .stderr(File::options().append(true).create(true).open(self.log()).unwrap());
            self.process = Some(Process::start(&mut shipper));
        }
    }

    /// Beside the volume.
    fn log(&self) -> PathBuf {
        self.dir.with_extension("shipper.log")
    }

    /// What it has logged since it was last asked.
    pub fn logged(&self) -> String {
        let text = fs::read_to_string(self.log()).unwrap();
        fs::write(self.log(), "").unwrap();
        text
    }

    /// kill -9.
    pub fn kill(&mut self) {
        self.process = None;
    }
}
