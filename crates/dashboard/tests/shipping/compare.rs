//! What a database has of a log, against what stands in the log's files.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};
use workshop_events::{Commands, Kind, Llm, State, Stream};
use workshop_journal::{recordings_in, replay_dir};
use workshop_projector::Projection;
use workshop_simulator::SimulatedStudent;
use workshop_testing::dashboard::{DashboardProcess, INSTRUCTOR};

/// Whether every byte of the volumes' streams is taken in.
pub async fn is_shipped(database: &str, students: &[SimulatedStudent]) -> bool {
    let Ok(mut connection) = PgConnection::connect(database).await else { return false };
    for student in students {
        let cursors =
            sqlx::query("select stream, next from cursors where log = $1").bind(student.log.to_string());
        let Ok(cursors) = cursors.fetch_all(&mut connection).await else { return false };
        let next: BTreeMap<String, i64> = cursors.iter().map(|row| (row.get(0), row.get(1))).collect();
        let mut files: Vec<(String, u64)> = Stream::ALL
            .iter()
            .map(|stream| {
                let len =
                    std::fs::metadata(student.dir.join(stream.file_name())).map_or(0, |file| file.len());
                (stream.name().to_owned(), len)
            })
            .collect();
        let recordings = recordings_in(&student.dir).unwrap();
        files.extend(
            recordings.into_iter().map(|recording| (format!("cast/{}", recording.name), recording.len)),
        );
        if files.iter().any(|(stream, len)| next.get(stream).copied().unwrap_or(0).unsigned_abs() != *len) {
            return false;
        }
    }
    true
}

/// Fails unless each recording is played as it stands in its file. How many bytes that are.
pub async fn check_recordings(dashboard: &DashboardProcess, students: &[SimulatedStudent]) -> usize {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let mut bytes = 0;
    for student in students {
        for recording in recordings_in(&student.dir).unwrap() {
            let address = dashboard.url(&format!("/api/recordings/{}/{}", student.log, recording.name));
            let answer = client.get(address).bearer_auth(INSTRUCTOR).send().await.unwrap();
            assert_eq!(answer.status(), 200, "{}", recording.name);
            let played = answer.bytes().await.unwrap();
            assert!(
                played == std::fs::read(student.dir.join(&recording.name)).unwrap(),
                "{}",
                recording.name
            );
            bytes += played.len();
        }
    }
    bytes
}

/// State and reason of a log.
pub async fn log_state(database: &str, student: &SimulatedStudent) -> (String, String) {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let query = sqlx::query("select state, coalesce(reason, '') from logs where log = $1")
        .bind(student.log.to_string());
    let row = query.fetch_one(&mut connection).await.unwrap();
    (row.get(0), row.get(1))
}

/// Fails unless the database has each record of the files once, byte for byte, and folds to what they fold to. How many
/// records that are.
pub async fn check_shipped(database: &str, students: &[SimulatedStudent]) -> usize {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let mut records = 0;
    for student in students {
        records += check_stream::<State>(&mut connection, student, "state_timeline").await;
        records += check_stream::<Commands>(&mut connection, student, "command_log").await;
        records += check_stream::<Llm>(&mut connection, student, "llm_interactions").await;
        let mut fold = Projection::default();
        replay_dir::<State>(&student.dir, Some(student.log), |item| fold.apply(item.seq, &item.record))
            .unwrap();
        let stored = sqlx::query("select projection from folds where log = $1").bind(student.log.to_string());
        let stored: String = stored.fetch_one(&mut connection).await.unwrap().get(0);
        let stored: serde_json::Value = serde_json::from_str(&stored).unwrap();
        assert_eq!(stored, serde_json::to_value(&fold).unwrap(), "{}: the fold", student.workspace);
    }
    for table in ["quarantine", "gaps"] {
        let query = format!("select count(*) from {table}");
        let found: i64 = sqlx::query(AssertSqlSafe(query)).fetch_one(&mut connection).await.unwrap().get(0);
        assert_eq!(found, 0, "{table}");
    }
    records
}

async fn check_stream<K: Kind>(
    connection: &mut PgConnection,
    student: &SimulatedStudent,
    table: &str,
) -> usize {
    let mut files: Vec<(i64, String)> = Vec::new();
    let take = |item: workshop_events::Item<'_, K>| files.push((item.seq as i64, item.line.to_owned()));
    replay_dir::<K>(&student.dir, Some(student.log), take).unwrap();
    let log = student.log.to_string();
    let query = "select seq, line from events where log = $1 and stream = $2 order by seq";
    let rows =
        sqlx::query(query).bind(&log).bind(K::STREAM.name()).fetch_all(&mut *connection).await.unwrap();
    let stored: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(stored.len(), files.len(), "{} of {}", K::STREAM.name(), student.workspace);
    assert!(stored == files, "{} of {}: other lines", K::STREAM.name(), student.workspace);
    let query = format!("select seq from {table} where log = $1 order by seq");
    let rows = sqlx::query(AssertSqlSafe(query)).bind(&log).fetch_all(&mut *connection).await.unwrap();
    let projected: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(
        projected,
        files.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(),
        "{table} of {}",
        student.workspace
    );
    files.len()
}

/// Every row of the facts and projections of streams, as text that begins with the table's name.
pub async fn rows(database: &str) -> Vec<String> {
    let mut connection = PgConnection::connect(database).await.unwrap();
    let mut all = Vec::new();
    for table in [
        "events",
        "cursors",
        "folds",
        "state_timeline",
        "command_log",
        "llm_interactions",
        "recording_refs",
        "step_status",
        "workspace_status",
    ] {
        let only = if table == "cursors" { "where stream not like 'cast/%'" } else { "" };
        let query = format!("select '{table} ' || row_to_json(t)::text from {table} t {only} order by 1");
        let rows = sqlx::query(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
        all.extend(rows.iter().map(|row| row.get::<String, _>(0)));
    }
    all
}
