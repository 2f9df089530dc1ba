//! The compose file brought up for real, with images made here: a database, an S3 server, the dashboard, and one workspace
//! with its shipper. What its student does stands in the class, in the tables that analysts read and in the S3 server; then
//! all of it is stopped and taken down.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::backend::{self, Door};
use crate::base_image::Distribution;
use crate::checkout::Checkout;
use crate::engine::{Engine, Kind};
use crate::image::{self, Program};
use crate::postgres;
use crate::program;
use crate::s3;
use crate::server::free_port;
use crate::setup;
use crate::student;

const NEEDED: &[setup::Needed] =
    &[("docker-compose", "docker-compose"), ("docker", "docker.io"), ("curl", "curl")];

/// How long everything may take until it serves.
const PATIENCE: Duration = Duration::from_secs(90);

/// Everything is told to end, and has ended by itself within this time. One that does not listen would be killed after ten
/// seconds, or thirty, with another exit code than 0.
const STOPPING: Duration = Duration::from_secs(25);

/// What the student types, and what is then seen.
const TYPED: &str = "echo seen from the $((40+2))nd row";
const SEEN: &str = "seen from the 42nd row";

const PROJECT: &str = "workshop-compose-test";
const IMAGES: [&str; 4] = ["postgres", "s3", "dashboard", "shipper"];

/// The installation of the test. Dropped, it is gone: containers, volumes, images.
struct Installation<'a> {
    checkout: &'a Checkout,
    docker: &'a str,
    folder: PathBuf,
    port: u16,
    /// Where the workspace is to serve.
    workspace: u16,
    token: String,
}

