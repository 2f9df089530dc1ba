//! What must stand in the database, made from the files alone, and compared row for row.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::PgConnection;
use workshop_dashboard::projections::{Place, Projected, RecordRows, fold};
use workshop_dashboard::store::types::{Date, Timestamptz};
use workshop_events::{Commands, Finding, FindingKind, Llm, LogId, State, StreamReader};
use workshop_projector::Projection;

use crate::compare;
use crate::files::LOG;
use crate::harness::{Database, WORKSPACE};

/// Asserts that the database holds what the files in `folder` say, each record once, and nothing else.
pub async fn assert_equal(database: &Database, folder: &Path) {
    let problems = differences(database, folder).await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Where the database is not what the files say.
pub async fn differences(database: &Database, folder: &Path) -> Vec<String> {
    let mut connection = database.connect().await;
    let opened: Date = sqlx::query_scalar("select opened from logs where log = $1")
        .bind(LOG)
        .fetch_one(&mut connection)
        .await
        .unwrap();
    let place = Place { workspace: WORKSPACE.to_owned(), log: LOG.to_owned(), opened };
    compare::prepare(&mut connection, "oracle").await;
    let mut problems = Vec::new();
    let state = stream::<State>(&mut connection, &place, folder, &mut problems).await;
    stream::<Commands>(&mut connection, &place, folder, &mut problems).await;
    stream::<Llm>(&mut connection, &place, folder, &mut problems).await;
    fold::store(&mut connection, &place, None, &state).await.unwrap();
    fold::store_status(&mut connection, &place, &state).await.unwrap();
    problems.extend(compare::differences(&mut connection, "oracle", "public").await);
    problems
}

async fn stream<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
    folder: &Path,
    problems: &mut Vec<String>,
) -> Projection {
    let mut rows = RecordRows::default();
    let mut projection = Projection::default();
    let mut last = None;
    let log: LogId = LOG.parse().unwrap();
    workshop_journal::replay_dir::<K>(folder, Some(log), |item| {
        rows.push::<K>(place, item.seq, item.line, &item.record);
        K::apply(&mut projection, item.seq, &item.record);
        last = Some(Timestamptz(K::ts(&item.record)));
    })
    .unwrap();
    rows.write::<K>(connection).await.unwrap();
    let stream = K::STREAM.name();
    sqlx::query("insert into cursors (log, stream, next, last_ts) values ($1, $2, 0, $3)")
        .bind(LOG)
        .bind(stream)
        .bind(last)
        .execute(&mut *connection)
        .await
        .unwrap();
    let mut refused = BTreeSet::new();
    for finding in findings::<K>(folder, log) {
        match finding.kind {
            FindingKind::Gap { from, to } => {
                sqlx::query("insert into gaps (log, stream, from_seq, to_seq) values ($1, $2, $3, $4)")
                    .bind(LOG)
                    .bind(stream)
                    .bind(from as i64)
                    .bind(to as i64)
                    .execute(&mut *connection)
                    .await
                    .unwrap();
            }
            FindingKind::Torn => {}
            _ => _ = refused.insert(finding.offset as i64),
        }
    }
    let stored: Vec<i64> = sqlx::query_scalar(
        "select \"offset\" from public.quarantine where log = $1 and stream = $2 order by 1",
    )
    .bind(LOG)
    .bind(stream)
    .fetch_all(&mut *connection)
    .await
    .unwrap();
    let found: Vec<i64> = refused.into_iter().collect();
    if stored != found {
        problems.push(format!("quarantine of {stream}: {stored:?}, the files have {found:?}"));
    }
    projection
}

/// All that is wrong with a file; a replay keeps but the first of it.
fn findings<K: Projected>(folder: &Path, log: LogId) -> Vec<Finding> {
    let mut reader = StreamReader::<K>::new(Some(log));
    reader.feed(&std::fs::read(folder.join(K::STREAM.file_name())).unwrap(), |_| {});
    reader.catch_up(|_| {});
    reader.take_findings()
}
