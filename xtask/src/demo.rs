//! `cargo xtask demo`: set-up, then a real workshop in the browser until Ctrl-C, kept running if it is killed.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use clap::Args;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::backend::{Backend, Door};
use crate::checkout::Checkout;
use crate::workspace::{self, Workspace};

#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the workshop.
    #[arg(default_value = "examples/hello-linux")]
    workshop: PathBuf,
    /// Begin at this step, with the workspace as the steps before it leave it.
    #[arg(long, value_name = "ID")]
    step: Option<String>,
    /// The port on 127.0.0.1; 0 takes a free one.
    #[arg(long, default_value_t = 8080, env = "WORKSHOP_DEMO_PORT")]
    port: u16,
    /// Where workspaces and their logs are kept.
    #[arg(long, default_value = ".demo", env = "WORKSHOP_DEMO_DATA")]
    data: PathBuf,
    /// Begin anew; the old workspace and its log are put aside.
    #[arg(long)]
    fresh: bool,
}

/// Sets everything up, opens the workshop and returns after Ctrl-C.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    let began = Instant::now();
    let door = Door::new(options.port)?;
    workspace::set_up(checkout)?;
    let folder = folder(checkout, options)?;
    let definition = workspace::load(&options.workshop)?;
    let done = workspace::position(&definition, options.step.as_deref())?;
    let workspace = workspace::prepare(checkout, &definition, done, &folder)?;
    println!("Set up in {:.1} s.", began.elapsed().as_secs_f64());
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(supervise(checkout, &workspace, &door))
}

/// Starts the backend, and again whenever something kills it, until a signal asks to end.
async fn supervise(checkout: &Checkout, workspace: &Workspace, door: &Door) -> Result<()> {
    let mut signals = Signals::new()?;
    let mut killed = None;
    loop {
        let mut backend = Backend::start(checkout, workspace, door)?;
        tokio::select! {
            ready = backend.ready(door) => ready?,
            () = signals.any() => return backend.stop().await,
        }
        match killed {
            None => welcome(checkout, workspace, door),
            Some(status) => println!("The backend was killed ({status}) and is back; nothing is lost."),
        }
        let status = tokio::select! {
            status = backend.ended() => status?,
            () = signals.any() => {
                println!("\nEnding. `cargo xtask demo` goes on where you are.");
                return backend.stop().await;
            }
        };
        // What ends by itself has a reason that starting again does not mend.
        if status.signal().is_none() {
            bail!("the backend ended by itself: {status}");
        }
        killed = Some(status);
    }
}

fn welcome(checkout: &Checkout, workspace: &Workspace, Door { address, access, instructor }: &Door) {
    println!();
    println!("  {} is open.", workspace.name);
    println!();
    println!("  Student      http://{address}/#token={access}");
    println!("  Instructor   http://{address}/instructor/#token={instructor}");
    println!();
    println!("  The log is in {}; Ctrl-C ends.", checkout.relative(&workspace.runtime).display());
    println!();
}

/// The workspace's folder; with `--fresh`, what was there gets the time into its name.
fn folder(checkout: &Checkout, options: &Options) -> Result<PathBuf> {
    let name = options.workshop.file_name().context("the workshop's folder has no name")?;
    let data = checkout.root.join(&options.data);
    let folder = data.join(name);
    if options.fresh && folder.exists() {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
        let aside = data.join(format!("{}.{now}", name.to_string_lossy()));
        fs::rename(&folder, &aside).with_context(|| folder.display().to_string())?;
        println!("The old workspace is kept in {}.", checkout.relative(&aside).display());
    }
    Ok(folder)
}

/// The signals that end the demo.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    fn new() -> Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => (),
            _ = self.terminate.recv() => (),
            _ = self.hangup.recv() => (),
        }
    }
}
