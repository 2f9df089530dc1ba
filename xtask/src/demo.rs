//! `cargo xtask demo`: set-up, then a real workshop in the browser until Ctrl-C.

use std::path::{self, Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Result, ensure};
use clap::Args;
use tokio::process::{Child, Command};

use crate::checkout::Checkout;
use crate::classroom;
use crate::program;
use crate::signals::Signals;
use crate::workspace;

#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the workshop.
    #[arg(default_value = "examples/hello-linux")]
    workshop: PathBuf,
    /// Begin at this step, with the workspace as the steps before it leave it.
    #[arg(long, value_name = "ID")]
    step: Option<String>,
    /// The port on 127.0.0.1; 0 takes a free one. A demo that goes on stays where it is, a new one takes 8080.
    #[arg(long, env = "WORKSHOP_DEMO_PORT")]
    port: Option<u16>,
    /// Where workspaces and their logs are kept.
    #[arg(long, default_value = ".demo", env = "WORKSHOP_DEMO_DATA")]
    data: PathBuf,
    /// Begin anew; the old log is kept.
    #[arg(long)]
    fresh: bool,
    /// Instead of a workshop, the dashboard of a simulated class of so many students. The port is 8090 then.
    #[arg(long, value_name = "STUDENTS", conflicts_with_all = ["step", "fresh"])]
    class: Option<usize>,
    /// How many times faster than real the class goes.
    #[arg(long, default_value_t = 3.0, requires = "class")]
    speed: f64,
}

/// Sets everything up, opens the workshop and returns after Ctrl-C.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    if let Some(students) = options.class {
        return classroom::demo(
            checkout,
            students,
            options.speed,
            options.port,
            &checkout.root.join(&options.data),
        );
    }
    let began = Instant::now();
    workspace::set_up(checkout)?;
    println!("Set up in {:.1} s.", began.elapsed().as_secs_f64());
    let data = checkout.root.join(&options.data);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(watch(checkout, options, &data))
}

/// Runs `workshop run` until it ends or a signal asks to; then the workspace is stopped, and the next demo goes on.
async fn watch(checkout: &Checkout, options: &Options, data: &Path) -> Result<()> {
    let mut signals = Signals::new()?;
    // A group of its own: Ctrl-C reaches the chore alone, which then ends everything in order.
    let mut child = Command::from(workshop(checkout, data, &arguments(options)?)).process_group(0).spawn()?;
    let status = tokio::select! {
        status = child.wait() => Some(status?),
        () = signals.any() => None,
    };
    let Some(status) = status else {
        end(&mut child).await?;
        println!("\nEnding. `cargo xtask demo` goes on where you are.");
        return stop(checkout, options, data);
    };
    ensure!(status.success(), "`workshop run` failed: {status}");
    Ok(())
}

fn arguments(options: &Options) -> Result<Vec<String>> {
    let mut arguments = vec!["run".to_owned(), path::absolute(&options.workshop)?.display().to_string()];
    arguments.push("--no-open".to_owned());
    if let Some(port) = options.port {
        arguments.extend(["--port".to_owned(), port.to_string()]);
    }
    if let Some(step) = &options.step {
        arguments.extend(["--step".to_owned(), step.clone()]);
    }
    if options.fresh {
        arguments.push("--fresh".to_owned());
    }
    Ok(arguments)
}

/// The `workshop` command that set-up built, with sandboxes in `data`.
fn workshop(checkout: &Checkout, data: &Path, arguments: &[String]) -> std::process::Command {
    let program = checkout.target.join("debug/workshop");
    let mut command = checkout.command(&program.to_string_lossy());
    command.args(arguments).env("WORKSHOP_ENGINE", "sandbox").env("WORKSHOP_DATA", data);
    command
}

async fn end(child: &mut Child) -> Result<()> {
    if let Some(pid) = child.id() {
        program::run(std::process::Command::new("kill").arg(pid.to_string()))?;
    }
    child.wait().await?;
    Ok(())
}

/// Stops the workspaces of the demo that run: this one.
fn stop(checkout: &Checkout, options: &Options, data: &Path) -> Result<()> {
    #[derive(serde::Deserialize)]
    struct Row {
        name: String,
        image: String,
        state: String,
    }
    let list = ["list", "--output", "json"].map(str::to_owned);
    let rows: Vec<Row> = serde_json::from_str(&program::output(&mut workshop(checkout, data, &list))?)?;
    let folder = path::absolute(&options.workshop)?.display().to_string();
    for row in rows.iter().filter(|row| row.state == "running" && row.image.starts_with(&folder)) {
        let mut stop = workshop(checkout, data, &["stop".to_owned(), row.name.clone()]);
        // What it says of going on is for those who have no demo.
        program::run(stop.stderr(Stdio::null()))?;
    }
    Ok(())
}
