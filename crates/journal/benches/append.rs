//! What an acknowledged append costs, against the bare system calls on the same disk in the same run, in turn.

// A benchmark that fails should say so at once, and its output is its product.
#![allow(clippy::unwrap_used)]

use std::{
    fs::File,
    io::Write,
    path::Path,
    time::{Duration, Instant},
};

use tokio::runtime::Runtime;
use workshop_events::{Commands, Llm, State, StateEvent, Stream, Text, codec::Body};
use workshop_journal::Journal;
use workshop_testing::measure::{median, pairs, row};

const COMMAND: &str = "cargo bench -p workshop-journal --bench append";
const PAIRS: usize = 9;
const APPENDS: usize = 200;
const PRODUCERS: usize = 64;
const APPENDS_A_PRODUCER: usize = 100;

fn main() {
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let volume = workshop_journal::open(&dir.path().join("volume"), "bench", None, || ()).unwrap();
    let state = volume.replay::<State>(|_| ()).unwrap();
    let commands = volume.replay::<Commands>(|_| ()).unwrap();
    let llm = volume.replay::<Llm>(|_| ()).unwrap();
    let journal = volume.start(state, commands, llm).unwrap();
    let line = runtime.block_on(journal.append(Stream::State, body())).unwrap().line;
    let line = [&line[..], b"\n"].concat();

    let one = pairs(PAIRS, || one_producer(&runtime, &journal), || bare_one(&dir.path().join("one"), &line));
    row(COMMAND, "acknowledged append, one producer, p50", "µs", &one[..], "≤ 1.3");
    let many = pairs(
        PAIRS,
        || many_producers(&runtime, &journal),
        || bare_batches(&dir.path().join("many"), &line.repeat(PRODUCERS)),
    );
    row(COMMAND, "acknowledged appends, 64 producers", "appends/s", &many[..], "≥ 0.6");
    journal.close();
}

fn body() -> Body {
    Body::new(&StateEvent::StepViewed { step: Text::from("step-3-permissions") }).unwrap()
}

fn microseconds(times: impl Iterator<Item = Duration>) -> f64 {
    median(times.map(|time| time.as_secs_f64() * 1e6))
}

fn one_producer(runtime: &Runtime, journal: &Journal) -> f64 {
    let journal = journal.clone();
    let producer = runtime.spawn(async move {
        let mut times = Vec::with_capacity(APPENDS);
        for _ in 0..APPENDS {
            let begun = Instant::now();
            journal.append(Stream::State, body()).await.unwrap();
            times.push(begun.elapsed());
        }
        times
    });
    microseconds(runtime.block_on(producer).unwrap().into_iter())
}

fn bare_one(path: &Path, line: &[u8]) -> f64 {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    let times = (0..APPENDS).map(|_| {
        let begun = Instant::now();
        file.write_all(line).unwrap();
        file.sync_data().unwrap();
        begun.elapsed()
    });
    microseconds(times)
}

fn many_producers(runtime: &Runtime, journal: &Journal) -> f64 {
    let begun = Instant::now();
    let producers: Vec<_> = (0..PRODUCERS)
        .map(|_| {
            let journal = journal.clone();
            runtime.spawn(async move {
                for _ in 0..APPENDS_A_PRODUCER {
                    journal.append(Stream::State, body()).await.unwrap();
                }
            })
        })
        .collect();
    runtime.block_on(async {
        for producer in producers {
            producer.await.unwrap();
        }
    });
    (PRODUCERS * APPENDS_A_PRODUCER) as f64 / begun.elapsed().as_secs_f64()
}

fn bare_batches(path: &Path, batch: &[u8]) -> f64 {
    let mut file = File::options().append(true).create(true).open(path).unwrap();
    let begun = Instant::now();
    for _ in 0..APPENDS_A_PRODUCER {
        file.write_all(batch).unwrap();
        file.sync_data().unwrap();
    }
    (PRODUCERS * APPENDS_A_PRODUCER) as f64 / begun.elapsed().as_secs_f64()
}
