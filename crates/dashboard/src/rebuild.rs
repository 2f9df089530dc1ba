//! Projections made again from the facts.

use sqlx::{Connection, PgConnection, Row};
use workshop_events::{Commands, Llm, LogId, State};
use workshop_projector::Projection;

use crate::projections::{Place, Projected, fold};
use crate::store::copy::CopyRows;
use crate::store::types::Date;

/// Drops the projections and makes them again, log by log, while the dashboard goes on; of one log, or of all. Gives
/// how many logs it were.
///
/// # Errors
/// The database refuses or does not answer. Each log is done or as it was before.
pub async fn rebuild(connection: &mut PgConnection, log: Option<LogId>) -> Result<u64, sqlx::Error> {
    let query = "select workspace, log, opened from logs where state <> 'expired' and ($1::text is null or log = $1) \
                 order by first_seen, log";
    let rows = sqlx::query(query).bind(log.map(|log| log.to_string())).fetch_all(&mut *connection).await?;
    let mut done = 0;
    for row in rows {
        let (workspace, log): (String, String) = (row.try_get(0)?, row.try_get(1)?);
        rebuild_log(connection, &Place { workspace, log, opened: row.try_get::<Date, _>(2)? }).await?;
        done += 1;
    }
    Ok(done)
}

async fn rebuild_log(connection: &mut PgConnection, place: &Place) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin().await?;
    let query = "select 1 from workspaces where workspace = $1 for update";
    sqlx::query(query).bind(&place.workspace).execute(&mut *transaction).await?;
    let query = "select log = (select log from logs where workspace = $1 order by first_seen desc, log desc limit 1) \
                 from logs where log = $2 and state <> 'expired'";
    let row =
        sqlx::query(query).bind(&place.workspace).bind(&place.log).fetch_optional(&mut *transaction).await?;
    let Some(row) = row else { return Ok(()) };
    let newest: bool = row.try_get(0)?;
    drop_rows(&mut transaction, place).await?;
    let projection = stream::<State>(&mut transaction, place).await?;
    stream::<Commands>(&mut transaction, place).await?;
    stream::<Llm>(&mut transaction, place).await?;
    // As ingest has it: a fold exists once the state stream was named.
    let query = "select 1 from cursors where log = $1 and stream = 'state'";
    if sqlx::query(query).bind(&place.log).fetch_optional(&mut *transaction).await?.is_some() {
        fold::store(&mut transaction, place, None, &projection).await?;
    }
    if newest {
        fold::store_status(&mut transaction, place, &projection).await?;
    }
    let query = "update workspaces set version = version + 1 where workspace = $1";
    sqlx::query(query).bind(&place.workspace).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// Drops the log's rows. Of its recordings those come back that something is stored of; the fold says the rest.
async fn drop_rows(connection: &mut PgConnection, place: &Place) -> Result<(), sqlx::Error> {
    let partitioned = [
        "delete from state_timeline where opened = $1 and log = $2",
        "delete from command_log where opened = $1 and log = $2",
        "delete from llm_interactions where opened = $1 and log = $2",
    ];
    for statement in partitioned {
        sqlx::query(statement).bind(place.opened).bind(&place.log).execute(&mut *connection).await?;
    }
    let others = [
        "delete from step_status where log = $1",
        "delete from folds where log = $1",
        "delete from workspace_status where log = $1",
        "delete from recording_refs where log = $1",
        "insert into recording_refs (log, workspace, name, at, bytes) \
         select log, workspace, name, 0, sum(len) from recording_chunks join logs using (log) where log = $1 \
         group by log, workspace, name",
    ];
    for statement in others {
        sqlx::query(statement).bind(&place.log).execute(&mut *connection).await?;
    }
    Ok(())
}

/// Makes the rows of one stream, and what its records fold to.
async fn stream<K: Projected>(
    connection: &mut PgConnection,
    place: &Place,
) -> Result<Projection, sqlx::Error> {
    let mut projection = Projection::default();
    let mut after = 0;
    loop {
        let lines = fold::page(connection, place, K::STREAM.name(), after).await?;
        let Some((last, _)) = lines.last() else { return Ok(projection) };
        after = *last;
        let mut rows = CopyRows::default();
        for (seq, line) in &lines {
            match K::parse(line) {
                Ok(record) => {
                    K::row(place, seq.unsigned_abs(), &record, &mut rows);
                    K::apply(&mut projection, seq.unsigned_abs(), &record);
                }
                Err(error) => tracing::error!(log = place.log, seq, %error, "a stored line is no record"),
            }
        }
        rows.write(connection, K::TABLE).await?;
    }
}
