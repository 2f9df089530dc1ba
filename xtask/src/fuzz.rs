//! `cargo xtask fuzz`: coverage-guided fuzzing of the parsers with cargo-fuzz, on the saved corpus.

use std::fs;

use anyhow::{Result, bail};
use clap::Args;

use crate::checkout::Checkout;
use crate::program;
use crate::setup;

#[derive(Args)]
pub(crate) struct Options {
    /// Only this target.
    target: Option<String>,
    /// How long each target is fuzzed.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

/// Fuzzes each target in turn. What it finds is left in `fuzz/artifacts/` and ends the chore.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    setup::packages(checkout, &[setup::FUZZ])?;
    cargo_fuzz(checkout)?;
    let mut targets = targets(checkout)?;
    if let Some(wanted) = &options.target {
        targets.retain(|target| target == wanted);
    }
    if targets.is_empty() {
        bail!("no such target; there are: {}", self::targets(checkout)?.join(", "));
    }
    for target in targets {
        println!("── {target}");
        let corpus = checkout.root.join("fuzz/corpus").join(&target);
        // New inputs go to the target folder; the saved corpus stays as small as it was chosen.
        let found = checkout.target.join("fuzz-corpus").join(&target);
        fs::create_dir_all(&found)?;
        program::run(
            // Safe code needs no sanitizer, and without one the stable compiler builds it.
            checkout
                .cargo()
                .args(["fuzz", "run", "--sanitizer", "none", "--features", "libfuzzer"])
                // Its compiler flags would otherwise throw away what the other builds have.
                .arg("--target-dir")
                .arg(checkout.target.join("fuzz"))
                .arg(&target)
                .args([&found, &corpus])
                .args(["--", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0", "-print_final_stats=1"])
                .arg(format!("-max_total_time={}", options.seconds)),
        )?;
    }
    Ok(())
}

/// The names of the fuzz targets: their files.
fn targets(checkout: &Checkout) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(checkout.root.join("fuzz/fuzz_targets"))? {
        let path = entry?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort();
    Ok(names)
}

/// cargo-fuzz, installed beside the other built tools when it is nowhere.
fn cargo_fuzz(checkout: &Checkout) -> Result<()> {
    if checkout.which("cargo-fuzz").is_some() {
        return Ok(());
    }
    println!("Installing cargo-fuzz …");
    let mut install = checkout.cargo();
    install
        .args(["install", "--quiet", "--locked", "cargo-fuzz", "--root"])
        .arg(checkout.target.join("tools"));
    program::run(&mut install)
}
