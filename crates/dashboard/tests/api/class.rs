//! The class at a glance, the matrix, the funnel, one workspace in full.

use serde_json::{Value, json};
use workshop_testing::dashboard::Served;

use super::harness::{Database, LOG};

fn names(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|card| card["workspace"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn who_needs_help_most_comes_first() {
    let database = Database::new().await;
    database.workspace("zoe", "Zoe").await;
    for (at, name) in ["ada", "bob", "cyd", "dan", "eve"].into_iter().enumerate() {
        database.working(name, name, &format!("{at:016x}")).await;
    }
    database.change("bob", "tries = 4, last_passed = false").await;
    database.change("cyd", "active_since = now() - interval '20 minutes'").await;
    database.change("dan", "last_ts = now() - interval '20 minutes'").await;
    database
        .run("update step_status set completed = now() where workspace = 'eve'; update workspace_status set completed = '{init,stage,commit}', finished = now() where workspace = 'eve'")
        .await;
    database.workspace("old", "Old").await;
    database.run("update workspaces set revoked = now() where workspace = 'old'").await;
    let running = Served::on(&database).await;
    let class = running.json("/api/workspaces").await;
    assert_eq!(names(&class["workspaces"]), ["bob", "cyd", "dan", "zoe", "ada", "eve"]);
    let marks: Vec<&Value> =
        class["workspaces"].as_array().unwrap().iter().map(|card| &card["mark"]).collect();
    assert_eq!(
        marks,
        [&json!("fails"), &json!("slow"), &json!("idle"), &json!("new"), &Value::Null, &Value::Null]
    );
    let all = running.json("/api/workspaces?revoked=true").await;
    assert_eq!(all["workspaces"].as_array().unwrap().len(), 7);
    let none = running.json("/api/workspaces?workshop=other").await;
    assert_eq!(none["workspaces"], json!([]));

    let ada = &class["workspaces"][4];
    for (key, expected) in [
        ("student", json!("ada")),
        ("workshop", json!("git-basics")),
        ("step", json!("stage")),
        ("stepTitle", json!("Stage a change")),
        ("stepPosition", json!(2)),
        ("steps", json!(3)),
        ("completed", json!(1)),
        ("given", json!(0)),
        ("connected", json!(true)),
        ("tries", json!(1)),
        ("helps", json!(2)),
        ("lastPassed", Value::Null),
        ("live", json!(false)),
        ("logState", json!("open")),
        ("gaps", json!(0)),
        ("quarantined", json!(0)),
    ] {
        assert_eq!(ada[key], expected, "{key}");
    }
    // RFC 3339 with milliseconds.
    assert_eq!(ada["lastActivity"].as_str().unwrap().len(), "2026-11-20T09:00:00.000Z".len());
}

#[tokio::test]
async fn a_card_says_what_was_done_last_and_how_much() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    // Another's, and one without a word.
    database.working("bob", "Bob", "00000000000000bb").await;
    let command = |seq: i64, log: &str, name: &str, back: &str, cmd: &str, exit: &str| {
        format!(
            "insert into command_log (opened, log, seq, workspace, ts, step, cmd, exit)
             select opened, log, {seq}, '{name}', '2026-11-20T09:10:10Z'::timestamptz - interval '{back}', 'stage', {cmd}, {exit}
             from logs where log = '{log}';"
        )
    };
    let event = |seq: i64, back: &str, event: &str, trigger: &str| {
        format!(
            "insert into state_timeline (opened, log, seq, workspace, ts, event, trigger)
             select opened, log, {seq}, 'ada', '2026-11-20T09:10:10Z'::timestamptz - interval '{back}', '{event}', {trigger}
             from logs where log = '{LOG}';"
        )
    };
    database
        .run(
            &[
                "update workspace_status set last_ts = '2026-11-20T09:10:10Z', begun = '2026-11-20T08:55:10Z' where workspace = 'ada';
             update step_status set last_passed = false, state = 'failed' where workspace = 'ada' and step = 'stage';"
                    .to_owned(),
                command(1, LOG, "ada", "20 minutes", "'long ago'", "0"),
                command(2, LOG, "ada", "95 seconds", "'ls'", "0"),
                command(3, LOG, "ada", "94 seconds", "'ls'", "0"),
                command(4, LOG, "ada", "10 seconds", "repeat('<b>é', 100)", "127"),
                command(1, "00000000000000bb", "bob", "5 seconds", "'not of ada'", "null"),
                event(1, "16 minutes", "backend_started", "null"),
                event(2, "15 minutes", "connected", "null"),
                event(3, "3 minutes", "connected", "null"),
                event(4, "5 seconds", "goss_result", "'student'"),
                event(5, "4 seconds", "goss_result", "'periodic'"),
                event(6, "0 seconds", "help_opened", "null"),
            ]
            .concat(),
        )
        .await;
    let running = Served::on(&database).await;
    let class = running.json("/api/workspaces").await;
    let card = |name: &str| {
        class["workspaces"].as_array().unwrap().iter().find(|card| card["workspace"] == name).unwrap()
    };
    let ada = card("ada");
    assert_eq!(
        ada["lastCommand"],
        json!({"cmd": "<b>é".repeat(50), "exit": 127, "ts": "2026-11-20T09:10:00.000Z"})
    );
    // The half minute of 09:08:30 has two commands, that of 09:10:00 one, a check by the student and help.
    assert_eq!(ada["activity"], json!([2, 0, 0, 3]));
    assert_eq!(ada["path"], json!(["completed", "failed", "none"]));
    assert_eq!((&ada["begun"], &ada["finished"]), (&json!("2026-11-20T08:55:10.000Z"), &Value::Null));
    assert_eq!(
        card("bob")["lastCommand"],
        json!({"cmd": "not of ada", "exit": null, "ts": "2026-11-20T09:10:05.000Z"})
    );

    database
        .run("update step_status set completed = '2026-11-20T09:30:00Z', state = 'completed' where workspace = 'ada';
              update workspace_status set finished = '2026-11-20T09:30:00Z' where workspace = 'ada';
              delete from command_log where workspace = 'bob'")
        .await;
    let ada = running.json("/api/workspaces/ada").await;
    assert_eq!(ada["finished"], "2026-11-20T09:30:00.000Z");
    assert_eq!(ada["path"], json!(["completed", "completed", "completed"]));
    let bob = running.json("/api/workspaces/bob").await;
    assert_eq!((&bob["lastCommand"], &bob["activity"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn who_never_opened_the_page_has_not_begun() {
    let database = Database::new().await;
    for (log, name) in [("0000000000000001", "ada"), ("0000000000000002", "bob")] {
        database.working(name, name, log).await;
        database.change(name, "clients = 0, last_ts = now() - interval '30 minutes'").await;
    }
    database.change("ada", "begun = null").await;
    let running = Served::on(&database).await;
    for (name, mark) in [("ada", "new"), ("bob", "idle")] {
        assert_eq!(running.json(&format!("/api/workspaces/{name}")).await["mark"], mark, "{name}");
    }
    database.change("bob", "last_ts = now() - interval '121 minutes'").await;
    assert_eq!(running.json("/api/workspaces/bob").await["mark"], "left");
}

#[tokio::test]
async fn a_workspace_in_full() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    database
        .run(&format!(
            "insert into logs (log, workspace, opened, first_seen, via, state, reason)
                 values ('00000000000000bb', 'ada', '2026-11-19', now() - interval '1 day', 'vector', 'diverged', 'set back');
             insert into recording_refs values
                 ('{LOG}', 's1-1.cast', 'ada', 's1', 'main', now(), 0, null, 100),
                 ('{LOG}', 's1-2.cast', 'ada', 's1', 'main', now(), 12.5, null, 200),
                 ('{LOG}', 'other.cast', 'ada', null, null, null, 0, null, 5);
             insert into gaps (log, stream, from_seq, to_seq) values ('{LOG}', 'state', 3, 4);
             insert into quarantine (workspace, log, stream, \"offset\", sha256, reason, line)
                 values ('ada', '{LOG}', 'state', 10, sha256('x'), 'no JSON', 'x');"
        ))
        .await;
    let running = Served::on(&database).await;
    let ada = running.json("/api/workspaces/ada").await;
    assert_eq!((&ada["gaps"], &ada["quarantined"]), (&json!(1), &json!(1)));
    let logs: Vec<_> =
        ada["logs"].as_array().unwrap().iter().map(|l| (l["log"].as_str(), l["state"].as_str())).collect();
    assert_eq!(logs, [(Some(LOG), Some("open")), (Some("00000000000000bb"), Some("diverged"))]);
    assert_eq!(ada["logs"][1]["reason"], "set back");
    let steps: Vec<_> =
        ada["stepsList"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert_eq!(steps, ["init", "stage", "commit"]);
    // The stretch that still lasts counts up to the last activity.
    let active = ada["stepsList"][1]["activeMs"].as_i64().unwrap();
    assert!((270_000..272_000).contains(&active), "{active}");
    assert_eq!(ada["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(ada["sessions"][0]["recordings"].as_array().unwrap().len(), 2);
    assert_eq!(ada["sessions"][0]["recordings"][1], json!({"name": "s1-2.cast", "at": 12.5, "bytes": 200}));
    assert_eq!(ada["sessions"][1]["id"], Value::Null);
    let before = running.json("/api/workspaces/ada?log=00000000000000bb").await;
    assert_eq!(before["stepsList"], json!([]));
}

#[tokio::test]
async fn the_matrix_has_a_cell_for_each_student_and_step() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    database.working("bob", "Bob", "0000000000000002").await;
    database
        .run("update step_status set last_passed = false, state = 'failed' where workspace = 'bob' and step = 'stage';
              update step_status set given = true, state = 'given' where workspace = 'bob' and step = 'commit';
              insert into step_status values ('0000000000000002', 'push', 'bob', 4, 'Push', 'share', true, false, true, null,
                  0, null, null, 0, 0, null, 'started'), ('0000000000000002', 'former', 'bob', null, 'Former', null, true, false, true,
                  null, 0, null, null, 0, 0, null, 'started')")
        .await;
    let running = Served::on(&database).await;
    let matrix = running.json("/api/matrix").await;
    let workshop = &matrix["workshops"][0];
    assert_eq!(workshop["workshop"], "git-basics");
    let steps: Vec<_> =
        workshop["steps"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert_eq!(steps, ["init", "stage", "commit", "push"]);
    let states = |row: usize| -> Vec<String> {
        let cells = workshop["rows"][row]["cells"].as_array().unwrap();
        cells.iter().map(|cell| cell["state"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(states(0), ["completed", "active", "none", "none"]);
    assert_eq!(states(1), ["completed", "failed", "given", "started"]);
    assert_eq!(workshop["rows"][1]["cells"][1]["here"], true);
    assert_eq!(running.json("/api/matrix?workshop=x").await, json!({"workshops": []}));
}

#[tokio::test]
async fn the_funnel_says_where_students_are_lost() {
    let database = Database::new().await;
    for at in 1..=10 {
        database.working(&format!("ws{at}"), "A student", &format!("{at:016x}")).await;
        database
            .run(&format!(
                "update step_status set active_ms = {at} * 1000 where workspace = 'ws{at}' and step = 'init'"
            ))
            .await;
    }
    database
        .run("update step_status set first_passed = false where workspace in ('ws1', 'ws2', 'ws3', 'ws4') and step = 'init';
              insert into state_timeline (opened, log, seq, workspace, ts, event, step, passed, trigger, failed)
              select '2026-11-20', status.log, number, status.workspace, now(), 'goss_result', 'stage', false, 'student',
                     '[{\"title\": \"a file\", \"found\": \"none\", \"expected\": \"one\"}]'
              from workspace_status status, generate_series(1, 2) number where status.workspace in ('ws1', 'ws2');
              update workspace_status set begun = null where workspace = 'ws10'")
        .await;
    let running = Served::on(&database).await;
    let funnel = running.json("/api/funnel").await;
    let init = &funnel["workshops"][0]["steps"][0];
    for (key, expected) in [
        ("id", json!("init")),
        ("started", json!(10)),
        ("completed", json!(10)),
        ("hereNow", json!(0)),
        ("medianMs", json!(5000)),
        ("p90Ms", json!(9000)),
        ("firstTryRate", json!(0.6)),
        ("students", json!(10)),
    ] {
        assert_eq!(init[key], expected, "{key}");
    }
    let stage = &funnel["workshops"][0]["steps"][1];
    assert_eq!(
        (&stage["hereNow"], &stage["completed"], &stage["medianMs"]),
        (&json!(9), &json!(0), &Value::Null),
        "ws10 never opened the page"
    );
    assert_eq!(stage["started"], 9);
    assert_eq!(stage["helps"], 20);
    // Nobody goes on after the last step: it took them until they completed it, not until now.
    database
        .run("update step_status set completed = active_since + interval '3 minutes' where step = 'stage'")
        .await;
    let later = running.json("/api/funnel").await;
    assert_eq!(later["workshops"][0]["steps"][1]["medianMs"], 181_000);
    assert_eq!(
        funnel["workshops"][0]["failures"],
        json!([{"step": "stage", "title": "a file", "found": "none", "expected": "one", "students": 2, "times": 4}])
    );
}
