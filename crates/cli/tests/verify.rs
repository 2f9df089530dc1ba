//! `workshop verify` on whole logs and on damaged ones.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is a failed test"
)]

use std::fs;

use expect_test::{Expect, expect};
use serde_json::json;
use workshop_testing::cli::{Recorded, answer, said, workshop};

fn check(log: &Recorded, expected: Expect) {
    let home = log.folder.path();
    expected.assert_eq(&said(workshop(home).args(["verify", "log"])));
}

/// Compares the findings of a log that has some: file, offset and message of each.
fn finds(log: &Recorded, expected: Expect) {
    let (code, report) = answer(workshop(log.folder.path()).args(["verify", "log"]));
    assert_eq!(code, 1, "{report}");
    let findings = report["findings"].as_array().unwrap().iter();
    let lines: Vec<_> = findings
        .map(|f| {
            let offset = f["offset"].as_u64().map(|offset| format!(" {offset}")).unwrap_or_default();
            format!(
                "{}{offset} {}: {}\n",
                f["file"].as_str().unwrap(),
                f["kind"].as_str().unwrap(),
                f["message"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(report["wrong"].as_u64().unwrap(), lines.len() as u64);
    expected.assert_eq(&lines.concat());
}

/// Where the nth line begins, from 0.
fn line(bytes: &[u8], n: usize) -> usize {
    if n == 0 { 0 } else { bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').nth(n - 1).unwrap().0 + 1 }
}

const STATE: &str = "state-events.jsonl";
const CAST: &str = "session-20261120T090001Z-1.cast";

#[test]
fn a_whole_log_is_clean() {
    check(
        &Recorded::example(),
        expect![[r#"
        hello-linux, log 00000000000000aa
        taken by a backend first on 2026-11-20T09:00:00.000Z

          STREAM                              RECORDS       SIZE  LAST RECORD
        ✓ state-events.jsonl                        8     1.6 kB  2026-11-20T09:02:19.000Z
        ✓ command-log.jsonl                         3  532 bytes  2026-11-20T09:01:41.000Z
        ✓ llm-history.jsonl                         0    0 bytes  –
        ✓ session-20261120T090001Z-1.cast           7  266 bytes  10 min 00 s, 80×24

        ✓ Nothing is wrong.
        --- exit 0
    "#]],
    );
}

#[test]
fn the_answer_is_json_too() {
    let log = Recorded::example();
    let (code, report) = answer(workshop(log.folder.path()).args(["verify", "log"]));
    assert_eq!((code, &report["clean"], &report["log"]), (0, &json!(true), &json!("00000000000000aa")));
    assert_eq!(report["streams"][1]["records"], 3);
    assert_eq!(report["recordings"][0]["seconds"], 600.0);
}

#[test]
fn a_changed_byte_a_missing_line_and_a_torn_end() {
    let log = Recorded::example();
    log.damage(STATE, |bytes| {
        let at = line(bytes, 2) + 90;
        bytes[at] ^= 1;
        let (from, to) = (line(bytes, 4), line(bytes, 5));
        bytes.drain(from..to);
        bytes.truncate(bytes.len() - 20);
    });
    check(
        &log,
        expect![[r#"
        hello-linux, log 00000000000000aa
        taken by a backend first on 2026-11-20T09:00:00.000Z

          STREAM                              RECORDS       SIZE  LAST RECORD
        ✗ state-events.jsonl                        5     1.3 kB  2026-11-20T09:01:49.000Z
        ✓ command-log.jsonl                         3  532 bytes  2026-11-20T09:01:41.000Z
        ✓ llm-history.jsonl                         0    0 bytes  –
        ✓ session-20261120T090001Z-1.cast           7  266 bytes  10 min 00 s, 80×24

        state-events.jsonl at byte 482: checksum does not match: the line was changed after it was written (184 bytes)
        state-events.jsonl at byte 667: record 3 is missing
        state-events.jsonl at byte 800: record 5 is missing
        state-events.jsonl at byte 1122: the last line is cut off (130 bytes)

        ✗ 4 faults found.
        --- exit 1
    "#]],
    );
}

#[test]
fn zeros_foreign_and_malformed_lines() {
    let log = Recorded::example();
    log.damage("command-log.jsonl", |bytes| {
        bytes.extend([0; 100]);
        bytes.extend(b"\nno json\n\xff\xfe\n");
        bytes.extend(b"{\"log\":\"00000000000000bb\",\"seq\":9,\"ts\":\"2026-11-20T10:00:00.000Z\",\"cmd\":\"x\",\"exit\":0}\n");
        bytes.extend(b"{\"seq\":2,\"ts\":\"2026-11-20T10:00:00.000Z\",\"cmd\":\"other\",\"exit\":0}\n");
        bytes.extend(b"{\"seq\":7,\"ts\":\"2026-11-20T10:00:00.000Z\",\"cmd\":\"later\",\"exit\":0}\n");
        bytes.extend(vec![b'x'; 2_000_000]);
        bytes.push(b'\n');
    });
    finds(
        &log,
        expect![[r#"
        command-log.jsonl 532 zeros: a run of zero bytes (100 bytes)
        command-log.jsonl 633 malformed: malformed line: expected ident at line 1 column 2 (7 bytes)
        command-log.jsonl 641 malformed: malformed line: invalid utf-8 sequence of 1 bytes from index 0 (2 bytes)
        command-log.jsonl 644 foreign: line of another log, 00000000000000bb (85 bytes)
        command-log.jsonl 730 conflict: record 2 stands already, or comes too late for its place
        command-log.jsonl 795 gap: records 4 to 6 are missing
        command-log.jsonl 860 too_long: line is too long (2000000 bytes)
    "#]],
    );
}

#[test]
fn a_repeated_line_is_noted_and_nothing_wrong() {
    let log = Recorded::example();
    log.damage(STATE, |bytes| {
        let again = bytes[line(bytes, 5)..].to_vec();
        bytes.extend(again);
    });
    let (code, report) = answer(workshop(log.folder.path()).args(["verify", "log"]));
    assert_eq!((code, &report["clean"]), (0, &json!(true)));
    assert_eq!(report["streams"][0]["repeats"], 3);
    assert_eq!(
        report["notes"][0]["message"],
        "3 lines repeat an earlier one: a writer wrote them again after a failed sync"
    );
}

#[test]
fn times_go_back_only_by_steps_that_are_told() {
    let mut log = Recorded::example();
    log.reopen();
    log.after(-100).command("pwd", 0);
    log.after(1).event(json!({"event": "step_viewed", "step": "one"}));
    log.close();
    let (code, report) = answer(workshop(log.folder.path()).args(["verify", "log"]));
    assert_eq!(code, 0, "{report}");
    assert_eq!(
        report["notes"][0]["message"],
        "the clock went back from 2026-11-20T09:02:19.000Z to 2026-11-20T09:00:39.000Z"
    );
    log.damage("command-log.jsonl", |bytes| {
        bytes.extend(b"{\"ts\":\"2026-11-19T10:00:00.000Z\",\"cmd\":\"earlier\",\"exit\":0}\n");
    });
    finds(
        &log,
        expect![[r#"
        command-log.jsonl 693 time: the time goes back from 2026-11-20T09:00:39.000Z to 2026-11-19T10:00:00.000Z, and no clock_stepped tells of it
    "#]],
    );
}

#[test]
fn what_makes_no_sense_is_found() {
    let mut log = Recorded::empty();
    log.event(json!({"event": "step_viewed", "step": "one"}));
    log.backend();
    let request = |step: &str, request: &str| json!({"event": "switch_requested", "step": step, "kind": "reset", "request": request});
    log.event(request("two", "r1")).event(request("two", "r1"));
    log.event(json!({"event": "switch_failed", "step": "one", "request": "r2", "reason": "no image"}));
    log.event(json!({"event": "step_start", "step": "four", "cause": "navigate"}));
    log.event(json!({"event": "step_marked", "step": "one"}));
    log.event(json!({"event": "goss_result", "step": "one", "passed": true, "trigger": "student", "checks": {"total": 3, "passed": 2}}));
    log.event(json!({"event": "session_opened", "session": "s1", "name": "Terminal 1", "cast": "session-gone.cast"}));
    log.event(json!({"event": "session_closed", "session": "s1"}))
        .event(json!({"event": "session_closed", "session": "s1"}));
    log.event(json!({"event": "recording_stopped", "session": "s2", "reason": "full"}));
    log.event(json!({"event": "disconnected", "session": "s1", "client": "c1"}));
    log.event(json!({"event": "of_tomorrow", "step": "four"}));
    log.command("true", 0);
    log.after(3600).event(json!({"event": "step_viewed", "step": "one"}));
    log.close();
    log.damage("log.json", |bytes| {
        *bytes = String::from_utf8(bytes.clone()).unwrap().replace("hello-linux", "other").into_bytes();
    });
    finds(
        &log,
        expect![[r#"
        state-events.jsonl 0 consistency: step_viewed comes before any backend_started
        state-events.jsonl 119 consistency: a backend of the workshop hello-linux took the log of other
        state-events.jsonl 619 consistency: request r1 is asked for a second time
        state-events.jsonl 619 switch: the swap to two (request r1) was asked for, and neither done nor failed; the log goes on until 2026-11-20T10:00:00.000Z
        state-events.jsonl 773 consistency: request r2 fails and was never asked for
        state-events.jsonl 929 consistency: names step four, which no backend_started lists
        state-events.jsonl 1067 consistency: step one is marked as done and has a check
        state-events.jsonl 1186 consistency: a check passed, and 1 of its 3 tests did not
        state-events.jsonl 1371 consistency: names the recording session-gone.cast, which is not there
        state-events.jsonl 1667 consistency: session s1 is closed a second time
        state-events.jsonl 1792 consistency: names session s2, which was never opened
        state-events.jsonl 1936 consistency: a client disconnects that is not connected
    "#]],
    );
}

#[test]
fn a_switch_that_is_under_way_is_noted() {
    let mut log = Recorded::empty();
    log.backend()
        .event(json!({"event": "switch_requested", "step": "two", "kind": "switch", "request": "r1"}));
    log.close();
    let (code, report) = answer(workshop(log.folder.path()).args(["verify", "log"]));
    assert_eq!(code, 0);
    assert_eq!(report["notes"][0]["message"], "the swap to two (request r1) is still open");
}

#[test]
fn damaged_recordings() {
    let log = Recorded::example();
    log.damage(CAST, |bytes| {
        bytes.extend(b"[5.0, \"o\", \"back\"]\n[6.0, \"r\", \"0x0\"]\n[7.0, \"oo\", \"\"]\nnot\n\xff\n[8.0, \"o\", \"to");
    });
    fs::write(log.path().join("empty.cast"), "").unwrap();
    fs::write(log.path().join("old.cast"), "{\"version\":1,\"width\":80,\"height\":24}\n").unwrap();
    finds(
        &log,
        expect![[r#"
        empty.cast 0 header: the file is empty; it should begin with a header
        old.cast 0 header: not an asciicast v2 header: version is 1, expected 2
        session-20261120T090001Z-1.cast 266 time: the time goes back from 600.000000 s to 5.000000 s
        session-20261120T090001Z-1.cast 285 size: no terminal has the size "0x0"
        session-20261120T090001Z-1.cast 303 malformed: not an asciicast v2 event: code is "oo", expected one character
        session-20261120T090001Z-1.cast 319 malformed: not a line of an asciicast: expected ident at line 1 column 2
        session-20261120T090001Z-1.cast 323 malformed: not UTF-8
        session-20261120T090001Z-1.cast 325 torn: the last line is cut off
    "#]],
    );
    check(
        &log,
        expect![[r#"
        hello-linux, log 00000000000000aa
        taken by a backend first on 2026-11-20T09:00:00.000Z

          STREAM                              RECORDS       SIZE  LAST RECORD
        ✓ state-events.jsonl                        8     1.6 kB  2026-11-20T09:02:19.000Z
        ✓ command-log.jsonl                         3  532 bytes  2026-11-20T09:01:41.000Z
        ✓ llm-history.jsonl                         0    0 bytes  –
        ✗ empty.cast                                0    0 bytes  0 s
        ✗ old.cast                                  0   37 bytes  0 s
        ✗ session-20261120T090001Z-1.cast           9  339 bytes  6 s, 80×24

        empty.cast at byte 0: the file is empty; it should begin with a header
        old.cast at byte 0: not an asciicast v2 header: version is 1, expected 2
        session-20261120T090001Z-1.cast at byte 266: the time goes back from 600.000000 s to 5.000000 s
        session-20261120T090001Z-1.cast at byte 285: no terminal has the size "0x0"
        session-20261120T090001Z-1.cast at byte 303: not an asciicast v2 event: code is "oo", expected one character
        session-20261120T090001Z-1.cast at byte 319: not a line of an asciicast: expected ident at line 1 column 2
        session-20261120T090001Z-1.cast at byte 323: not UTF-8
        session-20261120T090001Z-1.cast at byte 325: the last line is cut off

        empty.cast: no session of the state stream names this recording
        old.cast: no session of the state stream names this recording

        ✗ 8 faults found, 2 notes.
        --- exit 1
    "#]],
    );
}

#[test]
fn a_log_of_another_tool_is_read_too() {
    let folder = tempfile::TempDir::new().unwrap();
    let log = folder.path().join("log");
    fs::create_dir(&log).unwrap();
    fs::write(
        log.join(STATE),
        "{\"ts\":\"2026-11-20T10:00:00Z\",\"event\":\"connected\"}\n{\"ts\":\"2026-11-20T10:01:00Z\",\"event\":\"goss_result\",\
         \"step\":\"a\",\"passed\":true,\"checks\":{\"total\":1,\"passed\":1}}\n",
    )
    .unwrap();
    expect![[r#"
        log

          STREAM                              RECORDS       SIZE  LAST RECORD
        ✓ state-events.jsonl                        2  159 bytes  2026-11-20T10:01:00.000Z
        ✓ command-log.jsonl                         0    0 bytes  –
        ✓ llm-history.jsonl                         0    0 bytes  –

        ✓ Nothing is wrong.
        --- exit 0
    "#]]
    .assert_eq(&said(workshop(folder.path()).args(["verify", "log"])));
}

#[test]
fn what_is_no_log_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    fs::create_dir(folder.path().join("empty")).unwrap();
    let said = |log: &str| said(workshop(folder.path()).args(["verify", log]));
    expect![[r#"
        --- stderr
        error: empty: there is no log in this folder, neither state-events.jsonl nor a recording (*.cast), and no workspace has this name. Name the folder that is /workshop/runtime in the workspace, or a workspace
        --- exit 2
    "#]].assert_eq(&said("empty"));
    expect![[r#"
        --- stderr
        error: ./nowhere: no such folder. Name the folder that holds the log (/workshop/runtime in the workspace), or a workspace by its name
        --- exit 2
    "#]].assert_eq(&said("./nowhere"));
    expect![[r#"
        --- stderr
        error: no workspace "nowhere"; there is none
        --- exit 2
    "#]]
    .assert_eq(&self::said(workshop(folder.path()).args(["verify", "nowhere", "--engine", "sandbox"])));
    fs::create_dir(folder.path().join("broken")).unwrap();
    fs::write(folder.path().join("broken/log.json"), "{").unwrap();
    expect![[r#"
        broken

          STREAM                              RECORDS       SIZE  LAST RECORD
        ✓ state-events.jsonl                        0    0 bytes  –
        ✓ command-log.jsonl                         0    0 bytes  –
        ✓ llm-history.jsonl                         0    0 bytes  –

        log.json: cannot be understood: EOF while parsing an object at line 1 column 1

        ✗ 1 fault found.
        --- exit 1
    "#]]
    .assert_eq(&said("broken"));
}

#[test]
fn many_findings_are_counted_and_the_first_shown() {
    let log = Recorded::example();
    log.damage(STATE, |bytes| bytes.extend("bad\n".repeat(5_000).into_bytes()));
    let (code, report) = answer(workshop(log.folder.path()).args(["verify", "log"]));
    assert_eq!(
        (code, report["wrong"].as_u64(), report["findings"].as_array().map(Vec::len)),
        (1, Some(5_000), Some(100))
    );
}
