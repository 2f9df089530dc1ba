//! `cargo xtask tidy`: holds the structure of the repository, so that a wrong turn fails a test and not a review.

mod arrows;
mod documents;
mod images;
mod sources;

use std::path::PathBuf;

use anyhow::{Result, bail};
use cargo_metadata::MetadataCommand;

use crate::checkout::Checkout;
use crate::program;

/// Reports every finding at once; any finding is a failure.
pub(crate) fn run(checkout: &Checkout) -> Result<()> {
    let metadata =
        MetadataCommand::new().current_dir(&checkout.root).other_options(["--locked".into()]).exec()?;
    let files = tracked(checkout)?;
    let mut findings = arrows::check(&metadata)?;
    findings.extend(sources::check(&checkout.root, &files)?);
    findings.extend(documents::check(&checkout.root, &files)?);
    findings.extend(images::check(&checkout.root, &files)?);
    if findings.is_empty() {
        return Ok(());
    }
    bail!("{}\n{} findings", findings.join("\n"), findings.len());
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
