//! `cargo xtask parts`: the programs and files that make an image a workspace, gathered in one folder of the target.
//! The base images are made of them, and the `workshop` command copies them into a base that lacks them.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use workshop_sandbox::shell;

use crate::checkout::Checkout;
use crate::program;
use crate::setup;

/// What the parts are gathered from, besides what this repository builds.
const NEEDED: &[setup::Needed] = &[("tini-static", "tini")];

/// A part: its name in the folder, where an image has it, and its mode there.
///
/// goss may be run by the student but not read: the kernel then keeps the student, who has the same uid, from looking
/// into its memory and its standard input, where the spec is.
const PROGRAMS: [(&str, &str, u32); 3] = [
    ("goss", "usr/local/bin/goss", 0o111),
    ("tini", "sbin/tini", 0o755),
    ("workshop-backend", "usr/local/bin/workshop-backend", 0o755),
];

/// The shell integration: its names in the folder, in the order of [`shell::FILES`].
const SCRIPTS: [&str; 2] = ["workshop-platform.bashrc", "workshop-platform.zshrc"];

/// Gathers the parts and says where they are.
pub(crate) fn run(checkout: &Checkout) -> Result<()> {
    println!("{}", gather(checkout)?.display());
    Ok(())
}

/// Where the parts are once they were gathered.
pub(crate) fn folder(checkout: &Checkout) -> PathBuf {
    checkout.target.join("parts")
}

/// Builds what changed and returns the folder of the parts. Here all of them may be read: modes are the image's.
pub(crate) fn gather(checkout: &Checkout) -> Result<PathBuf> {
    setup::packages(checkout, &[NEEDED])?;
    setup::goss(checkout)?;
    setup::pages(checkout)?;
    let backend = static_programs(checkout, "image", &["workshop-backend"])?.join("workshop-backend");
    let tini = checkout.which("tini-static").context("tini-static is missing")?;
    let folder = folder(checkout);
    fs::create_dir_all(&folder)?;
    for (name, source) in [("goss", checkout.goss()), ("tini", tini), ("workshop-backend", backend)] {
        let text = fs::read(&source).with_context(|| source.display().to_string())?;
        write(&folder.join(name), &text, 0o755)?;
    }
    for (name, (_, text)) in SCRIPTS.iter().zip(shell::FILES) {
        write(&folder.join(name), text.as_bytes(), 0o644)?;
    }
    Ok(folder)
}

/// Writes a file unless it is there already: what is made of it stays as new as it is.
fn write(path: &Path, text: &[u8], mode: u32) -> Result<()> {
    if !path.is_symlink() && fs::read(path).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let new = path.with_extension("new");
    fs::write(&new, text).with_context(|| new.display().to_string())?;
    fs::set_permissions(&new, Permissions::from_mode(mode))?;
    fs::rename(&new, path).with_context(|| path.display().to_string())
}

/// Builds packages' programs with everything they need inside, and returns the folder that has them: they run in an image
/// of any distribution, or of none. The target is named, though it is this machine's, so that the flag does not reach
/// build scripts.
pub(crate) fn static_programs(checkout: &Checkout, profile: &str, packages: &[&str]) -> Result<PathBuf> {
    let rustc = program::output(checkout.command("rustc").arg("-vV"))?;
    let host =
        rustc.lines().find_map(|line| line.strip_prefix("host: ")).context("`rustc -vV` names no host")?;
    let mut build = checkout.cargo();
    build.args(["build", "--quiet", "--profile", profile, "--target", host]);
    for package in packages {
        build.args(["--package", package]);
    }
    build.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", "-C target-feature=+crt-static");
    program::run(&mut build)?;
    Ok(checkout.target.join(host).join(if profile == "dev" { "debug" } else { profile }))
}

/// Packs the parts of `folder` as an image has them. The same parts are the same bytes, so the same layer. There are no
/// entries for folders: where `/sbin` is a link, it stays one.
pub(crate) fn pack(folder: &Path, into: &Path) -> Result<()> {
    let scripts =
        SCRIPTS.iter().zip(shell::FILES).map(|(name, (path, _))| (*name, format!("etc/{path}"), 0o644));
    let programs = PROGRAMS.map(|(name, path, mode)| (name, path.to_owned(), mode));
    let file = File::create(into).with_context(|| into.display().to_string())?;
    let mut archive = tar::Builder::new(BufWriter::new(file));
    for (name, path, mode) in programs.into_iter().chain(scripts) {
        let part = folder.join(name);
        let text = fs::read(&part).with_context(|| part.display().to_string())?;
        let mut header = tar::Header::new_ustar();
        header.set_size(text.len() as u64);
        header.set_mode(mode);
        archive.append_data(&mut header, path, text.as_slice())?;
    }
    archive.into_inner()?.flush()?;
    Ok(())
}
