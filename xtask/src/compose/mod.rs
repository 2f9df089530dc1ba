//! The compose file brought up for real, with images made here: a database, an S3 server, the dashboard, and one workspace
//! with its shipper, whose student then stands in the class.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::backend;
use crate::base_image::Distribution;
use crate::checkout::Checkout;
use crate::postgres;
use crate::program;
use crate::s3;
use crate::server::free_port;
use crate::setup;

const NEEDED: &[setup::Needed] =
    &[("docker-compose", "docker-compose"), ("docker", "docker.io"), ("curl", "curl")];

/// How long everything may take until it serves.
const PATIENCE: Duration = Duration::from_secs(90);

const PROJECT: &str = "workshop-compose-test";
const IMAGES: [&str; 4] = ["postgres", "s3", "dashboard", "shipper"];

/// The installation of the test. Dropped, it is gone: containers, volumes, images.
struct Installation<'a> {
    checkout: &'a Checkout,
    docker: &'a str,
    folder: PathBuf,
    port: u16,
    token: String,
}

#[test]
#[ignore = "needs a container engine"]
fn the_compose_file_comes_up_and_a_workspace_attaches() -> Result<()> {
    let docker =
        std::env::var("WORKSHOP_TEST_DOCKER").context("WORKSHOP_TEST_DOCKER; see cargo xtask engines")?;
    let checkout = &Checkout::find()?;
    setup::packages(checkout, &[NEEDED, postgres::NEEDED])?;
    s3::provide(checkout)?;
    setup::programs(checkout)?;
    let packages = ["workshop-dashboard", "workshop-shipper", "xtask"].map(|name| ["--package", name]);
    program::run(checkout.cargo().arg("build").args(packages.concat()))?;
    let folder = checkout.target.join("compose");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let installation =
        Installation { checkout, docker: &docker, folder, port: free_port()?, token: backend::token()? };
    installation.build()?;
    installation.serve()?;
    installation.attach()
}

