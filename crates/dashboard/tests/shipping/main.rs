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
use processes::Shipper;
use workshop_shipper::{Metrics, Phase, Settings, ending, ship};
use workshop_simulator::{Options, SimulatedClass, SimulatedStudent};
use workshop_testing::dashboard::{DashboardProcess, Database, INSTRUCTOR, Server};
use workshop_testing::{Random, rounds, until_async};

#[tokio::test(flavor = "multi_thread")]
#[ignore = "the shipper of the tests below"]
async fn shipper() {
    if std::env::var_os("WORKSHOP_INGEST_URL").is_none() {
        return;
    }
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
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

/// A dashboard that does not run yet. Its recordings are below `folder`.
fn dashboard(database: &Database, folder: &Path) -> DashboardProcess {
    let casts = folder.join(&database.name).display().to_string();
    DashboardProcess::new(&database.url, [("WORKSHOP_CASTS", casts)])
}

/// Waits until everything in the volumes is taken in.
async fn until_shipped(database: &Database, students: &[SimulatedStudent]) {
    until_async("all is taken in", async || compare::is_shipped(&database.url, students).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_point() {
    let mut random = Random::seeded();
    let folder = tempfile::tempdir().unwrap();
    let mut class = class(&folder.path().join("volumes"), 12);
    let students: Vec<SimulatedStudent> = class.students().cloned().collect();
    class.advance(now()).unwrap();
    let mut postgres = Server::start().await;
    let database = Database::on(&postgres.url(), "").await;
    let mut dashboard = dashboard(&database, folder.path());
    let tokens = database.add_students(&students).await;
    dashboard.start().await;
    let mut shippers = Shipper::all(&dashboard, &students, &tokens);
    let begin = Instant::now();
    let kills = rounds(20, 500);
    for round in 0..kills {
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
            _ => postgres.crash(),
        }
    }
    println!("{kills} kills in {:.1} s", begin.elapsed().as_secs_f64());
    postgres.answers().await;
    dashboard.kill();
    dashboard.start().await;
    class.advance(now()).unwrap();
    for shipper in &mut shippers {
        // Whoever was away for long comes back late; another does at once.
        shipper.kill();
        shipper.keep();
    }
    until_shipped(&database, &students).await;
    let records = check_shipped(&database.url, &students).await;
    let cast_bytes = compare::check_recordings(&dashboard, &students).await;
    println!("{records} records, {cast_bytes} bytes of recordings: {:?}", class.written());
    assert!(records > 200, "too few records to show anything: {records}");

    // The same files, shipped without any fault.
    let other = Database::on(&postgres.url(), "").await;
    let mut undisturbed = self::dashboard(&other, folder.path());
    let tokens = other.add_students(&students).await;
    undisturbed.start().await;
    let mut others = Shipper::all(&undisturbed, &students, &tokens);
    others.iter_mut().for_each(Shipper::keep);
    until_shipped(&other, &students).await;
    let shipped = rows(&database.url).await;
    assert_eq!(shipped, rows(&other.url).await);
    dashboard.run(&["rebuild"]);
    assert_eq!(shipped, rows(&database.url).await, "made again from the facts");
}

/// Why a log diverged is in the API, of which the page shows `logs[].reason`, and in the log of the shipper, also of one
/// that is started later.
async fn the_reason_is_known(
    dashboard: &DashboardProcess,
    student: &SimulatedStudent,
    shipper: &mut Shipper,
) {
    let url = dashboard.url(&format!("/api/workspaces/{}", student.workspace));
    let answer = reqwest::Client::new().get(url).bearer_auth(INSTRUCTOR).send().await.unwrap();
    let shown: serde_json::Value = answer.json().await.unwrap();
    assert_eq!((&shown["logState"], &shown["logs"][0]["state"]), (&"diverged".into(), &"diverged".into()));
    let reason = shown["logs"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("state: ") && reason.len() > 20, "{reason}");
    let expected = format!("nothing of the log {} is shipped: it is diverged ({reason})", student.log);
    shipper.kill();
    let first = shipper.logged();
    assert!(first.contains("this is not the volume that was shipped"), "{first}");
    shipper.keep();
    let mut logged = String::new();
    until_async("the shipper logs the reason", async || {
        logged += &shipper.logged();
        logged.contains(&expected)
    })
    .await;
}

/// Two shippers of one volume; a volume that is set back, and one that is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn volumes_change() {
    let folder = tempfile::tempdir().unwrap();
    let volumes = folder.path().join("volumes");
    let mut class = class(&volumes, 1);
    let students: Vec<SimulatedStudent> = class.students().cloned().collect();
    let student = &students[0];
    let database = Database::new().await;
    let mut dashboard = dashboard(&database, folder.path());
    let tokens = database.add_students(&students).await;
    dashboard.start().await;
    let mut both: Vec<Shipper> = (0..2).map(|_| Shipper::new(&dashboard, student, &tokens[0])).collect();
    both.iter_mut().for_each(Shipper::keep);
    for _ in 0..100 {
        class.advance(now()).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until_shipped(&database, &students).await;
    check_shipped(&database.url, &students).await;
    compare::check_recordings(&dashboard, &students).await;

    // Set back to a backup, and written on.
    both.iter_mut().for_each(Shipper::kill);
    drop(class);
    let state = student.dir.join("state-events.jsonl");
    let whole = fs::read(&state).unwrap();
    let lines: Vec<&[u8]> = whole.split_inclusive(|&b| b == b'\n').collect();
    fs::write(&state, lines[..lines.len() - 3].concat()).unwrap();
    both[0].keep();
    until_async("the log is said to have diverged", async || {
        let (state, reason) = compare::log_state(&database.url, student).await;
        assert!(state != "diverged" || reason.contains("state"), "{reason}");
        state == "diverged"
    })
    .await;
    the_reason_is_known(&dashboard, student, &mut both[0]).await;
    let before = rows(&database.url).await;

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
    until_shipped(&database, &students).await;
    check_shipped(&database.url, &students).await;
    let old = |rows: &[String]| -> Vec<String> {
        let of = format!("\"log\":\"{}\"", student.log);
        rows.iter().filter(|row| row.contains(&of) && !row.contains("\"switch_failed\"")).cloned().collect()
    };
    let after = rows(&database.url).await;
    let kept: Vec<String> =
        old(&before).into_iter().filter(|row| !row.starts_with("workspace_status")).collect();
    assert_eq!(kept, old(&after), "what was of the old log is as it was");
}
