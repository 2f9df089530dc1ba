//! What must stand in the database, made from the files alone, and compared row for row.

use sqlx::PgConnection;
use workshop_dashboard::projections::{Place, Projected, RecordRows, fold};
use workshop_dashboard::store::types::{Date, Timestamptz};
use workshop_events::{Commands, Llm, State};
use workshop_projector::Projection;
use workshop_simulator::SimulatedStudent;

use crate::compare;
use crate::harness::Database;

/// Asserts that the database holds what the files of these workspaces say, each record once, and nothing else. How many
/// records that are.
pub async fn assert_equal(database: &Database, students: &[SimulatedStudent]) -> usize {
    let mut connection = database.connect().await;
    let mut records = 0;
    let mut places = Vec::new();
    for student in students {
        let log = student.log.to_string();
        let query = "select opened from logs where log = $1 and via = 'vector'";
        let opened: Date = sqlx::query_scalar(query).bind(&log).fetch_one(&mut connection).await.unwrap();
        places.push(Place { workspace: student.workspace.clone(), log, opened });
    }
    compare::prepare(&mut connection, "oracle").await;
    for (student, place) in students.iter().zip(&places) {
        let (state, count) = stream::<State>(&mut connection, student, place).await;
        records += count + stream::<Commands>(&mut connection, student, place).await.1;
        records += stream::<Llm>(&mut connection, student, place).await.1;
        fold::store(&mut connection, place, None, &state).await.unwrap();
        fold::store_status(&mut connection, place, &state).await.unwrap();
    }
    let problems = compare::differences(&mut connection, "oracle", "public").await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    records
}

async fn stream<K: Projected>(
    connection: &mut PgConnection,
    student: &SimulatedStudent,
    place: &Place,
) -> (Projection, usize) {
    let mut rows = RecordRows::default();
    let mut projection = Projection::default();
    let (mut last, mut count) = (None, 0);
    workshop_journal::replay_dir::<K>(&student.dir, Some(student.log), |item| {
        rows.push::<K>(place, item.seq, item.line, &item.record);
        K::apply(&mut projection, item.seq, &item.record);
        last = Some(Timestamptz(K::ts(&item.record)));
        count += 1;
    })
    .unwrap();
    rows.write::<K>(connection).await.unwrap();
    sqlx::query("insert into cursors (log, stream, next, last_ts) values ($1, $2, 0, $3)")
        .bind(&place.log)
        .bind(K::STREAM.name())
        .bind(last)
        .execute(connection)
        .await
        .unwrap();
    (projection, count)
}
