//! `cargo xtask test`: set-up, then every check and test, and one line that sums them up.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use cargo_metadata::MetadataCommand;
use clap::Args;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::checkout::Checkout;
use crate::codegen;
use crate::engines::Engines;
use crate::examples;
use crate::postgres::{self, Postgres};
use crate::program;
use crate::readme;
use crate::s3::S3;
use crate::setup;
use crate::tidy;
use crate::workspace;

#[derive(Args)]
pub(crate) struct Options {
    /// Only these stages, by the names in the closing table.
    stages: Vec<String>,
}

/// How many tests of a stage passed and failed. A stage that is one check counts as one test.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub(crate) struct Count {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Count {
    const PASSED: Self = Self { passed: 1, failed: 0 };
    const FAILED: Self = Self { passed: 0, failed: 1 };

    /// What a program reported. One that failed without a failed test (it did not build, it was killed) has one.
    fn of(passed: u32, failed: u32, succeeded: bool) -> Self {
        Self { passed, failed: if succeeded { failed } else { failed.max(1) } }
    }

    /// Counts one more test.
    pub(crate) fn add(&mut self, passed: bool) {
        *self = *self + if passed { Self::PASSED } else { Self::FAILED };
    }
}

impl std::ops::Add for Count {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}

type Stage = (&'static str, fn(&Checkout) -> Result<Count>);

/// In this order: what fails fastest first.
const STAGES: &[Stage] = &[
    ("format", |checkout| one(program::run(checkout.cargo().args(["fmt", "--all", "--check"])))),
    ("tidy", |checkout| one(tidy::run(checkout))),
    ("clippy", clippy),
    ("docs", docs),
    ("generated files", |checkout| one(codegen::check(checkout))),
    ("rust", rust),
    ("pages", pages),
    ("browser", browser),
    ("examples", examples::test),
    ("readme", readme::test),
    ("containers", containers),
];

/// Stages that read sources alone, and so need no set-up when only they are asked for.
const BARE: &[&str] = &["format", "tidy", "clippy", "docs"];

/// Runs the stages, one after the other even when one fails, and prints the table and the sum.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<ExitCode> {
    for name in &options.stages {
        let known = STAGES.iter().map(|(name, _)| *name).collect::<Vec<_>>();
        ensure!(known.contains(&name.as_str()), "no stage `{name}`; there are: {}", known.join(", "));
    }
    let asked = |name: &str| options.stages.is_empty() || options.stages.iter().any(|stage| stage == name);
    let mut rows = Vec::new();
    if STAGES.iter().any(|(name, _)| asked(name) && !BARE.contains(name)) {
        rows.push(staged(checkout, "set-up", |checkout| one(set_up(checkout))));
    }
    if rows.iter().all(|(_, count, _)| *count == Count::PASSED) {
        rows.extend(
            STAGES.iter().filter(|(name, _)| asked(name)).map(|(name, stage)| staged(checkout, name, *stage)),
        );
    }
    println!("\n{:<16} {:>8} {:>7} {:>9}", "stage", "passed", "failed", "seconds");
    for (name, count, time) in &rows {
        println!("{name:<16} {:>8} {:>7} {:>9.1}", count.passed, count.failed, time.as_secs_f64());
    }
    let sum = rows.iter().fold(Count::default(), |sum, (_, count, _)| sum + *count);
    println!("\n{} passed, {} failed", sum.passed, sum.failed);
    Ok(if sum.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one stage. One that cannot be run, or found nothing to run, has failed.
fn staged(
    checkout: &Checkout,
    name: &'static str,
    stage: fn(&Checkout) -> Result<Count>,
) -> (&'static str, Count, Duration) {
    println!("\n── {name}");
    let began = Instant::now();
    let count = match stage(checkout) {
        Ok(count) if count == Count::default() => {
            println!("no test ran");
            Count::FAILED
        }
        Ok(count) => count,
        Err(error) => {
            println!("{error:#}");
            Count::FAILED
        }
    };
    (name, count, began.elapsed())
}

fn one(result: Result<()>) -> Result<Count> {
    result.map(|()| Count::PASSED)
}

fn set_up(checkout: &Checkout) -> Result<()> {
    setup::packages(checkout, &[setup::DEMO, setup::TEST, postgres::NEEDED])?;
    setup::asciinema(checkout)?;
    setup::schemathesis(checkout)?;
    workspace::set_up(checkout)
}

fn clippy(checkout: &Checkout) -> Result<Count> {
    let arguments = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    one(program::run(checkout.cargo().args(arguments)))
}

fn docs(checkout: &Checkout) -> Result<Count> {
    let arguments = ["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"];
    one(program::run(checkout.cargo().args(arguments).env("RUSTDOCFLAGS", "-D warnings")))
}

/// The tests that need container engines and so are left out elsewhere.
fn containers(checkout: &Checkout) -> Result<Count> {
    let engines = Engines::start(checkout)?;
    program::run(fail_points(checkout).args(["--quiet", "--no-run"]))?;
    let ignored = ["--", "--ignored", "--test-threads", "2"];
    let run = |targets: &[&str]| {
        let mut count = Count::default();
        let mut tests = fail_points(checkout);
        let succeeded = engines.run(checkout, tests.args(targets).args(ignored), |line| {
            count = count + cargo_result(line).unwrap_or_default();
        })?;
        Ok(Count::of(count.passed, count.failed, succeeded))
    };
    let count = thread::scope(|scope| {
        // This chore's own test builds programs, for long, while the others wait for containers.
        let building = scope.spawn(|| run(&["--bin", "xtask"]));
        let waiting = run(&["--lib", "--test", "*"]);
        let built = building.join().unwrap_or_else(|_| bail!("the tests of this chore broke off"));
        Ok::<_, anyhow::Error>(waiting? + built?)
    })?;
    let podman = engines.podman();
    let mut pages = playwright(checkout);
    pages.args(["supervised", "--workers", "1"]).env("WORKSHOP_E2E_DOCKER_HOST", &podman);
    let swaps = browser_count(checkout, pages, |command| engines.run(checkout, command, |_| ()))?;
    let readme = readme::containers(checkout, &podman, &engines.environment(checkout))?;
    Ok(count + swaps + readme)
}

/// Test files that mostly wait for a disk and a database, and for long: they run beside all others.
const WAITING: [&str; 4] = ["casts", "ingest", "shipping", "vector"];

/// What builds fail points in. The same each time, together with this chore: or cargo would build what they have in common
/// once more.
const FAIL_POINTS: &str =
    "test --no-fail-fast --package workshop-cli --package xtask --features workshop-cli/failpoints";

/// Every test of the workspace, the saved fuzzing corpus among them; then the kills at each system call and at each
/// point of a swap, which need fail points built in.
fn rust(checkout: &Checkout) -> Result<Count> {
    // Before anything waits for it: a build holds up all others.
    program::run(checkout.cargo().args(["test", "--quiet", "--workspace", "--no-run"]))?;
    let (postgres, s3) = (Postgres::start(checkout)?, S3::start(checkout)?);
    let servers: Vec<_> = postgres.environment().into_iter().chain(s3.environment()).collect();
    let cargo = |arguments: &[&str]| {
        let mut cargo = checkout.cargo();
        cargo.args(arguments).envs(servers.clone());
        cargo
    };
    let workspace = ["test", "--workspace", "--no-fail-fast"];
    let (waiting, others) = test_files(checkout)?;
    let mut sum = thread::scope(|scope| {
        let waiting = scope.spawn(|| collected(cargo(&workspace).args(tests(&waiting))));
        let shown = live(cargo(&workspace).args(["--lib", "--bins"]).args(tests(&others)))
            .and_then(|count| Ok(count + live(cargo(&workspace).arg("--doc"))?));
        let (text, count) = waiting.join().unwrap_or_else(|_| bail!("the tests beside the others"))?;
        print!("{text}");
        Ok::<_, anyhow::Error>(shown? + count)
    })?;
    sum = sum
        + live(fail_points(checkout).args([
            "--package",
            "workshop-journal",
            "--test",
            "fail_points",
            "--test",
            "kills",
        ]))?;
    Ok(sum)
}

/// A `cargo test` with fail points built in.
fn fail_points(checkout: &Checkout) -> Command {
    let mut cargo = checkout.cargo();
    cargo.args(FAIL_POINTS.split(' '));
    cargo
}

/// The names of the workspace's test files that need no feature: those that wait, and all others.
fn test_files(checkout: &Checkout) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    let metadata = MetadataCommand::new().current_dir(&checkout.root).no_deps().exec()?;
    let targets = metadata.workspace_packages().into_iter().flat_map(|package| package.targets.clone());
    let files = targets.filter(|target| target.is_test() && target.required_features.is_empty());
    Ok(files.map(|target| target.name).partition(|name| WAITING.contains(&name.as_str())))
}

/// Arguments that name test files.
fn tests(names: &BTreeSet<String>) -> impl Iterator<Item = &str> {
    names.iter().flat_map(|name| ["--test", name])
}

/// Runs a `cargo test`, showing what it prints.
fn live(command: &mut Command) -> Result<Count> {
    let mut count = Count::default();
    let succeeded =
        program::read_lines(command, |line| count = count + cargo_result(line).unwrap_or_default())?;
    Ok(Count::of(count.passed, count.failed, succeeded))
}

/// Runs a `cargo test` beside another, and returns what it printed.
fn collected(command: &mut Command) -> Result<(String, Count)> {
    let output = command.output().with_context(|| format!("cannot start `{}`", program::shown(command)))?;
    let text =
        [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    let count = text.lines().filter_map(cargo_result).fold(Count::default(), |sum, count| sum + count);
    let count = Count::of(count.passed, count.failed, output.status.success());
    Ok((text, count))
}

/// Reads `test result: ok. 3 passed; 0 failed; …`.
fn cargo_result(line: &str) -> Option<Count> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number =
        |word: &str| numbers.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse::<u32>().ok());
    Some(Count { passed: number("passed")?, failed: number("failed")? })
}

