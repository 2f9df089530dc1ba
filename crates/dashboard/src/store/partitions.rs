//! Daily partitions: made ahead of their day, dropped once nothing of their day is left.

use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use super::types::Date;

/// The tables whose rows are partitioned by the day of their log.
pub const TABLES: [&str; 4] = ["events", "state_timeline", "command_log", "llm_interactions"];
/// Partitions are made so many days ahead: longer than anything that could keep the dashboard from making them.
const AHEAD: i32 = 7;
/// "partitions": one replica at a time makes or drops them.
const LOCK: i64 = 0x7061_7274;

/// A day with the name that its partitions have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Day {
    /// The day.
    pub date: Date,
    name: String,
}

impl Day {
    fn partition(&self, table: &str) -> String {
        format!("{table}_{}", self.name)
    }
}

/// Locks all partitions against other replicas until the transaction ends. Waits 5 s at most for what reads or writes
/// the tables, so that nobody else waits longer for this.
///
/// # Errors
/// The database does not answer.
pub async fn lock(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("select pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *connection).await?;
    sqlx::query("set local lock_timeout = '5s'").execute(connection).await?;
    Ok(())
}

/// Makes the partitions of today and of the days after it. Rows of these days in a default partition move over.
///
/// # Errors
/// The database refuses or does not answer. What is not made is made the next time; rows go to the default meanwhile.
pub async fn make(connection: &mut PgConnection) -> Result<(), sqlx::Error> {
    let query = "select d::date, to_char(d, 'YYYYMMDD') from generate_series(0, $1) n, \
                 lateral (select (clock_timestamp() at time zone 'UTC')::date + n as d) days";
    let rows = sqlx::query(query).bind(AHEAD).fetch_all(&mut *connection).await?;
    for row in rows {
        let day = Day { date: row.try_get(0)?, name: row.try_get(1)? };
        for table in TABLES {
            make_one(connection, table, &day).await?;
        }
    }
    Ok(())
}

async fn make_one(connection: &mut PgConnection, table: &str, day: &Day) -> Result<(), sqlx::Error> {
    let name = day.partition(table);
    if exists(connection, &name).await? {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    lock(&mut transaction).await?;
    if exists(&mut transaction, &name).await? {
        return Ok(());
    }
    // Names are ours and digits. Attached rather than made as a partition: that locks less.
    let from = format!("date '{}'", day.name);
    let statements = [
        format!("create table {name} (like {table} including all)"),
        format!("lock table {table}_default in access exclusive mode"),
        format!(
            "with moved as (delete from {table}_default where opened = {from} returning *) \
             insert into {name} select * from moved"
        ),
        format!(
            "alter table {table} attach partition {name} for values from ('{0}') to ({from} + 1)",
            day.name
        ),
    ];
    for statement in statements {
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

async fn exists(connection: &mut PgConnection, name: &str) -> Result<bool, sqlx::Error> {
    let row = sqlx::query("select to_regclass($1) is not null").bind(name).fetch_one(connection).await?;
    row.try_get(0)
}

/// Days that have partitions, oldest first.
///
/// # Errors
/// The database does not answer.
pub async fn days(connection: &mut PgConnection) -> Result<Vec<Day>, sqlx::Error> {
    let query = "select distinct to_date(right(relname, 8), 'YYYYMMDD') as day, right(relname, 8) \
                 from pg_inherits join pg_class on oid = inhrelid \
                 where inhparent = any($1::regclass[]) and relname ~ '_[0-9]{8}$' order by day";
    let rows = sqlx::query(query).bind(TABLES.as_slice()).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(Day { date: row.try_get(0)?, name: row.try_get(1)? })).collect()
}

/// Drops the partitions of a day with all that is in them.
///
/// # Errors
/// The database refuses, or something has used the tables for too long.
pub async fn drop_day(connection: &mut PgConnection, day: &Day) -> Result<(), sqlx::Error> {
    for table in TABLES {
        let statement = format!("drop table if exists {}", day.partition(table));
        sqlx::query(AssertSqlSafe(statement)).execute(&mut *connection).await?;
    }
    Ok(())
}
