//! A class is taken in while fifty instructors watch it, and while nobody does.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use reqwest::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use workshop_dashboard::{Dashboard, serve};
use workshop_events::LogId;
use workshop_testing::dashboard::{Database, INSTRUCTOR, settings};
use workshop_testing::free_port;

use crate::log::Log;
use crate::report::row;

const PAIRS: u64 = 7;
const WATCHERS: usize = 50;
/// Of the class, each with records that come in short bodies: every one is a change to be told.
const WORKSPACES: u64 = 30;
const RECORDS: u64 = 1500;
const BODY: usize = 8 * 1024;

/// A workspace and its token.
struct Workspace {
    name: String,
    token: String,
}

pub(crate) async fn measure(database: &Database) {
    let casts = tempfile::tempdir().unwrap();
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
    let listen = ["--listen", &address.to_string(), "--instructor-token", INSTRUCTOR];
    let settings = settings(&database.url, casts.path().to_str().unwrap(), &listen);
    tokio::spawn(serve(Dashboard::open(settings).await.unwrap(), std::future::pending()));
    let mut workspaces = Vec::new();
    for number in 0..WORKSPACES {
        let name = format!("watched-{number}");
        workspaces.push(Workspace { token: database.add(&name).await, name });
    }
    // What is asked for the first time takes longer.
    ship(address, &workspaces, 0).await;
    let mut pairs = Vec::new();
    for pair in 0..PAIRS {
        let alone = async || ship(address, &workspaces, 1 + 2 * pair).await;
        let watched = async || {
            let watchers = watch(address).await;
            let rows = ship(address, &workspaces, 2 + 2 * pair).await;
            drop(watchers);
            rows
        };
        // In turn, so that neither is always the one after the other.
        pairs.push(if pair % 2 == 0 {
            let bound = alone().await;
            (watched().await, bound)
        } else {
            let rows = watched().await;
            (rows, alone().await)
        });
    }
    let name = "ingest while 50 dashboards watch, against nobody watching";
    row(name, "rows/s", &pairs, ">= 0.95");
}

/// Everybody posts a new log at the same time. Rows a second.
async fn ship(address: SocketAddr, workspaces: &[Workspace], round: u64) -> f64 {
    let client = Client::new();
    let mut posting = JoinSet::new();
    let logs: Vec<Log> = (0..WORKSPACES)
        .map(|workspace| Log::new(LogId::from_bits(0xaa << 48 | round << 16 | workspace), RECORDS, BODY))
        .collect();
    let begin = Instant::now();
    for (Workspace { name, token }, log) in workspaces.iter().zip(logs) {
        let (client, token) = (client.clone(), token.clone());
        let url = format!("http://{address}/ingest/{name}/{}", log.id);
        posting.spawn(async move {
            for (stream, offset, body) in log.posts {
                let request = client.post(format!("{url}/{}", stream.name())).bearer_auth(&token);
                let response = request.header("workshop-offset", offset).body(body).send().await.unwrap();
                assert!(response.status().is_success(), "{}", response.text().await.unwrap());
                response.bytes().await.unwrap();
            }
        });
    }
    while posting.join_next().await.transpose().unwrap().is_some() {}
    2.0 * (WORKSPACES * RECORDS) as f64 / begin.elapsed().as_secs_f64()
}

/// Watches that only read, until they are dropped.
async fn watch(address: SocketAddr) -> JoinSet<()> {
    let mut watching = JoinSet::new();
    let request =
        format!("GET /api/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {INSTRUCTOR}\r\n\r\n");
    for _ in 0..WATCHERS {
        let mut stream = connected(address).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut buffer = vec![0; 64 * 1024];
        let read = stream.read(&mut buffer).await.unwrap();
        assert!(buffer[..read].starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&buffer[..read]));
        watching.spawn(async move { while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {} });
    }
    watching
}

async fn connected(address: SocketAddr) -> TcpStream {
    loop {
        match TcpStream::connect(address).await {
            Ok(stream) => return stream,
            Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}
