//! The stages of `cargo xtask test`.

use std::thread;

use anyhow::Result;

use super::browser;
use super::containers;
use super::files::{self, Running};
use crate::checkout::Checkout;
use crate::codegen;
use crate::count::Count;
use crate::examples;
use crate::program;
use crate::readme;
use crate::tidy;

/// A group of checks and tests with a name.
#[derive(Clone, Copy)]
pub(super) struct Stage {
    pub(super) name: &'static str,
    /// Runs it; of files of tests only those named.
    pub(super) run: fn(&Checkout, files: &[String]) -> Result<Count>,
    /// Whether it reads sources alone, and so needs no set-up.
    pub(super) bare: bool,
    /// Whether it needs Postgres and S3.
    pub(super) servers: bool,
    /// Whether it needs images.
    pub(super) engines: bool,
    /// Whether it repeats more when soaked.
    pub(super) soaks: bool,
    /// What it uses that only one stage at a time may use.
    pub(super) holds: &'static [&'static str],
}

impl Stage {
    const fn new(name: &'static str, run: fn(&Checkout, files: &[String]) -> Result<Count>) -> Self {
        Self { name, run, bare: false, servers: false, engines: false, soaks: false, holds: &[] }
    }
}

/// Cargo does one thing at a time in its target folder; others wait for it, and a test would wait too long.
const CARGO: &[&str] = &["cargo"];

/// The example `web-server` listens on a port that it names, and a sandbox has the machine's network.
const EXAMPLE_PORT: &[&str] = &["port 8000"];

/// In this order: first the one that takes longest, mostly waiting; then what fails fastest.
pub(super) const STAGES: &[Stage] = &[
    // It keeps both processors busy by itself: beside `rust` it takes twice as long, and what waits for an engine may give up.
    Stage { engines: true, holds: &["cargo", "port 8000"], ..Stage::new("containers", containers::run) },
    Stage {
        bare: true,
        ..Stage::new("format", |checkout, _| {
            one(program::run(checkout.cargo().args(["fmt", "--all", "--check"])))
        })
    },
    Stage { bare: true, ..Stage::new("tidy", |checkout, _| one(tidy::run(checkout))) },
    Stage { bare: true, holds: CARGO, ..Stage::new("clippy", clippy) },
    Stage { bare: true, holds: CARGO, ..Stage::new("docs", docs) },
    Stage { holds: CARGO, ..Stage::new("generated files", |checkout, _| one(codegen::check(checkout))) },
    Stage { servers: true, soaks: true, holds: EXAMPLE_PORT, ..Stage::new("rust", rust) },
    Stage::new("pages", |checkout, _| browser::pages(checkout)),
    Stage {
        servers: true,
        soaks: true,
        holds: &["cargo", "port 8000"],
        ..Stage::new("browser", |checkout, _| browser::run(checkout))
    },
    Stage { holds: EXAMPLE_PORT, ..Stage::new("examples", |checkout, _| examples::test(checkout)) },
    Stage { holds: CARGO, ..Stage::new("readme", |checkout, _| readme::test(checkout)) },
];

fn one(result: Result<()>) -> Result<Count> {
    result.map(|()| Count::PASSED)
}

fn clippy(checkout: &Checkout, _: &[String]) -> Result<Count> {
    let arguments = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    one(program::run(checkout.cargo().args(arguments)))
}

/// The documentation, and the examples in it.
fn docs(checkout: &Checkout, _: &[String]) -> Result<Count> {
    let arguments = ["doc", "--quiet", "--workspace", "--no-deps", "--document-private-items"];
    let built = program::run(checkout.cargo().args(arguments).env("RUSTDOCFLAGS", "-D warnings"));
    let examples = program::run(checkout.cargo().args(["test", "--quiet", "--workspace", "--doc"]));
    Ok(one(built)? + one(examples)?)
}

/// Every test of the workspace that needs no container engine, the saved fuzzing corpus among them.
fn rust(checkout: &Checkout, names: &[String]) -> Result<Count> {
    let running = Running {
        stage: "rust",
        arguments: &[],
        environment: &[],
        workers: thread::available_parallelism()?.get(),
        start: &|tests| Ok(tests.status()?.success()),
    };
    files::run(checkout, files::built(checkout, names)?, &running)
}
