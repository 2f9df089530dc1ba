//! The class at a glance, the matrix, the funnel, one workspace in full.

use serde_json::{Value, json};

use super::harness::{Database, LOG, Running};

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
        .run("update step_status set completed = now() where workspace = 'eve'; update workspace_status set completed = '{init,stage,commit}' where workspace = 'eve'")
        .await;
    database.workspace("old", "Old").await;
    database.run("update workspaces set revoked = now() where workspace = 'old'").await;
    let running = Running::start(&database).await;
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
    let running = Running::start(&database).await;
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
        .run("update step_status set last_passed = false where workspace = 'bob' and step = 'stage';
              update step_status set given = true where workspace = 'bob' and step = 'commit';
              insert into step_status values ('0000000000000002', 'push', 'bob', 4, 'Push', 'share', true, false, true, null,
                  0, null, null, 0, 0, null), ('0000000000000002', 'former', 'bob', null, 'Former', null, true, false, true,
                  null, 0, null, null, 0, 0, null)")
        .await;
    let running = Running::start(&database).await;
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
              from workspace_status status, generate_series(1, 2) number where status.workspace in ('ws1', 'ws2')")
        .await;
    let running = Running::start(&database).await;
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
        (&json!(10), &json!(0), &Value::Null)
    );
    assert_eq!(stage["helps"], 20);
    assert_eq!(
        funnel["workshops"][0]["failures"],
        json!([{"step": "stage", "title": "a file", "found": "none", "expected": "one", "students": 2, "times": 4}])
    );
}
