//! Killed at any moment: nothing is lost, nothing doubled.

use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::files::{self, Random};
use crate::harness::{CASTS, Database, Served, Shipper, WORKSPACE};
use crate::oracle::assert_equal;
use crate::server::{Server, free_port};

/// Grows a log and ships it until it is told to end; then ships the rest.
pub fn shipping(shipper: Shipper, folder: &TempDir, seed: u64, end: Arc<AtomicBool>) -> JoinHandle<()> {
    let path = folder.path().to_owned();
    tokio::spawn(async move {
        let mut random = Random::new(seed);
        let mut first = 1;
        while !end.load(Ordering::Relaxed) {
            files::append(&path, &mut random, first, 60, true);
            first += 70;
            shipper.ship(&path, &mut random).await;
        }
    })
}

pub fn start(database: &Database, address: SocketAddr) -> Child {
    Command::new(env!("CARGO_BIN_EXE_workshop-dashboard"))
        .args(["serve", "--listen", &address.to_string(), "--database", &database.url, "--casts", CASTS])
        .env("RUST_LOG", "error")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_killed() {
    let database = Database::new().await;
    let token = database.add(WORKSPACE).await;
    let address: SocketAddr = format!("127.0.0.1:{}", free_port()).parse().unwrap();
    let folder = TempDir::new().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let ships = shipping(Shipper::new(address, WORKSPACE, &token), &folder, 23, end.clone());
    let mut random = Random::new(29);
    for _ in 0..40 {
        let mut dashboard = start(&database, address);
        while TcpStream::connect(address).await.is_err() {
            assert!(dashboard.try_wait().unwrap().is_none(), "it ended by itself");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        tokio::time::sleep(Duration::from_micros(random.below(60_000))).await;
        // SIGKILL.
        dashboard.kill().unwrap();
        dashboard.wait().unwrap();
    }
    let mut dashboard = start(&database, address);
    end.store(true, Ordering::Relaxed);
    ships.await.unwrap();
    dashboard.kill().unwrap();
    dashboard.wait().unwrap();
    assert_equal(&database, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_killed() {
    let mut server = Server::start().await;
    let database = Database::on(&server.url()).await;
    // What was answered has to be on disk.
    database.run(&format!("alter database {} reset synchronous_commit", database.name())).await;
    let token = database.add(WORKSPACE).await;
    let served = Served::on(&database).await;
    let folder = TempDir::new().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let ships = shipping(served.client(&token), &folder, 31, end.clone());
    let mut random = Random::new(37);
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_millis(random.below(400))).await;
        server.crash().await;
    }
    end.store(true, Ordering::Relaxed);
    ships.await.unwrap();
    assert_equal(&database, folder.path()).await;
    drop(database);
}
