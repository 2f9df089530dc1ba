//! Who has no token is answered before a body is read: slow and endless bodies hold nothing.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use workshop_testing::dashboard::{DashboardProcess, Database, LOG};

/// So many senders of each kind at once.
const SENDERS: usize = 100;
/// What all of them may add to the memory of the process.
const GOAL: u64 = 32 << 20;
const PATIENCE: Duration = Duration::from_secs(10);
const BODY: usize = 2_000_000;

async fn started(database: &Database) -> DashboardProcess {
    let mut dashboard = DashboardProcess::new(&database.url, []);
    dashboard.start().await;
    dashboard
}

/// Sends a head and so much of the body that it announces; gives the connection and the first line of the answer, which
/// has to come although the body never ends.
async fn send(address: SocketAddr, path: &str, authorization: &str, sent: usize) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Workshop-Offset: 0\r\n\
         Content-Type: application/json\r\nContent-Length: {BODY}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    // Nobody may be reading it.
    let _ = timeout(Duration::from_secs(2), stream.write_all(&vec![b'['; sent])).await;
    let mut answer = [0; 12];
    timeout(PATIENCE, stream.read_exact(&mut answer))
        .await
        .unwrap_or_else(|_| panic!("{path}: no answer"))
        .unwrap();
    (stream, String::from_utf8(answer.into()).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_token() {
    let database = Database::new().await;
    database.add("ada").await;
    let dashboard = started(&database).await;
    let address = dashboard.address;
    let routes = [
        "/ingest/vector/ada".to_owned(),
        format!("/ingest/ada/{LOG}/state"),
        format!("/ingest/ada/{LOG}/cast/a.cast"),
        format!("/ingest/ada/{LOG}/diverged"),
    ];
    let authorizations = ["", "Authorization: Bearer nobodys\r\n", "Authorization: Basic eDp5\r\n"];
    send(address, &routes[0], "", 1).await;
    let before = dashboard.process().memory("VmRSS:") << 10;
    for path in &routes {
        for sent in [1, BODY - 1] {
            let senders =
                (0..SENDERS).map(|n| send(address, path, authorizations[n % authorizations.len()], sent));
            let answers = join_all(senders).await;
            assert!(answers.iter().all(|(_, answer)| answer == "HTTP/1.1 401"), "{path}");
            let added = (dashboard.process().memory("VmRSS:") << 10).saturating_sub(before);
            println!("{SENDERS} connections with {sent} bytes to {path}: + {} MB", added >> 20);
            assert!(added <= GOAL, "{path}: + {} MB", added >> 20);
        }
    }
}

/// With a token, what is told of a log is short and comes in time.
#[tokio::test(flavor = "multi_thread")]
async fn with_a_token() {
    let database = Database::new().await;
    let authorization = format!("Authorization: Bearer {}\r\n", database.add("ada").await);
    database
        .run(&format!("insert into logs (log, workspace, opened) values ('{LOG}', 'ada', '2026-11-20')"))
        .await;
    let dashboard = started(&database).await;
    let address = dashboard.address;
    let path = format!("/ingest/ada/{LOG}/diverged");
    assert_eq!(send(address, &path, &authorization, BODY - 1).await.1, "HTTP/1.1 413");
    let mut slow = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{authorization}Content-Type: application/json\r\n\
         Content-Length: 100\r\n\r\n{{"
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    timeout(4 * PATIENCE, slow.read_exact(&mut answer)).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
}
