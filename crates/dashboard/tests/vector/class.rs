//! A whole simulated class by Vector: again, out of order, in halves, twice at once.

use std::collections::BTreeSet;

use sqlx::Row;
use workshop_testing::dashboard::{Database, Served, assert_equal};
use workshop_testing::{Random, rounds};

use crate::harness::{Vector, class};
use crate::replay::Plan;

/// Streams of which more or less is projected than the records before the first missing one.
const NOT_THE_PREFIX: &str = "select count(*) from (values ('state'), ('commands'), ('llm')) s (stream) cross join logs \
     left join cursors c on c.log = logs.log and c.stream = s.stream \
     cross join lateral (select count(*) as whole from (select seq, row_number() over (order by seq) as n from events e \
       where e.log = logs.log and e.stream = s.stream) e where seq = n) prefix \
     cross join lateral (select case s.stream when 'state' then (select count(*) from state_timeline t where t.log = logs.log) \
       when 'commands' then (select count(*) from command_log t where t.log = logs.log) \
       else (select count(*) from llm_interactions t where t.log = logs.log) end as rows) projected \
     left join folds on folds.log = logs.log and s.stream = 'state' \
     where coalesce(c.seq, 0) <> whole or rows <> whole or coalesce(folds.seq, whole) <> whole";

async fn quarantined(database: &Database) -> Vec<(String, Vec<u8>)> {
    let query = "select stream, sha256 from quarantine";
    let rows = sqlx::query(query).fetch_all(&mut database.connect().await).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_class_delivered_twice_at_once() {
    for seed in 3..3 + rounds(1, 10) {
        let database = Database::new().await;
        let served = Served::on(&database).await;
        let folder = tempfile::tempdir().unwrap();
        let students = class(folder.path(), 12, seed);
        let mut broken = BTreeSet::new();
        let mut deliveries = Vec::new();
        for (n, student) in students.iter().enumerate() {
            let vector =
                Vector::new(served.address, &student.workspace, &database.add(&student.workspace).await);
            let plan = Plan::new(&student.dir, &mut Random::new(seed * 100 + n as u64));
            broken.extend(plan.broken.clone().into_iter().map(|line| (student.workspace.clone(), line)));
            for _ in 0..2 {
                let (vector, posts) = (vector.clone(), plan.posts.clone());
                deliveries.push(tokio::spawn(async move {
                    for post in &posts {
                        vector.deliver(post).await;
                    }
                }));
            }
        }
        for delivery in deliveries {
            delivery.await.unwrap();
        }
        let records = assert_equal(&database, &students).await;
        assert!(records > 500 && broken.len() > 20, "{records} records, {} broken", broken.len());
        let found = quarantined(&database).await;
        assert_eq!(found.len(), broken.len(), "each once");
        let found: BTreeSet<_> = found.into_iter().collect();
        assert_eq!(found, broken.into_iter().map(|(_, line)| line).collect(), "seed {seed}");

        workshop_dashboard::rebuild::rebuild(&mut database.connect().await, None).await.unwrap();
        assert_equal(&database, &students).await;
    }
}

/// After every post, exactly what stands before the first missing record is projected; and a rebuild changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn projections_follow_the_prefix() {
    let tables =
        ["state_timeline", "command_log", "llm_interactions", "folds", "step_status", "workspace_status"];
    for seed in 1..1 + rounds(1, 5) {
        let database = Database::new().await;
        let served = Served::on(&database).await;
        let folder = tempfile::tempdir().unwrap();
        let students = class(folder.path(), 1, seed);
        let vector =
            Vector::new(served.address, &students[0].workspace, &database.add(&students[0].workspace).await);
        let mut random = Random::new(seed + 50);
        let plan = Plan::new(&students[0].dir, &mut random);
        let mut waited = 0;
        for post in &plan.posts {
            vector.deliver(post).await;
            assert_eq!(database.number(NOT_THE_PREFIX).await, 0, "seed {seed}");
            waited += database.number("select count(*) from gaps").await;
            if random.one_in(8) {
                let dump = async || {
                    let mut rows = Vec::new();
                    for table in tables {
                        rows.extend(database.rows(&format!("select '{table}', t.* from {table} t")).await);
                    }
                    rows
                };
                let before = dump().await;
                workshop_dashboard::rebuild::rebuild(&mut database.connect().await, None).await.unwrap();
                assert_eq!(before, dump().await, "seed {seed}");
            }
        }
        assert!(waited > 0, "nothing was ever missing");
        assert_equal(&database, &students).await;
    }
}
