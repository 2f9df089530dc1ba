//! The fold of a log in the database: loaded, made again from the facts, stored with the rows that it comes to.

use std::collections::BTreeMap;

use sqlx::{PgConnection, Row};
use workshop_events::{Kind, State};
use workshop_projector::Projection;

use super::status::{self, RecordingRow, StatusRow, StepRow};
use super::{Place, columns::bigint};
use crate::store::types::Timestamptz;

/// So many lines are read at once when a log is folded again.
const PAGE: i64 = 10_000;

/// Folds a log again from its stored lines, up to its cursor.
///
/// # Errors
/// The database does not answer.
pub async fn refold(connection: &mut PgConnection, place: &Place) -> Result<Projection, sqlx::Error> {
    let mut projection = Projection::default();
    let mut after = 0;
    loop {
        let lines = page(connection, place, State::STREAM.name(), after).await?;
        let Some((last, _)) = lines.last() else { return Ok(projection) };
        after = *last;
        for (seq, line) in &lines {
            // It parsed when it was taken in; an older version of this program may have taken in more.
            match State::parse(line) {
                Ok(record) => projection.apply(seq.unsigned_abs(), &record),
                Err(error) => tracing::error!(log = place.log, seq, %error, "a stored line is no record"),
            }
        }
    }
}

/// The next stored lines of a stream, by `seq`. What lies after the cursor waits for what is missing before it.
///
/// # Errors
/// The database does not answer.
pub async fn page(
    connection: &mut PgConnection,
    place: &Place,
    stream: &str,
    after: i64,
) -> Result<Vec<(i64, String)>, sqlx::Error> {
    let query = "select seq, line from events where opened = $1 and log = $2 and stream = $3 and seq > $4 \
                 and seq <= (select seq from cursors where log = $2 and stream = $3) order by seq limit $5";
    let query = sqlx::query(query).bind(place.opened).bind(&place.log).bind(stream).bind(after).bind(PAGE);
    query.fetch_all(connection).await?.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Stores a fold and what changed between the one `before` and it. Without `before`, all rows of the log are made anew.
///
/// # Errors
/// The database refuses or does not answer.
pub async fn store(
    connection: &mut PgConnection,
    place: &Place,
    before: Option<&Projection>,
    after: &Projection,
) -> Result<(), sqlx::Error> {
    let json = serde_json::to_string(after).map_err(|error| sqlx::Error::Encode(error.into()))?;
    let query = "insert into folds (log, seq, projection) values ($1, $2, $3) \
                 on conflict (log) do update set seq = excluded.seq, projection = excluded.projection";
    sqlx::query(query)
        .bind(&place.log)
        .bind(bigint(after.seq()))
        .bind(json)
        .execute(&mut *connection)
        .await?;

    let (old_steps, old_recordings) = match before {
        Some(before) => (status::steps(before), status::recordings(before)),
        None => {
            let query = "delete from step_status where log = $1";
            sqlx::query(query).bind(&place.log).execute(&mut *connection).await?;
            (BTreeMap::new(), BTreeMap::new())
        }
    };
    let steps = status::steps(after);
    let gone: Vec<&str> =
        old_steps.keys().filter(|step| !steps.contains_key(*step)).map(String::as_str).collect();
    if !gone.is_empty() {
        let query = "delete from step_status where log = $1 and step = any($2)";
        sqlx::query(query).bind(&place.log).bind(gone).execute(&mut *connection).await?;
    }
    store_steps(connection, place, changed(&old_steps, &steps)).await?;
    let recordings = status::recordings(after);
    store_recordings(connection, place, changed(&old_recordings, &recordings)).await
}

fn changed<'r, R: PartialEq>(old: &BTreeMap<String, R>, new: &'r BTreeMap<String, R>) -> Vec<&'r R> {
    new.iter().filter(|(key, row)| old.get(*key) != Some(row)).map(|(_, row)| row).collect()
}

/// One column of many rows.
fn column<'r, R, V>(rows: &[&'r R], value: impl Fn(&'r R) -> V) -> Vec<V> {
    rows.iter().map(|row| value(row)).collect()
}

async fn store_steps(
    connection: &mut PgConnection,
    place: &Place,
    rows: Vec<&StepRow>,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = "insert into step_status (log, workspace, step, position, title, step_group, has_check, given, started, \
                 completed, tries, first_passed, last_passed, helps, active_ms, active_since, state) \
                 select $1, $2, * from unnest($3::text[], $4::int[], $5::text[], $6::text[], $7::bool[], $8::bool[], \
                 $9::bool[], $10::timestamptz[], $11::int[], $12::bool[], $13::bool[], $14::int[], $15::bigint[], \
                 $16::timestamptz[], $17::text[]) \
                 on conflict (log, step) do update set workspace = excluded.workspace, position = excluded.position, \
                 title = excluded.title, step_group = excluded.step_group, has_check = excluded.has_check, \
                 given = excluded.given, started = excluded.started, completed = excluded.completed, \
                 tries = excluded.tries, first_passed = excluded.first_passed, last_passed = excluded.last_passed, \
                 helps = excluded.helps, active_ms = excluded.active_ms, active_since = excluded.active_since, state = excluded.state";
    sqlx::query(query)
        .bind(&place.log)
        .bind(&place.workspace)
        .bind(column(&rows, |row| row.step.as_str()))
        .bind(column(&rows, |row| row.position))
        .bind(column(&rows, |row| row.title.as_str()))
        .bind(column(&rows, |row| row.step_group.as_deref()))
        .bind(column(&rows, |row| row.has_check))
        .bind(column(&rows, |row| row.given))
        .bind(column(&rows, |row| row.started))
        .bind(column(&rows, |row| row.completed.map(Timestamptz)))
        .bind(column(&rows, |row| row.tries))
        .bind(column(&rows, |row| row.first_passed))
        .bind(column(&rows, |row| row.last_passed))
        .bind(column(&rows, |row| row.helps))
        .bind(column(&rows, |row| row.active_ms))
        .bind(column(&rows, |row| row.active_since.map(Timestamptz)))
        .bind(column(&rows, |row| row.state))
        .execute(connection)
        .await?;
    Ok(())
}

