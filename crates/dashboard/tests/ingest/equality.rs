//! The projection of what was shipped is the fold of the files, row for row.

use std::sync::atomic::{AtomicBool, Ordering};

use sqlx::PgConnection;
use workshop_dashboard::projections::{Place, Projected, RecordRows};
use workshop_events::{Commands, Llm, State};
use workshop_testing::dashboard::{
    Database, LOG, Served, WORKSPACE, assert_equal, compare, differences, line_end,
};
use workshop_testing::{Random, rounds};

use crate::files::volume;

#[tokio::test(flavor = "multi_thread")]
async fn batches_cut_anywhere_and_delivered_again() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    for seed in 0..rounds(3, 60) {
        database.run("truncate events, logs, quarantine cascade; truncate state_timeline, command_log, llm_interactions, workspace_status").await;
        let folder = volume(seed, 90, true);
        let mut random = Random::new(seed + 1000);
        shipper.ship(folder.path(), &mut random).await;
        // Again from the beginning, cut elsewhere.
        shipper.ship(folder.path(), &mut random).await;
        let problems = differences(&database, folder.path()).await;
        assert!(problems.is_empty(), "seed {seed}\n{}", problems.join("\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_post_is_as_many_posts() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    // More lines than are looked at together, and than are folded again at once.
    let folder = volume(7, 45_000, false);
    for stream in workshop_events::Stream::ALL {
        let bytes = std::fs::read(folder.path().join(stream.file_name())).unwrap();
        let mut next = 0;
        while next < bytes.len() {
            let cut =
                bytes[..bytes.len().min(next + 4 * 1024 * 1024)].iter().rposition(|b| *b == b'\n').unwrap()
                    + 1;
            next = shipper.post(stream.name(), next as u64, &bytes[next..cut]).await.ok().next() as usize;
        }
    }
    assert_equal(&database, [folder.path()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_at_once_deliver_each_line_once() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let token = database.add("ada").await;
    let folder = volume(11, 400, true);
    let shipping = (0..4).map(|seed| {
        let (shipper, path) = (served.poster(&token), folder.path().to_owned());
        tokio::spawn(async move { shipper.ship(&path, &mut Random::new(seed)).await })
    });
    for one in shipping.collect::<Vec<_>>() {
        one.await.unwrap();
    }
    assert_equal(&database, [folder.path()]).await;
}

/// The connection is closed before the answer comes: the client posts again and cannot tell which it was.
#[tokio::test(flavor = "multi_thread")]
async fn lost_answers_lose_and_double_nothing() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let token = database.add("ada").await;
    let shipper = served.poster(&token);
    let folder = volume(13, 300, true);
    let mut random = Random::new(5);
    let done = AtomicBool::new(false);
    for stream in workshop_events::Stream::ALL {
        let bytes = std::fs::read(folder.path().join(stream.file_name())).unwrap();
        let mut offset = 0;
        while offset < bytes.len() {
            let end = line_end(&bytes, offset + random.below(3000) as usize);
            let request = shipper.posting(LOG, stream.name(), offset as u64, &bytes[offset..end]);
            let wait = std::time::Duration::from_micros(random.below(4000));
            if let Ok(Ok(answer)) = tokio::time::timeout(wait, shipper.try_send(request)).await {
                offset = answer.ok().next() as usize;
                done.store(true, Ordering::Relaxed);
            } else {
                offset = shipper.position().await.ok().body["streams"][stream.name()]["next"]
                    .as_u64()
                    .unwrap_or(0) as usize;
            }
        }
    }
    assert_equal(&database, [folder.path()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rebuilt_rows_are_the_same() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let folder = volume(17, 500, true);
    shipper.ship(folder.path(), &mut Random::new(1)).await;
    assert_equal(&database, [folder.path()]).await;
    // Something to be repaired.
    database
        .run(
            "delete from state_timeline where seq % 3 = 0; update command_log set cmd = 'x'; delete from folds; \
             update step_status set tries = 99; update workspace_status set step = 'x'; delete from recording_refs where name like '%3%'",
        )
        .await;
    assert!(!differences(&database, folder.path()).await.is_empty());
    let log = (LOG.parse()).unwrap();
    assert_eq!(
        workshop_dashboard::rebuild::rebuild(&mut database.connect().await, Some(log)).await.unwrap(),
        1
    );
    assert_equal(&database, [folder.path()]).await;
    assert_eq!(workshop_dashboard::rebuild::rebuild(&mut database.connect().await, None).await.unwrap(), 1);
    assert_equal(&database, [folder.path()]).await;
}

/// Few rows go by another statement than many: into two schemas, each as many rows.
#[tokio::test]
async fn few_rows_are_stored_as_many_are() {
    let database = Database::new().await;
    let mut connection = database.connect().await;
    let query = "select (now() at time zone 'UTC')::date";
    let opened = sqlx::query_scalar(query).fetch_one(&mut connection).await.unwrap();
    let place = Place { workspace: WORKSPACE.to_owned(), log: LOG.to_owned(), opened };
    let folder = volume(17, 2000, false);
    // 1 + 6 + … + 141 are more than there are.
    for (schema, sizes) in [("many", (2000..2001).step_by(1)), ("few", (1..146).step_by(5))] {
        compare::prepare(&mut connection, schema).await;
        store::<State>(&mut connection, &place, folder.path(), sizes.clone()).await;
        store::<Commands>(&mut connection, &place, folder.path(), sizes.clone()).await;
        store::<Llm>(&mut connection, &place, folder.path(), sizes).await;
    }
    let stored: i64 =
        sqlx::query_scalar("select count(*) from few.events").fetch_one(&mut connection).await.unwrap();
    assert_eq!(stored, 6000);
    let problems = compare::differences(&mut connection, "many", "few").await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Stores a stream's rows in pieces of these sizes.
async fn store<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    folder: &std::path::Path,
    pieces: impl Iterator<Item = usize>,
) {
    let text = std::fs::read_to_string(folder.join(K::STREAM.file_name())).unwrap();
    let mut lines = text.lines();
    for size in pieces {
        let mut rows = RecordRows::default();
        for line in lines.by_ref().take(size) {
            let record = K::parse(line).unwrap();
            let (_, seq) = K::identity(&record);
            rows.push::<K>(place, seq.unwrap(), line, &record);
        }
        rows.write::<K>(connection).await.unwrap();
    }
}
