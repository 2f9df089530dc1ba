//! A Debian for base images where no registry is reachable: made with debootstrap from the packages' mirror.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::checkout::Checkout;
use crate::engine::Engine;
use crate::program;
use crate::setup;

const NEEDED: &[setup::Needed] = &[("debootstrap", "debootstrap")];

/// The release, and where its packages are.
const RELEASE: &str = "bookworm";
const MIRROR: &str = "http://deb.debian.org/debian";

/// What it is called in an engine.
const NAME: &str = "localhost/debian:bookworm";

/// What the published slim images leave out as well; later packages leave it out, too.
const LEFT_OUT: [&str; 3] = ["usr/share/info", "usr/share/locale", "usr/share/man"];

/// What debootstrap leaves behind.
const REMAINS: [&str; 3] = ["var/cache/apt", "var/lib/apt/lists", "var/log/apt"];

/// Gives the engine a Debian, made once and kept in the target folder, and returns its name.
pub(crate) fn provide(checkout: &Checkout, engine: &Engine) -> Result<String> {
    if engine.image(checkout, NAME).is_none() {
        let archive = archive(checkout)?;
        let mut import = engine.command(checkout);
        program::quiet(import.arg("import").arg(archive).arg(NAME))?;
    }
    Ok(NAME.to_owned())
}

fn archive(checkout: &Checkout) -> Result<PathBuf> {
    let archive = checkout.target.join(format!("images/debian-{RELEASE}.tar"));
    if archive.is_file() {
        return Ok(archive);
    }
    setup::packages(checkout, &[NEEDED])?;
    let root = program::output(checkout.command("id").arg("-u"))?.trim() == "0";
    ensure!(root, "debootstrap needs root: run this chore as root once");
    println!("Making a Debian with debootstrap …");
    let folder = archive.with_extension("root");
    clear(&folder)?;
    let mut make = checkout.command("debootstrap");
    program::quiet(make.arg("--variant=minbase").arg(RELEASE).arg(&folder).arg(MIRROR))?;
    slim(&folder)?;
    let new = archive.with_extension("new");
    let mut pack = checkout.command("tar");
    pack.args(["--create", "--numeric-owner", "--sort=name", "--file"])
        .arg(&new)
        .arg("--directory")
        .arg(&folder);
    program::quiet(pack.arg("."))?;
    clear(&folder)?;
    fs::rename(&new, &archive).with_context(|| archive.display().to_string())?;
    Ok(archive)
}

fn clear(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    Ok(())
}

/// Takes out what an image does not need, and has the suites of security and updates besides the release.
fn slim(folder: &Path) -> Result<()> {
    for name in LEFT_OUT.iter().chain(&REMAINS) {
        clear(&folder.join(name))?;
        fs::create_dir_all(folder.join(name))?;
    }
    for name in ["bootstrap.log", "dpkg.log", "alternatives.log"] {
        let log = folder.join("var/log").join(name);
        if log.exists() {
            fs::remove_file(&log).with_context(|| log.display().to_string())?;
        }
    }
    let excludes: String = LEFT_OUT.map(|name| format!("path-exclude /{name}/*\n")).concat();
    fs::write(folder.join("etc/dpkg/dpkg.cfg.d/slim"), excludes)?;
    let sources = format!(
        "deb {MIRROR} {RELEASE} main\ndeb {MIRROR} {RELEASE}-updates main\n\
         deb {MIRROR}-security {RELEASE}-security main\n"
    );
    fs::write(folder.join("etc/apt/sources.list"), sources)?;
    Ok(())
}
