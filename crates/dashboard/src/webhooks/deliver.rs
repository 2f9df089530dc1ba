//! What a webhook has not been told of a workspace yet, in order, until there is no more or it refuses.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use reqwest::Client;
use sqlx::{FromRow, PgPool};
use workshop_events::Timestamp;

use super::counts::Counts;
use super::file::Hook;
use super::lock::Held;
use super::post::{Delivery, Refusal, post};

/// Records of a stream that are read at once.
const BATCH: i64 = 100;

/// How far a delivery came.
#[derive(Debug)]
pub(super) enum Outcome {
    /// There is nothing more.
    Done,
    /// There is more.
    More,
    /// It was refused.
    Refused(Refusal),
}

#[derive(FromRow)]
struct Log {
    log: String,
    opened: String,
    student: String,
    workshop: String,
}

#[derive(FromRow)]
struct Record {
    stream: String,
    seq: i64,
    ts: i64,
    kind: String,
    line: String,
}

/// A webhook as it is first seen is told what comes from now on: it begins where each log is now.
pub(super) async fn begin(hook: &Hook, held: &Held) -> Result<(), sqlx::Error> {
    let mut connection = held.0.lock().await;
    // The row without a log says that the webhook is known.
    sqlx::query(
        "with first as (
             insert into webhook_cursors (webhook, log, stream, seq) values ($1, '', '', 0)
             on conflict do nothing returning webhook
         )
         insert into webhook_cursors (webhook, log, stream, seq)
         select $1, l.log, s.stream, newest.seq
         from first, logs l cross join (values ('state'), ('commands'), ('llm')) s (stream)
         cross join lateral (
             select seq from events e where e.opened = l.opened and e.log = l.log and e.stream = s.stream
             order by seq desc limit 1
         ) newest
         on conflict do nothing",
    )
    .bind(&hook.id)
    .execute(&mut *connection)
    .await?;
    Ok(())
}

/// Delivers what there is of a workspace.
pub(super) async fn deliver(
    hook: Arc<Hook>,
    client: Client,
    pool: PgPool,
    held: Held,
    counts: Arc<Counts>,
    workspace: String,
) -> Result<Outcome, sqlx::Error> {
    let logs: Vec<Log> = sqlx::query_as(
        "select l.log, l.opened::text as opened, w.student, w.workshop
         from logs l join workspaces w using (workspace)
         where w.workspace = $1 and l.state <> 'expired' and ($2::text is null or w.workshop = $2)
         order by l.first_seen, l.log",
    )
    .bind(&workspace)
    .bind(&hook.workshop)
    .fetch_all(&pool)
    .await?;
    for log in logs {
        let (records, full) = unread(&pool, &hook, &log).await?;
        let mut passed: Option<&Record> = None;
        for record in &records {
            // What it does not want is noted with what it wants.
            if !hook.wants(&record.kind) {
                passed = Some(record);
                continue;
            }
            let delivery = Delivery {
                id: format!("{}.{}.{}", log.log, record.stream, record.seq),
                workspace: &workspace,
                student: &log.student,
                workshop: &log.workshop,
                log: &log.log,
                stream: &record.stream,
                seq: record.seq,
                ts: Timestamp::from_millis(record.ts),
                event: &record.kind,
                line: &record.line,
            };
            if let Err(refusal) = post(&client, &hook, &delivery).await {
                counts.fail();
                return Ok(Outcome::Refused(refusal));
            }
            counts.deliver();
            note(&hook, &held, &log.log, &[record]).await?;
        }
        if passed.is_some() {
            note(&hook, &held, &log.log, &newest_of_each(&records)).await?;
        }
        if full {
            return Ok(Outcome::More);
        }
    }
    Ok(Outcome::Done)
}

/// The next records of a log: each stream by `seq`, the streams among each other by time. Also says whether there may
/// be more.
///
/// A hole in a log is waited for while it may still be filled, for the ten minutes that projections wait, too.
async fn unread(pool: &PgPool, hook: &Hook, log: &Log) -> Result<(Vec<Record>, bool), sqlx::Error> {
    // One statement sees one moment. Were a stream read after the others, what came in between would come before what is
    // older in them.
    let records: Vec<Record> = sqlx::query_as(
        "select e.stream, e.seq, (extract(epoch from e.ts) * 1000)::bigint as ts, e.kind, e.line
         from (values ('state'), ('commands'), ('llm')) s (stream)
         cross join lateral (
             select coalesce((
                 select seq from webhook_cursors where webhook = $1 and log = $2 and stream = s.stream), -1) as seq
         ) cursor
         cross join lateral (
             select * from events e
             where e.opened = $3::date and e.log = $2 and e.stream = s.stream and e.seq > cursor.seq
               and e.seq < coalesce((
                   select min(from_seq) from gaps g
                   where g.log = $2 and g.stream = s.stream and g.to_seq > cursor.seq
                     and g.since > now() - interval '10 minutes'), 9223372036854775807)
             order by e.seq limit $4
         ) e
         order by e.seq",
    )
    .bind(&hook.id)
    .bind(&log.log)
    .bind(&log.opened)
    .bind(BATCH)
    .fetch_all(pool)
    .await?;
    let mut streams: BTreeMap<String, VecDeque<Record>> = BTreeMap::new();
    for record in records {
        streams.entry(record.stream.clone()).or_default().push_back(record);
    }
    let mut streams: Vec<_> = streams
        .into_values()
        .map(|records| {
            let whole = i64::try_from(records.len()).unwrap_or(i64::MAX) == BATCH;
            (records, whole)
        })
        .collect();
    let full = streams.iter().any(|(_, whole)| *whole);
    let mut merged = Vec::new();
    loop {
        let times = streams
            .iter()
            .enumerate()
            .filter_map(|(at, (records, _))| records.front().map(|record| (record.ts, at)));
        let Some((_, at)) = times.min() else { break };
        let (records, whole) = &mut streams[at];
        merged.extend(records.pop_front());
        // What comes next of it is not read yet, and may be before what the others have.
        if *whole && records.is_empty() {
            break;
        }
    }
    Ok((merged, full))
}

fn newest_of_each(records: &[Record]) -> Vec<&Record> {
    let newest = |stream| records.iter().rev().find(|record| record.stream == stream);
    ["state", "commands", "llm"].into_iter().filter_map(newest).collect()
}

/// Notes how far the webhook was told of these streams.
async fn note(hook: &Hook, held: &Held, log: &str, records: &[&Record]) -> Result<(), sqlx::Error> {
    let mut connection = held.0.lock().await;
    for record in records {
        sqlx::query(
            "insert into webhook_cursors (webhook, log, stream, seq) values ($1, $2, $3, $4)
             on conflict (webhook, log, stream) do update set seq = excluded.seq
             where webhook_cursors.seq < excluded.seq",
        )
        .bind(&hook.id)
        .bind(log)
        .bind(&record.stream)
        .bind(record.seq)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}
