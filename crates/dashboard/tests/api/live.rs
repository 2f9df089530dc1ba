//! What watchers are told, and what it costs.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use workshop_testing::dashboard::Served;
use workshop_testing::sse::Events;

use super::harness::Database;

/// One who watches the class.
struct Watcher(Events);

impl Watcher {
    async fn new(served: &Served) -> Self {
        Self(Events::of(served.get("/api/stream").send().await.unwrap()))
    }

    /// The next event with its data.
    async fn next(&mut self) -> (String, Value) {
        let event = self.0.next().await;
        (event.kind, event.data)
    }

    /// The class as it is known once `told` holds of it.
    async fn until(&mut self, class: &mut Vec<Value>, told: impl Fn(&[Value]) -> bool) {
        while !told(class) {
            let (event, data) = self.next().await;
            match event.as_str() {
                "snapshot" => *class = data["workspaces"].as_array().unwrap().clone(),
                "changed" => {
                    for card in data["workspaces"].as_array().unwrap() {
                        class.retain(|known| known["workspace"] != card["workspace"]);
                        class.push(card.clone());
                    }
                }
                "removed" => class.retain(|known| !data.as_array().unwrap().contains(&known["workspace"])),
                other => panic!("{other}"),
            }
        }
        class.sort_by_key(|card| card["workspace"].as_str().unwrap().to_owned());
    }
}

fn tries(class: &[Value], name: &str) -> i64 {
    class.iter().find(|card| card["workspace"] == name).map_or(-1, |card| card["tries"].as_i64().unwrap())
}

#[tokio::test]
async fn a_watcher_gets_the_class_then_every_change() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    let running = Served::on(&database).await;
    let mut watcher = Watcher::new(&running).await;
    let (event, class) = watcher.next().await;
    assert_eq!(event, "snapshot");
    assert_eq!(class["workspaces"], running.json("/api/workspaces").await["workspaces"]);

    database.change("ada", "tries = 3, last_passed = false").await;
    running.dashboard.touched();
    let (event, changed) = watcher.next().await;
    assert_eq!(event, "changed");
    assert_eq!(
        (&changed["workspaces"][0]["mark"], &changed["workspaces"][0]["tries"]),
        (&json!("fails"), &json!(3))
    );

    database.working("bob", "Bob", "0000000000000002").await;
    let (event, changed) = watcher.next().await;
    assert_eq!((event.as_str(), &changed["workspaces"][0]["workspace"]), ("changed", &json!("bob")));

    database.run("update workspaces set revoked = now() where workspace = 'bob'").await;
    assert_eq!(watcher.next().await, ("removed".to_owned(), json!(["bob"])));
}

#[tokio::test]
async fn a_change_that_is_notified_is_told_at_once_and_one_whose_notification_is_lost_later() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    let running = Served::on(&database).await;
    let mut watcher = Watcher::new(&running).await;
    let mut class = Vec::new();
    watcher.until(&mut class, |class| tries(class, "ada") == 1).await;
    let mut notified = Vec::new();
    for round in 2..7 {
        database.change("ada", &format!("tries = {round}")).await;
        let began = Instant::now();
        running.dashboard.touched();
        watcher.until(&mut class, |class| tries(class, "ada") == round).await;
        notified.push(began.elapsed());
        tokio::time::sleep(Duration::from_millis(700)).await;
    }
    let mut lost = Vec::new();
    for round in 7..10 {
        // As if the notification had been lost: the next look comes two seconds after the one that told of the last change.
        database.change("ada", &format!("tries = {round}")).await;
        let began = Instant::now();
        watcher.until(&mut class, |class| tries(class, "ada") == round).await;
        lost.push(began.elapsed());
    }
    notified.sort();
    lost.sort();
    // Against each other, however fast the machine is. Without notifications it would be 1.3 seconds against two.
    assert!(2 * notified[2] < lost[1], "{notified:?} {lost:?}");
}

#[tokio::test]
async fn a_mark_comes_with_time_alone() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    database.change("ada", "active_since = now() - interval '14 minutes 56 seconds', last_ts = now()").await;
    let running = Served::on(&database).await;
    let mut watcher = Watcher::new(&running).await;
    let mut class = Vec::new();
    watcher.until(&mut class, |class| tries(class, "ada") == 1).await;
    assert_eq!(class[0]["mark"], Value::Null);
    watcher.until(&mut class, |class| class[0]["mark"] == "slow").await;
}