/// Types of the pages, and their tests that need no browser.
fn pages(checkout: &Checkout) -> Result<Count> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Report {
        num_passed_tests: u32,
        num_failed_tests: u32,
    }
    let types = program::run(checkout.web_command("npm").args(["run", "--silent", "check"]));
    let mut count = Count::default();
    count.add(types.is_ok());
    types.unwrap_or_else(|error| println!("{error:#}"));
    let path = checkout.target.join("vitest.json");
    let mut vitest = checkout.web_command("npx");
    vitest.args(["--no-install", "vitest", "run", "--reporter=default", "--reporter=json"]);
    vitest.arg(format!("--outputFile.json={}", path.display()));
    let (report, succeeded) =
        reported::<Report>(&mut vitest, &path, |command| program::read_lines(command, |_| ()))?;
    Ok(count + Count::of(report.num_passed_tests, report.num_failed_tests, succeeded))
}

/// The pages in Chromium, before the real backend and the real dashboard.
fn browser(checkout: &Checkout) -> Result<Count> {
    let postgres = Postgres::start(checkout)?;
    let mut pages = playwright(checkout);
    pages.envs(postgres.environment());
    browser_count(checkout, pages, |command| program::read_lines(command, |_| ()))
}

fn playwright(checkout: &Checkout) -> Command {
    let mut playwright = checkout.web_command("npx");
    playwright.args(["--no-install", "playwright", "test", "--reporter=list,json"]);
    playwright
}

