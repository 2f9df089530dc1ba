//! Shippers, dashboard and Postgres as real processes that are killed at any point: what the database has in the end is
//! what stands in the files, row for row.

#![allow(unreachable_pub, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![allow(clippy::print_stdout, reason = "tests")]

mod compare;
mod processes;

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Parser;
use compare::{check_shipped, rows};
use processes::{Dashboard, Postgres, Random, Shipper, import};
use workshop_shipper::{Metrics, Phase, Settings, ending, ship};
use workshop_simulator::{Options, SimulatedClass, SimulatedStudent};

/// How often something is killed.
const ROUNDS: u64 = 200;
/// No faster machine is waited for.
const LONG: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the shipper of the tests below"]
async fn shipper() {
    if std::env::var_os("WORKSHOP_INGEST_URL").is_none() {
        return;
    }
    let settings = Settings::try_parse_from(["shipper", "--gather", "0.1"]).unwrap();
    let (_tell, end) = ending(Phase::Running);
    ship(settings, end, Metrics::default()).await.unwrap();
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}

/// A class that does in half a minute what takes an hour and a half.
fn class(folder: &Path, workspaces: usize) -> SimulatedClass {
    let speed = 180.0;
    let options =
        Options { workspaces, seed: 7, speed, past: Duration::from_secs(300), ..Options::default() };
    SimulatedClass::new(&options, folder, now()).unwrap()
}

/// Waits until everything in the volumes is taken in.
async fn until_shipped(dashboard: &Dashboard, students: &[SimulatedStudent]) {
    let begin = Instant::now();
    while !compare::is_shipped(dashboard.database(), students).await {
        assert!(begin.elapsed() < LONG, "not all is taken in");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point() {
    let mut random = Random::new();
    let folder = tempfile::tempdir().unwrap();
    let mut class = class(&folder.path().join("volumes"), 12);
    let students: Vec<SimulatedStudent> = class.students().cloned().collect();
    class.advance(now()).unwrap();
    let mut postgres = Postgres::start();
    let mut dashboard = Dashboard::new(&postgres.database("shipped"), folder.path());
    let tokens = import(&dashboard, folder.path(), &students);
    dashboard.start();
    let mut shippers: Vec<Shipper> = students
        .iter()
        .zip(&tokens)
        .map(|(student, token)| Shipper::new(&dashboard, student, token))
        .collect();
    let begin = Instant::now();
    for round in 0..ROUNDS {
        class.advance(now()).unwrap();
        shippers.iter_mut().for_each(Shipper::keep);
        dashboard.keep();
        tokio::time::sleep(Duration::from_micros(random.next() % 250_000)).await;
        class.advance(now()).unwrap();
        match round % 5 {
            0 | 2 => {
                for shipper in shippers.iter_mut().filter(|_| random.next().is_multiple_of(2)) {
                    shipper.kill();
                }
            }
            1 | 3 => dashboard.kill(),
            _ => postgres.kill_and_start(),
        }
    }
    println!("{ROUNDS} kills in {:.1} s", begin.elapsed().as_secs_f64());
    postgres.answering();
    dashboard.kill();
    dashboard.start();
    class.advance(now()).unwrap();
    for shipper in &mut shippers {
        // Whoever was away for long comes back late; another does at once.
        shipper.kill();
        shipper.keep();
    }
    until_shipped(&dashboard, &students).await;
    let records = check_shipped(dashboard.database(), &students).await;
    let cast_bytes = compare::check_recordings(&dashboard, &students).await;
    println!("{records} records, {cast_bytes} bytes of recordings: {:?}", class.written());
    assert!(records > 400, "too few records to show anything: {records}");

    // The same files, shipped without any fault.
    let mut undisturbed = Dashboard::new(&postgres.database("undisturbed"), folder.path());
    let tokens = import(&undisturbed, folder.path(), &students);
    undisturbed.start();
    let mut others: Vec<Shipper> = students
        .iter()
        .zip(&tokens)
        .map(|(student, token)| Shipper::new(&undisturbed, student, token))
        .collect();
    others.iter_mut().for_each(Shipper::keep);
    until_shipped(&undisturbed, &students).await;
    let shipped = rows(dashboard.database()).await;
    assert_eq!(shipped, rows(undisturbed.database()).await);
    dashboard.run(&["rebuild"]);
    assert_eq!(shipped, rows(dashboard.database()).await, "made again from the facts");
}

/// Two shippers of one volume; a volume that is set back, and one that is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn volumes_change() {
    let folder = tempfile::tempdir().unwrap();
    let volumes = folder.path().join("volumes");
    let mut class = class(&volumes, 1);
    let students: Vec<SimulatedStudent> = class.students().cloned().collect();
    let student = &students[0];
    let postgres = Postgres::start();
    let mut dashboard = Dashboard::new(&postgres.database("changes"), folder.path());
    let tokens = import(&dashboard, folder.path(), &students);
    dashboard.start();
    let mut both: Vec<Shipper> = (0..2).map(|_| Shipper::new(&dashboard, student, &tokens[0])).collect();
    both.iter_mut().for_each(Shipper::keep);
    for _ in 0..100 {
        class.advance(now()).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until_shipped(&dashboard, &students).await;
    check_shipped(dashboard.database(), &students).await;
    compare::check_recordings(&dashboard, &students).await;

    // Set back to a backup, and written on.
    both.iter_mut().for_each(Shipper::kill);
    drop(class);
    let state = student.dir.join("state-events.jsonl");
    let whole = fs::read(&state).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|&b| b == b'\n').collect();
    fs::write(&state, lines[..lines.len() - 3].concat()).unwrap();
    both[0].keep();
    let begin = Instant::now();
    loop {
        let state = compare::log_state(dashboard.database(), student).await;
        if state.0 == "diverged" {
            assert!(state.1.contains("state"), "{}", state.1);
            break;
        }
        assert!(begin.elapsed() < LONG, "not said to have diverged");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let before = rows(dashboard.database()).await;

    // Replaced by a new one, at the same place: a log of its own.
    fs::remove_dir_all(&student.dir).unwrap();
    let options = Options { workspaces: 1, seed: 8, speed: 90.0, ..Options::default() };
    let mut class = SimulatedClass::new(&options, &volumes, now()).unwrap();
    let students: Vec<SimulatedStudent> = class.students().cloned().collect();
    assert_ne!(students[0].log, student.log);
    for _ in 0..50 {
        class.advance(now()).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until_shipped(&dashboard, &students).await;
    check_shipped(dashboard.database(), &students).await;
    let old = |rows: &[String]| -> Vec<String> {
        let of = format!("\"log\":\"{}\"", student.log);
        rows.iter().filter(|row| row.contains(&of) && !row.contains("\"switch_failed\"")).cloned().collect()
    };
    let after = rows(dashboard.database()).await;
    let kept: Vec<String> =
        old(&before).into_iter().filter(|row| !row.starts_with("workspace_status")).collect();
    assert_eq!(kept, old(&after), "what was of the old log is as it was");
}
