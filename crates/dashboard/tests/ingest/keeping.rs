//! Partitions, and what retention leaves.

use workshop_dashboard::retention::upkeep;
use workshop_testing::Random;
use workshop_testing::dashboard::{Database, LOG, Served, assert_equal};

use crate::files::volume;

const PARTITIONS: &str = "select count(*) from pg_inherits where inhparent = 'events'::regclass";

#[tokio::test(flavor = "multi_thread")]
async fn partitions_are_made_ahead_and_empty_ones_go() {
    let database = Database::new().await;
    assert_eq!(database.number(PARTITIONS).await, 9, "the default one, today and a week");
    database.run("create table events_20260101 (like events including all); alter table events attach partition events_20260101 for values from ('20260101') to ('20260102')").await;
    assert_eq!(upkeep(&mut database.connect().await, None).await.unwrap(), 0);
    assert_eq!(database.number(PARTITIONS).await, 9);

    // Rows that came while there was none move over.
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    for table in workshop_dashboard::store::partitions::TABLES {
        database.run(&format!("do $$ declare t regclass; begin for t in select inhrelid from pg_inherits where inhparent = '{table}'::regclass and inhrelid::regclass::text !~ 'default' loop execute 'drop table ' || t; end loop; end $$")).await;
    }
    let folder = volume(3, 50, true);
    shipper.ship(folder.path(), &mut Random::new(1)).await;
    assert!(database.number("select count(*) from events_default").await > 100);
    upkeep(&mut database.connect().await, None).await.unwrap();
    assert_eq!(database.number("select count(*) from events_default").await, 0);
    assert_equal(&database, [folder.path()]).await;
}

/// As if everything had happened so many days ago.
async fn age(database: &Database, log: &str, days: i32) {
    database
        .run(&format!(
            "do $$ declare d date := current_date - {days}; t text; begin \
             foreach t in array array['events', 'state_timeline', 'command_log', 'llm_interactions'] loop \
             execute format('create table if not exists %s_%s (like %s including all)', t, to_char(d, 'YYYYMMDD'), t); \
             begin execute format('alter table %s attach partition %s_%s for values from (%L) to (%L)', t, t, to_char(d, 'YYYYMMDD'), d, d + 1); \
             exception when others then null; end; \
             execute format('update %s set opened = %L where log = %L', t, d, '{log}'); end loop; \
             update logs set opened = d, last_seen = last_seen - {days} * interval '1 day' where log = '{log}'; end $$"
        ))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn silent_logs_go_and_say_so() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let folder = volume(3, 50, true);
    shipper.ship(folder.path(), &mut Random::new(1)).await;
    let other = "00000000000000bb";
    let line = b"{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_start\",\"step\":\"x\"}\n";
    shipper.send(shipper.posting(other, "state", 0, line)).await.ok();
    age(&database, LOG, 40).await;
    age(&database, other, 40).await;
    database.run(&format!("update logs set last_seen = now() where log = '{other}'")).await;
    database
        .run(&format!("insert into recording_chunks values ('{LOG}', 'a.cast', 0, 5, '\\x00', 'casts/a')"))
        .await;

    // Not while one of the day is still written, and never without a time for it.
    for days in [None, Some(30)] {
        assert_eq!(upkeep(&mut database.connect().await, days).await.unwrap(), 0);
    }
    shipper.post("commands", 10_000_000, b"\n").await.is(409, "offset-gap");
    database
        .run(&format!("update logs set last_seen = now() - interval '31 days' where log = '{other}'"))
        .await;
    assert_eq!(upkeep(&mut database.connect().await, Some(32)).await.unwrap(), 0);
    assert_eq!(upkeep(&mut database.connect().await, Some(30)).await.unwrap(), 2);
    for table in [
        "events",
        "state_timeline",
        "command_log",
        "llm_interactions",
        "folds",
        "step_status",
        "workspace_status",
        "gaps",
        "quarantine",
        "cursors",
        "recording_refs",
        "recording_chunks",
    ] {
        assert_eq!(database.number(&format!("select count(*) from {table}")).await, 0, "{table}");
    }
    assert_eq!(database.number("select count(*) from recording_leftovers where key = 'casts/a'").await, 1);
    assert_eq!(database.number("select count(*) from logs where state = 'expired'").await, 2);
    shipper.position().await.is(410, "expired");
    shipper.post("state", 0, line).await.is(410, "expired");
    assert_eq!(upkeep(&mut database.connect().await, Some(30)).await.unwrap(), 0);
    // The workspace goes on with another log.
    shipper.send(shipper.posting("00000000000000cc", "state", 0, line)).await.ok();
    assert_eq!(database.number("select count(*) from workspace_status").await, 1);
}

/// Dropping a day waits for nobody for long, and ingest goes on beside it.
#[tokio::test(flavor = "multi_thread")]
async fn retention_beside_ingest() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let folder = volume(5, 200, true);
    let path = folder.path().to_owned();
    let shipping = tokio::spawn(async move { shipper.ship(&path, &mut Random::new(1)).await });
    let mut days = 0;
    while !shipping.is_finished() {
        days += 1;
        age(&database, "ffffffffffffffff", 10 + days).await;
        upkeep(&mut database.connect().await, Some(5)).await.unwrap();
    }
    shipping.await.unwrap();
    assert_eq!(database.number(PARTITIONS).await, 9);
    assert_equal(&database, [folder.path()]).await;
}
