//! `cargo xtask bench`: runs every benchmark of the workspace and shows its rows in one table.

use anyhow::{Context, Result, bail};
use cargo_metadata::{MetadataCommand, TargetKind};
use clap::Args;
use serde::Deserialize;

use crate::checkout::Checkout;
use crate::engines::Engines;
use crate::postgres::Postgres;
use crate::program;
use crate::setup;

#[derive(Args)]
pub(crate) struct Options {
    /// Only benchmarks with this in their name.
    filter: Option<String>,
    /// Print the table as Markdown, as the README has it.
    #[arg(long)]
    markdown: bool,
}

/// One row, as a benchmark prints it: a JSON object on a line of its own.
#[derive(Deserialize)]
struct Row {
    /// What was measured.
    row: String,
    value: f64,
    unit: String,
    /// The bound or peer, measured in the same run in turn, in the same unit.
    bound: Option<f64>,
    /// `value` against `bound`.
    ratio: Option<f64>,
    /// What it should be, such as `≥ 0.7`.
    goal: String,
    /// What makes this row.
    command: String,
}

/// The package whose benchmarks run on container engines.
const ON_ENGINES: &str = "workshop-cli";

/// The packages whose benchmarks need a Postgres.
const ON_POSTGRES: &[&str] = &["workshop-simulator", "workshop-dashboard", "workshop-shipper"];

/// Builds all first, so that no compiler competes with a measurement; then one benchmark at a time.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    setup::packages(checkout, &[setup::DEMO])?;
    let wanted = |name: &str| options.filter.as_ref().is_none_or(|filter| name.contains(filter.as_str()));
    let metadata = MetadataCommand::new().current_dir(&checkout.root).no_deps().exec()?;
    let benches: Vec<(String, String)> = metadata
        .packages
        .iter()
        .flat_map(|package| {
            let benches = package.targets.iter().filter(|target| target.kind.contains(&TargetKind::Bench));
            benches.map(|bench| (package.name.to_string(), bench.name.clone()))
        })
        .filter(|(_, bench)| wanted(bench))
        .collect();
    if benches.is_empty() {
        bail!("no benchmark has that in its name");
    }
    for (package, bench) in &benches {
        program::run(
            checkout.cargo().args(["bench", "--quiet", "--no-run", "-p", package, "--bench", bench]),
        )?;
    }
    let on_engines = benches.iter().any(|(package, _)| package == ON_ENGINES);
    let engines = on_engines.then(|| Engines::start(checkout)).transpose()?;
    let environment = engines.as_ref().map(|engines| engines.environment(checkout));
    let on_postgres = benches.iter().any(|(package, _)| ON_POSTGRES.contains(&package.as_str()));
    let postgres = on_postgres.then(|| Postgres::start(checkout)).transpose()?;
    let database = postgres.as_ref().map(Postgres::environment);
    let mut rows = Vec::new();
    for (package, bench) in &benches {
        let mut run = checkout.cargo();
        run.args(["bench", "--quiet", "-p", package, "--bench", bench]);
        run.envs(environment.iter().flatten().cloned()).envs(database.iter().flatten().cloned());
        let printed = program::output(&mut run)?;
        for line in printed.lines().filter(|line| line.starts_with('{')) {
            rows.push(serde_json::from_str::<Row>(line).with_context(|| format!("{bench} printed: {line}"))?);
        }
    }
    if options.markdown {
        markdown(&rows)
    } else {
        table(&rows)
    }
    Ok(())
}

fn cells(row: &Row) -> [String; 5] {
    let measured = |value: f64| format!("{} {}", digits(value), row.unit);
    [
        row.row.clone(),
        measured(row.value),
        row.bound.map(measured).unwrap_or_default(),
        row.ratio.map(|ratio| format!("{ratio:.2}")).unwrap_or_default(),
        match met(row) {
            Some(false) => format!("{} (missed)", row.goal),
            Some(true) | None => row.goal.clone(),
        },
    ]
}

/// Whether a goal is met: `≥ 0.7` by the ratio, `≤ 15 MB`, which has a unit, by the value.
fn met(row: &Row) -> Option<bool> {
    let (comparison, goal) = row.goal.split_once(' ')?;
    let (goal, measured) = match goal.split_once(' ') {
        Some((goal, _unit)) => (goal, row.value),
        None => (goal, row.ratio?),
    };
    let goal: f64 = goal.parse().ok()?;
    match comparison {
        "≥" | ">=" => Some(measured >= goal),
        "≤" | "<=" => Some(measured <= goal),
        _ => None,
    }
}

const TITLES: [&str; 5] = ["what", "measured", "bound", "ratio", "goal"];

fn table(rows: &[Row]) {
    let mut lines = vec![TITLES.map(String::from)];
    lines.extend(rows.iter().map(cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 5] = std::array::from_fn(width);
    for [what, measured, bound, ratio, goal] in &lines {
        let [w0, w1, w2, w3, _] = widths;
        println!("{what:<w0$}  {measured:>w1$}  {bound:>w2$}  {ratio:>w3$}  {goal}");
    }
}

fn markdown(rows: &[Row]) {
    println!("| {} | command |\n|---|--:|--:|--:|---|---|", TITLES.join(" | "));
    for row in rows {
        println!("| {} | `{}` |", cells(row).join(" | "), row.command);
    }
}

/// Three significant digits, and thousands set apart.
fn digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 100.0 {
        let whole = format!("{magnitude:.0}");
        let grouped = whole
            .as_bytes()
            .rchunks(3)
            .rev()
            .map(|group| String::from_utf8_lossy(group).into_owned())
            .collect::<Vec<_>>()
            .join(",");
        if value < 0.0 { format!("-{grouped}") } else { grouped }
    } else if magnitude >= 10.0 {
        format!("{value:.1}")
    } else if magnitude >= 1.0 || value == 0.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missed_goal_is_seen() {
        let check = |value: f64, ratio: Option<f64>, goal: &str, expected: Option<bool>| {
            let [row, unit, command] = ["row", "MB", "make"].map(String::from);
            let row = Row { row, value, unit, bound: None, ratio, goal: goal.into(), command };
            assert_eq!(met(&row), expected, "{value} {ratio:?} {goal}");
        };
        check(9e6, Some(0.71), ">= 0.7", Some(true));
        check(9e6, Some(0.69), "≥ 0.7", Some(false));
        check(16.0, None, "≤ 15 MB", Some(false));
        check(14.0, None, "<= 15 MB", Some(true));
        check(90.0, Some(200.0), "<= 100 ms", Some(true));
        check(0.2, Some(1.1), "the bound + 0.3 ms", None);
    }

    #[test]
    fn numbers_are_short_and_readable() {
        for (value, shown) in [
            (2_345_678.4, "2,345,678"),
            (123.4, "123"),
            (12.34, "12.3"),
            (1.234, "1.23"),
            (0.1234, "0.123"),
            (0.0, "0.00"),
            (-1234.0, "-1,234"),
        ] {
            assert_eq!(digits(value), shown);
        }
    }
}
