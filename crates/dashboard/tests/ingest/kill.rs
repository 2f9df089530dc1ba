//! Killed at any moment: nothing is lost, nothing doubled.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tempfile::TempDir;
use tokio::task::JoinHandle;
use workshop_testing::dashboard::{
    DashboardProcess, Database, Poster, Served, Server, WORKSPACE, assert_equal,
};
use workshop_testing::{Random, rounds};

use crate::files;

/// Grows a log and ships it until it is told to end; then ships the rest.
pub fn shipping(shipper: Poster, folder: &TempDir, seed: u64, end: Arc<AtomicBool>) -> JoinHandle<()> {
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

#[tokio::test(flavor = "multi_thread")]
async fn the_dashboard_is_killed() {
    let database = Database::new().await;
    let token = database.add(WORKSPACE).await;
    let folder = TempDir::new().unwrap();
    let casts = folder.path().join("casts").display().to_string();
    let mut dashboard = DashboardProcess::new(&database.url, [("WORKSHOP_CASTS", casts)]);
    let end = Arc::new(AtomicBool::new(false));
    let poster = Poster::new(dashboard.address, WORKSPACE, &token);
    let ships = shipping(poster, &folder, 23, end.clone());
    let mut random = Random::new(29);
    for _ in 0..rounds(8, 200) {
        dashboard.start().await;
        tokio::time::sleep(Duration::from_micros(random.below(60_000))).await;
        dashboard.kill();
    }
    dashboard.start().await;
    end.store(true, Ordering::Relaxed);
    ships.await.unwrap();
    dashboard.kill();
    assert_equal(&database, [folder.path()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_killed() {
    let mut server = Server::start().await;
    let database = Database::on(&server.url(), "").await;
    let token = database.add(WORKSPACE).await;
    let served = Served::on(&database).await;
    let folder = TempDir::new().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let ships = shipping(served.poster(&token), &folder, 31, end.clone());
    let mut random = Random::new(37);
    for _ in 0..rounds(2, 20) {
        tokio::time::sleep(Duration::from_millis(random.below(400))).await;
        server.crash();
        server.answers().await;
    }
    end.store(true, Ordering::Relaxed);
    ships.await.unwrap();
    assert_equal(&database, [folder.path()]).await;
    drop(database);
}