#[tokio::test]
async fn two_replicas_show_the_same() {
    let database = Database::new().await;
    for at in 0..10 {
        database.working(&format!("ws{at}"), "A student", &format!("{at:016x}")).await;
    }
    let (one, two) = (Served::on(&database).await, Served::on(&database).await);
    let (mut first, mut second) = (Watcher::new(&one).await, Watcher::new(&two).await);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for round in 2..8 {
        for at in 0..10 {
            database.change(&format!("ws{at}"), &format!("tries = {}", round * 10 + at)).await;
            // Whichever of them took it in.
            if (round + at) % 2 == 0 { &one } else { &two }.dashboard.touched();
        }
    }
    let whole = |class: &[Value]| (0..10).all(|at| tries(class, &format!("ws{at}")) == 70 + at);
    first.until(&mut left, whole).await;
    second.until(&mut right, whole).await;
    assert_eq!(left, right);
}

#[tokio::test]
async fn all_watchers_cost_one_question() {
    let database = Database::new().await;
    for at in 0..20 {
        database.working(&format!("ws{at}"), "A student", &format!("{at:016x}")).await;
    }
    let running = Served::on(&database).await;
    let looks = async || {
        let text = running.metrics().await;
        let line =
            text.lines().find(|line| line.starts_with("workshop_class_looks_total ")).unwrap().to_owned();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(looks().await, 0, "nobody watches");
    let mut watchers = Vec::new();
    for _ in 0..50 {
        watchers.push(Watcher::new(&running).await);
    }
    for watcher in &mut watchers {
        watcher.next().await;
    }
    // A second of changes, as fast as they come.
    let (before, began) = (looks().await, Instant::now());
    let mut changes = 0;
    while began.elapsed() < Duration::from_secs(1) {
        database.change(&format!("ws{}", changes % 20), &format!("tries = {changes}")).await;
        running.dashboard.touched();
        changes += 1;
    }
    let asked = looks().await - before;
    let most = 2 + began.elapsed().as_millis() as u64 / 100;
    assert!(asked <= most, "{asked} looks for {changes} changes in {:?}", began.elapsed());
    assert!(running.dashboard.changes.notifications() <= 3 * most);
    for watcher in &mut watchers {
        let mut class = Vec::new();
        let last = (changes - 1) as i64;
        watcher.until(&mut class, |class| tries(class, &format!("ws{}", last % 20)) == last).await;
    }
}

#[tokio::test]
async fn a_slow_reader_gets_a_snapshot_instead_of_what_it_missed() {
    let database = Database::new().await;
    let long = "A student with a long name ".repeat(40);
    for at in 0..200 {
        database.working(&format!("ws{at}"), &long, &format!("{at:016x}")).await;
    }
    let running = Served::on(&database).await;
    let mut slow = Watcher::new(&running).await;
    slow.next().await;
    let mut fast = Watcher::new(&running).await;
    fast.next().await;
    // More than sockets hold: 200 cards of more than 1 KiB, 60 times.
    let mut class = Vec::new();
    for round in 1..=60 {
        database
            .run(&format!(
                "update workspace_status set tries = {round}; update workspaces set version = version + 1"
            ))
            .await;
        running.dashboard.touched();
        fast.until(&mut class, |class| tries(class, "ws7") == round).await;
    }
    let mut snapshots = 0;
    let mut changes = 0;
    loop {
        let (event, data) = slow.next().await;
        match event.as_str() {
            "snapshot" => snapshots += 1,
            _ => changes += 1,
        }
        if tries(data["workspaces"].as_array().unwrap(), "ws7") == 60 {
            break;
        }
    }
    assert!(snapshots >= 1 && changes < 60, "{snapshots} snapshots, {changes} changes");
}

#[tokio::test]
async fn the_database_goes_and_comes_back() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    let running = Served::on(&database).await;
    let mut watcher = Watcher::new(&running).await;
    let mut class = Vec::new();
    watcher.until(&mut class, |class| tries(class, "ada") == 1).await;
    database
        .run("select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()")
        .await;
    database.change("ada", "tries = 2").await;
    watcher.until(&mut class, |class| tries(class, "ada") == 2).await;
    database.change("ada", "tries = 3").await;
    running.dashboard.touched();
    watcher.until(&mut class, |class| tries(class, "ada") == 3).await;
}

#[tokio::test]
async fn a_stopping_dashboard_ends_its_streams() {
    let database = Database::new().await;
    let running = Served::on(&database).await;
    let mut watcher = Watcher::new(&running).await;
    watcher.next().await;
    running.dashboard.live.end();
    watcher.0.end().await;
}
