//! Postgres is stopped and started while lines come and somebody looks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use workshop_testing::dashboard::{Database, LOG, Served, Server, WORKSPACE, assert_equal};
use workshop_testing::{Random, rounds, until_async};

use crate::kill::shipping;

const LONG: Duration = Duration::from_secs(90);

/// As many questions at once as there are connections, and more, until all are answered again.
async fn until_all_answer(served: &Served) {
    let begin = Instant::now();
    loop {
        let asked = (0..20).map(|_| served.get("/api/workspaces/ada/commands").send());
        let mut good = 0;
        for answer in futures_util::future::join_all(asked).await {
            let answer = answer.unwrap();
            let status = answer.status().as_u16();
            assert!(
                status == 200 || status == 503 && answer.headers().contains_key("retry-after"),
                "{status}"
            );
            good += usize::from(status == 200);
        }
        if good == 20 {
            return;
        }
        assert!(begin.elapsed() < LONG, "the connections are not made again");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_is_restarted() {
    let mut server = Server::start().await;
    let database = Database::on(&server.url(), "").await;
    let token = database.add(WORKSPACE).await;
    let served = Served::on(&database).await;
    let folder = TempDir::new().unwrap();
    let end = Arc::new(AtomicBool::new(false));
    let ships = shipping(served.poster(&token), &folder, 41, end.clone());
    let stored = async || database.number("select count(*) from events").await > 0;
    until_async("something is stored", stored).await;
    let mut random = Random::new(43);
    for round in 0..rounds(2, 20) {
        // All connections are there, and idle or at work.
        until_all_answer(&served).await;
        tokio::time::sleep(Duration::from_millis(random.below(300))).await;
        server.stop();
        if round == 0 {
            // While it is away: told so, and none of the dashboard's own faults.
            let line = b"{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_start\",\"step\":\"x\"}\n";
            let posted = served.poster(&token).posting(LOG, "state", 0, line).send();
            let asked = ["/api/workspaces", "/api/funnel", "/readyz"].map(|path| served.get(path).send());
            let (posted, asked) = tokio::join!(posted, futures_util::future::join_all(asked));
            for answer in asked.into_iter().chain([posted]) {
                let answer = answer.unwrap();
                assert_eq!(answer.status(), 503, "{}", answer.url());
                assert!(answer.headers().contains_key("retry-after"), "{}", answer.url());
            }
            assert_eq!(served.get("/healthz").send().await.unwrap().status(), 200);
        }
        server.start_again();
        server.answers().await;
    }
    until_all_answer(&served).await;
    end.store(true, Ordering::Relaxed);
    ships.await.unwrap();
    assert_equal(&database, [folder.path()]).await;
    assert_eq!(served.get("/readyz").send().await.unwrap().status(), 200);
    // Whoever watches is told of what came last.
    let version = database.number("select version from workspaces").await;
    let begin = Instant::now();
    loop {
        let class: serde_json::Value =
            served.get("/api/workspaces").send().await.unwrap().json().await.unwrap();
        if class["workspaces"][0]["version"] == version {
            break;
        }
        assert!(begin.elapsed() < LONG, "{class}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    drop(database);
}
