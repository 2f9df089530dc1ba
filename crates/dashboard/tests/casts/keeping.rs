//! Merged, swept, named by the log.

use std::time::Duration;

use workshop_dashboard::casts::Patience;
use workshop_testing::dashboard::{CastStore, LOG, line_end};

use crate::harness::{Dashboard, NOW, cast, state};

const NAME: &str = "session-20261120T090000Z-1.cast";

fn session(opens: u64, closes: Option<u64>) -> String {
    let mut lines = state(
        opens,
        &format!("\"event\":\"session_opened\",\"session\":\"s1\",\"name\":\"sh\",\"cast\":\"{NAME}\""),
    );
    if let Some(seq) = closes {
        lines += &state(seq, "\"event\":\"session_closed\",\"session\":\"s1\",\"exit\":0");
    }
    lines
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_say_the_same_whichever_comes_first() {
    let bytes = cast(4000);
    let lines = session(1, Some(2));
    let mut seen = Vec::new();
    for casts_first in [true, false] {
        let dashboard = Dashboard::start(CastStore::folder()).await;
        if casts_first {
            dashboard.ship(NAME, &bytes, 3).await;
        }
        assert_eq!(dashboard.post("state", 0, lines.as_bytes()).await.0, 200);
        if !casts_first {
            dashboard.ship(NAME, &bytes, 3).await;
        }
        let refs = dashboard.refs().await;
        let status = dashboard.database.texts("select row_to_json(s)::text from workspace_status s").await;
        dashboard.rebuild();
        assert_eq!(dashboard.refs().await, refs);
        assert_eq!(
            dashboard.database.texts("select row_to_json(s)::text from workspace_status s").await,
            status
        );
        assert!(
            refs[0].contains("\"session\":\"s1\"") && refs[0].contains(&format!("\"bytes\":{}", bytes.len())),
            "{refs:?}"
        );
        seen.push(refs);
    }
    assert_eq!(seen[0], seen[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_over_is_one_object() {
    for place in CastStore::all() {
        let dashboard = Dashboard::start(place).await;
        let bytes = cast(60_000);
        let open = session(1, None);
        assert_eq!(dashboard.post("state", 0, open.as_bytes()).await.0, 200);
        dashboard.ship(NAME, &bytes, 8).await;
        let chunks = dashboard.place.keys().await;
        assert!(dashboard.upkeep(&NOW).await);
        assert_eq!(dashboard.place.keys().await, chunks, "it goes on");

        let close = &session(1, Some(2))[open.len()..];
        assert_eq!(dashboard.post("state", open.len(), close.as_bytes()).await.0, 200);
        let patience = Patience { leftover: Duration::from_secs(86_400), ..NOW };
        assert!(dashboard.upkeep(&patience).await);
        assert_eq!(dashboard.database.number("select count(*) from recording_chunks").await, 1);
        assert_eq!(
            dashboard.database.number("select count(*) from recording_leftovers").await,
            chunks.len() as i64
        );
        assert_eq!(dashboard.place.keys().await.len(), chunks.len() + 1, "parts stay for a day");
        assert_eq!(dashboard.played(NAME).await, bytes);

        // Delivered again, and the last piece that comes after all.
        assert_eq!(dashboard.post(&format!("cast/{NAME}"), 0, &bytes).await.2, bytes.len());
        let last = b"[99.0, \"o\", \"logout\"]\n";
        assert_eq!(dashboard.post(&format!("cast/{NAME}"), bytes.len(), last).await.0, 200);
        let all = [&bytes[..], &last[..]].concat();
        assert_eq!(dashboard.played(NAME).await, all);
        assert!(dashboard.upkeep(&NOW).await);
        assert_eq!(dashboard.place.keys().await.len(), 1, "parts are gone");
        assert_eq!(dashboard.database.number("select count(*) from recording_leftovers").await, 0);
        assert_eq!(dashboard.played(NAME).await, all);
        assert!(dashboard.refs().await[0].contains(&format!("\"bytes\":{}", all.len())));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_chunks_of_a_live_recording_become_few() {
    let dashboard = Dashboard::start(CastStore::folder()).await;
    let bytes = cast(200_000);
    dashboard.ship(NAME, &bytes, 100).await;
    let chunks = dashboard.database.number("select count(*) from recording_chunks").await;
    assert!(chunks > 60);
    // Merged, and its parts swept.
    let done = dashboard.figures_of_upkeep(&NOW).await;
    assert_eq!((done.merged, done.swept, done.upkeep_failed), (1, chunks.unsigned_abs(), 0));
    assert_eq!(dashboard.database.number("select count(*) from recording_chunks").await, 1);
    // Silence is what it was.
    let silent = Patience { silent: Duration::ZERO, ..NOW };
    assert_eq!(dashboard.post(&format!("cast/{NAME}"), bytes.len(), b"[99.0, \"o\", \"x\"]\n").await.0, 200);
    assert!(dashboard.upkeep(&NOW).await);
    assert_eq!(dashboard.database.number("select count(*) from recording_chunks").await, 2);
    assert!(dashboard.upkeep(&silent).await);
    assert_eq!(dashboard.database.number("select count(*) from recording_chunks").await, 1);
    assert_eq!(&dashboard.played(NAME).await[..bytes.len()], bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_recording_is_merged_in_parts() {
    for place in CastStore::all() {
        let dashboard = Dashboard::start(place).await;
        let bytes = cast(20 << 20);
        dashboard.ship(NAME, &bytes, 22).await;
        assert!(dashboard.upkeep(&Patience { silent: Duration::ZERO, ..NOW }).await);
        assert_eq!(dashboard.database.number("select count(*) from recording_chunks").await, 1);
        assert_eq!(dashboard.played(NAME).await, bytes);
        let range = dashboard.playing(NAME).header("range", "bytes=10000000-10000099").send().await.unwrap();
        assert_eq!(range.bytes().await.unwrap(), &bytes[10_000_000..10_000_100]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_nothing_names_is_swept() {
    for place in CastStore::all() {
        let dashboard = Dashboard::start(place).await;
        let bytes = cast(5000);
        dashboard.ship(NAME, &bytes, 4).await;
        let named = dashboard.place.keys().await;
        let unnamed = format!("casts/{LOG}/{NAME}/7-3-ff");
        // Of a log that another database may have, and of something else.
        let others = ["casts/ffffffffffffffff/session.cast/0-3-ff", "casts/readme"];
        for key in [&unnamed[..], others[0], others[1]] {
            dashboard.place.put(key, b"abc").await;
        }
        dashboard
            .database
            .run(&format!("insert into recording_leftovers (key) values ('{}')", named[0]))
            .await;
        let day = Patience { leftover: Duration::from_secs(86_400), ..NOW };
        assert!(dashboard.upkeep(&day).await);
        assert_eq!(dashboard.place.keys().await.len(), named.len() + 3);
        // An object's age is told in seconds by some stores.
        tokio::time::sleep(Duration::from_millis(1100)).await;
        assert!(dashboard.upkeep(&NOW).await);
        let mut left: Vec<&str> = named.iter().map(String::as_str).chain(others).collect();
        left.sort_unstable();
        assert_eq!(dashboard.place.keys().await, left);
        assert_eq!(dashboard.played(NAME).await, bytes);

        // Damage is told and not merged.
        let end = line_end(&bytes, 0);
        dashboard
            .place
            .put(&named.iter().find(|key| key.contains("/0-")).unwrap()[..], &vec![b'x'; end])
            .await;
        dashboard.upkeep(&Patience { silent: Duration::ZERO, ..NOW }).await;
        assert_eq!(
            dashboard.database.number("select count(*) from recording_chunks").await,
            named.len() as i64
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_replica_at_a_time() {
    let dashboard = Dashboard::start(CastStore::folder()).await;
    let mut other = dashboard.database.pool.acquire().await.unwrap();
    sqlx::query("select pg_advisory_lock(426836718707)").execute(&mut *other).await.unwrap();
    assert!(!dashboard.upkeep(&NOW).await);
    sqlx::query("select pg_advisory_unlock(426836718707)").execute(&mut *other).await.unwrap();
    assert!(dashboard.upkeep(&NOW).await);
}