fn browser_count(
    checkout: &Checkout,
    mut playwright: Command,
    run: impl FnOnce(&mut Command) -> Result<bool>,
) -> Result<Count> {
    #[derive(Deserialize)]
    struct Report {
        stats: Stats,
    }
    #[derive(Deserialize)]
    struct Stats {
        expected: u32,
        unexpected: u32,
        flaky: u32,
    }
    let path = checkout.target.join("playwright.json");
    playwright.env("PLAYWRIGHT_JSON_OUTPUT_NAME", &path);
    let (Report { stats }, succeeded) = reported::<Report>(&mut playwright, &path, run)?;
    // A test that passes only at the second try does not hold.
    Ok(Count::of(stats.expected, stats.unexpected + stats.flaky, succeeded))
}

/// Runs tests that write what became of them to `path`; true if they succeeded.
fn reported<R: DeserializeOwned>(
    command: &mut Command,
    path: &Path,
    run: impl FnOnce(&mut Command) -> Result<bool>,
) -> Result<(R, bool)> {
    if path.exists() {
        fs::remove_file(path)?;
    }
    let succeeded = run(command)?;
    let report = fs::read(path).with_context(|| format!("`{}` wrote no report", program::shown(command)))?;
    Ok((serde_json::from_slice(&report)?, succeeded))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_result_lines_of_cargo() {
        let check = |line: &str, expected: Option<(u32, u32)>| {
            assert_eq!(
                cargo_result(line),
                expected.map(|(passed, failed)| Count { passed, failed }),
                "{line}"
            );
        };
        check("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out", Some((12, 0)));
        check("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured", Some((3, 2)));
        check("test fold::splits ... ok", None);
        check("", None);
    }
}
