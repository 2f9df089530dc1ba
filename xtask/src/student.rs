//! A student without a browser, for tests that need something to have happened in a workspace.

use std::fs;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures_util::{SinkExt, StreamExt};
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::backend::Door;

/// How long a command may take until it stands in the log.
const PATIENCE: Duration = Duration::from_secs(15);

/// Types `commands` into the workspace's terminal, each after the one before it stands in the command log in `runtime`.
pub(crate) async fn work(door: &Door, runtime: &Path, commands: &[&str]) -> Result<()> {
    let stream = TcpStream::connect(door.address).await?;
    let url = format!("ws://{}/ws/terminal", door.address);
    let (socket, _) = tokio_tungstenite::client_async(url, stream).await.context("the terminal")?;
    let (mut say, mut hear) = socket.split();
    let hello = json!({"type": "hello", "token": door.access, "terminal": "main", "cols": 100, "rows": 30});
    say.send(Message::text(hello.to_string())).await?;
    let first = loop {
        match hear.next().await.context("the terminal closed at once")?? {
            Message::Ping(_) => (),
            said => break said,
        }
    };
    ensure!(first.to_text().is_ok_and(|text| text.contains("\"restored\"")), "the terminal said {first}");
    let log = runtime.join("command-log.jsonl");
    for command in commands {
        say.send(Message::binary(format!("{command}\r").into_bytes())).await?;
        let quoted = serde_json::to_string(command)?;
        let logged = async {
            while !fs::read_to_string(&log).is_ok_and(|log| log.contains(&quoted)) {
                sleep(Duration::from_millis(20)).await;
            }
        };
        let closed = async { while let Some(Ok(_)) = hear.next().await {} };
        tokio::select! {
            done = timeout(PATIENCE, logged) => {
                done.with_context(|| format!("`{command}` is not in {}", log.display()))?;
            }
            () = closed => bail!("the terminal closed before `{command}` was logged"),
        }
    }
    Ok(())
}
