//! From a shipped line to what an instructor is told of it.

use reqwest::{Method, StatusCode};
use serde_json::json;
use workshop_events::Timestamp;
use workshop_testing::dashboard::Served;

use super::harness::{Database, LOG, MORNING};

fn lines(records: &[(&str, &str)]) -> String {
    let line = |(index, (event, rest)): (usize, &(&str, &str))| {
        let at = Timestamp::from_millis(MORNING + index as i64 * 1000);
        format!("{{\"log\":\"{LOG}\",\"seq\":{},\"ts\":\"{at}\",\"event\":\"{event}\",{rest}}}\n", index + 1)
    };
    records.iter().enumerate().map(line).collect()
}

#[tokio::test]
async fn what_is_shipped_is_told() {
    let database = Database::new().await;
    // Its token is its name.
    database.workspace("ada", "Ada <b>Lovelace</b>").await;
    let running = Served::on(&database).await;
    assert_eq!(running.json("/api/workspaces/ada").await["mark"], "new");
    let failed = r#""step":"init","passed":false,"checks":{"total":1,"passed":0},"trigger":"student","failed":[{"title":"a repository","found":"none\u0000","expected":"one"}]"#;
    let body = lines(&[
        (
            "backend_started",
            r#""version":"1","image_step":"step-0","workshop":"git-basics","navigation":"linear","steps":[{"id":"init","title":"Begin","hasCheck":true},{"id":"stage","title":"Stage","hasCheck":true}]"#,
        ),
        ("step_start", r#""step":"init","cause":"initial""#),
        ("connected", r#""session":"s1","client":"c1""#),
        ("goss_result", failed),
        ("goss_result", failed),
        ("goss_result", failed),
    ]);
    let post = async |stream: &str, body: String| {
        let answer = running
            .ask(Method::POST, &format!("/ingest/ada/{LOG}/{stream}"))
            .bearer_auth("ada")
            .header("workshop-offset", "0")
            .body(body)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{}", answer.text().await.unwrap());
    };
    post("state", body).await;
    post("commands", format!("{{\"log\":\"{LOG}\",\"seq\":1,\"ts\":\"2026-11-20T09:00:03.000Z\",\"cmd\":\"git status\",\"exit\":128,\"step\":\"init\"}}\nnothing\n")).await;

    let class = running.json("/api/workspaces").await;
    let card = &class["workspaces"][0];
    for (key, expected) in [
        ("student", json!("Ada <b>Lovelace</b>")),
        ("workshop", json!("git-basics")),
        ("step", json!("init")),
        ("stepPosition", json!(1)),
        ("steps", json!(2)),
        ("tries", json!(3)),
        ("lastPassed", json!(false)),
        ("connected", json!(true)),
        ("mark", json!("fails")),
        ("quarantined", json!(1)),
    ] {
        assert_eq!(card[key], expected, "{key}");
    }
    assert_eq!(running.json("/api/workspaces/ada/commands").await["commands"][0]["cmd"], "git status");
    let event = &running.json("/api/workspaces/ada/events").await["events"][0];
    assert_eq!(
        (&event["event"], &event["failed"][0]["title"]),
        (&json!("goss_result"), &json!("a repository"))
    );
    assert_eq!(running.json("/api/workspaces/ada/quarantine").await["lines"][0]["line"], "nothing");
    let then = running.json("/api/workspaces/ada/state?at=2026-11-20T09:00:03Z").await;
    assert_eq!((&then["steps"][0]["tries"], &then["clients"]), (&json!(1), &json!(1)));
    let timeline = running.json("/api/workspaces/ada/timeline").await;
    assert_eq!(timeline["checks"].as_array().unwrap().len(), 3);
    let funnel = running.json("/api/funnel").await;
    assert_eq!(funnel["workshops"][0]["failures"][0]["times"], 3);
    let matrix = running.json("/api/matrix").await;
    assert_eq!(matrix["workshops"][0]["rows"][0]["cells"][0]["state"], "failed");
}
