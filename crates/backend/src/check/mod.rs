//! Checks: goss runs the spec of a step, and its answer becomes sentences.

mod error;
mod goss;
mod outcome;
mod report;
mod words;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;
use workshop_events::Trigger;
use workshop_sandbox::{Launcher, Pipes, Program, RunAs};

pub use error::CheckError;
pub use goss::IN_IMAGE;
pub use report::Report;

/// How long a check may take.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// How much goss may say, in bytes.
const OUTPUT_LIMIT: u64 = 1024 * 1024;

/// The exit code of goss for a spec that it cannot use.
const UNUSABLE_SPEC: i32 = 78;

/// Runs checks in a workspace, one at a time.
#[derive(Debug)]
pub struct Checks {
    launcher: Launcher,
    goss: PathBuf,
    environment: Vec<(String, String)>,
    directory: PathBuf,
    time_limit: Duration,
    turn: Mutex<()>,
    /// How many checks of the student run or wait.
    students: watch::Sender<usize>,
}

impl Checks {
    /// Checks by the goss at this path, as the launcher sees it. Where the student can reach it, it is run only as long as
    /// nobody but root and the backend's user can have changed it.
    pub fn new(launcher: Launcher, goss: impl Into<PathBuf>) -> Self {
        Self {
            launcher,
            goss: goss.into(),
            environment: Vec::new(),
            directory: "/workspace".into(),
            time_limit: TIME_LIMIT,
            turn: Mutex::new(()),
            students: watch::Sender::new(0),
        }
    }

    /// Adds to the checks' environment: the author's `env`.
    #[must_use]
    pub fn with_environment(mut self, environment: Vec<(String, String)>) -> Self {
        self.environment = environment;
        self
    }

    /// Has the checks run in another directory than `/workspace`.
    #[must_use]
    pub fn in_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Sets how long a check may take, 60 s by default.
    #[must_use]
    pub fn with_time_limit(mut self, limit: Duration) -> Self {
        self.time_limit = limit;
        self
    }

    /// Runs a spec and reports what it found. A student's check waits for another student's; a periodic one does not
    /// wait, and is given up when a student asks. Dropping the future kills goss and all that it started.
    ///
    /// # Errors
    /// There is no result: see [`CheckError`].
    pub async fn run(&self, spec: &str, run_as: RunAs, trigger: Trigger) -> Result<Report, CheckError> {
        if trigger == Trigger::Student {
            let _waiting = Counted::new(&self.students);
            let _turn = self.turn.lock().await;
            return self.run_now(spec, run_as).await;
        }
        let _turn = self.turn.try_lock().map_err(|_| CheckError::Yielded)?;
        let mut students = self.students.subscribe();
        tokio::select! {
            report = self.run_now(spec, run_as) => report,
            _ = students.wait_for(|count| *count > 0) => Err(CheckError::Yielded),
        }
    }

    async fn run_now(&self, spec: &str, run_as: RunAs) -> Result<Report, CheckError> {
        let goss = match &self.launcher {
            Launcher::Direct(direct) => goss::trusted(&self.goss, direct.student())?,
            // The backend's own copy, which nothing in there can change.
            Launcher::Sandbox(_) => self.goss.clone(),
        };
        let program = self.program(&goss, run_as);
        let (pipes, mut running) =
            self.launcher.spawn_with_pipes(&program).await.map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => CheckError::Missing { path: self.goss.clone() },
                _ => CheckError::NotStarted(error),
            })?;
        // When this returns early, `running` is dropped, which kills the whole process group.
        let (output, complaint) = timeout(self.time_limit, converse(pipes, spec))
            .await
            .map_err(|_| CheckError::TimedOut { limit: self.time_limit })??;
        let exit = running.wait().await.map_err(CheckError::NotStarted)?;
        match exit.code {
            Some(0 | 1) => match outcome::parse(&output) {
                Some(results) => report::report(spec, results),
                None => Err(CheckError::Crashed { exit, message: words::first_line(&complaint) }),
            },
            Some(UNUSABLE_SPEC) => {
                let message = output.trim_start().strip_prefix("Error: ").unwrap_or(&output);
                Err(CheckError::Spec(words::first_line(message)))
            }
            _ => Err(CheckError::Crashed { exit, message: words::first_line(&complaint) }),
        }
    }

    fn program(&self, goss: &Path, run_as: RunAs) -> Program {
        let mut env = self.launcher.base_env();
        if run_as == RunAs::Root {
            for (name, value) in &mut env {
                match name.as_str() {
                    "HOME" => "/root".clone_into(value),
                    "USER" | "LOGNAME" => "root".clone_into(value),
                    _ => {}
                }
            }
        }
        env.extend(self.environment.iter().cloned());
        let goss = goss.to_string_lossy().into_owned();
        let arguments = ["-g", "-", "validate", "--format", "json"].map(str::to_owned);
        let argv = [goss].into_iter().chain(arguments).collect();
        Program { argv, env, cwd: self.directory.clone(), run_as }
    }
}

/// Gives goss the spec and takes what it says.
async fn converse(pipes: Pipes, spec: &str) -> Result<(String, String), CheckError> {
    let feed = async {
        // goss may end without reading all; then its exit says what there is to say.
        let _ = pipe::Sender::from_owned_fd(pipes.stdin)?.write_all(spec.as_bytes()).await;
        io::Result::Ok(())
    };
    let feed = async { feed.await.map_err(CheckError::NotStarted) };
    let ((), output, complaint) = tokio::try_join!(feed, read(pipes.stdout), read(pipes.stderr))?;
    Ok((output, complaint))
}

async fn read(pipe: OwnedFd) -> Result<String, CheckError> {
    let mut bytes = Vec::new();
    let pipe = pipe::Receiver::from_owned_fd(pipe).map_err(CheckError::NotStarted)?;
    pipe.take(OUTPUT_LIMIT + 1).read_to_end(&mut bytes).await.map_err(CheckError::NotStarted)?;
    if bytes.len() as u64 > OUTPUT_LIMIT {
        return Err(CheckError::TooMuchOutput { limit: OUTPUT_LIMIT });
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Counts itself as long as it lives.
struct Counted<'a>(&'a watch::Sender<usize>);

impl<'a> Counted<'a> {
    fn new(count: &'a watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
    }
}
