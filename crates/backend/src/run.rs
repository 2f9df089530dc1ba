//! Starts the service, and stops it in order.

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use tokio::{net::TcpListener, signal::unix::SignalKind};
use workshop_definition::artifact::Artifact;
use workshop_edge::Limits;
use workshop_events::{Stream, Trigger};
use workshop_sandbox::{Direct, Launcher, Programs, Sandbox};

use crate::{
    api::{self, OpenStep, Parts, Service, access::Access},
    check::Checks,
    settings::Settings,
    terminal::{self, Terminals},
    workspace::{self, Identity, Opened},
};

/// Runs the backend until SIGTERM or SIGINT.
///
/// # Errors
/// With one message for whoever started it.
pub fn run(settings: &Settings) -> anyhow::Result<ExitCode> {
    let artifact = Artifact::load(&settings.artifact)?;
    for warning in artifact.warnings() {
        tracing::warn!("{warning}");
    }
    let identity = Identity {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        image_step: settings.image_step.clone(),
        switch: settings.switch.clone(),
    };
    let runtime_dir = settings.runtime.clone();
    let opened = workspace::open(&settings.runtime, artifact, identity, || {
        tracing::warn!(dir = %runtime_dir.display(), "another backend has this log volume; waiting until it ends");
    })?;
    report(&opened);
    if settings.is_open() {
        tracing::warn!(
            listen = %settings.listen,
            "WORKSHOP_ACCESS_TOKEN is not set: whoever reaches this address can use the workspace"
        );
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let result = runtime.block_on(serve(settings, opened.workspace));
    runtime.shutdown_timeout(Duration::from_secs(1));
    result.map(|()| ExitCode::SUCCESS)
}

/// Says what was found in the log that is not as it should be.
fn report(opened: &Opened) {
    for (stream, findings, total) in &opened.findings {
        let file = stream.file_name();
        for finding in findings {
            tracing::warn!(file, offset = finding.offset, len = finding.len, "{}", finding.kind);
        }
        if *total > findings.len() as u64 {
            tracing::warn!(file, "{} findings in all", total);
        }
    }
    tracing::info!(log = %opened.workspace.log(), events = opened.replayed, "the log is replayed");
}

async fn serve(settings: &Settings, workspace: workspace::Workspace) -> anyhow::Result<()> {
    let (launcher, goss) = launcher(settings).await?;
    let isolated = launcher.isolated();
    if !isolated {
        tracing::warn!(
            "the backend is not root: the shell runs as itself, and can reach the log and the settings"
        );
    }
    let listener =
        TcpListener::bind(settings.listen).await.map_err(|e| cannot_listen(settings.listen, &e))?;
    workspace.begin().await;
    let author_env = author_env(&workspace, settings).context("the author's variables cannot be read")?;
    let directory = student_directory(settings);
    let terminals = Terminals::new(terminal::Settings {
        workspace: workspace.clone(),
        launcher: launcher.clone(),
        shell: settings.shell.clone(),
        sandbox: settings.sandbox.is_some(),
        author_env: author_env.clone(),
        directory: directory.clone(),
        cast_limit: settings.cast_limit,
    })?;
    let service = Service::new(Parts {
        workspace: workspace.clone(),
        access: Access::new(settings),
        checks: Checks::new(launcher, goss).with_environment(author_env).in_directory(directory),
        terminals: terminals.clone(),
        isolated,
    });
    if let Some(interval) = settings.goss_interval {
        tokio::spawn(check_periodically(service.clone(), interval));
    }
    tracing::info!(address = %listener.local_addr()?, "serving");
    let stop = async move {
        stop_signal().await;
        tracing::info!("stopping");
        terminals.shut_down().await;
        workspace.stop();
    };
    let closing = service.workspace.clone();
    serve_until(listener, service, stop).await;
    tokio::task::spawn_blocking(move || closing.journal().close()).await?;
    Ok(())
}

/// Serves on a listener until `stop` resolves; open connections then have three seconds to end.
pub async fn serve_until(listener: TcpListener, service: Service, stop: impl Future<Output = ()>) {
    workshop_edge::serve(listener, api::router(service), Limits::default(), stop).await;
}

async fn launcher(settings: &Settings) -> anyhow::Result<(Launcher, PathBuf)> {
    let Some(folder) = &settings.sandbox else {
        return Ok((Launcher::Direct(Direct::new(&settings.shell_user)?), settings.goss.clone()));
    };
    let programs = Programs { backend: std::env::current_exe()?, goss: settings.goss.clone() };
    let sandbox = Sandbox::start(folder, &programs).await?;
    Ok((Launcher::Sandbox(sandbox), workshop_sandbox::GOSS.into()))
}

/// The author's variables, by the names that the artifact gives. Never the platform's own, never the key. An image has
/// them in its environment, a sandbox in its folder.
fn author_env(workspace: &workspace::Workspace, settings: &Settings) -> io::Result<Vec<(String, String)>> {
    let artifact = workspace.artifact();
    let key = artifact.workshop().llm.as_ref().map(|llm| llm.api_key_env.as_str());
    let named = |name: &str| artifact.steps().any(|step| step.env.iter().any(|n| n == name));
    let mut environment = match &settings.sandbox {
        Some(folder) => workshop_sandbox::environment(folder)?,
        // Shells and artifacts know only UTF-8.
        None => std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect(),
    };
    environment
        .retain(|(name, _)| named(name) && !name.starts_with("WORKSHOP_") && Some(name.as_str()) != key);
    Ok(environment)
}

/// Where shells and checks begin: `/workspace`, which every image and every sandbox has.
fn student_directory(settings: &Settings) -> PathBuf {
    let workspace = Path::new("/workspace");
    if settings.sandbox.is_some() || workspace.is_dir() { workspace.into() } else { "/".into() }
}

fn cannot_listen(address: SocketAddr, error: &io::Error) -> anyhow::Error {
    anyhow::anyhow!("cannot listen on {address}: {error}; set WORKSHOP_LISTEN to an address that is free")
}

async fn stop_signal() {
    let of = |kind| tokio::signal::unix::signal(kind);
    match (of(SignalKind::terminate()), of(SignalKind::interrupt())) {
        (Ok(mut terminate), Ok(mut interrupt)) => {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        _ => {
            // Without handlers the signals end the process, which the log survives.
            std::future::pending::<()>().await;
        }
    }
}

/// Checks the active step at an interval, for the instructor.
async fn check_periodically(service: Service, interval: Duration) {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut stopping = service.workspace.stopping();
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let Some(step) = OpenStep::active(&service).filter(|step| step.has_goss) else { continue };
        if let Err(problem) = api::check(&step, Trigger::Periodic).await {
            tracing::debug!(stream = Stream::State.name(), ?problem, "a periodic check has no result");
        }
    }
}
