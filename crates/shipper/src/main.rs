//! Entry point of the sidecar.

use std::{io::IsTerminal, process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Parser;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::watch,
};
use tracing_subscriber::EnvFilter;
use workshop_shipper::{Metrics, Phase, Settings, ending, serve, ship};

/// What is under way when the end has come may take so long to notice.
const NOTICE: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let settings = Settings::parse();
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let code = runtime.map_err(Into::into).and_then(|runtime| {
        let code = runtime.block_on(run(settings));
        // A read that hangs holds nothing up.
        runtime.shutdown_background();
        code
    });
    code.unwrap_or_else(|error| {
        tracing::error!("{error:#}");
        ExitCode::FAILURE
    })
}

async fn run(settings: Settings) -> anyhow::Result<ExitCode> {
    let metrics = Metrics::default();
    let (tell, end) = ending(if settings.once { Phase::Finishing } else { Phase::Running });
    if let Some(address) = settings.metrics {
        let listener =
            TcpListener::bind(address).await.with_context(|| format!("cannot serve on {address}"))?;
        tracing::info!(address = %listener.local_addr()?, "serving metrics");
        tokio::spawn(serve(listener, metrics.clone()));
    }
    let (grace, once) = (settings.grace, settings.once);
    let over = tell_end(tell, metrics.clone(), grace, once)?;
    let all = tokio::select! {
        all = ship(settings, end, metrics) => all?,
        () = over => false,
    };
    if all {
        tracing::info!("all is shipped");
        return Ok(ExitCode::SUCCESS);
    }
    tracing::warn!("not all is shipped; nothing is lost, the next shipper goes on");
    Ok(ExitCode::FAILURE)
}

/// Turns signals and time into phases. Resolves when the end should have been noticed long ago.
fn tell_end(
    tell: watch::Sender<Phase>,
    metrics: Metrics,
    grace: Duration,
    once: bool,
) -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        let stuck = async {
            while metrics.since_progress() < grace {
                tokio::time::sleep(grace.min(NOTICE) / 5).await;
            }
        };
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            () = stuck, if once => tracing::warn!("nothing was stored for {} s", grace.as_secs_f64()),
        }
        if !once {
            tracing::info!(
                grace = grace.as_secs_f64(),
                "shipping what is there, until the backend has ended"
            );
            tell.send_replace(Phase::Draining);
            tokio::select! {
                () = tokio::time::sleep(grace) => tracing::warn!("no time is left"),
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        }
        tell.send_replace(Phase::Over);
        tokio::time::sleep(NOTICE).await;
    })
}
