//! What must be in the database, made from the files alone, and compared row for row.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::PgConnection;
use workshop_dashboard::projections::{Place, Projected, RecordRows, fold};
use workshop_dashboard::store::types::{Date, Timestamptz};
use workshop_events::{Commands, Finding, FindingKind, Llm, LogId, State, StreamReader};
use workshop_projector::Projection;
use workshop_simulator::SimulatedStudent;

use super::compare;
use super::database::Database;
use super::poster::{LOG, WORKSPACE};

/// A log that was taken in, and its files.
#[derive(Clone, Copy, Debug)]
pub struct Log<'a> {
    /// Whose it is.
    pub workspace: &'a str,
    /// The log.
    pub log: LogId,
    /// The volume.
    pub folder: &'a Path,
}

impl<'a> From<&'a SimulatedStudent> for Log<'a> {
    fn from(student: &'a SimulatedStudent) -> Self {
        Self { workspace: &student.workspace, log: student.log, folder: &student.dir }
    }
}

/// The volume of the log that most tests post.
impl<'a> From<&'a Path> for Log<'a> {
    fn from(folder: &'a Path) -> Self {
        Self { workspace: WORKSPACE, log: LOG.parse().unwrap(), folder }
    }
}

/// Asserts that the database holds what the files of these logs say, each record once, and nothing else. Returns how many
/// records that are.
pub async fn assert_equal<'a>(
    database: &Database,
    logs: impl IntoIterator<Item = impl Into<Log<'a>>>,
) -> usize {
    let (problems, records) = check(database, logs.into_iter().map(Into::into).collect()).await;
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    records
}

/// Where the database is not what the files of a log say.
pub async fn differences<'a>(database: &Database, log: impl Into<Log<'a>>) -> Vec<String> {
    check(database, vec![log.into()]).await.0
}

async fn check(database: &Database, logs: Vec<Log<'_>>) -> (Vec<String>, usize) {
    let mut connection = database.connect().await;
    let mut oracles = Vec::new();
    for log in logs {
        oracles.push(Oracle::of(&mut connection, log).await);
    }
    compare::prepare(&mut connection, "oracle").await;
    for oracle in &mut oracles {
        let state = oracle.stream::<State>(&mut connection).await;
        oracle.stream::<Commands>(&mut connection).await;
        oracle.stream::<Llm>(&mut connection).await;
        fold::store(&mut connection, &oracle.place, None, &state).await.unwrap();
        fold::store_status(&mut connection, &oracle.place, &state).await.unwrap();
    }
    let records = oracles.iter().map(|oracle| oracle.records).sum();
    let mut problems: Vec<String> = oracles.into_iter().flat_map(|oracle| oracle.problems).collect();
    problems.extend(compare::differences(&mut connection, "oracle", "public").await);
    (problems, records)
}

/// Stores what must be there of one log.
struct Oracle<'a> {
    log: Log<'a>,
    place: Place,
    by_shipper: bool,
    records: usize,
    problems: Vec<String>,
}

impl<'a> Oracle<'a> {
    async fn of(connection: &mut PgConnection, log: Log<'a>) -> Self {
        let id = log.log.to_string();
        let query = "select opened, via = 'shipper' from logs where log = $1";
        let (opened, by_shipper): (Date, bool) =
            sqlx::query_as(query).bind(&id).fetch_one(connection).await.unwrap();
        let place = Place { workspace: log.workspace.to_owned(), log: id, opened };
        Self { log, place, by_shipper, records: 0, problems: Vec::new() }
    }

    async fn stream<K: Projected>(&mut self, connection: &mut PgConnection) -> Projection {
        let mut rows = RecordRows::default();
        let mut projection = Projection::default();
        let mut last = None;
        workshop_journal::replay_dir::<K>(self.log.folder, Some(self.log.log), |item| {
            rows.push::<K>(&self.place, item.seq, item.line, &item.record);
            K::apply(&mut projection, item.seq, &item.record);
            last = Some(Timestamptz(K::ts(&item.record)));
            self.records += 1;
        })
        .unwrap();
        rows.write::<K>(connection).await.unwrap();
        sqlx::query("insert into cursors (log, stream, next, last_ts) values ($1, $2, 0, $3)")
            .bind(&self.place.log)
            .bind(K::STREAM.name())
            .bind(last)
            .execute(&mut *connection)
            .await
            .unwrap();
        if self.by_shipper {
            self.findings::<K>(connection).await;
        }
        projection
    }

    /// Stores the gaps of a stream, and compares what is quarantined of it.
    async fn findings<K: Projected>(&mut self, connection: &mut PgConnection) {
        let (log, stream) = (&self.place.log, K::STREAM.name());
        let mut refused = BTreeSet::new();
        for finding in findings::<K>(self.log) {
            match finding.kind {
                FindingKind::Gap { from, to } => {
                    sqlx::query("insert into gaps (log, stream, from_seq, to_seq) values ($1, $2, $3, $4)")
                        .bind(log)
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
        let query = "select \"offset\" from public.quarantine where log = $1 and stream = $2 order by 1";
        let stored = sqlx::query_scalar(query).bind(log).bind(stream).fetch_all(connection).await;
        let (stored, found): (Vec<i64>, Vec<i64>) = (stored.unwrap(), refused.into_iter().collect());
        if stored != found {
            self.problems.push(format!("quarantine of {stream}: {stored:?}, the files have {found:?}"));
        }
    }
}

/// All that is wrong with a file; a replay keeps but the first of it.
fn findings<K: Projected>(log: Log<'_>) -> Vec<Finding> {
    let mut reader = StreamReader::<K>::new(Some(log.log));
    let bytes = std::fs::read(log.folder.join(K::STREAM.file_name())).unwrap_or_default();
    reader.feed(&bytes, |_| {});
    reader.catch_up(|_| {});
    reader.take_findings()
}