impl Installation<'_> {
    fn docker(&self, program: &str) -> Command {
        let mut command = self.checkout.command(program);
        command.env("DOCKER_HOST", self.docker);
        command
    }

    fn compose(&self, arguments: &[&str]) -> Result<String> {
        let mut compose = self.docker("docker-compose");
        compose.args(["--project-name", PROJECT, "--file", "deploy/compose.yaml", "--env-file"]);
        program::quiet(compose.arg(self.folder.join("env")).args(["--profile", "workspace"]).args(arguments))
    }

    /// Images of the programs that were just built, from the Containerfiles that releases are built from, on the base image:
    /// these programs are not static.
    fn build(&self) -> Result<()> {
        let built = |name: &str| self.checkout.target.join("debug").join(name);
        let deploy = self.checkout.root.join("deploy/images");
        let certificates = PathBuf::from("/etc/ssl/certs/ca-certificates.crt");
        for name in ["dashboard", "shipper"] {
            let program = format!("workshop-{name}");
            let files = [(built(&program), program.as_str()), (certificates.clone(), "ca-certificates.crt")];
            self.image(name, &fs::read_to_string(deploy.join(format!("{name}.Containerfile")))?, &files)?;
        }
        let gateway = self.checkout.tools.join("versitygw");
        let recipe = "FROM scratch\nCOPY versitygw /versitygw\nENTRYPOINT [\"/versitygw\"]\n";
        self.image("s3", recipe, &[(gateway, "versitygw")])?;
        let archive = self.folder.join("postgres.tar");
        let mut gather = self.checkout.command("sh");
        program::quiet(gather.arg("xtask/src/compose/gather.sh").arg(&archive))?;
        let entrypoint = self.checkout.root.join("xtask/src/compose/entrypoint.sh");
        let recipe = "ARG BASE\nFROM ${BASE}\nADD postgres.tar /\nCOPY entrypoint.sh /entrypoint.sh\n\
                      RUN useradd --uid 999 postgres && mkdir -p /var/lib/postgresql/data && ldconfig \\\n \
                      && ln -s /usr/lib/postgresql/*/bin/* /usr/local/bin/\n\
                      HEALTHCHECK NONE\nENTRYPOINT [\"/entrypoint.sh\"]\n";
        self.image("postgres", recipe, &[(archive, "postgres.tar"), (entrypoint, "entrypoint.sh")])?;
        let mut workshop = self.docker(&built("workshop").to_string_lossy());
        workshop.args(["--engine", "docker", "build", "compile", "examples/hello-linux"]);
        program::quiet(&mut workshop).map(|_| ())
    }

    fn image(&self, name: &str, recipe: &str, files: &[(PathBuf, &str)]) -> Result<()> {
        let folder = self.folder.join(name);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join("Containerfile"), recipe)?;
        for (file, inside) in files {
            fs::copy(file, folder.join(inside)).with_context(|| file.display().to_string())?;
        }
        let [base, _] = Distribution::Debian.tags();
        let mut build = self.docker("docker");
        build.args(["build", "--quiet", "--build-arg", &format!("BASE={base}")]);
        build.args(["--tag", &tag(name), "--file"]).arg(folder.join("Containerfile")).arg(&folder);
        program::quiet(&mut build).map(|_| ())
    }

    /// The settings, with secrets of this run and an ingest token once there is one.
    fn settings(&self, ingest: &str) -> Result<()> {
        let Self { port, token, .. } = self;
        let images: String =
            IMAGES.iter().map(|name| format!("{}_IMAGE={}\n", name.to_uppercase(), tag(name))).collect();
        let text = format!(
            "{images}POSTGRES_PASSWORD={token}\nS3_ACCESS_KEY_ID=workshop\nS3_SECRET_ACCESS_KEY={token}\n\
             WORKSHOP_INSTRUCTOR_TOKEN={token}\nWORKSHOP_WORKSPACE_TOKEN={token}\nDASHBOARD_PORT={port}\n\
             WORKSPACE_PORT={}\nWORKSHOP_ACCESS_TOKEN=student-{token}\nWORKSHOP_INGEST_TOKEN={ingest}\n",
            free_port()?
        );
        fs::write(self.folder.join("env"), text)?;
        Ok(())
    }

    fn serve(&self) -> Result<()> {
        self.settings("")?;
        self.compose(&["up", "--detach", "dashboard"])?;
        self.until("the dashboard is ready", || self.get("/readyz").is_ok())
    }

    fn attach(&self) -> Result<()> {
        let add = ["run", "--rm", "-T", "dashboard", "workspace", "add", "ada", "--student", "Ada Lovelace"];
        let printed = self.compose(&add)?;
        let token = printed.lines().last().context("`workspace add` printed no token")?;
        self.settings(token)?;
        self.compose(&["up", "--detach"])?;
        self.until("Ada's workspace is shown", || self.shown().is_ok_and(|shown| shown))
    }

    /// Whether the dashboard shows the workspace with what only its log says.
    fn shown(&self) -> Result<bool> {
        let class: Value = serde_json::from_str(&self.get("/api/workspaces")?)?;
        let workspaces = class["workspaces"].as_array().context("a list of workspaces")?;
        Ok(workspaces.iter().any(|one| {
            one["student"] == "Ada Lovelace"
                && one["workshop"] == "hello-linux"
                && one["step"] == "look-around"
        }))
    }

    fn get(&self, path: &str) -> Result<String> {
        let mut curl = self.checkout.command("curl");
        curl.args(["--silent", "--show-error", "--fail", "--max-time", "5", "--header"]);
        curl.arg(format!("Authorization: Bearer {}", self.token));
        program::quiet(curl.arg(format!("http://127.0.0.1:{}{path}", self.port)))
    }

    fn until(&self, what: &str, reached: impl Fn() -> bool) -> Result<()> {
        let began = Instant::now();
        while !reached() {
            if began.elapsed() > PATIENCE {
                let said = self.compose(&["logs", "--no-color", "--tail", "30"]).unwrap_or_default();
                ensure!(false, "not within {PATIENCE:?}: {what}\n{said}");
            }
            sleep(Duration::from_millis(200));
        }
        Ok(())
    }
}

impl Drop for Installation<'_> {
    fn drop(&mut self) {
        let told = |result: Result<String>| {
            result.map_or_else(|error| eprintln!("cleaning up: {error:#}"), |_| ());
        };
        if self.folder.join("env").exists() {
            told(self.compose(&["down", "--volumes", "--timeout", "5"]));
        }
        told(program::quiet(self.docker("docker").args(["image", "rm", "--force"]).args(IMAGES.map(tag))));
        remove(&self.folder);
    }
}

fn tag(name: &str) -> String {
    format!("localhost/{PROJECT}-{name}")
}

fn remove(folder: &Path) {
    fs::remove_dir_all(folder).unwrap_or_else(|error| eprintln!("cleaning up {}: {error}", folder.display()));
}
