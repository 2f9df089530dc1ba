//! Serves a router over HTTP/1.1 with bounds: connections, the time and size of a request's head, and the time to stop.

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use hyper_util::service::TowerToHyperService;
use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tower::{ServiceExt, service_fn};

use crate::counted::Counted;
use crate::idle::{Answer, Idle, Seat};

/// How much clients may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Open connections, WebSockets among them, and never more than half of the files that the process may open. When all are
    /// taken, the one that has been without a request for longest makes room; without such a one, more wait.
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
    let connections = Arc::new(Semaphore::new(limits.connections.min(open_files() / 2)));
    let idle = Idle::default();
    let graceful = GracefulShutdown::new();
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let (stream, _) = listener.accept().await?;
            Ok::<_, io::Error>((stream, room(&connections, &idle).await?))
        };
        tokio::select! {
            accepted = accepted => match accepted {
                Ok((stream, permit)) => {
                    tokio::spawn(connection(Counted { stream, _permit: permit }, idle.enter(), router.clone(), limits, graceful.watcher()));
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

/// A place for one more connection, sooner or later.
async fn room(connections: &Arc<Semaphore>, idle: &Idle) -> io::Result<OwnedSemaphorePermit> {
    loop {
        if let Ok(permit) = connections.clone().try_acquire_owned() {
            return Ok(permit);
        }
        idle.evict();
        // Until it has left, or a connection becomes idle.
        if let Ok(permit) = timeout(AFTER_REFUSAL, connections.clone().acquire_owned()).await {
            return permit.map_err(io::Error::other);
        }
    }
}

/// How many files the process may open.
fn open_files() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(Semaphore::MAX_PERMITS)
}

/// Raises how many files the process may open to what the system allows it. Not for a process whose children are anybody's
/// programs: some of them go through all numbers.
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit }) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// A client that went away before it was accepted is no reason to wait.
async fn refused(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    if !matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset) {
        tracing::error!(%error, "cannot accept a connection");
        sleep(AFTER_REFUSAL).await;
    }
}

async fn connection(connection: Counted, seat: Arc<Seat>, router: Router, limits: Limits, watcher: Watcher) {
    // The echo of a key must not wait for more bytes.
    let _ = connection.stream.set_nodelay(true);
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(HEAD);
    let own = seat.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (request_under_way, router) = (own.begin(), router.clone());
        async move {
            let answer = router.oneshot(request).await?;
            Ok::<_, Infallible>(answer.map(|body| Body::new(Answer { body, _request: request_under_way })))
        }
    });
    let serving =
        builder.serve_connection_with_upgrades(TokioIo::new(connection), TowerToHyperService::new(service));
    let mut serving = std::pin::pin!(watcher.watch(serving));
    let ended = loop {
        tokio::select! {
            ended = &mut serving => break Some(ended),
            // What was answered last may not be sent yet.
            () = seat.must_leave() => if let Ok(ended) = timeout(seat.grace(), &mut serving).await {
                break Some(ended);
            } else if seat.is_idle() {
                break None;
            },
            // Otherwise a request came in the meantime, and is answered.
        }
    };
    match ended {
        Some(Ok(())) => {}
        Some(Err(error)) => tracing::debug!(%error, "a connection ended early"),
        None => tracing::debug!("an idle connection made room"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use axum::extract::ws::WebSocketUpgrade;
    use axum::routing::get;
    use futures_util::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";

    async fn served(limits: Limits) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let endless = async || Body::from_stream(stream::pending::<Result<&str, Infallible>>());
        let router = Router::new().route("/", get(async || "here")).route("/endless", get(endless)).route(
            "/socket",
            get(async |upgrade: WebSocketUpgrade| {
                upgrade.on_upgrade(
                    async |mut socket| while socket.recv().await.is_some_and(|frame| frame.is_ok()) {},
                )
            }),
        );
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

    /// A connection beyond the limit waits while all others have requests under way.
    #[tokio::test]
    async fn connections_are_limited() {
        let address = served(Limits { connections: 1, ..Limits::default() }).await;
        let mut first = TcpStream::connect(address).await.unwrap();
        first.write_all(b"GET /endless HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut begin = [0; 12];
        first.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(timeout(Duration::from_millis(500), ask(&mut second)).await.is_err(), "two at once");
        drop(first);
        let mut answer = [0; 12];
        timeout(Duration::from_secs(20), second.read_exact(&mut answer)).await.unwrap().unwrap();
        assert_eq!(&answer, b"HTTP/1.1 200");
    }

    /// Those that send half a request, or nothing more, make room at once.
    #[tokio::test]
    async fn idle_connections_make_room() {
        let address = served(Limits { connections: 8, ..Limits::default() }).await;
        let mut idle = Vec::new();
        for n in 0..50 {
            let mut stream = TcpStream::connect(address).await.unwrap();
            match n % 3 {
                0 => stream.write_all(&REQUEST[..10]).await.unwrap(),
                1 => assert!(ask(&mut stream).await.starts_with(b"HTTP/1.1 200"), "{n}"),
                _ => {}
            }
            idle.push(stream);
        }
        let mut last = TcpStream::connect(address).await.unwrap();
        let answer = timeout(Duration::from_secs(20), ask(&mut last)).await.unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200"));
        // Those that came last are still there, and the first are not.
        let mut rest = Vec::new();
        idle.swap_remove(0).read_to_end(&mut rest).await.unwrap();
        assert!(ask(&mut last).await.starts_with(b"HTTP/1.1 200"));
    }

    /// What was a request once and is a WebSocket now counts until it is closed.
    #[tokio::test]
    async fn sockets_count() {
        let address = served(Limits { connections: 1, ..Limits::default() }).await;
        let mut socket = TcpStream::connect(address).await.unwrap();
        let upgrade = "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
        socket.write_all(upgrade.as_bytes()).await.unwrap();
        let mut begin = [0; 12];
        socket.read_exact(&mut begin).await.unwrap();
        assert_eq!(&begin, b"HTTP/1.1 101");
        let mut second = TcpStream::connect(address).await.unwrap();
        assert!(timeout(Duration::from_millis(500), ask(&mut second)).await.is_err(), "two at once");
        drop(socket);
        timeout(Duration::from_secs(20), second.read_exact(&mut begin)).await.unwrap().unwrap();
        assert_eq!(&begin, b"HTTP/1.1 200");
    }
}
