//! Serves a router over HTTP/1.1 with bounds: connections, the time and size of a request's head, and the time to stop.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};

/// How much clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections; more wait until one is closed. A WebSocket no longer counts once it is open.
    pub connections: usize,
    /// How long a client may take to send a request's head, and how long a connection may be idle.
    pub head: Duration,
    /// How long open connections have to end once the service stops.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 4096, head: Duration::from_secs(30), grace: Duration::from_secs(3) }
    }
}

/// Largest head of a request, in bytes.
const HEAD: usize = 64 * 1024;
/// Pause after the system refused a connection, for example for want of descriptors.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// Serves until `stop` resolves and open connections have ended, or [`Limits::grace`] has passed.
pub async fn serve(listener: TcpListener, router: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let connections = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let permit = connections.clone().acquire_owned().await.map_err(io::Error::other)?;
            Ok::<_, io::Error>((listener.accept().await?.0, permit))
        };
        tokio::select! {
            accepted = accepted => match accepted {
                Ok((stream, permit)) => {
                    tokio::spawn(connection(stream, permit, router.clone(), limits, graceful.watcher()));
                }
                Err(error) => refused(&error).await,
            },
            () = &mut stop => break,
        }
    }
    drop(listener);
    // What takes longer ends with the process.
    let _ = timeout(limits.grace, graceful.shutdown()).await;
}

/// A client that went away before it was accepted is no reason to wait.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept a connection");
        sleep(AFTER_REFUSAL).await;
    }
}

async fn connection(
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    router: Router,
    limits: Limits,
    watcher: Watcher,
) {
    // The echo of a key must not wait for more bytes.
    let _ = stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD);
    let serving =
        builder.serve_connection_with_upgrades(TokioIo::new(stream), TowerToHyperService::new(router));
    if let Err(error) = watcher.watch(serving).await {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(permit);
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    async fn served(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/", get(async || "here"));
        tokio::spawn(serve(listener, router, limits, std::future::pending()));
        address
    }

    async fn ask(stream: &mut TcpStream) -> Vec<u8> {
        stream.write_all(REQUEST).await.unwrap();
        let mut answer = vec![0; 1024];
        let len = stream.read(&mut answer).await.unwrap();
        answer.truncate(len);
        answer
    }

    /// Neither a client that never finishes its head nor one that is idle keeps its connection.
    #[tokio::test]
    async fn a_slow_head_is_not_waited_for() {
        let address = served(Limits { head: Duration::from_millis(200), ..Limits::default() }).await;
        let mut slow = TcpStream::connect(address).await.unwrap();
        slow.write_all(&REQUEST[..10]).await.unwrap();
        let mut idle = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut idle).await.starts_with(b"HTTP/1.1 200"));
        for mut stream in [slow, idle] {
            let mut rest = Vec::new();
            let ended = timeout(Duration::from_secs(20), stream.read_to_end(&mut rest)).await;
            assert!(ended.is_ok(), "the connection is still open");
        }
    }

    /// A connection beyond the limit waits, and is served once another has ended.
    #[tokio::test]
    async fn connections_are_limited() {
        let address = served(Limits { connections: 1, ..Limits::default() }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        assert!(ask(&mut first).await.starts_with(b"HTTP/1.1 200"));
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(timeout(Duration::from_millis(300), ask(&mut second)).await.is_err(), "two at once");
        drop(first);
        let mut answer = [0; 12];
        timeout(Duration::from_secs(20), second.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }
}
