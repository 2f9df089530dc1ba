//! Lines that are no records: kept, shown, and never in the way of what follows.

use std::fs;

use sqlx::Row;
use tempfile::TempDir;
use workshop_testing::Random;
use workshop_testing::dashboard::{Database, LOG, Served, assert_equal};

/// A line of the state stream that views a step.
fn viewed(seq: u64, step: &str) -> String {
    format!(
        "{{\"log\":\"{LOG}\",\"seq\":{seq},\"ts\":\"2026-11-20T09:00:00.{:03}Z\",\"event\":\"step_viewed\",\"step\":{step}}}\n",
        seq % 1000
    )
}

/// Each wrong line stands between two good ones, in a post of its own and in one with all others.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_passed() {
    let nest = |open: &str, close: &str| format!("{}1{}", open.repeat(100_000), close.repeat(100_000));
    let over = (1u64 << 52) + 1;
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("half a line", b"{\"seq\":2,\"ts\"\n".to_vec(), "malformed line: EOF"),
        ("invalid UTF-8", b"{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_viewed\",\"step\":\"\xff\"}\n".to_vec(), "malformed line: invalid utf-8"),
        ("lone surrogate", viewed(2, "\"\\ud800\"").into(), "malformed line: "),
        ("raw NUL in a string", viewed(2, "\"a\0b\"").into(), "malformed line: control character"),
        ("a record among NULs", b"{\"a\":1}\0\0\0\n".to_vec(), "malformed line: "),
        ("arrays in arrays", viewed(2, &nest("[", "]")).into(), "malformed line: "),
        ("objects in objects", format!("{}\n", nest("{\"a\":", "}")).into(), "malformed line: "),
        ("a huge number", b"{\"seq\":1e400,\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_viewed\",\"step\":\"x\"}\n".to_vec(), "malformed line: "),
        ("an endless number", format!("{{\"seq\":{},\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_viewed\",\"step\":\"x\"}}\n", "9".repeat(5000)).into(), "malformed line: "),
        ("a duplicate key", b"{\"seq\":2,\"seq\":3,\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_viewed\",\"step\":\"x\"}\n".to_vec(), "malformed line: duplicate field"),
        ("seq 0", viewed(0, "\"x\"").into(), "malformed line: seq is 0"),
        ("seq too high", viewed(over, "\"x\"").into(), "malformed line: seq is 4503599627370497"),
        ("a wrong time", viewed(2, "\"x\"").replace("2026-11-20T", "2026-13-20T").into(), "malformed line: "),
        ("no object", b"7\n".to_vec(), "malformed line: "),
        ("zeros", b"\0\0\0\0\0\0\0\0\n".to_vec(), "a run of zero bytes"),
        ("another log's", viewed(2, "\"x\"").replace(LOG, "ffffffffffffffff").into(), "line of another log, ffffffffffffffff"),
        ("another log's with U+0000", viewed(2, "\"x\"").replace(LOG, "\\u0000").into(), "line of another log, \u{2400}"),
        ("a conflict", viewed(1, "\"other\"").into(), "conflict: another line is record 1"),
        ("a wrong checksum", viewed(2, "\"x\"").replace("}\n", ",\"crc\":\"00000000\"}\n").into(), "checksum does not match"),
        ("a line of 1.5 MB", format!("{{\"a\":\"{}\"}}\n", "x".repeat(1_500_000)).into(), "line is too long"),
    ];
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    for (what, line, reason) in &cases {
        clear(&database).await;
        let folder = TempDir::new().unwrap();
        let bytes = [viewed(1, "\"one\"").as_bytes(), line, viewed(2, "\"two\"").as_bytes()].concat();
        fs::write(folder.path().join("state-events.jsonl"), &bytes).unwrap();
        fs::write(folder.path().join("command-log.jsonl"), "").unwrap();
        fs::write(folder.path().join("llm-history.jsonl"), "").unwrap();
        let answer = shipper.post("state", 0, &bytes).await.ok();
        assert_eq!(answer.body, serde_json::json!({"next": bytes.len(), "seq": 2}), "{what}");
        let mut connection = database.connect().await;
        let row =
            sqlx::query("select reason, line, \"offset\" from quarantine").fetch_one(&mut connection).await;
        let row = row.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(row.get::<&str, _>(0).starts_with(reason), "{what}: {:?}", row.get::<&str, _>(0));
        let kept = &line[..line.len() - 1];
        assert_eq!(row.get::<&[u8], _>(1), &kept[..kept.len().min(65_536)], "{what}");
        assert_eq!(row.get::<i64, _>(2), viewed(1, "\"one\"").len() as i64, "{what}");
        assert_equal(&database, [folder.path()]).await;
    }
}

