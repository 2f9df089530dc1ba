//! Missing lines: waited for, passed over, and taken in when they come after all.

use serde_json::json;
use workshop_dashboard::{Dashboard, ingest::vector};
use workshop_events::Stream;
use workshop_testing::dashboard::{Database, LOG, Served};

use crate::harness::{Vector, wait_long};
use crate::replay::Event;

/// A record that makes `step` the active one.
pub fn start(seq: u64, step: &str) -> Event {
    Event::state(&format!(
        r#"{{"log":"{LOG}","seq":{seq},"ts":"2026-11-20T09:00:{:02}.000Z","event":"step_start","step":"{step}","cause":"navigate"}}"#,
        seq % 60
    ))
}

fn command(seq: u64) -> Event {
    let line =
        format!(r#"{{"log":"{LOG}","seq":{seq},"ts":"2026-11-20T09:10:00.000Z","cmd":"c{seq}","exit":0}}"#);
    Event::new(Stream::Commands, &line)
}

struct Class {
    database: Database,
    served: Served,
    vector: Vector,
}

impl Class {
    async fn new() -> Self {
        let database = Database::new().await;
        let served = Served::on(&database).await;
        let vector = Vector::new(served.address, "ada", &database.add("ada").await);
        Self { database, served, vector }
    }

    /// The active step, the `seq` of state and commands, and how many records of them are projected.
    async fn seen(&self) -> (String, i64, i64, i64) {
        let step = self.database.rows("select step from workspace_status").await.concat();
        let cursor = async |stream: &str| {
            let query = format!("select coalesce((select seq from cursors where stream = '{stream}'), 0)");
            self.database.number(&query).await
        };
        let projected = "select (select count(*) from state_timeline) + (select count(*) from command_log)";
        (step, cursor("state").await, cursor("commands").await, self.database.number(projected).await)
    }

    async fn gaps(&self) -> Vec<String> {
        self.database.rows("select stream, from_seq, to_seq from gaps").await
    }
}

fn active(step: &str) -> String {
    json!({"step": step}).to_string()
}

fn gap(stream: &str, from: u64, to: u64) -> String {
    format!(r#"{{"stream":"{stream}","from_seq":{from},"to_seq":{to}}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_waited_for_then_passed_over_then_taken() {
    let class = Class::new().await;
    class
        .vector
        .deliver(&[start(1, "one"), start(2, "two"), start(5, "five"), start(9, "nine"), command(3)])
        .await;
    assert_eq!(class.seen().await, (active("two"), 2, 0, 2));
    assert_eq!(class.gaps().await, [gap("commands", 1, 2), gap("state", 3, 4), gap("state", 6, 8)]);
    // The instructor sees no more at any moment of it either.
    let state = class.served.json("/api/workspaces/ada/state?at=2027-01-01T00:00:00Z").await;
    assert_eq!((&state["active"], &state["seq"]), (&json!("two"), &json!(2)));
    // Too early.
    pass_over(&class.served.dashboard).await.unwrap();
    assert_eq!(class.seen().await, (active("two"), 2, 0, 2));

    // Part of a hole is filled; what is left of it was missing as long as before.
    class.vector.deliver(&[start(4, "four")]).await;
    assert_eq!(class.seen().await, (active("two"), 2, 0, 2));
    class
        .database
        .run("update gaps set since = since - interval '11 minutes' where stream = 'state' and from_seq < 6")
        .await;
    class.vector.deliver(&[start(7, "seven")]).await;
    // The first is passed over with the post; the second is waited for.
    assert_eq!(class.seen().await, (active("five"), 5, 0, 4));
    let pieces = [gap("commands", 1, 2), gap("state", 3, 3), gap("state", 6, 6), gap("state", 8, 8)];
    assert_eq!(class.gaps().await, pieces);

    // No further post comes: two replicas look at once.
    wait_long(&class.database).await;
    let other = Served::on(&class.database).await;
    let version = class.database.number("select version from workspaces").await;
    let (one, two) = tokio::join!(pass_over(&class.served.dashboard), pass_over(&other.dashboard));
    one.and(two).unwrap();
    assert_eq!(class.seen().await, (active("nine"), 9, 3, 7));
    assert_eq!(class.gaps().await, pieces, "they are still missing");
    assert_eq!(class.database.number("select version from workspaces").await, version + 1);

    // They come after all: stored, and the log is folded again in the order of seq.
    let tries = |seq: u64| {
        let line = start(seq, "nine").message;
        let check =
            r#""event":"goss_result","passed":false,"checks":{"total":1,"passed":0},"trigger":"student""#;
        Event::state(&line.replace(r#""event":"step_start""#, check).replace(r#","cause":"navigate""#, ""))
    };
    class.vector.deliver(&[tries(8), start(3, "three"), start(6, "six"), command(1), command(2)]).await;
    assert_eq!(class.gaps().await, Vec::<String>::new());
    assert_eq!(class.seen().await, (active("nine"), 9, 3, 12));
    let steps = "select step, tries, started from step_status where step in ('three', 'six', 'nine')";
    let found = class.database.rows(steps).await;
    assert_eq!(
        found,
        [
            r#"{"step":"nine","tries":1,"started":true}"#,
            r#"{"step":"six","tries":0,"started":true}"#,
            r#"{"step":"three","tries":0,"started":true}"#
        ]
    );
    let rows = class.database.rows("select * from step_status").await;
    workshop_dashboard::rebuild::rebuild(&mut class.database.connect().await, None).await.unwrap();
    assert_eq!(class.database.rows("select * from step_status").await, rows);
}

/// Rows made by another version of this program are made again, up to where the log is projected.
#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_fold_is_made_again_without_what_waits() {
    let class = Class::new().await;
    class.vector.deliver(&[start(1, "one"), start(2, "two"), start(5, "five")]).await;
    class.database.run("update folds set projection = '{\"version\": \"of another time\"}'").await;
    class.vector.deliver(&[start(3, "three")]).await;
    assert_eq!(class.seen().await, (active("three"), 3, 0, 3));
    class.vector.deliver(&[start(4, "four")]).await;
    assert_eq!(class.seen().await, (active("five"), 5, 0, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_workspace_is_projected_to_its_end() {
    let class = Class::new().await;
    class.vector.deliver(&[start(2, "two")]).await;
    wait_long(&class.database).await;
    class.database.run("update workspaces set revoked = now()").await;
    pass_over(&class.served.dashboard).await.unwrap();
    assert_eq!(class.seen().await, (active("two"), 2, 0, 1));
}

async fn pass_over(dashboard: &Dashboard) -> Result<(), sqlx::Error> {
    vector::pass_over(dashboard.store.ingest(), &dashboard.changes).await
}
