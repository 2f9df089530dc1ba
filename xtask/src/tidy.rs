//! `cargo xtask tidy`: holds the structure of the repository, so that a wrong turn fails a test and not a review.

mod arrows;
mod circles;
mod documents;
mod functions;
mod images;
mod modules;
mod rust;
mod sources;

use std::path::PathBuf;

use anyhow::{Result, bail};
use cargo_metadata::{Metadata, MetadataCommand};

use crate::checkout::Checkout;
use crate::program;

/// Reports every finding at once; any finding is a failure.
pub(crate) fn run(checkout: &Checkout) -> Result<()> {
    let metadata =
        MetadataCommand::new().current_dir(&checkout.root).other_options(["--locked".into()]).exec()?;
    let files = tracked(checkout)?;
    let sources = rust::parse(&checkout.root, &files)?;
    let mut findings = arrows::check(&metadata)?;
    findings.extend(sources::check(&checkout.root, &files)?);
    findings.extend(functions::check(&sources));
    findings.extend(circles::check(&sources, &roots(checkout, &metadata)));
    findings.extend(documents::check(&checkout.root, &files)?);
    findings.extend(images::check(&checkout.root, &files)?);
    findings.sort();
    if findings.is_empty() {
        return Ok(());
    }
    let count = findings.len();
    bail!("{}\n{count} finding{}", findings.join("\n"), if count == 1 { "" } else { "s" });
}

/// The first file of every library, program and test.
fn roots(checkout: &Checkout, metadata: &Metadata) -> Vec<PathBuf> {
    let targets = metadata.workspace_packages().into_iter().flat_map(|package| &package.targets);
    targets.map(|target| checkout.relative(target.src_path.as_std_path()).to_owned()).collect()
}

/// The files of the repository: committed, or about to be.
fn tracked(checkout: &Checkout) -> Result<Vec<PathBuf>> {
    let mut list = checkout.command("git");
    list.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let names = program::output(&mut list)?;
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(PathBuf::from)
        .filter(|path| checkout.root.join(path).is_file())
        .collect())
}
