//! A running backend: started on a workspace, asked whether it serves, ended in order.

use std::env;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::checkout::Checkout;
use crate::workspace::Workspace;

/// How long a backend may take to answer, and to close its streams in the end.
const PATIENCE: Duration = Duration::from_secs(10);

/// Where a backend serves, and the tokens that it compares with.
pub(crate) struct Door {
    pub(crate) address: SocketAddr,
    pub(crate) access: String,
    pub(crate) instructor: String,
}

impl Door {
    /// New tokens, and `port` on the loopback address; 0 takes a free one. Asked before anything starts, so that a
    /// taken port is one clear message.
    pub(crate) fn new(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .with_context(|| format!("port {port} is taken; choose another with --port"))?;
        Ok(Self { address: listener.local_addr()?, access: token()?, instructor: token()? })
    }

    /// Asks the backend with the student's token: the status, and the body.
    pub(crate) async fn request(&self, method: &str, path: &str) -> io::Result<(u16, String)> {
        let Self { address, access, .. } = self;
        let mut stream = TcpStream::connect(address).await?;
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {access}\r\n\
             Content-Length: 0\r\nConnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.get(9..12).and_then(|status| status.parse().ok());
        let (_, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
        status.map(|status| (status, body.to_owned())).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

/// 128 random bits in hex.
pub(crate) fn token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).context("no random numbers")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A backend that is a child of this chore. Should the chore be killed, the kernel ends the backend, which would
/// otherwise hold its port.
pub(crate) struct Backend {
    child: Child,
}

impl Backend {
    /// Starts a backend.
    pub(crate) fn start(checkout: &Checkout, workspace: &Workspace, door: &Door) -> Result<Self> {
        let mut command = checkout.clean_command("setpriv", &["HOME", "LANG"]);
        command
            .env("WORKSHOP_LOG", env::var_os("WORKSHOP_LOG").unwrap_or_else(|| "warn".into()))
            .args(["--pdeathsig", "TERM"])
            .arg(checkout.backend())
            .envs(&workspace.environment)
            .env("WORKSHOP_LISTEN", door.address.to_string())
            .env("WORKSHOP_ACCESS_TOKEN", &door.access)
            .env("WORKSHOP_INSTRUCTOR_TOKEN", &door.instructor)
            .stdin(Stdio::null());
        let mut command = Command::from(command);
        // A group of its own: Ctrl-C reaches the chore alone, which then ends the backend in order.
        let child =
            command.process_group(0).kill_on_drop(true).spawn().context("cannot start the backend")?;
        Ok(Self { child })
    }

    /// Waits for the first 200 on `/readyz`.
    pub(crate) async fn ready(&mut self, door: &Door) -> Result<()> {
        let served = async {
            while !door.request("GET", "/readyz").await.is_ok_and(|(status, _)| status == 200) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::select! {
            () = served => Ok(()),
            status = self.child.wait() => bail!("the backend ended before it served: {}", status?),
            () = sleep(PATIENCE) => bail!("the backend did not answer on {} within {PATIENCE:?}", door.address),
        }
    }

    /// Asks the backend to end, and insists if it does not.
    pub(crate) async fn stop(mut self) -> Result<()> {
        if let Some(pid) = self.child.id() {
            Command::new("kill").arg(pid.to_string()).status().await?;
        }
        match timeout(PATIENCE, self.child.wait()).await {
            Ok(Ok(status)) if status.success() || status.signal().is_some() => Ok(()),
            Ok(status) => bail!("the backend ended with {}", status?),
            Err(_) => {
                self.child.kill().await?;
                bail!("the backend did not end within {PATIENCE:?} and was killed");
            }
        }
    }
}
