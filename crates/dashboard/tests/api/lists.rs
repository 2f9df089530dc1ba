//! Lists, pages, and the search.

use reqwest::StatusCode;
use serde_json::{Value, json};
use workshop_testing::dashboard::Served;

use super::harness::{Database, LOG};

fn seqs(list: &Value) -> Vec<i64> {
    list.as_array().unwrap().iter().map(|entry| entry["seq"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn commands_come_in_pages_newest_first() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    for seq in 1..=25 {
        database.command("ada", LOG, seq, &format!("command {seq}")).await;
    }
    let running = Served::on(&database).await;
    let first = running.json("/api/workspaces/ada/commands?limit=10").await;
    assert_eq!(seqs(&first["commands"]), (16..=25).rev().collect::<Vec<_>>());
    assert_eq!(first["next"], 16);
    let second = running.json("/api/workspaces/ada/commands?limit=10&before=16").await;
    assert_eq!(seqs(&second["commands"]), (6..=15).rev().collect::<Vec<_>>());
    let last = running.json("/api/workspaces/ada/commands?limit=10&before=6").await;
    assert_eq!((seqs(&last["commands"]), &last["next"]), ((1..=5).rev().collect(), &Value::Null));
    let exact = running.json("/api/workspaces/ada/commands?limit=25").await;
    assert_eq!(exact["next"], Value::Null);
    let clamped = running.json("/api/workspaces/ada/commands?limit=0").await;
    assert_eq!(clamped["commands"].as_array().unwrap().len(), 1);
    assert_eq!(running.json("/api/workspaces/ada/commands?step=init").await["commands"], json!([]));
    let one = running.json("/api/workspaces/ada/commands?step=stage&limit=1").await;
    assert_eq!(
        one["commands"][0],
        json!({"seq": 25, "ts": "2026-11-20T09:00:25.000Z", "cmd": "command 25", "exit": 0, "session": "s1", "step": "stage",
            "cwd": "/workspace", "ms": 12, "at": 1.5})
    );
}

#[tokio::test]
async fn a_page_has_at_most_a_thousand() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    database
        .run(&format!(
            "insert into command_log (opened, log, seq, workspace, ts, cmd)
             select '2026-11-20', '{LOG}', n, 'ada', now(), 'ls' from generate_series(1, 2500) n"
        ))
        .await;
    let running = Served::on(&database).await;
    let page = running.json("/api/workspaces/ada/commands?limit=1000000").await;
    assert_eq!(page["commands"].as_array().unwrap().len(), 1000);
    let all = running.json("/api/workspaces/ada/commands?format=json").await;
    assert_eq!(seqs(&all), (1..=2500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_workspace_without_a_log_has_empty_lists() {
    let database = Database::new().await;
    database.workspace("ada", "Ada").await;
    let running = Served::on(&database).await;
    assert_eq!(running.json("/api/workspaces/ada/commands").await, json!({"commands": [], "next": null}));
    assert_eq!(running.json("/api/workspaces/ada/commands?format=json").await, json!([]));
    assert_eq!(running.json("/api/workspaces/ada").await["mark"], "new");
    assert_eq!(running.status("/api/workspaces/ada/timeline").await, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn events_help_recordings_and_quarantine_are_listed() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    database
        .run(&format!(
            "insert into state_timeline (opened, log, seq, workspace, ts, event, step, passed, checks_passed, checks_total,
                 trigger, failed) values
                 ('2026-11-20', '{LOG}', 1, 'ada', now(), 'step_start', 'stage', null, null, null, null, null),
                 ('2026-11-20', '{LOG}', 2, 'ada', now(), 'goss_result', 'stage', false, 1, 2, 'student',
                  '[{{\"title\": \"a\", \"found\": \"b\", \"expected\": \"c\"}}]');
             insert into llm_interactions values ('2026-11-20', '{LOG}', 1, 'ada', now(), 'stage', 'hints', 'why?', 'so', 'm',
                 10, 20, 300, 'done');
             insert into recording_refs values ('{LOG}', 'a.cast', 'ada', 's1', 'main', now(), 0, null, 7);
             insert into quarantine (workspace, log, stream, \"offset\", sha256, reason, line) values
                 ('ada', '{LOG}', 'state', 5, sha256('1'), 'no JSON', '\\x00ff41'),
                 ('ada', null, 'state', null, sha256('2'), 'no log', repeat('y', 10000)::bytea);"
        ))
        .await;
    let running = Served::on(&database).await;
    let events = running.json("/api/workspaces/ada/events").await;
    assert_eq!(seqs(&events["events"]), [2, 1]);
    assert_eq!(
        events["events"][0]["failed"],
        json!([{"title": "a", "passed": false, "found": "b", "expected": "c"}])
    );
    assert_eq!(
        (&events["events"][0]["checksPassed"], &events["events"][0]["checksTotal"]),
        (&json!(1), &json!(2))
    );
    let llm = running.json("/api/workspaces/ada/llm").await;
    assert_eq!(llm["exchanges"][0]["inputTokens"], 10);
    let recordings = running.json("/api/workspaces/ada/recordings").await;
    assert_eq!(
        (&recordings["recordings"][0]["name"], &recordings["recordings"][0]["live"]),
        (&json!("a.cast"), &json!(true))
    );
    let quarantine = running.json("/api/workspaces/ada/quarantine").await;
    assert_eq!(quarantine["lines"][1]["line"], "\u{0}\u{fffd}A");
    assert_eq!(quarantine["lines"][0]["line"].as_str().unwrap().len(), 4096);
    let first = running.json("/api/workspaces/ada/quarantine?limit=1").await;
    let next = first["next"].as_i64().unwrap();
    let rest = running.json(&format!("/api/workspaces/ada/quarantine?before={next}")).await;
    assert_eq!(rest["lines"].as_array().unwrap().len(), 1);
    // Those whose log is not known are the workspace's, too.
    assert_eq!(
        running.json(&format!("/api/workspaces/ada/quarantine?log={LOG}")).await["lines"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn one_workspaces_log_is_not_anothers() {
    let database = Database::new().await;
    database.working("ada", "Ada", LOG).await;
    database.working("bob", "Bob", "00000000000000bb").await;
    database.command("bob", "00000000000000bb", 1, "secret").await;
    let running = Served::on(&database).await;
    for path in ["commands", "events", "llm", "timeline"] {
        let status = running.status(&format!("/api/workspaces/ada/{path}?log=00000000000000bb")).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_search_finds_commands_of_all_workspaces() {
    let database = Database::new().await;
    database.working("ada", "Ada", "0000000000000001").await;
    database.working("bob", "Bob", "0000000000000002").await;
    database.command("ada", "0000000000000001", 1, "git ADD --all").await;
    database.command("bob", "0000000000000002", 2, "git add .").await;
    database.command("bob", "0000000000000002", 3, "echo 100%").await;
    database.command("bob", "0000000000000002", 4, "echo 100 a_b '\\n'").await;
    database.command("bob", "0000000000000002", 5, "echo axb").await;
    let running = Served::on(&database).await;
    let check = async |query: &str, expected: &[&str]| {
        let found = running.json(&format!("/api/search?{query}")).await;
        let commands: Vec<_> =
            found["commands"].as_array().unwrap().iter().map(|c| c["cmd"].as_str().unwrap()).collect();
        assert_eq!(commands, expected, "{query}");
        found
    };
    let found = check("q=git%20add", &["git add .", "git ADD --all"]).await;
    assert_eq!(
        (&found["commands"][0]["workspace"], &found["commands"][0]["student"]),
        (&json!("bob"), &json!("Bob"))
    );
    check("q=100%25", &["echo 100%"]).await;
    check("q=a_b", &["echo 100 a_b '\\n'"]).await;
    check("q=%5Cn", &["echo 100 a_b '\\n'"]).await;
    check("q=git&step=init", &[]).await;
    check("q=git&workshop=git-basics", &["git add .", "git ADD --all"]).await;
    check("q=git&workshop=other", &[]).await;
    let one = check("q=git&limit=1", &["git add ."]).await;
    assert_eq!(one["more"], true);
}