/// Of each recording what the log says; `bytes` is what is stored of it.
async fn store_recordings(
    connection: &mut PgConnection,
    place: &Place,
    rows: Vec<&RecordingRow>,
) -> Result<(), sqlx::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let query = "insert into recording_refs (log, workspace, name, session, session_name, opened_at, at, closed_at, bytes) \
                 select $1, $2, *, 0 from unnest($3::text[], $4::text[], $5::text[], $6::timestamptz[], $7::float8[], \
                 $8::timestamptz[]) \
                 on conflict (log, name) do update set session = excluded.session, session_name = excluded.session_name, \
                 opened_at = excluded.opened_at, at = excluded.at, closed_at = excluded.closed_at";
    sqlx::query(query)
        .bind(&place.log)
        .bind(&place.workspace)
        .bind(column(&rows, |row| row.name.as_str()))
        .bind(column(&rows, |row| row.session.as_str()))
        .bind(column(&rows, |row| row.session_name.as_str()))
        .bind(column(&rows, |row| Timestamptz(row.opened_at)))
        .bind(column(&rows, |row| row.at))
        .bind(column(&rows, |row| row.closed_at.map(Timestamptz)))
        .execute(connection)
        .await?;
    Ok(())
}

/// Writes the workspace's status, and its workshop's name, from the fold of its newest log. The last activity is that
/// of the log's cursors, so they are written before.
///
/// # Errors
/// The database refuses or does not answer.
pub async fn store_status(
    connection: &mut PgConnection,
    place: &Place,
    projection: &Projection,
) -> Result<(), sqlx::Error> {
    let row: StatusRow = status::status(projection);
    let query = "with named as (update workspaces set workshop = $3 \
                 where workspace = $1 and $3 <> '' and workshop <> $3) \
                 insert into workspace_status (workspace, log, workshop, navigation, step, step_title, step_position, steps, \
                 completed, given, active_since, tries, helps, last_passed, clients, begun, finished, image_step, switch_step, \
                 switch_failed, started, last_ts) \
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, \
                 (select max(last_ts) from cursors where log = $2)) \
                 on conflict (workspace) do update set log = excluded.log, workshop = excluded.workshop, \
                 navigation = excluded.navigation, step = excluded.step, step_title = excluded.step_title, \
                 step_position = excluded.step_position, steps = excluded.steps, completed = excluded.completed, \
                 given = excluded.given, active_since = excluded.active_since, tries = excluded.tries, \
                 helps = excluded.helps, last_passed = excluded.last_passed, clients = excluded.clients, \
                 begun = excluded.begun, finished = excluded.finished, image_step = excluded.image_step, switch_step = excluded.switch_step, \
                 switch_failed = excluded.switch_failed, started = excluded.started, last_ts = excluded.last_ts";
    sqlx::query(query)
        .bind(&place.workspace)
        .bind(&place.log)
        .bind(row.workshop)
        .bind(row.navigation)
        .bind(row.step)
        .bind(row.step_title)
        .bind(row.step_position)
        .bind(row.steps)
        .bind(row.completed)
        .bind(row.given)
        .bind(row.active_since.map(Timestamptz))
        .bind(row.tries)
        .bind(row.helps)
        .bind(row.last_passed)
        .bind(row.clients)
        .bind(row.begun.map(Timestamptz))
        .bind(row.finished.map(Timestamptz))
        .bind(row.image_step)
        .bind(row.switch_step)
        .bind(row.switch_failed)
        .bind(row.started.map(Timestamptz))
        .execute(connection)
        .await?;
    Ok(())
}

/// Takes over the newest activity of the workspace's log. False when its status is of another log, or of none.
///
/// # Errors
/// The database refuses or does not answer.
pub async fn store_activity(connection: &mut PgConnection, place: &Place) -> Result<bool, sqlx::Error> {
    let query = "update workspace_status set last_ts = (select max(last_ts) from cursors where log = $2) \
                 where workspace = $1 and log = $2";
    let done = sqlx::query(query).bind(&place.workspace).bind(&place.log).execute(connection).await?;
    Ok(done.rows_affected() > 0)
}
