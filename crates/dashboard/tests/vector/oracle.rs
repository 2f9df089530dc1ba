//! What must stand in the database, made from the files alone, and compared row for row.

use sqlx::{AssertSqlSafe, PgConnection, Row};
use workshop_class::Seat;
use workshop_dashboard::projections::{Place, Projected, RecordRows, fold};
use workshop_dashboard::store::types::{Date, Timestamptz};
use workshop_events::{Commands, Llm, State};
use workshop_projector::Projection;

use crate::harness::Database;

const TABLES: [&str; 9] = [
    "events",
    "state_timeline",
    "command_log",
    "llm_interactions",
    "folds",
    "step_status",
    "workspace_status",
    "recording_refs",
    "gaps",
];

/// Asserts that the database holds what the files of these workspaces say, each record once, and nothing else. How many
/// records that are.
pub async fn assert_equal(database: &Database, seats: &[Seat]) -> usize {
    let mut connection = database.connect().await;
    let mut records = 0;
    let mut places = Vec::new();
    for seat in seats {
        let log = seat.log.to_string();
        let query = "select opened from logs where log = $1 and via = 'vector'";
        let opened: Date = sqlx::query_scalar(query).bind(&log).fetch_one(&mut connection).await.unwrap();
        places.push(Place { workspace: seat.workspace.clone(), log, opened });
    }
    prepare(&mut connection).await;
    for (seat, place) in seats.iter().zip(&places) {
        let (state, count) = stream::<State>(&mut connection, seat, place).await;
        records += count + stream::<Commands>(&mut connection, seat, place).await.1;
        records += stream::<Llm>(&mut connection, seat, place).await.1;
        fold::store(&mut connection, place, None, &state).await.unwrap();
        fold::store_status(&mut connection, place, &state).await.unwrap();
    }
    let mut problems = Vec::new();
    for table in TABLES {
        let query = format!(
            "select 'missing ' || row(a.*)::text from (select * from oracle.{table} except all select * from public.{table}) a \
             union all select 'too much ' || row(b.*)::text from (select * from public.{table} except all select * from oracle.{table}) b"
        );
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
        problems.extend(rows.iter().take(4).map(|row| format!("{table}: {}", row.get::<String, _>(0))));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    records
}

/// Tables of the same form in a schema of their own, in which all that follows happens.
async fn prepare(connection: &mut PgConnection) {
    let mut statements = vec!["drop schema if exists oracle cascade; create schema oracle".to_owned()];
    for table in TABLES.iter().chain(&["cursors", "workspaces"]) {
        statements.push(format!(
            "create table oracle.{table} (like public.{table} including defaults including indexes)"
        ));
    }
    statements.push("set search_path = oracle".to_owned());
    for statement in statements {
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await.unwrap();
    }
}

async fn stream<K: Projected>(
    connection: &mut PgConnection,
    seat: &Seat,
    place: &Place,
) -> (Projection, usize) {
    let mut rows = RecordRows::default();
    let mut projection = Projection::default();
    let (mut last, mut count) = (None, 0);
    workshop_journal::replay_dir::<K>(&seat.dir, Some(seat.log), |item| {
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
