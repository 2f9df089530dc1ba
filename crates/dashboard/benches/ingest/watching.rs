//! A class is taken in while fifty instructors watch it, and while nobody does.

use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use clap::Parser;
use reqwest::Client;
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use workshop_dashboard::arguments::{Arguments, Command};
use workshop_dashboard::store::workspaces;
use workshop_dashboard::{Dashboard, serve};
use workshop_events::LogId;

use crate::log::Log;
use crate::row;

const PAIRS: u64 = 7;
const WATCHERS: usize = 50;
/// Of the class, each with records that come in short bodies: every one is a change to be told.
const WORKSPACES: u64 = 30;
const RECORDS: u64 = 1500;
const BODY: usize = 8 * 1024;
const TOKEN: &str = "token of the instructor";

/// A workspace and its token.
struct Seat {
    name: String,
    token: String,
}

pub(crate) async fn measure(url: &str) {
    let casts = concat!(env!("CARGO_TARGET_TMPDIR"), "/bench-casts");
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listen = address.to_string();
    let arguments = ["workshop-dashboard", "serve", "--database", url, "--casts", casts, "--listen", &listen];
    let arguments = Arguments::parse_from([arguments.as_slice(), &["--instructor-token", TOKEN]].concat());
    let Command::Serve(settings) = arguments.command else { unreachable!() };
    tokio::spawn(serve(Dashboard::open(*settings).await.unwrap(), std::future::pending()));

    let mut connection = PgConnection::connect(url).await.unwrap();
    let new = (0..WORKSPACES).map(|number| workspaces::NewWorkspace {
        workspace: format!("watched-{number}"),
        student: format!("Student {number}"),
        workshop: String::new(),
        url: None,
    });
    let added = workspaces::add(&mut connection, new.collect()).await.unwrap();
    let seats: Vec<Seat> =
        added.into_iter().map(|added| Seat { name: added.workspace.workspace, token: added.token }).collect();
    // What is asked for the first time takes longer.
    ship(address, &seats, 0).await;
    let mut pairs = Vec::new();
    for pair in 0..PAIRS {
        let alone = async || ship(address, &seats, 1 + 2 * pair).await;
        let watched = async || {
            let watchers = watch(address).await;
            let rows = ship(address, &seats, 2 + 2 * pair).await;
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
    row("ingest while 50 dashboards watch, against nobody watching", "rows/s", &pairs, ">= 0.95");
}

/// Everybody posts a new log at the same time. Rows a second.
async fn ship(address: SocketAddr, seats: &[Seat], round: u64) -> f64 {
    let client = Client::new();
    let mut posting = JoinSet::new();
    let logs: Vec<Log> = (0..WORKSPACES)
        .map(|seat| Log::new(LogId::from_bits(0xaa << 48 | round << 16 | seat), RECORDS, BODY))
        .collect();
    let begin = Instant::now();
    for (Seat { name, token }, log) in seats.iter().zip(logs) {
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
        format!("GET /api/stream HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {TOKEN}\r\n\r\n");
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