/// The `workshop` that it runs is the one that is there: other tests, which run beside this, have built it for themselves.
#[test]
#[ignore = "needs a container engine"]
fn the_compose_file_comes_up_and_a_workspace_attaches() -> Result<()> {
    let docker =
        std::env::var("WORKSHOP_TEST_DOCKER").context("WORKSHOP_TEST_DOCKER; see cargo xtask engines")?;
    let checkout = &Checkout::find()?;
    setup::packages(checkout, &[NEEDED, postgres::NEEDED])?;
    s3::provide(checkout)?;
    let folder = checkout.target.join("compose");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let (port, workspace) = (free_port()?, free_port()?);
    let token = backend::token()?;
    let installation = Installation { checkout, docker: &docker, folder, port, workspace, token };
    installation.build()?;
    installation.serve()?;
    installation.attach()?;
    installation.work()?;
    installation.analyse()?;
    installation.end()
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

    /// The images of dashboard and shipper by the recipes of releases, of programs that are quicker to build; those of others, which no registry has here; and those of a
    /// workshop.
    fn build(&self) -> Result<()> {
        let engine = Engine { kind: Kind::Docker, address: Some(self.docker.to_owned()) };
        let programs = image::programs(self.checkout, "dev")?;
        for program in Program::ALL {
            image::build(self.checkout, &engine, &programs, program, &[tag(program.name())])?;
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
        let mut workshop = self.docker("workshop");
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
        let Self { port, workspace, token, .. } = self;
        let images: String =
            IMAGES.iter().map(|name| format!("{}_IMAGE={}\n", name.to_uppercase(), tag(name))).collect();
        let text = format!(
            "{images}POSTGRES_PASSWORD={token}\nS3_ACCESS_KEY_ID=workshop\nS3_SECRET_ACCESS_KEY={token}\n\
             WORKSHOP_INSTRUCTOR_TOKEN={token}\nWORKSHOP_WORKSPACE_TOKEN={token}\nDASHBOARD_PORT={port}\n\
             WORKSPACE_PORT={workspace}\nWORKSHOP_ACCESS_TOKEN=student-{token}\nWORKSHOP_INGEST_TOKEN={ingest}\n"
        );
        fs::write(self.folder.join("env"), text)?;
        Ok(())
    }

    fn serve(&self) -> Result<()> {
        self.settings("")?;
        self.compose(&["up", "--detach", "dashboard"])?;
        self.until("the dashboard is ready", || self.get("/readyz").is_ok())?;
        self.until("its container is healthy", || {
            self.inspect("dashboard", "{{.State.Health.Status}}").is_ok_and(|health| health == "healthy")
        })
    }

    fn attach(&self) -> Result<()> {
        let add = ["run", "--rm", "-T", "dashboard", "workspace", "add", "ada", "--student", "Ada Lovelace"];
        let printed = self.compose(&add)?;
        let token = printed.lines().last().context("`workspace add` printed no token")?;
        self.settings(token)?;
        self.compose(&["up", "--detach"])?;
        self.until("Ada's workspace is shown", || self.shown().is_ok_and(|shown| shown))
    }

    /// The student does something: the dashboard gets it, keeps the recording in the S3 server, and plays it.
    fn work(&self) -> Result<()> {
        let address = (Ipv4Addr::LOCALHOST, self.workspace).into();
        let door =
            Door { address, access: format!("student-{}", self.token), instructor: self.token.clone() };
        let tasks = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        tasks.block_on(student::work(&door, &self.volume("log")?, &[TYPED]))?;
        self.until("the recording is played", || self.plays().is_ok_and(|plays| plays))?;
        let kept = program::quiet(
            self.checkout
                .command("grep")
                .args(["--recursive", "--files-with-matches", SEEN])
                .arg(self.volume("casts")?),
        );
        kept.context("the S3 server does not have it").map(drop)
    }

    /// Whether the dashboard plays what the student has seen.
    fn plays(&self) -> Result<bool> {
        let listed: Value = serde_json::from_str(&self.get("/api/workspaces/ada/recordings")?)?;
        let recordings = listed["recordings"].as_array().context("a list of recordings")?;
        for recording in recordings {
            let [log, name] = ["log", "name"].map(|key| recording[key].as_str().unwrap_or_default());
            if self.get(&format!("/api/recordings/{log}/{name}"))?.contains(SEEN) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An analyst's user, made as docs/operating.md says, reads what the student did, and can write nothing.
    fn analyse(&self) -> Result<()> {
        self.sql("workshop", "create role ann login password 'ann' in role workshop_analyst")?;
        let typed = TYPED.replace('\'', "''");
        let query = format!(
            "select student from command_log join workspaces using (workspace) where cmd = '{typed}'"
        );
        let found = self.sql("ann", &query)?;
        ensure!(found == "Ada Lovelace", "the analyst found {found:?}");
        for refused in ["update command_log set cmd = ''", "select line from events", "create table mine ()"]
        {
            ensure!(self.sql("ann", refused).is_err(), "the analyst may {refused}");
        }
        Ok(())
    }

    /// Has the database run some SQL as a user.
    fn sql(&self, user: &str, text: &str) -> Result<String> {
        let address = format!("postgres://{user}@127.0.0.1/workshop");
        let password = format!("PGPASSWORD={}", if user == "ann" { "ann" } else { &self.token });
        let psql =
            ["exec", "-T", "-e", &password, "postgres", "psql", "--tuples-only", "--no-align", "--quiet"];
        let said =
            self.compose(&[&psql[..], &["--set", "ON_ERROR_STOP=1", "--command", text, &address]].concat())?;
        Ok(said.trim().to_owned())
    }

    /// Everything ends by itself and in order; taken down, nothing of it is left.
    fn end(&self) -> Result<()> {
        let began = Instant::now();
        self.compose(&["stop"])?;
        ensure!(began.elapsed() < STOPPING, "stopping took {:?}", began.elapsed());
        for service in ["workspace", "shipper", "dashboard"] {
            let code = self.inspect(service, "{{.State.ExitCode}}")?;
            ensure!(code == "0", "{service} ended with {code}");
        }
        self.compose(&["down", "--volumes"])?;
        let label = format!("label=com.docker.compose.project={PROJECT}");
        for kind in ["container", "volume", "network"] {
            let all: &[&str] = if kind == "container" { &["--all"] } else { &[] };
            let mut list = self.docker("docker");
            let left = program::quiet(list.args([kind, "ls", "--quiet", "--filter", &label]).args(all))?;
            ensure!(left.is_empty(), "a {kind} is left: {left}");
        }
        Ok(())
    }

    /// Where a volume is on this machine.
    fn volume(&self, name: &str) -> Result<PathBuf> {
        let mut inspect = self.docker("docker");
        inspect.args(["volume", "inspect", "--format", "{{.Mountpoint}}", &format!("{PROJECT}_{name}")]);
        Ok(program::quiet(&mut inspect)?.trim().into())
    }

    /// What Docker says of a service's container.
    fn inspect(&self, service: &str, format: &str) -> Result<String> {
        let container = self.compose(&["ps", "--quiet", service])?;
        let mut inspect = self.docker("docker");
        Ok(program::quiet(inspect.args(["inspect", "--format", format, container.trim()]))?.trim().to_owned())
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
