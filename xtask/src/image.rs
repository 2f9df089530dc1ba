//! `cargo xtask image`: the images of dashboard and shipper, one static program each on an empty image.
//!
//! A static glibc since 2.34 asks name servers by itself, so a container network's names are found without a file of
//! the image.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::checkout::Checkout;
use crate::engine::{Engine, Kind};
use crate::parts;
use crate::program;
use crate::setup;

/// What services elsewhere are known by.
const CERTIFICATES: &str = "/etc/ssl/certs/ca-certificates.crt";
const NEEDED: &[setup::Needed] = &[(CERTIFICATES, "ca-certificates")];

const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Args)]
pub(crate) struct Options {
    /// The engine that builds them and has them then; by default the first that answers.
    #[arg(long, value_enum)]
    engine: Option<Kind>,
}

/// A program that has an image of its own.
#[derive(Clone, Copy)]
pub(crate) enum Program {
    Dashboard,
    Shipper,
}

impl Program {
    pub(crate) const ALL: [Self; 2] = [Self::Dashboard, Self::Shipper];

    /// Its recipe's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Dashboard => "dashboard",
            Self::Shipper => "shipper",
        }
    }

    /// Its package's, its binary's and its image's name.
    fn package(self) -> &'static str {
        match self {
            Self::Dashboard => "workshop-dashboard",
            Self::Shipper => "workshop-shipper",
        }
    }
}

/// Builds both images and says what they are called.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    let engine = Engine::find(checkout, options.engine)?;
    let programs = programs(checkout, "image")?;
    for program in Program::ALL {
        let tags = [program.package().to_owned(), format!("{}:v{VERSION}", program.package())];
        build(checkout, &engine, &programs, program, &tags)?;
        println!("{}: {}", engine.kind.name(), tags.join(", "));
    }
    Ok(())
}

/// Builds the programs with a profile of Cargo's, and returns the folder that has them.
pub(crate) fn programs(checkout: &Checkout, profile: &str) -> Result<PathBuf> {
    setup::pages(checkout)?;
    parts::static_programs(checkout, profile, &Program::ALL.map(Program::package))
}

/// Builds the image of a program by its recipe.
pub(crate) fn build(
    checkout: &Checkout,
    engine: &Engine,
    programs: &Path,
    program: Program,
    tags: &[String],
) -> Result<()> {
    setup::packages(checkout, &[NEEDED])?;
    let folder = checkout.target.join("images").join(program.package());
    fs::create_dir_all(&folder)?;
    let recipe = checkout.root.join(format!("deploy/images/{}.Containerfile", program.name()));
    for (from, name) in [
        (recipe, "Containerfile"),
        (programs.join(program.package()), program.package()),
        (CERTIFICATES.into(), "ca-certificates.crt"),
    ] {
        fs::copy(&from, folder.join(name)).with_context(|| from.display().to_string())?;
    }
    let mut build = engine.command(checkout);
    build.args(["build", "--quiet", "--build-arg", &format!("VERSION={VERSION}"), "--file"]);
    build.arg(folder.join("Containerfile"));
    if engine.kind == Kind::Podman {
        // The other format has no HEALTHCHECK.
        build.args(["--format", "docker"]);
    }
    for tag in tags {
        build.args(["--tag", tag]);
    }
    program::quiet(build.arg(&folder)).map(drop)
}
