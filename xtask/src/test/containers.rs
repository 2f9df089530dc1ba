//! The stage on container engines: the tests that are left out elsewhere.

use std::thread;

use anyhow::{Result, bail};

use super::browser;
use super::files::{self, Running};
use crate::checkout::Checkout;
use crate::count::Count;
use crate::engines::Engines;
use crate::readme;

pub(super) fn run(checkout: &Checkout, names: &[String]) -> Result<Count> {
    let engines = Engines::start(checkout)?;
    let environment = engines.environment(checkout);
    let files = files::built(checkout, names)?;
    // One file at a time of each: a build that fails may disturb others' builds on the same Podman.
    let of = |package: &str| {
        let files = files.iter().filter(|file| file.package == package).cloned().collect();
        let running = Running {
            stage: &format!("containers-{package}"),
            arguments: &["--ignored", "--test-threads", "2"],
            environment: &environment,
            workers: 1,
            start: &|tests| engines.run(checkout, tests),
        };
        files::run(checkout, files, &running)
    };
    let count = thread::scope(|scope| {
        let images = scope.spawn(|| of("xtask"));
        let swaps = of("workshop-cli");
        let images = images.join().unwrap_or_else(|_| bail!("the tests of this chore broke off"));
        Ok::<_, anyhow::Error>(swaps? + images?)
    })?;
    if !names.is_empty() {
        return Ok(count);
    }
    let podman = engines.podman();
    let swaps = browser::swaps(checkout, &podman, |tests| engines.run(checkout, tests))?;
    let readme = readme::containers(checkout, &podman, &environment)?;
    Ok(count + swaps + readme)
}
