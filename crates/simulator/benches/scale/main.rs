//! A thousand workspaces at ten times real speed against one dashboard: how far it is behind, what that takes of the
//! machine, and whether everything arrives. Dashboard and database are processes of their own, so that each is seen apart.
//!
//! `WORKSHOP_SCALE_WORKSPACES`, `_SPEED` and `_SECONDS` make it another class. One shipper a workspace, as in production,
//! but as tasks of this process: a thousand processes would measure the machine's scheduler.

mod arrived;
mod failure;
mod machine;
mod shipping;

use std::env;
use std::path::Path;
use std::str::FromStr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::time::sleep;
use workshop_dashboard::{Dashboard, serve};
use workshop_simulator::{Options, SimulatedClass, SimulatedStudent};
use workshop_testing::dashboard::Database;
use workshop_testing::measure;

use arrived::Lag;
use failure::Failure;
use machine::{Cpu, Process};

const TICK: Duration = Duration::from_millis(50);
/// How much of the class is over before it is measured, so that everybody has come.
const PAST: Duration = Duration::from_secs(5 * 60);

fn setting<T: FromStr>(name: &str, usual: T) -> T {
    env::var(format!("WORKSHOP_SCALE_{name}")).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    if env::var_os(shipping::DASHBOARD).is_some() {
        let dashboard = Dashboard::open(shipping::settings()).await?;
        return Ok(serve(dashboard, std::future::pending()).await?);
    }
    measure(&Database::durable().await).await
}

async fn measure(database: &Database) -> Result<(), Failure> {
    let (workspaces, speed) = (setting("WORKSPACES", 1000_usize), setting("SPEED", 10.0_f64));
    let length = Duration::from_secs(setting("SECONDS", 60));
    // A backend has synced what a shipper reads, and each workspace has a disk of its own. Here nothing is synced: on this
    // machine's one disk, a thousand shippers would measure that.
    let memory = Path::new("/dev/shm");
    let volumes = tempfile::tempdir_in(if memory.is_dir() { memory } else { Path::new("/tmp") })?;
    let folder = tempfile::tempdir()?;
    let options = Options { workspaces, speed, past: PAST, ..Options::default() };
    let mut class = SimulatedClass::new(&options, volumes.path(), now())?;
    let students: Vec<SimulatedStudent> = class.students().cloned().collect();
    let tokens = database.add_students(&students).await;
    let mut connection = database.connect().await;
    let server = shipping::dashboard(&database.url, &folder.path().join("casts")).await?;
    let postgres =
        Process::parent_of(sqlx::query_scalar("select pg_backend_pid()").fetch_one(&mut connection).await?)?;
    let shippers = shipping::start(&students, &tokens, server.port)?;

    // What was written before is shipped first: a thousand volumes that nobody knew.
    class.advance(now())?;
    let began = Instant::now();
    arrived::wait(&mut connection, &class).await?;
    let caught_up = (class.written().records() as f64, began.elapsed().as_secs_f64());

    let before = class.written();
    let processes = [server.process(), postgres, Process::own()];
    let mut cpu = Cpu::begin(processes)?;
    let lag = Lag::watch(&database.url).await?;
    lag.written(&class);
    let began = Instant::now();
    while began.elapsed() < length {
        sleep(TICK).await;
        class.advance(now())?;
        lag.written(&class);
    }
    let busy = cpu.cores()?;
    let written = class.written();
    let records = written.records() - before.records();
    let seconds = began.elapsed().as_secs_f64();
    arrived::wait(&mut connection, &class).await?;
    let delays = lag.end().await?;
    let memory = server.process().memory()?;
    let lost = arrived::lost(&mut connection, &class).await?;
    let page = server.class_page().await?;
    let missing_bytes = shippers.end(&mut connection, &class).await?;

    let per_second = |before: u64, after: u64| (after - before) as f64 / seconds;
    let what = format!("{workspaces} workspaces at {speed} × real speed");
    let row = |name: &str, value: f64, unit: &str, goal: &str| {
        measure::row("cargo xtask bench scale", &format!("{what}: {name}"), unit, value, goal);
    };
    row("records", records as f64 / seconds, "records/s", "reported");
    row("bytes, recordings included", per_second(before.bytes, written.bytes) / 1e6, "MB/s", "reported");
    row("from file to database, median", delays.share(0.5) * 1000.0, "ms", "reported");
    row("from file to database, 99 of 100", delays.share(0.99) * 1000.0, "ms", "reported");
    row("what was there before, shipped at", caught_up.0 / caught_up.1, "records/s", "reported");
    row("the dashboard's processors", busy[0], "cores", "reported");
    row("the database's processors", busy[1], "cores", "reported");
    row("class and shippers' processors", busy[2], "cores", "reported");
    row("the dashboard's memory at most", memory / 1e6, "MB", "reported");
    row("the class page", page.as_secs_f64() * 1000.0, "ms", "reported");
    row("records lost, doubled or changed", lost as f64, "records", "<= 0 records");
    row("bytes of recordings missing", missing_bytes as f64, "B", "<= 0 B");
    Ok(())
}
