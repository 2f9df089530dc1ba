//! Taking lines in against what Postgres alone does with the same rows, delivering them again against reading them, and
//! taking them in while fifty instructors watch against nobody watching.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that fails says so at once")]

mod log;
mod report;
mod watching;

use std::net::SocketAddr;
use std::time::Instant;

use axum::Router;
use axum::extract::Request;
use axum::routing::post;
use reqwest::Client;
use sqlx::{Connection, PgConnection};
use tokio::net::TcpListener;
use workshop_dashboard::projections::{Place, Projected, RecordRows};
use workshop_dashboard::store::types::Date;
use workshop_events::{Commands, LogId, State, Stream};
use workshop_testing::dashboard::{Database, Served};

use log::Log;
use report::row;

const PAIRS: u64 = 7;
/// Records of each of two streams.
const RECORDS: u64 = 40_000;
const BODY: usize = 4 * 1024 * 1024;

#[tokio::main]
async fn main() {
    let database = Database::durable().await;
    measure(&database).await;
    watching::measure(&database).await;
}

async fn listen(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

fn log(bits: u64) -> Log {
    Log::new(LogId::from_bits(bits), RECORDS, BODY)
}

async fn measure(database: &Database) {
    let served = Served::with(&database.url, &[]).await;
    let dashboard = served.address;
    let reader = post(async |request: Request| {
        axum::body::to_bytes(request.into_body(), BODY)
            .await
            .map(|bytes| bytes.len().to_string())
            .unwrap_or_default()
    });
    let bare = listen(Router::new().route("/", reader)).await;

    let mut connection = database.connect().await;
    let token = database.add("ada").await;
    let client = Client::new();
    let (mut taking, mut again) = (Vec::new(), Vec::new());
    for pair in 0..PAIRS {
        let (log, other) = (log(pair + 1), log(0xb0 << 32 | pair));
        let mut copied = 0.0;
        // In turn, so that neither is always the one after the other.
        if pair % 2 == 0 {
            copied = copy(&mut connection, &other).await;
        }
        let taken = ship(&client, dashboard, &token, &log).await;
        if pair % 2 == 1 {
            copied = copy(&mut connection, &other).await;
        }
        taking.push((2.0 * RECORDS as f64 / taken, 2.0 * RECORDS as f64 / copied));
        let delivered = ship(&client, dashboard, &token, &log).await;
        let read = send(&client, bare, &log).await;
        again.push((log.bytes() / delivered / 1e6, log.bytes() / read / 1e6));
    }
    let name =
        "ingest of state and commands, against COPY of the same rows into events and their projections";
    row(name, "rows/s", &taking, ">= 0.6");
    row("delivered again, against reading the bytes", "MB/s", &again, ">= 0.8");
}

/// Seconds until all of a log is taken in.
async fn ship(client: &Client, address: SocketAddr, token: &str, log: &Log) -> f64 {
    let begin = Instant::now();
    for (stream, offset, body) in &log.posts {
        let url = format!("http://{address}/ingest/ada/{}/{}", log.id, stream.name());
        let request =
            client.post(url).bearer_auth(token).header("workshop-offset", *offset).body(body.clone());
        let response = request.send().await.unwrap();
        assert!(response.status().is_success(), "{}", response.text().await.unwrap());
        response.bytes().await.unwrap();
    }
    begin.elapsed().as_secs_f64()
}

/// Seconds to send the same bytes to one who only reads them.
async fn send(client: &Client, address: SocketAddr, log: &Log) -> f64 {
    let begin = Instant::now();
    for (.., body) in &log.posts {
        let response = client.post(format!("http://{address}/")).body(body.clone()).send().await.unwrap();
        assert_eq!(response.text().await.unwrap(), body.len().to_string());
    }
    begin.elapsed().as_secs_f64()
}

/// Seconds for which Postgres alone needs the rows of the log, committed as often.
async fn copy(connection: &mut PgConnection, log: &Log) -> f64 {
    let opened =
        sqlx::query_scalar("select (now() at time zone 'UTC')::date").fetch_one(&mut *connection).await;
    let opened: Date = opened.unwrap();
    let place = Place { workspace: "ada".to_owned(), log: log.id.to_string(), opened };
    let mut posts = Vec::new();
    for (stream, _, body) in &log.posts {
        posts.push((
            *stream,
            if *stream == Stream::State {
                rows::<State>(&place, body)
            } else {
                rows::<Commands>(&place, body)
            },
        ));
    }
    let begin = Instant::now();
    for (stream, rows) in posts {
        let mut transaction = connection.begin().await.unwrap();
        match stream {
            Stream::State => rows.write::<State>(&mut transaction).await.unwrap(),
            _ => rows.write::<Commands>(&mut transaction).await.unwrap(),
        }
        transaction.commit().await.unwrap();
    }
    begin.elapsed().as_secs_f64()
}

fn rows<K: Projected>(place: &Place, body: &[u8]) -> RecordRows {
    let mut rows = RecordRows::default();
    for line in std::str::from_utf8(body).unwrap().lines() {
        let record = K::parse(line).unwrap();
        let (_, seq) = K::identity(&record);
        rows.push::<K>(place, seq.unwrap(), line, &record);
    }
    rows
}
