//! `cargo xtask class`: a simulated class that writes its workspaces' logs, as fast as asked for.

use std::fs;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use clap::Args;
use workshop_simulator::SimulatedClass;

/// How often what has happened is written.
const TICK: Duration = Duration::from_millis(50);

#[derive(Args)]
pub(crate) struct Options {
    /// How many workspaces.
    workspaces: usize,
    /// The folder that gets a log volume for each, and the list `students.csv` for `workshop-dashboard workspace import`.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// How many times faster than real.
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// The same seed gives the same class.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// For how many minutes the class works; written at their real length, however fast.
    #[arg(long, default_value_t = 90.0)]
    minutes: f64,
    /// How many of them are over already: written at once, with times in the past.
    #[arg(long, default_value_t = 0.0, value_name = "MINUTES")]
    past: f64,
}

/// Writes the class until it is over.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.speed > 0.0, "--speed says how many times faster than real: more than 0");
    let class_options = workshop_simulator::Options {
        workspaces: options.workspaces,
        seed: options.seed,
        past: minutes(options.past)?,
        speed: options.speed,
        length: minutes(options.minutes)?,
    };
    fs::create_dir_all(&options.to)?;
    let mut class = SimulatedClass::new(&class_options, &options.to, now())?;
    workshop_simulator::write_list(&options.to.join("students.csv"), class.students())?;
    println!("{} workspaces in {}. Ctrl-C ends the class.", options.workspaces, options.to.display());
    class.advance(now())?;
    while !class.over() {
        sleep(TICK);
        class.advance(now())?;
    }
    let written = class.written();
    println!(
        "The class is over: {} records and {} lines of recordings, {} bytes.",
        written.records(),
        written.cast_lines,
        written.bytes
    );
    Ok(())
}

fn minutes(minutes: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(minutes * 60.0).context("minutes are not negative")
}

/// Milliseconds since the epoch.
pub(crate) fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
