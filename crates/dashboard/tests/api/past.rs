//! Any moment of a workspace: the same as the projector says of the same lines.

use reqwest::StatusCode;
use serde_json::{Value, json};
use workshop_testing::dashboard::Served;

use super::harness::{Database, LOG, MORNING};

/// A morning: two steps, a failed and a passed check, a terminal; one record before the one it follows.
const LINES: [(i64, &str, &str); 9] = [
    (
        0,
        "backend_started",
        r#""version":"1","image_step":"step-0","workshop":"git-basics","navigation":"linear","steps":[{"id":"init","title":"Begin","hasCheck":true},{"id":"stage","title":"Stage","hasCheck":true}]"#,
    ),
    (1, "step_start", r#""step":"init","cause":"initial""#),
    (2, "session_opened", r#""session":"s1","name":"main","cast":"a.cast""#),
    (3, "connected", r#""session":"s1","client":"c1""#),
    (
        60,
        "goss_result",
        r#""step":"init","passed":false,"checks":{"total":2,"passed":1},"trigger":"student","failed":[{"title":"a repository","found":"none","expected":"one"}]"#,
    ),
    (
        120,
        "goss_result",
        r#""step":"init","passed":true,"checks":{"total":2,"passed":2},"trigger":"student""#,
    ),
    (121, "step_start", r#""step":"stage","cause":"navigate""#),
    (180, "disconnected", r#""session":"s1","client":"c1""#),
    (200, "switch_requested", r#""step":"stage","kind":"reset","request":"r1""#),
];

async fn morning(database: &Database) {
    database.working("ada", "Ada", LOG).await;
    for (index, (seconds, event, rest)) in LINES.into_iter().enumerate() {
        let (seq, ts) = (index as i64 + 1, MORNING + seconds * 1000);
        let at = workshop_events::Timestamp::from_millis(ts);
        let line = format!(r#"{{"log":"{LOG}","seq":{seq},"ts":"{at}","event":"{event}",{rest}}}"#);
        database.line(LOG, "state", seq, ts, event, &line).await;
    }
    database.command("ada", LOG, 30, "git init").await;
}

#[tokio::test]
async fn a_moment_is_the_fold_up_to_it() {
    let database = Database::new().await;
    morning(&database).await;
    let running = Served::on(&database).await;
    let at = async |time: &str| running.json(&format!("/api/workspaces/ada/state?at={time}")).await;
    let before = at("2026-11-20T08:00:00Z").await;
    assert_eq!((&before["seq"], &before["active"], &before["steps"]), (&json!(0), &Value::Null, &json!([])));
    let failing = at("2026-11-20T09:01:30Z").await;
    assert_eq!(
        (&failing["seq"], &failing["active"], &failing["clients"]),
        (&json!(5), &json!("init"), &json!(1))
    );
    assert_eq!(
        (&failing["steps"][0]["status"], &failing["steps"][1]["status"]),
        (&json!("failing"), &json!("ahead"))
    );
    assert_eq!(failing["steps"][0]["seconds"], 89.0);
    assert_eq!(failing["steps"][0]["lastCheck"]["tests"][0]["found"], "none");
    let then = at("2026-11-20T09:02:01%2B00:00").await;
    assert_eq!(
        (&then["steps"][0]["status"], &then["steps"][1]["status"]),
        (&json!("completed"), &json!("active"))
    );
    assert_eq!(then["switch"], Value::Null);
    let end = at("2030-01-01T00:00:00Z").await;
    assert_eq!((&end["seq"], &end["clients"], &end["log"]), (&json!(9), &json!(0), &json!(LOG)));
    assert_eq!(
        end["switch"],
        json!({"request": "r1", "kind": "reset", "step": "stage", "ts": "2026-11-20T09:03:20.000Z"})
    );
    for wrong in ["", "?at=", "?at=yesterday", "?at=1"] {
        assert_eq!(
            running.status(&format!("/api/workspaces/ada/state{wrong}")).await,
            StatusCode::BAD_REQUEST,
            "{wrong}"
        );
    }
}

#[tokio::test]
async fn the_timeline_has_all_that_moves() {
    let database = Database::new().await;
    morning(&database).await;
    let running = Served::on(&database).await;
    let timeline = running.json("/api/workspaces/ada/timeline").await;
    assert_eq!(
        (&timeline["from"], &timeline["to"]),
        (&json!("2026-11-20T09:00:00.000Z"), &json!("2026-11-20T09:03:20.000Z"))
    );
    assert_eq!(
        timeline["steps"],
        json!([
            {"step": "init", "from": "2026-11-20T09:00:01.000Z", "to": "2026-11-20T09:02:01.000Z", "cause": "initial"},
            {"step": "stage", "from": "2026-11-20T09:02:01.000Z", "to": null, "cause": "navigate"},
        ])
    );
    assert_eq!(timeline["checks"].as_array().unwrap().len(), 2);
    assert_eq!(timeline["commands"][0]["cmd"], "git init");
    assert_eq!(timeline["sessions"][0]["casts"], json!([{"name": "a.cast", "at": 0.0}]));
    assert_eq!(timeline["moments"][0]["kind"], "backend_started");
}

#[tokio::test]
async fn a_log_past_its_retention_is_gone() {
    let database = Database::new().await;
    morning(&database).await;
    database.run("update logs set state = 'expired'").await;
    let running = Served::on(&database).await;
    for path in ["state?at=2026-11-20T09:00:00Z", "timeline"] {
        assert_eq!(running.status(&format!("/api/workspaces/ada/{path}")).await, StatusCode::GONE, "{path}");
    }
}

#[tokio::test]
async fn a_long_log_folds_whole() {
    let database = Database::new().await;
    morning(&database).await;
    database
        .run(&format!(
            "insert into events (opened, log, stream, seq, ts, kind, line)
             select '2026-11-20', '{LOG}', 'state', n, '2026-11-20T10:00:00Z', 'help_opened',
                    '{{\"log\":\"{LOG}\",\"seq\":' || n || ',\"ts\":\"2026-11-20T10:00:00.000Z\",\"event\":\"help_opened\",\"step\":\"stage\",\"mode\":\"hints\",\"source\":\"file\"}}'
             from generate_series(10, 12010) n"
        ))
        .await;
    let running = Served::on(&database).await;
    let end = running.json("/api/workspaces/ada/state?at=2026-11-20T10:00:00Z").await;
    assert_eq!(end["seq"], 12010);
    let timeline = running.json("/api/workspaces/ada/timeline").await;
    assert_eq!(timeline["moments"].as_array().unwrap().len(), 5000);
}
