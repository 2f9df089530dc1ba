//! The tests of the pages: types, units, and Chromium.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::soak::times_in_browser;
use crate::checkout::Checkout;
use crate::count::Count;
use crate::program;

/// Types of the pages, and their tests that need no browser.
pub(super) fn pages(checkout: &Checkout) -> Result<Count> {
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
    let (report, succeeded) = reported::<Report>(&mut vitest, &path, succeeds)?;
    Ok(count + Count::of(report.num_passed_tests, report.num_failed_tests, succeeded))
}

/// The pages in Chromium, before the real backend and the real dashboard.
pub(super) fn run(checkout: &Checkout) -> Result<Count> {
    let mut arguments = Vec::new();
    if let Some(times) = times_in_browser()? {
        arguments.push(format!("--repeat-each={times}"));
    }
    played(checkout, "browser", |playwright| succeeds(playwright.args(&arguments)))
}

/// The pages of a workspace that is swapped on an engine.
pub(super) fn swaps(
    checkout: &Checkout,
    engine: &str,
    start: impl FnOnce(&mut Command) -> Result<bool>,
) -> Result<Count> {
    played(checkout, "swaps", |playwright| {
        playwright.args(["supervised", "--workers", "1"]).env("WORKSHOP_E2E_DOCKER_HOST", engine);
        start(playwright)
    })
}

fn succeeds(command: &mut Command) -> Result<bool> {
    let status = command.status().with_context(|| format!("cannot start `{}`", program::shown(command)))?;
    Ok(status.success())
}

/// Starts Playwright with folders of its own, as another may run beside it.
fn played(
    checkout: &Checkout,
    name: &str,
    start: impl FnOnce(&mut Command) -> Result<bool>,
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
    let folder = checkout.target.join("playwright").join(name);
    let report = folder.with_extension("json");
    let mut playwright = checkout.web_command("npx");
    playwright.args(["--no-install", "playwright", "test", "--reporter=list,json", "--output"]);
    playwright.arg(folder).env("PLAYWRIGHT_JSON_OUTPUT_NAME", &report);
    let (Report { stats }, succeeded) = reported::<Report>(&mut playwright, &report, start)?;
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
