//! A Postgres of the chores' own: Debian's program with a data folder in the target folder, a socket and a loopback port.
//! `cargo xtask postgres` runs one for tests that are started by hand.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::checkout::Checkout;
use crate::program;
use crate::server::{self, Server, Start};
use crate::setup;

/// What it is made of. Debian keeps the server's programs where no `PATH` looks.
pub(crate) const NEEDED: &[setup::Needed] = &[("pg_lsclusters", "postgresql"), ("psql", "postgresql-client")];

/// Where tests find it.
pub(crate) const VARIABLE: &str = "WORKSHOP_TEST_POSTGRES";

/// The user that owns it: a superuser of the database, without a password on this machine.
const USER: &str = "workshop";

/// A running Postgres. It syncs as one in production does, so that kills and benchmarks say something.
pub(crate) struct Postgres {
    _server: Server,
    port: u16,
}

impl Postgres {
    /// Makes an empty one and starts it. Dropped, it ends, and what it holds is gone.
    pub(crate) fn start(checkout: &Checkout) -> Result<Self> {
        // Installing Debian's package makes a cluster of its own and starts it; ours is another.
        setup::packages(checkout, &[NEEDED])?;
        let programs = programs()?;
        let folder = server::folder(checkout, "postgres")?;
        let data = folder.join("data");
        let as_whom = unprivileged(checkout, &folder)?;
        let mut make = checkout.command("setpriv");
        make.args(&as_whom).arg("--").arg(programs.join("initdb")).arg("--pgdata").arg(&data);
        make.args(["--username", USER, "--auth", "trust", "--encoding", "UTF8", "--locale", "C.UTF-8"]);
        program::quiet(make.current_dir("/"))?;
        let port = server::free_port()?;
        let mut command = Command::new(programs.join("postgres"));
        command.arg("-D").arg(&data).arg("-p").arg(port.to_string());
        // A path of a socket is short, and the target folder may lie deep: sockets have no room in it.
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=300", "fsync=on"]
        {
            command.args(["-c", setting]);
        }
        // Interrupted, it ends at once without waiting for its clients.
        let start = Start { name: "Postgres", end: "INT", as_whom: &as_whom, folder: &folder, command };
        let mut server = Server::start(checkout, start)?;
        let first = url(port, "postgres");
        server.answering(|| sql(checkout, &first, "select 1").is_ok())?;
        Ok(Self { _server: server, port })
    }

    /// What tests are told.
    pub(crate) fn environment(&self) -> [(&'static str, String); 1] {
        [(VARIABLE, url(self.port, "postgres"))]
    }

    /// Makes an empty database and returns its address.
    pub(crate) fn database(&self, checkout: &Checkout, name: &str) -> Result<String> {
        sql(checkout, &url(self.port, "postgres"), &format!("create database \"{name}\""))?;
        Ok(url(self.port, name))
    }
}

fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}@127.0.0.1:{port}/{database}")
}

/// Has a database run some SQL, and returns what it answers.
pub(crate) fn sql(checkout: &Checkout, url: &str, text: &str) -> Result<String> {
    let mut psql = checkout.command("psql");
    psql.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1"]);
    program::quiet(psql.args(["--command", text]).arg(url))
}

/// The folder of the newest server's programs.
fn programs() -> Result<PathBuf> {
    let all = Path::new("/usr/lib/postgresql");
    let entries = fs::read_dir(all).with_context(|| all.display().to_string())?;
    let versions = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok());
    let newest = versions.max().context("no Postgres server is installed")?;
    Ok(all.join(newest.to_string()).join("bin"))
}

/// How a server is started that refuses to be root: as the user postgres, who may pass the folders on the way to its own
/// whoever owns them. Without being root, as oneself.
fn unprivileged(checkout: &Checkout, folder: &Path) -> Result<Vec<String>> {
    let root = program::output(checkout.command("id").arg("-u"))?.trim() == "0";
    if !root {
        return Ok(Vec::new());
    }
    let id = |option: &str| -> Result<u32> {
        Ok(program::output(checkout.command("id").args([option, "postgres"]))?.trim().parse()?)
    };
    let (user, group) = (id("-u")?, id("-g")?);
    ensure!(user != 0, "the user postgres is root here");
    chown(folder, Some(user), Some(group))?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    let arguments = ["--reuid", "postgres", "--regid", "postgres", "--init-groups"];
    let passing = ["--inh-caps", "+dac_read_search", "--ambient-caps", "+dac_read_search"];
    Ok(arguments.into_iter().chain(passing).map(str::to_owned).collect())
}
