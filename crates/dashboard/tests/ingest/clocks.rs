//! Clocks go back and forward: those of workspaces, and the database's own. Order is `seq`.

use workshop_testing::dashboard::{Database, LOG, Served, assert_equal};

fn line(seq: u64, ts: &str, rest: &str) -> String {
    format!("{{\"log\":\"{LOG}\",\"seq\":{seq},\"ts\":\"{ts}\",{rest}}}\n")
}

fn start(seq: u64, ts: &str, step: &str) -> String {
    line(seq, ts, &format!("\"event\":\"step_start\",\"step\":\"{step}\",\"cause\":\"navigate\""))
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_a_clock_that_jumps() {
    let times = [
        "2026-11-20T09:00:00.000Z",
        "9999-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00.000Z",
        "2026-11-20T09:00:00.000Z",
        "2026-11-20T09:00:00.000Z",
        "1999-12-31T23:59:59.999Z",
    ];
    let steps = ["one", "two", "three", "one", "two", "three"];
    let mut state = String::new();
    let mut commands = String::new();
    let numbered = (1..).zip(times.into_iter().zip(steps));
    for (seq, (ts, step)) in numbered {
        state += &start(2 * seq - 1, ts, step);
        let stepped = format!("\"event\":\"clock_stepped\",\"from\":\"{ts}\",\"to\":\"{ts}\"");
        state += &line(2 * seq, ts, &stepped);
        commands += &line(seq, ts, &format!("\"cmd\":\"command {seq}\",\"exit\":0,\"step\":\"{step}\""));
    }
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("state-events.jsonl", &state),
        ("command-log.jsonl", &commands),
        ("llm-history.jsonl", &String::new()),
    ] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    // One by one and then all again: whichever way they come, they stand as they are numbered.
    let mut next = 0;
    for line in state.split_inclusive('\n') {
        next = shipper.post("state", next, line.as_bytes()).await.ok().next();
        assert_equal_state(&database, &state[..next as usize]).await;
    }
    shipper.post("commands", 0, commands.as_bytes()).await.ok();
    shipper.post("commands", 0, commands.as_bytes()).await.ok();
    assert_equal(&database, [folder.path()]).await;
    assert_eq!(database.number("select count(*) from quarantine").await, 0);
    assert_eq!(database.number("select count(*) from workspace_status where step = 'three'").await, 1);
    // The newest are those with the highest number, and pages go by it.
    let mut before = String::new();
    let mut listed = Vec::new();
    loop {
        let path = format!("/api/workspaces/ada/commands?limit=2{before}");
        let page: serde_json::Value = served.get(&path).send().await.unwrap().json().await.unwrap();
        let rows = page["commands"].as_array().unwrap();
        let Some(last) = rows.last() else { break };
        before = format!("&before={}", last["seq"]);
        listed.extend(rows.iter().map(|row| row["seq"].as_u64().unwrap()));
    }
    assert_eq!(listed, [6, 5, 4, 3, 2, 1]);
}

/// The active step is the last line's, whatever its time.
async fn assert_equal_state(database: &Database, posted: &str) {
    let last = posted.lines().rev().find(|line| line.contains("step_start")).unwrap();
    let record: serde_json::Value = serde_json::from_str(last).unwrap();
    let query =
        format!("select count(*) from workspace_status where step = '{}'", record["step"].as_str().unwrap());
    assert_eq!(database.number(&query).await, 1, "{last}");
}

/// A volume is replaced after the database's clock was set back: the new log is the newest all the same.
#[tokio::test(flavor = "multi_thread")]
async fn the_databases_clock_is_set_back() {
    let database = Database::new().await;
    let served = Served::on(&database).await;
    let shipper = served.poster(&database.add("ada").await);
    let morning = "2026-11-20T09:00:00.000Z";
    shipper.post("state", 0, start(1, morning, "old").as_bytes()).await.ok();
    // It was ahead by a year when the first log came.
    database.run("update logs set first_seen = first_seen + interval '1 year', last_seen = last_seen + interval '1 year'").await;
    for (other, step) in [("00000000000000bb", "new"), ("00000000000000cc", "newer")] {
        let line = start(1, morning, step).replace(LOG, other);
        shipper.send(shipper.posting(other, "state", 0, line.as_bytes())).await.ok();
        let query =
            format!("select count(*) from workspace_status where log = '{other}' and step = '{step}'");
        assert_eq!(database.number(&query).await, 1, "{step}");
    }
    // Nor is anything taken of the old one's for the class.
    let next = start(1, morning, "old").len() as u64;
    shipper.post("state", next, start(2, morning, "older").as_bytes()).await.ok();
    assert_eq!(database.number("select count(*) from workspace_status where step = 'newer'").await, 1);
    assert_eq!(database.number("select count(*) from step_status where step = 'older'").await, 1);
}
