//! Lines that are no records: the post succeeds, they are kept once, and what stands beside them counts.

use serde_json::json;
use workshop_events::Stream;
use workshop_testing::dashboard::{Database, LOG, Served};

use crate::harness::Vector;
use crate::holes::start;
use crate::replay::{Event, body};

fn viewed(seq: u64, step: &str) -> String {
    format!(
        r#"{{"log":"{LOG}","seq":{seq},"ts":"2026-11-20T09:00:00.000Z","event":"step_viewed","step":{step}}}"#
    )
}

/// Each wrong line comes between two good ones, and again.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_told_and_passed() {
    let nest = |open: &str, close: &str| format!("{}1{}", open.repeat(20_000), close.repeat(20_000));
    let good = viewed(2, "\"x\"");
    let cases: Vec<(&str, String, &str)> = vec![
        ("the first half", good[..50].to_owned(), "malformed line: EOF"),
        ("the second half", good[50..].to_owned(), "malformed line: "),
        ("two lines in one", format!("{good}{good}"), "malformed line: trailing"),
        (
            "mangled",
            viewed(2, "\"\u{fffd}\"").replace("}", ",\"crc\":\"01234567\"}"),
            "checksum does not match",
        ),
        ("mangled without checksum", viewed(2, "\"\u{fffd}\""), "malformed line: it may have been no UTF-8"),
        ("lone surrogate", viewed(2, "\"\\ud800\""), "malformed line: "),
        ("raw NUL", viewed(2, "\"a\0b\""), "malformed line: control character"),
        ("zeros", "\0\0\0\0".to_owned(), "a run of zero bytes"),
        ("arrays in arrays", viewed(2, &nest("[", "]")), "malformed line: "),
        ("objects in objects", nest("{\"a\":", "}"), "malformed line: "),
        ("a huge number", good.replace("\"seq\":2", "\"seq\":1e400"), "malformed line: "),
        (
            "an endless number",
            good.replace("\"seq\":2", &format!("\"seq\":{}", "9".repeat(5000))),
            "malformed line: ",
        ),
        (
            "a duplicate key",
            good.replace("\"seq\":2", "\"seq\":2,\"seq\":3"),
            "malformed line: duplicate field",
        ),
        ("seq 0", viewed(0, "\"x\""), "malformed line: seq is 0"),
        ("seq too high", viewed((1 << 52) + 1, "\"x\""), "malformed line: seq is 4503599627370497"),
        ("no seq", good.replace("\"seq\":2,", ""), "malformed line: it has no seq"),
        (
            "no log",
            good.replace(&format!("\"log\":\"{LOG}\","), ""),
            "malformed line: it does not say its log",
        ),
        ("no log's id", good.replace(LOG, "../\\u0000"), "malformed line: its log is no log's id"),
        ("no object", "7".to_owned(), "malformed line: "),
        ("a conflict", viewed(1, "\"other\""), "conflict: another line is record 1"),
        ("another stream's", good.replace("\"event\"", "\"cmd\""), "malformed line: "),
        ("a line of 1.5 MB", format!("{{\"a\":\"{}\"}}", "x".repeat(1_500_000)), "line is too long"),
    ];
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let vector = Vector::new(served.address, "ada", &database.add("ada").await);
    for (what, line, reason) in &cases {
        database
            .run("truncate events, logs, quarantine cascade; truncate state_timeline, command_log, llm_interactions, workspace_status")
            .await;
        let post =
            [Event::state(&viewed(1, "\"one\"")), Event::state(line), Event::state(&viewed(2, "\"two\""))];
        assert_eq!(vector.post(&post).await.counts(), (3, 2, 1), "{what}");
        assert_eq!(vector.post(&post).await.counts(), (3, 0, 1), "{what}");
        let kept = "select stream, reason, \"offset\", encode(line, 'hex') as line from quarantine";
        let kept = database.rows(kept).await;
        let [row] = &kept[..] else { panic!("{what}: {kept:?}") };
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        assert!(row["reason"].as_str().unwrap().starts_with(reason), "{what}: {row}");
        let hex: String = line.bytes().take(65_536).map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            (&row["stream"], &row["offset"], &row["line"]),
            (&json!("state"), &json!(null), &json!(hex)),
            "{what}"
        );
        assert_eq!(database.number("select count(*) from state_timeline").await, 2, "{what}");
        assert_eq!(database.number("select seq from cursors").await, 2, "{what}");
    }
    let shown = served.json("/api/workspaces/ada/quarantine").await;
    assert_eq!(shown["lines"][0]["reason"], "line is too long");
}

