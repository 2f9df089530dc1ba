//! A running sandbox: starts programs in it, and starts it again when its processes died.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::account::Account;
use crate::client::Connection;
use crate::error::SandboxError;
use crate::folder::Folder;
use crate::host::Programs;
use crate::inside::{STUDENT, STUDENT_HOME, STUDENT_ID};
use crate::program::{Pipes, Program, RunAs, TerminalSize};
use crate::running::Running;
use crate::{bubblewrap, etc};

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
    /// ones ([`crate::lay_out`] fills them).
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
