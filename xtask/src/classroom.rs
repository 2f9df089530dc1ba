//! `cargo xtask demo --class N`: a dashboard at work. A Postgres, the dashboard, a simulated class, and a shipper for each of
//! its workspaces, all ended together.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::time::sleep;
use workshop_simulator::{Options, SimulatedClass};

use crate::backend;
use crate::checkout::Checkout;
use crate::class::now;
use crate::postgres::{self, Postgres};
use crate::program;
use crate::server::{self, Server, Start};
use crate::setup;
use crate::signals::Signals;

/// How often the class writes.
const TICK: Duration = Duration::from_millis(50);
/// How much of the class is over when the dashboard first shows it.
const PAST: Duration = Duration::from_secs(15 * 60);

/// Runs a class of `workspaces` until Ctrl-C.
///
/// Where an analyst finds the database stands in the file `class/database` of `data`, as long as it is there.
pub(crate) fn demo(
    checkout: &Checkout,
    workspaces: usize,
    speed: f64,
    port: Option<u16>,
    data: &Path,
) -> Result<()> {
    setup::pages(checkout)?;
    setup::programs(checkout)?;
    let postgres = Postgres::start(checkout)?;
    let database = postgres.database(checkout, "workshop")?;
    let folder = server::folder(checkout, "class")?;
    let _removed = Removed(&folder);

    let options = Options { workspaces, past: PAST, speed, ..Options::default() };
    let mut class = SimulatedClass::new(&options, &folder, now())?;
    let list = folder.join("students.csv");
    workshop_simulator::write_list(&list, class.students())?;
    let tokens = import(checkout, &database, &list)?;

    let port = match port {
        Some(0) => std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port(),
        port => port.unwrap_or(8090),
    };
    let token = backend::token()?;
    let _dashboard = dashboard(checkout, &database, port, &token)?;
    class.advance(now())?;
    let mut shippers = Vec::with_capacity(workspaces);
    for (student, token) in class.students().zip(&tokens) {
        shippers.push(shipper(checkout, port, &student.workspace, &student.dir, token)?);
    }
    let noted = data.join("class");
    let _noted = analyst(checkout, &database, &noted)?;
    println!("\nThe dashboard: http://127.0.0.1:{port}/#token={token}");
    println!("{workspaces} students at {speed} times real speed. Ctrl-C ends all.");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(teach(&mut class))?;
    println!("\nEnding.");
    // The shippers wait for the end of whoever writes to their volumes.
    drop(class);
    drop(shippers);
    Ok(())
}

/// Lets the class work until a signal ends it. Once it is over, the dashboard still shows it.
async fn teach(class: &mut SimulatedClass) -> Result<()> {
    let mut signals = Signals::new()?;
    loop {
        class.advance(now())?;
        tokio::select! {
            () = signals.any() => return Ok(()),
            () = sleep(TICK) => (),
        }
    }
}

/// Makes a user for analysts and notes the database's address for them, in a folder that goes with what is returned.
fn analyst<'a>(checkout: &Checkout, database: &str, folder: &'a Path) -> Result<Removed<'a>> {
    postgres::sql(checkout, database, "create role analyst login in role workshop_analyst")?;
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let removed = Removed(folder);
    let (_, place) = database.split_once('@').context("the database's address names no user")?;
    fs::write(folder.join("database"), format!("postgres://analyst@{place}\n"))?;
    Ok(removed)
}

/// Adds the workspaces of a list; returns their tokens, in its order.
fn import(checkout: &Checkout, database: &str, list: &Path) -> Result<Vec<String>> {
    let mut import = built(checkout, "workshop-dashboard");
    import.args(["workspace", "import"]).arg(list).env("WORKSHOP_DATABASE_URL", database);
    let printed = program::output(import.env("RUST_LOG", "warn"))?;
    let mut rows = csv::Reader::from_reader(printed.as_bytes());
    let column = rows.headers()?.iter().position(|name| name == "token").context("no tokens were printed")?;
    rows.records().map(|row| Ok(row?.get(column).context("a row without token")?.to_owned())).collect()
}

fn dashboard(checkout: &Checkout, database: &str, port: u16, token: &str) -> Result<Server> {
    let folder = server::folder(checkout, "dashboard")?;
    let mut command = built(checkout, "workshop-dashboard");
    command
        .arg("serve")
        .env("WORKSHOP_DATABASE_URL", database)
        .env("WORKSHOP_CASTS", folder.join("casts"))
        .env("WORKSHOP_LISTEN", format!("127.0.0.1:{port}"))
        .env("WORKSHOP_INSTRUCTOR_TOKEN", token);
    let start = Start { name: "the dashboard", end: "TERM", as_whom: &[], folder: &folder, command };
    let mut server = Server::start(checkout, start)?;
    server.answering(|| std::net::TcpStream::connect(("127.0.0.1", port)).is_ok())?;
    Ok(server)
}

fn shipper(checkout: &Checkout, port: u16, workspace: &str, dir: &Path, token: &str) -> Result<Server> {
    let folder = server::folder(checkout, "shipper")?;
    let mut command = built(checkout, "workshop-shipper");
    command
        .args(["--grace", "2"])
        .env("WORKSHOP_INGEST_URL", format!("http://127.0.0.1:{port}/ingest/{workspace}"))
        .env("WORKSHOP_INGEST_TOKEN", token)
        .env("WORKSHOP_RUNTIME_DIR", dir);
    Server::start(checkout, Start { name: "a shipper", end: "TERM", as_whom: &[], folder: &folder, command })
}

fn built(checkout: &Checkout, program: &str) -> Command {
    Command::new(checkout.target.join("debug").join(program))
}

/// A folder that goes with this value.
struct Removed<'a>(&'a Path);

impl Drop for Removed<'_> {
    fn drop(&mut self) {
        let removed = fs::remove_dir_all(self.0);
        removed.unwrap_or_else(|error| eprintln!("cleaning up {}: {error}", self.0.display()));
    }
}