/// What is no event of the three files, and what is strange but a record.
#[tokio::test(flavor = "multi_thread")]
async fn other_files_and_strange_lines() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let vector = Vector::new(served.address, "ada", &database.add("ada").await);
    let other = Event { file: "/var/log/sys\u{0}log".to_owned(), message: viewed(1, "\"x\"") };
    let mut bytes =
        b"\n  \r\nnot json\n{\"message\":\"no file\"}\n{\"file\":7,\"message\":\"\"}\n[]\n".to_vec();
    bytes.extend(body(&[other]));
    bytes.extend(b"\n{\"file\":\"state-events.jsonl\",\"message\":\"\xff\"}\n");
    let answer = vector.send(vector.posting(bytes)).await.unwrap();
    assert_eq!(answer.counts(), (6, 0, 6));
    let shown = database.rows("select stream, log, left(reason, 30) as reason from quarantine").await;
    assert_eq!(shown.len(), 6, "{shown:?}");
    assert!(shown.iter().all(|row| row.contains(r#""stream":"unknown","log":null"#)), "{shown:?}");
    assert!(shown.iter().any(|row| row.contains("/var/log/sys\u{2400}log is no file")), "{shown:?}");
    assert_eq!(database.number("select count(*) from logs").await, 0);

    // Zeros before a record are told, the record counts; U+0000 in it is shown as a picture; blank lines are nothing.
    let strange = [
        Event::state(&format!("\0\0{}", viewed(1, "\"a\\u0000b\""))),
        Event::state(&format!("\u{feff}{}\r", viewed(2, "\"x\""))),
        Event::state(" "),
        Event::new(Stream::Llm, ""),
        Event {
            file: "command-log.jsonl".to_owned(),
            message: format!(
                r#"{{"log":"{LOG}","seq":1,"ts":"0000-01-01T00:00:00Z","cmd":"\u0000","exit":null}}"#
            ),
        },
    ];
    assert_eq!(vector.post(&strange).await.counts(), (5, 3, 1));
    assert_eq!(database.number("select count(*) from state_timeline where step = E'a\u{2400}b'").await, 1);
    assert_eq!(database.number("select count(*) from events where line like '%\\u0000%'").await, 2);
    assert_eq!(database.number("select count(*) from command_log").await, 1);

    // No day takes them with it when it is dropped.
    let kept = "select count(*) from quarantine";
    let retention = async |days| {
        workshop_dashboard::retention::upkeep(&mut database.connect().await, Some(days)).await.unwrap();
        database.number(kept).await
    };
    assert_eq!(retention(90).await, 7);
    database
        .run("update quarantine set received_at = now() - interval '91 days' where stream = 'unknown'")
        .await;
    assert_eq!(retention(90).await, 1);
}

/// A record's place is another's, a log another workspace's, or nothing more is taken of it.
#[tokio::test(flavor = "multi_thread")]
async fn lines_that_cannot_be_records_here() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let ada = Vector::new(served.address, "ada", &database.add("ada").await);
    let bob = Vector::new(served.address, "bob", &database.add("bob").await);
    ada.deliver(&[start(1, "one")]).await;
    let own = start(1, "bobs").message.replace(LOG, "00000000000000bb");
    let post = [start(1, "one"), start(2, "two"), Event::state(&own)];
    assert_eq!(bob.post(&post).await.counts(), (3, 1, 2));
    assert_eq!(database.number("select count(*) from events").await, 2);
    // Nobody is shown a line under another's log.
    let kept = "select workspace, log, reason from quarantine";
    let told =
        json!({"workspace": "bob", "log": null, "reason": format!("line of another workspace's log, {LOG}")});
    let kept = database.rows(kept).await;
    assert_eq!(kept.len(), 2);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&kept[0]).unwrap(), told);

    // Set back to a backup: what is stored already is known, more is not taken.
    database.run(&format!("update logs set state = 'diverged' where log = '{LOG}'")).await;
    assert_eq!(ada.post(&[start(1, "one"), start(2, "two")]).await.counts(), (2, 0, 1));
    let kept = "select count(*) from quarantine where workspace = 'ada' and reason like 'the log diverged%'";
    assert_eq!(database.number(kept).await, 1);

    // Dropped: nobody can tell what would be new.
    database
        .run(&format!(
            "update logs set state = 'expired' where log = '{LOG}'; delete from events where log = '{LOG}'"
        ))
        .await;
    assert_eq!(ada.post(&[start(1, "one"), start(3, "three")]).await.counts(), (2, 0, 0));
    assert_eq!(database.number("select count(*) from events").await, 1);
}
