//! The dashboard is killed while Vector posts, and Vector posts again.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use workshop_testing::dashboard::{DashboardProcess, Database, assert_equal};
use workshop_testing::{Random, rounds, until_async};

use crate::harness::{Vector, class, wait_long};
use crate::holes::start;
use crate::replay::Plan;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled() {
    let database = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let students = class(&folder.path().join("volumes"), 4, 21);
    let casts = folder.path().join("casts").display().to_string();
    let mut dashboard = DashboardProcess::new(&database.url, [("WORKSHOP_CASTS", casts)]);
    let address = dashboard.address;
    let end = Arc::new(AtomicBool::new(false));
    let mut deliveries = Vec::new();
    for (n, student) in students.iter().enumerate() {
        let vector = Vector::new(address, &student.workspace, &database.add(&student.workspace).await);
        let (dir, end) = (student.dir.clone(), end.clone());
        deliveries.push(tokio::spawn(async move {
            let mut random = Random::new(n as u64 + 500);
            let mut times = 0;
            // The first time all of it is new; from then on Vector has lost what it wrote down.
            while !end.load(Ordering::Relaxed) || times == 0 {
                for post in &Plan::new(&dir, &mut random).posts {
                    vector.deliver(post).await;
                }
                times += 1;
            }
        }));
    }
    let mut random = Random::new(99);
    let mut partly = 0;
    let kills = rounds(6, 200);
    for _ in 0..kills {
        dashboard.start().await;
        tokio::time::sleep(Duration::from_micros(random.below(150_000))).await;
        dashboard.kill();
        partly = database.number("select count(*) from events").await.max(partly);
    }
    dashboard.start().await;
    end.store(true, Ordering::Relaxed);
    for delivery in deliveries {
        delivery.await.unwrap();
    }
    let records = assert_equal(&database, &students).await;
    println!("{kills} kills, {partly} of {records} records were there before the last");
    assert!(partly > 0);

    // What stays missing is passed over by the running program, without a further post.
    let vector = Vector::new(address, "late", &database.add("late").await);
    vector.deliver(&[start(2, "two")]).await;
    wait_long(&database).await;
    until_async("it is passed over", async || {
        database.number("select count(*) from workspace_status where step = 'two'").await > 0
    })
    .await;
}
