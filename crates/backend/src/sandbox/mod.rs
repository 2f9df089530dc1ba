//! The sandbox: one bubblewrap per workspace, for machines without a container engine.
//!
//! Inside are the host's programs, read-only, the student's workspace and home, and nothing else of the host. The
//! backend stays outside with log and artifact. It starts bubblewrap, whose first process ([`init`]) starts shells and
//! checks on request, so that checks see what the student's shells started. The student has one uid and gid; when the
//! backend is root it is a user of its own, else it is the user that the backend is.

mod bubblewrap;
mod client;
mod etc;
mod folder;
pub mod init;
mod layout;
mod wire;

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

pub(crate) use client::RemoteGroup;
pub use folder::environment;
pub use layout::{LayoutError, lay_out};

use crate::process::{Account, Pipes, Program, RunAs, Running, TerminalSize};
use client::Connection;
use folder::Folder;

/// Where goss is inside.
pub const GOSS: &str = "/opt/workshop/bin/goss";

/// Where the backend's program is inside.
const BACKEND: &str = "/opt/workshop/bin/workshop-backend";
const HOSTNAME: &str = "workshop";
const STUDENT: &str = "student";
const STUDENT_ID: u32 = 1000;
const STUDENT_HOME: &str = "/home/student";

/// The platform's programs on the host that a sandbox gets. Bubblewrap itself is one of the machine's.
#[derive(Clone, Debug)]
pub struct Programs {
    /// `workshop-backend`.
    pub backend: PathBuf,
    /// goss. Without it a sandbox works, but a check says that goss is missing.
    pub goss: PathBuf,
}

/// Why there is no sandbox.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// Bubblewrap is not installed.
    #[error(
        "bubblewrap is not installed: there is no bwrap in /usr/bin or the like; shells and checks run in a sandbox that \
         it makes"
    )]
    NoBubblewrap,
    /// The folder holds something that no sandbox has.
    #[error(
        "{path} is not a sandbox's folder: {found} is in it. A sandbox has its folder for itself; name a new or an \
         empty one"
    )]
    Foreign {
        /// The folder.
        path: PathBuf,
        /// The name of what was found.
        found: String,
    },
    /// Something in the sandbox's folder cannot be made.
    #[error("cannot prepare the sandbox: {path}: {source}")]
    Folder {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Bubblewrap could not make it; with its own words.
    #[error("bubblewrap could not make the sandbox: {0}")]
    NotMade(String),
    /// It was not ready in time.
    #[error("the sandbox was not ready within {0:?}")]
    Slow(Duration),
    /// No resources.
    #[error("cannot start the sandbox: {0}")]
    Io(#[from] io::Error),
}

/// A sandbox. It runs until this, its clones and every program in it are dropped. If its processes die all the same
/// (out of memory, killed from outside), the next program that is started in it starts it again.
#[derive(Clone, Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    folder: Folder,
    student: Account,
    connection: Mutex<Connection>,
}

impl Sandbox {
    /// Starts the sandbox of a folder. What is in its `workspace` and `home` stays as it is; a fresh folder gets empty
    /// ones ([`lay_out`] fills them).
    ///
    /// # Errors
    /// Bubblewrap is missing or not allowed to, or the folder cannot be prepared.
    pub async fn start(folder: &Path, programs: &Programs) -> Result<Self, SandboxError> {
        let folder = Folder::new(folder, programs)?;
        let connection = Mutex::new(connect(&folder).await?);
        let student = Account {
            name: STUDENT.into(),
            uid: STUDENT_ID,
            gid: STUDENT_ID,
            groups: vec![STUDENT_ID],
            home: STUDENT_HOME.into(),
            shell: "/bin/bash".into(),
        };
        Ok(Self { shared: Arc::new(Shared { folder, student, connection }) })
    }

    pub(crate) async fn spawn_on_terminal(
        &self,
        program: &Program,
        size: TerminalSize,
    ) -> io::Result<(OwnedFd, Running)> {
        let ([master], running) = self.spawn(program, Some(size)).await?;
        Ok((master, running))
    }

    pub(crate) async fn spawn_with_pipes(&self, program: &Program) -> io::Result<(Pipes, Running)> {
        let ([stdin, stdout, stderr], running) = self.spawn(program, None).await?;
        Ok((Pipes { stdin, stdout, stderr }, running))
    }

    pub(crate) fn student(&self) -> &Account {
        &self.shared.student
    }

    async fn spawn<const N: usize>(
        &self,
        program: &Program,
        terminal: Option<TerminalSize>,
    ) -> io::Result<([OwnedFd; N], Running)> {
        if program.run_as == RunAs::Root {
            let message = "there is no root in a sandbox: a step with `checkUser: root` needs a container";
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, message));
        }
        let mut connection = self.shared.connection.lock().await;
        if connection.ended() {
            tracing::warn!(
                "the sandbox ended and is started again; what ran in it is gone, its files are not"
            );
            *connection = connect(&self.shared.folder).await.map_err(io::Error::other)?;
        }
        connection.spawn(program, terminal).await
    }
}

async fn connect(folder: &Folder) -> Result<Connection, SandboxError> {
    folder.prepare()?;
    let etc = folder.etc();
    let borrowed = etc::write(&etc).map_err(|source| SandboxError::Folder { path: etc, source })?;
    Ok(Connection::new(bubblewrap::start(folder, &borrowed).await?))
}
