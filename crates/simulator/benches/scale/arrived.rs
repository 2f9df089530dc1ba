//! What has arrived in the database: how long it took, and whether it is all that was written.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sqlx::{Connection, PgConnection};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use workshop_events::Stream;
use workshop_simulator::SimulatedClass;

use crate::failure::Failure;

/// How often the database is asked how far it is.
const LOOK: Duration = Duration::from_millis(100);
/// How long everything may take to arrive.
const PATIENCE: Duration = Duration::from_secs(300);

const CURSORS: &str = "select log, stream, seq from cursors where stream in ('state', 'commands', 'llm')";

/// How long records take, seen from outside: from the write until the cursor is past them.
pub(crate) struct Lag {
    open: Arc<Mutex<Open>>,
    task: JoinHandle<Result<(), sqlx::Error>>,
}

#[derive(Default)]
struct Open {
    /// By log and stream: up to which `seq` was written when, oldest first.
    written: HashMap<(String, &'static str), VecDeque<(u64, Instant)>>,
    /// Up to which `seq` it was before.
    known: HashMap<(String, &'static str), u64>,
    delays: Delays,
    ending: bool,
}

/// How long each of the records took, in seconds.
#[derive(Clone, Default)]
pub(crate) struct Delays(Vec<f64>);

impl Lag {
    pub(crate) async fn watch(database: &str) -> Result<Self, Failure> {
        let mut connection = PgConnection::connect(database).await?;
        let open = Arc::new(Mutex::new(Open::default()));
        let shared = open.clone();
        let task = tokio::spawn(async move {
            loop {
                let rows: Vec<(String, String, Option<i64>)> =
                    sqlx::query_as(CURSORS).fetch_all(&mut connection).await?;
                let seen = Instant::now();
                let ending = {
                    let mut open = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    for (log, stream, seq) in rows {
                        open.stored(log, &stream, seq.unwrap_or_default() as u64, seen);
                    }
                    open.ending
                };
                if ending {
                    return Ok(());
                }
                sleep(LOOK).await;
            }
        });
        Ok(Self { open, task })
    }

    /// Notes what the class has just written.
    pub(crate) fn written(&self, class: &SimulatedClass) {
        let at = Instant::now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (student, seqs) in class.ends() {
            for (stream, seq) in Stream::ALL.into_iter().zip(seqs) {
                let written = open.written.entry((student.log.to_string(), stream.name())).or_default();
                if written.back().is_none_or(|(last, _)| *last < seq) {
                    written.push_back((seq, at));
                }
            }
        }
    }

    /// How long they all took; all have arrived by now.
    pub(crate) async fn end(self) -> Result<Delays, Failure> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).ending = true;
        self.task.await??;
        let mut delays = self.open.lock().unwrap_or_else(PoisonError::into_inner).delays.clone();
        delays.0.sort_by(f64::total_cmp);
        Ok(delays)
    }
}

impl Open {
    fn stored(&mut self, log: String, stream: &str, seq: u64, seen: Instant) {
        let Some(stream) = Stream::ALL.into_iter().find(|known| known.name() == stream) else { return };
        let key = (log, stream.name());
        let Some(written) = self.written.get_mut(&key) else { return };
        let known = self.known.entry(key).or_insert_with(|| written.front().map_or(0, |(first, _)| *first));
        while let Some((upto, at)) = written.front().copied().filter(|(upto, _)| *upto <= seq) {
            let records = upto.saturating_sub(*known);
            self.delays.0.extend((0..records).map(|_| (seen - at).as_secs_f64()));
            *known = upto.max(*known);
            // The newest stays, so that the next write is known to be new.
            if written.len() == 1 {
                break;
            }
            written.pop_front();
        }
    }
}

impl Delays {
    /// What so large a share of the records took at most, in seconds.
    pub(crate) fn share(&self, share: f64) -> f64 {
        let last = self.0.len().saturating_sub(1);
        self.0.get((last as f64 * share).round() as usize).copied().unwrap_or(f64::NAN)
    }
}

/// Waits until every record of the class is stored.
pub(crate) async fn wait(connection: &mut PgConnection, class: &SimulatedClass) -> Result<(), Failure> {
    let began = Instant::now();
    let all = class.written().records() as i64;
    loop {
        let sum =
            "select coalesce(sum(seq), 0)::bigint from cursors where stream in ('state', 'commands', 'llm')";
        let stored: i64 = sqlx::query_scalar(sum).fetch_one(&mut *connection).await?;
        if stored >= all {
            return Ok(());
        }
        if began.elapsed() > PATIENCE {
            return Err(format!("{stored} of {all} records arrived within {PATIENCE:?}").into());
        }
        sleep(LOOK).await;
    }
}

/// How many records are not in the database as they stand in their files, or stand there twice: counted by stream, so that
/// a stream that differs counts whole.
pub(crate) async fn lost(connection: &mut PgConnection, class: &SimulatedClass) -> Result<u64, Failure> {
    let mut lost = 0;
    for (student, seqs) in class.ends() {
        for (stream, seq) in Stream::ALL.into_iter().zip(seqs) {
            let file = fs::read(student.dir.join(stream.file_name())).unwrap_or_default();
            let stored: Option<String> = sqlx::query_scalar(
                "select string_agg(line || e'\\n', '' order by seq) from events where log = $1 and stream = $2",
            )
            .bind(student.log.to_string())
            .bind(stream.name())
            .fetch_one(&mut *connection)
            .await?;
            if Sha256::digest(&file) != Sha256::digest(stored.unwrap_or_default()) {
                lost += seq.max(1);
            }
        }
    }
    Ok(lost)
}
