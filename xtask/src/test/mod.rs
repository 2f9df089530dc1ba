//! `cargo xtask test`: set-up, then every check and test, and one line that sums them up. `cargo xtask soak`: those that
//! repeat something, with every repetition.

mod browser;
mod containers;
mod files;
mod schedule;
mod soak;
mod stages;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use clap::Args;

use crate::checkout::Checkout;
use crate::count::Count;
use crate::image;
use crate::parts;
use crate::postgres;
use crate::program;
use crate::servers::Servers;
use crate::setup;
use soak::{ROUNDS_FILE, SOAK};
use stages::{STAGES, Stage};

#[derive(Args)]
pub(crate) struct Options {
    /// Only these stages, by the names in the closing table, or only these files of tests.
    names: Vec<String>,
    /// Run this one stage here and write what became of it to a file.
    #[arg(long, hide = true, value_name = "FILE")]
    report: Option<PathBuf>,
}

struct Row {
    name: &'static str,
    count: Count,
    time: Duration,
}

/// Runs the stages side by side and prints the table and the sum.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<ExitCode> {
    let (stages, files) = chosen(&options.names, |_| true)?;
    if let Some(report) = &options.report {
        let count = (stages[0].run)(checkout, &files)?;
        fs::write(report, serde_json::to_vec(&count)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    run_all(checkout, &stages, &files, &[])
}

/// The same with every repetition, and a list of what was repeated.
pub(crate) fn soak(checkout: &Checkout, options: &Options) -> Result<ExitCode> {
    let (stages, files) = chosen(&options.names, |stage| stage.soaks)?;
    let rounds_file = files::folder(checkout)?.join("rounds.tsv");
    // It must not be an earlier run's.
    let _ = fs::remove_file(&rounds_file);
    let environment = [(SOAK, "1".to_owned()), (ROUNDS_FILE, rounds_file.display().to_string())];
    let commit = program::output(checkout.command("git").args(["describe", "--always", "--dirty"]))?;
    let code = run_all(checkout, &stages, &files, &environment)?;
    print!("\nsoaked at {}:\n{}", commit.trim(), soak::summary(&rounds_file)?);
    Ok(code)
}

/// The stages with these names, and the names that are of files of tests. Without a stage's name, `default` says which; with
/// a file's, it is the stage of such files.
fn chosen(names: &[String], default: fn(&Stage) -> bool) -> Result<(Vec<&'static Stage>, Vec<String>)> {
    let stage = |name: &String| STAGES.iter().find(|stage| stage.name == name);
    let (stages, files): (Vec<_>, Vec<_>) = names.iter().cloned().partition(|name| stage(name).is_some());
    let chosen = |stage: &&Stage| match (stages.is_empty(), files.is_empty()) {
        (true, true) => default(stage),
        (true, false) => stage.name == "rust",
        (false, _) => stages.iter().any(|name| name == stage.name),
    };
    Ok((STAGES.iter().filter(chosen).collect(), files))
}

fn run_all(
    checkout: &Checkout,
    stages: &[&'static Stage],
    files: &[String],
    environment: &[(&'static str, String)],
) -> Result<ExitCode> {
    let began = Instant::now();
    let program = env::current_exe()?;
    let mut rows = Vec::new();
    if !stages.iter().all(|stage| stage.bare) {
        rows.push(set_up(checkout, stages, files));
    }
    if rows.iter().all(|row| row.count == Count::PASSED) {
        let servers =
            stages.iter().any(|stage| stage.servers).then(|| Servers::start(checkout)).transpose()?;
        let mut environment = environment.to_vec();
        environment.extend(servers.iter().flat_map(Servers::environment));
        if !rows.is_empty() {
            environment.push((setup::BUILT, "1".to_owned()));
        }
        let folder = files::folder(checkout)?;
        let scheduled = stages.iter().map(|stage| {
            let report = report(&folder, stage.name);
            // It must not be an earlier run's.
            let _ = fs::remove_file(&report);
            let mut command = checkout.command("setpriv");
            command.args(["--pdeathsig", "TERM"]).arg(&program).arg("test").arg(stage.name).args(files);
            command.arg("--report").arg(report).envs(environment.clone());
            schedule::Stage { name: stage.name, holds: stage.holds, command }
        });
        let lanes = thread::available_parallelism()?.get().clamp(2, 4);
        let Some(ended) = schedule::run(scheduled.collect(), lanes, &folder)? else {
            return Ok(ExitCode::from(130));
        };
        rows.extend(ended.into_iter().map(|ended| Row {
            name: ended.name,
            count: reported(&report(&folder, ended.name)),
            time: ended.time,
        }));
    }
    Ok(table(&mut rows, began.elapsed()))
}

/// Where a stage writes what became of it.
fn report(folder: &Path, stage: &str) -> PathBuf {
    folder.join(format!("{stage}.json"))
}

/// What a stage wrote. One that could not be run, or found nothing to run, has failed.
fn reported(report: &Path) -> Count {
    let count = fs::read(report).ok().and_then(|text| serde_json::from_slice(&text).ok());
    count.filter(|count| *count != Count::default()).unwrap_or(Count::FAILED)
}

fn table(rows: &mut [Row], time: Duration) -> ExitCode {
    let place = |row: &Row| STAGES.iter().position(|stage| stage.name == row.name);
    rows.sort_by_key(place);
    println!("\n{:<18} {:>8} {:>7} {:>9}", "stage", "passed", "failed", "seconds");
    for Row { name, count, time } in &*rows {
        println!("{name:<18} {:>8} {:>7} {:>9.1}", count.passed, count.failed, time.as_secs_f64());
    }
    let sum = rows.iter().fold(Count::default(), |sum, row| sum + row.count);
    println!("{:<18} {:>8} {:>7} {:>9.1}", "all, side by side", sum.passed, sum.failed, time.as_secs_f64());
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Everything that is built or installed: a build would hold up whatever runs beside it.
fn set_up(checkout: &Checkout, stages: &[&'static Stage], names: &[String]) -> Row {
    println!("── set-up");
    let began = Instant::now();
    let done = provide(checkout, stages, names);
    let count = if done.is_ok() { Count::PASSED } else { Count::FAILED };
    done.unwrap_or_else(|error| println!("{error:#}"));
    Row { name: "set-up", count, time: began.elapsed() }
}

fn provide(checkout: &Checkout, stages: &[&'static Stage], names: &[String]) -> Result<()> {
    setup::packages(checkout, &[setup::DEMO, setup::TEST, postgres::NEEDED])?;
    setup::asciinema(checkout)?;
    setup::schemathesis(checkout)?;
    setup::namespaces(checkout)?;
    setup::goss(checkout)?;
    setup::pages(checkout)?;
    files::build(checkout)?;
    setup::sandbox_parts(checkout)?;
    for name in names {
        let known = files::built(checkout, std::slice::from_ref(name))?;
        let stages = STAGES.iter().map(|stage| stage.name).collect::<Vec<_>>().join(", ");
        ensure!(!known.is_empty(), "no file of tests `{name}`, and no stage; there are the stages {stages}");
    }
    if stages.iter().any(|stage| stage.engines) {
        parts::gather(checkout)?;
        image::programs(checkout, "dev")?;
    }
    Ok(())
}
