//! `cargo xtask base-image`: the images that workshops begin from, of one recipe for all distributions.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use clap::{Args, ValueEnum};

use crate::bootstrap;
use crate::checkout::Checkout;
use crate::engine::{Engine, Kind};
use crate::parts;
use crate::program;
use crate::setup;

/// The version in the images' tag and label; the backend in them has the same.
const VERSION: &str = env!("CARGO_PKG_VERSION");

#[derive(Args)]
pub(crate) struct Options {
    /// What the image is made from.
    #[arg(long, value_enum, default_value_t = Distribution::Debian)]
    distribution: Distribution,
    /// The engine that builds it and has it then; by default the first that answers.
    #[arg(long, value_enum)]
    engine: Option<Kind>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Distribution {
    Debian,
    Ubuntu,
    Alpine,
    /// CentOS Stream.
    Centos,
}

impl Distribution {
    /// The name of its recipe, and the tag of its image.
    fn name(self) -> &'static str {
        match self {
            Self::Debian => "debian",
            Self::Ubuntu => "ubuntu",
            Self::Alpine => "alpine",
            Self::Centos => "centos",
        }
    }

    /// The image's names: the one that moves on, and the one of this version.
    pub(crate) fn tags(self) -> [String; 2] {
        let name = self.name();
        [format!("workshop-base:{name}"), format!("workshop-base:{name}-v{VERSION}")]
    }
}

/// Builds one base image and says what it is called.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    let engine = Engine::find(checkout, options.engine)?;
    Recipe::prepare(checkout, options.distribution)?.build(checkout, &engine)?;
    println!("{}: {}", engine.kind.name(), options.distribution.tags().join(", "));
    Ok(())
}

/// Gives the base image on Debian to both engines; it is built only when its recipe or a part has changed.
pub(crate) fn provide(checkout: &Checkout, podman: &Engine, docker: &Engine) -> Result<()> {
    let recipe = Recipe::prepare(checkout, Distribution::Debian)?;
    let tags = Distribution::Debian.tags();
    let archive = checkout.target.join("images/workshop-base-debian.tar");
    let stamp = archive.with_extension("hash");
    setup::once(&stamp, &recipe.hash()?, archive.is_file(), || {
        recipe.build(checkout, podman)?;
        if archive.exists() {
            fs::remove_file(&archive)?;
        }
        let mut save = podman.command(checkout);
        save.args(["save", "--quiet", "--format", "docker-archive", "--output"]).arg(&archive).arg(&tags[0]);
        program::run(&mut save)
    })?;
    thread::scope(|scope| {
        let docker = scope.spawn(|| load(checkout, docker, &archive, &tags));
        load(checkout, podman, &archive, &tags)?;
        docker.join().unwrap_or_else(|_| bail!("Docker did not get the base image"))
    })
}

/// Gives an engine the base image of an archive, under its names.
fn load(checkout: &Checkout, engine: &Engine, archive: &Path, tags: &[String]) -> Result<()> {
    let mut load = engine.command(checkout);
    program::quiet(load.args(["load", "--quiet", "--input"]).arg(archive))?;
    // Podman puts `localhost/` before a name without a registry, and so it stands in the archive.
    let loaded = format!("localhost/{}", tags[0]);
    for tag in tags {
        program::quiet(engine.command(checkout).args(["tag", &loaded, tag]))?;
    }
    if engine.kind == Kind::Docker {
        program::quiet(engine.command(checkout).args(["rmi", &loaded]))?;
    }
    Ok(())
}

/// The folder that an engine builds a base image from.
struct Recipe {
    distribution: Distribution,
    folder: PathBuf,
}

impl Recipe {
    /// Gathers what the image is made of.
    fn prepare(checkout: &Checkout, distribution: Distribution) -> Result<Self> {
        let parts = parts::gather(checkout)?;
        let folder = checkout.target.join("images").join(distribution.name());
        fs::create_dir_all(&folder)?;
        let file = checkout.root.join(format!("deploy/images/{}.Containerfile", distribution.name()));
        fs::copy(&file, folder.join("Containerfile")).with_context(|| file.display().to_string())?;
        parts::pack(&parts, &folder.join("parts.tar"))?;
        Ok(Self { distribution, folder })
    }

    fn hash(&self) -> Result<String> {
        setup::hash(&self.folder, &[self.folder.join("Containerfile"), self.folder.join("parts.tar")])
    }

    fn build(&self, checkout: &Checkout, engine: &Engine) -> Result<()> {
        let mut build = engine.command(checkout);
        build.arg("build").arg("--file").arg(self.folder.join("Containerfile"));
        if engine.kind == Kind::Podman {
            // The other format has no HEALTHCHECK.
            build.args(["--format", "docker"]);
        }
        let mut arguments =
            vec![format!("DISTRIBUTION={}", self.distribution.name()), format!("VERSION={VERSION}")];
        if let Some(base) = self.substitute(checkout, engine)? {
            arguments.push(format!("BASE={base}"));
        }
        for argument in &arguments {
            build.args(["--build-arg", argument]);
        }
        for tag in self.distribution.tags() {
            build.args(["--tag", &tag]);
        }
        println!("Building {} …", self.distribution.tags()[0]);
        program::quiet(build.arg(&self.folder)).map(|_| ())
    }

    /// What to build from instead of the distribution's published image: nothing when the engine has that one or can
    /// get it, else a Debian made here.
    fn substitute(&self, checkout: &Checkout, engine: &Engine) -> Result<Option<String>> {
        let recipe = fs::read_to_string(self.folder.join("Containerfile"))?;
        let published = recipe.lines().find_map(|line| line.strip_prefix("ARG BASE="));
        let published = published.context("the recipe names no image to begin from")?;
        let has = engine.image(checkout, published).is_some();
        if has || program::quiet(engine.command(checkout).args(["pull", "--quiet", published])).is_ok() {
            return Ok(None);
        }
        ensure!(self.distribution == Distribution::Debian, "{published} cannot be pulled");
        println!("{published} cannot be pulled: this machine makes its own Debian");
        bootstrap::provide(checkout, engine).map(Some)
    }
}