/// Unusual lines that are records all the same.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_strange_counts() {
    let strange = [
        ("BOM", "\u{feff}{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_viewed\",\"step\":\"x\"}\n".to_owned()),
        ("CRLF", "{\"ts\":\"2026-11-20T09:00:00Z\",\"event\":\"step_viewed\",\"step\":\"x\"}\r\n".to_owned()),
        ("blank lines", "\n \t\r\n\n".to_owned()),
        ("zeros before it", format!("\0\0\0{}", viewed(3, "\"x\""))),
        ("U+0000", viewed(4, "\"a\\u0000b\"")),
        ("an unknown event", "{\"event\":\"later\\u0000\",\"ts\":\"2026-11-20T09:00:00Z\",\"step\":5,\"n\":123456789012345678901234567890,\"s\":\"\\ud800\"}\n".to_owned()),
        ("a step as long as a line may be", viewed(6, &format!("\"{}\"", "ab\\u0000".repeat(60_000)))),
        ("another one", viewed(7, &format!("\"{}x\"", "ab\\u0000".repeat(60_000)))),
        ("an event as long", format!("{{\"event\":\"{}\",\"ts\":\"0000-01-01T00:00:00Z\"}}\n", "é".repeat(200_000))),
        ("years from 0 to 9999", "{\"event\":\"step_start\",\"step\":\"old\",\"ts\":\"0000-01-01T00:00:00Z\"}\n{\"event\":\"step_start\",\"step\":\"new\",\"ts\":\"9999-12-31T23:59:59.999Z\"}\n".to_owned()),
        ("a gap as wide as can be", viewed(1 << 52, "\"x\"")),
    ];
    let bytes: Vec<u8> = strange.iter().flat_map(|(_, lines)| lines.bytes()).collect();
    let help = "{\"ts\":\"2026-11-20T09:00:00Z\",\"step\":\"x\",\"mode\":\"hints\",\"ms\":18446744073709551615,\"tokens\":{\"input\":18446744073709551615}}\n";
    let command = "{\"ts\":\"2026-11-20T09:00:00Z\",\"cmd\":\"\\\\N\\t\\u0000\",\"exit\":-2147483648,\"ms\":18446744073709551615,\"at\":1e308}\n";
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("state-events.jsonl"), &bytes).unwrap();
    fs::write(folder.path().join("command-log.jsonl"), command).unwrap();
    fs::write(folder.path().join("llm-history.jsonl"), help).unwrap();

    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    shipper.ship(folder.path(), &mut Random::new(3)).await;
    assert_equal(&database, [folder.path()]).await;
    assert_eq!(database.number("select count(*) from quarantine").await, 1, "the zeros");
    assert_eq!(database.number("select count(*) from events where line like '%\\u0000%'").await, 5);
    assert_eq!(database.number("select count(*) from command_log where cmd = E'\\\\N\\t\u{2400}'").await, 1);
    assert_eq!(database.number("select sum(to_seq - from_seq + 1)::bigint from gaps").await, (1 << 52) - 11);
}

/// The reader of a file holds lines back for 2 MiB only; the dashboard takes a missing line whenever it comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_line_that_comes_late_fills_its_gap() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let start =
        |seq: u64, step: &str| viewed(seq, &format!("\"{step}\"")).replace("step_viewed", "step_start");
    let mut offset = 0;
    let posts = [
        start(1, "one"),
        start(6, "six"),
        start(4, "four"),
        start(8, "eight"),
        start(4, "four"),
        start(4, "five"),
        start(7, "seven"),
    ];
    for post in &posts {
        offset = shipper.post("state", offset, post.as_bytes()).await.ok().next();
    }
    let mut connection = database.connect().await;
    let gaps: Vec<(i64, i64)> = sqlx::query_as("select from_seq, to_seq from gaps order by 1")
        .fetch_all(&mut connection)
        .await
        .unwrap();
    assert_eq!(gaps, [(2, 3), (5, 5)]);
    assert_eq!(database.number("select count(*) from quarantine where reason like 'conflict%'").await, 1);
    // Folded in order: the last step is the one with the highest seq.
    assert_eq!(database.number("select count(*) from workspace_status where step = 'eight'").await, 1);
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("state-events.jsonl"), posts.concat()).unwrap();
    fs::write(folder.path().join("command-log.jsonl"), "").unwrap();
    fs::write(folder.path().join("llm-history.jsonl"), "").unwrap();
    assert_equal(&database, [folder.path()]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_are_too_long_to_be_sent() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let line = viewed(1, "\"x\"");
    let at = shipper.post("state", 0, line.as_bytes()).await.ok().next();
    let too_long = |offset: u64, len: &str| {
        let request = shipper.posting(LOG, "state", offset, b"").header("workshop-too-long", len);
        shipper.send(request)
    };
    too_long(at + 1, "5000000").await.is(409, "offset-gap");
    assert_eq!(too_long(at, "5000000").await.ok().next(), at + 5_000_000);
    assert_eq!(too_long(at, "5000000").await.ok().next(), at + 5_000_000, "answer lost");
    too_long(at, "5000001").await.is(400, "bad-request");
    for wrong in ["0", "-1", "x", "18446744073709551615"] {
        too_long(at + 5_000_000, wrong).await.is(400, "bad-request");
    }
    too_long(at + 5_000_000, "9223372036854775807").await.is(400, "bad-request");
    let position = shipper.position().await.ok();
    assert!(position.body["streams"]["state"]["last"].is_null(), "{position:?}");
    shipper.post("state", at + 5_000_000, viewed(2, "\"y\"").as_bytes()).await.ok();
    assert_eq!(
        database.number("select count(*) from quarantine where reason like 'line is too long%'").await,
        1
    );
    assert_eq!(database.number("select count(*) from events").await, 2);
}

async fn clear(database: &Database) {
    database
        .run("truncate events, logs, quarantine cascade; truncate state_timeline, command_log, llm_interactions, workspace_status")
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_tiny_lines() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let bytes = b"x\n".repeat(100_000);
    assert_eq!(shipper.post("llm", 0, &bytes).await.ok().next(), 200_000);
    assert_eq!(database.number("select count(*) from quarantine").await, 100_000);
    let blank = b"\n".repeat(4 * 1024 * 1024);
    assert_eq!(shipper.post("commands", 0, &blank).await.ok().next(), blank.len() as u64);
    assert_eq!(database.number("select count(*) from events").await, 0);
}
