//! What is posted, by whom, how often: each byte is stored once.

use serde_json::json;
use sha2::{Digest, Sha256};
use workshop_testing::dashboard::{CastStore, LOG, line_end};

use crate::harness::{Dashboard, cast, random, told};

const NAME: &str = "session-20261120T090000Z-1.cast";
const STREAM: &str = "cast/session-20261120T090000Z-1.cast";

/// Posts pieces of any size, some again, and goes on wherever the dashboard says.
async fn client(dashboard: &Dashboard, bytes: &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        let again = if random().is_multiple_of(3) { random() as usize % (at + 1) } else { at };
        let begin = if again == 0 { 0 } else { line_end(bytes, again - 1) };
        let end = line_end(bytes, begin + random() as usize % 40_000);
        let (status, kind, next) = dashboard.post(STREAM, begin, &bytes[begin..end]).await;
        assert!(status == 200 || kind == "offset-gap" || status == 503, "{status} {kind}");
        if status != 503 {
            at = next;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clients_at_once_and_again() {
    for place in CastStore::all() {
        let dashboard = Dashboard::start(place).await;
        let bytes = cast(600_000);
        tokio::join!(client(&dashboard, &bytes), client(&dashboard, &bytes), client(&dashboard, &bytes));
        client(&dashboard, &bytes).await;
        assert_eq!(dashboard.played(NAME).await, bytes);
        assert_eq!(dashboard.database.number("select bytes from recording_refs").await, bytes.len() as i64);
        assert_eq!(
            dashboard.database.number("select sum(len)::bigint from recording_chunks").await,
            bytes.len() as i64
        );
        let begin = line_end(&bytes[..bytes.len() - 1], bytes.len() - 2);
        let last = bytes[..begin].iter().rposition(|b| *b == b'\n').unwrap() + 1;
        let hash: String = Sha256::digest(&bytes[last..]).iter().map(|b| format!("{b:02x}")).collect();
        let expected =
            json!({"next": bytes.len(), "seq": null, "last": {"len": bytes.len() - last, "sha256": hash}});
        assert_eq!(dashboard.position().await["streams"][STREAM], expected);
        assert_eq!(dashboard.database.number("select count(*) from quarantine").await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused() {
    let dashboard = Dashboard::start(CastStore::folder()).await;
    let bytes = cast(2000);
    let refused = async |stream: &str, offset: usize, body: &[u8]| dashboard.post(stream, offset, body).await;
    for name in ["a%2Fb.cast", "a%00.cast", "notes.txt", &format!("{}.cast", "x".repeat(251))] {
        assert_eq!(refused(&format!("cast/{name}"), 0, &bytes).await.0, 400, "{name}");
    }
    assert_eq!(refused(STREAM, 5, &bytes).await, (409, "offset-gap".to_owned(), 0));
    assert_eq!(refused(STREAM, 0, &bytes[..30]).await.0, 400);
    assert_eq!(refused(STREAM, 0, b"").await.0, 400);
    assert_eq!(refused(STREAM, 0, &vec![b'\n'; 5 << 20]).await.0, 413);
    let path = format!("/ingest/ada/{LOG}/{STREAM}");
    let other =
        dashboard.ask(reqwest::Method::POST, &path, "wrong").header("workshop-offset", 0).body(bytes.clone());
    assert_eq!(told(other.send().await.unwrap()).await.0, 401);
    assert_eq!(dashboard.place.keys().await, Vec::<String>::new());
    assert_eq!(dashboard.database.number("select count(*) from logs").await, 0);

    // Names of any other form are taken; the object's name is plain.
    for name in ["a b é.cast", "..cast", "session.cast", "SESSION.cast"] {
        let stream = format!("cast/{}", name.replace(' ', "%20"));
        assert_eq!(refused(&stream, 0, &bytes).await, (200, String::new(), bytes.len()));
        assert_eq!(dashboard.played(&name.replace(' ', "%20")).await, bytes);
    }
    assert_eq!(dashboard.place.keys().await.len(), 4);

    dashboard.ship(NAME, &bytes, 3).await;
    assert_eq!(dashboard.diverged(STREAM, bytes.len()).await, 200);
    assert_eq!(refused(STREAM, bytes.len(), b"[9,\"o\",\"x\"]\n").await.1, "diverged");
    dashboard.database.run("update logs set state = 'expired'").await;
    assert_eq!(refused(STREAM, bytes.len(), b"[9,\"o\",\"x\"]\n").await.0, 410);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recording_ends_before_a_line_that_is_none() {
    let dashboard = Dashboard::start(CastStore::folder()).await;
    let bytes = cast(3000);
    let middle = line_end(&bytes, 1500);
    let mut damaged = bytes[..middle].to_vec();
    damaged.extend_from_slice(b"[1.0, \"o\n");
    damaged.extend_from_slice(&bytes[middle..]);
    let (status, _, next) = dashboard.post(STREAM, 0, &damaged).await;
    assert_eq!((status, next), (200, damaged.len()));
    // What follows is not in the way of the shipper, and not played.
    let (status, _, end) = dashboard.post(STREAM, next, b"[99.0, \"o\", \"later\"]\n").await;
    assert_eq!((status, end), (200, next + 21));
    assert_eq!(dashboard.played(NAME).await, &bytes[..middle]);
    let query =
        format!("select count(*) from quarantine where stream = '{STREAM}' and \"offset\" = {middle}");
    assert_eq!(dashboard.database.number(&query).await, 1);
    assert_eq!(dashboard.database.number("select count(*) from quarantine").await, 1);

    assert_eq!(dashboard.post("cast/no-header.cast", 0, b"[1.0, \"o\", \"x\"]\n").await.0, 200);
    assert_eq!(dashboard.playing("no-header.cast").send().await.unwrap().status(), 404);
    let before = dashboard.refs().await;
    dashboard.rebuild();
    assert_eq!(dashboard.refs().await, before);
}
