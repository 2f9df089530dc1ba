//! Readiness and figures, for those who run the dashboard.

use crate::error::ApiError;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use sqlx::PgPool;

use crate::casts::Seen;
use crate::service::{Counted, Dashboard};
use workshop_edge::Problem;

/// The database answers within this time, or the dashboard is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database answers, and the place for recordings has answered since the start: settings that are wrong never get
/// traffic. Later a place that is away takes nobody out: it is the same for all replicas, and everything but playing and
/// taking in recordings goes on without it.
pub(crate) async fn readyz(State(dashboard): State<Arc<Dashboard>>) -> Result<&'static str, ApiError> {
    let asked = sqlx::query("select 1").execute(dashboard.store.views());
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => answer.map(drop)?,
        Err(late) => return Err(Problem::unavailable("the database does not answer", &late).into()),
    }
    match dashboard.casts_watch.seen().await {
        Seen { answers: true, .. } => Ok("ready"),
        Seen { answered: true, .. } => Ok("ready, but the place for recordings does not answer"),
        // The watch has said why.
        _ => {
            let detail = "The place for recordings has not answered since the start.";
            Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Not now", detail)
                .retry_after(1)
                .into())
        }
    }
}

/// How long counts are used again: anybody may ask, and counting takes longer the more there is.
const COUNTED_FOR: Duration = Duration::from_secs(5);

/// Workspaces, those with a browser, open and diverged logs, gaps, quarantined lines.
async fn counted(dashboard: &Dashboard) -> Result<Counted, ApiError> {
    // Whoever comes meanwhile waits for the same answer.
    let mut counted = dashboard.counted.lock().await;
    if let Some((at, counts)) = *counted
        && at.elapsed() < COUNTED_FOR
    {
        return Ok(counts);
    }
    let counts: Counted = sqlx::query_as(
        "select (select count(*) from student_now), (select count(*) from student_now where clients > 0),
                (select count(*) from logs where state = 'open'), (select count(*) from logs where state = 'diverged'),
                (select count(*) from gaps), (select count(*) from quarantine)",
    )
    .fetch_one(dashboard.store.views())
    .await?;
    *counted = Some((Instant::now(), counts));
    Ok(counts)
}

/// Figures in the text format of Prometheus.
pub(crate) async fn metrics(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, ApiError> {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[(&str, f64)]| {
        let _ = writeln!(text, "# HELP workshop_{name} {help}\n# TYPE workshop_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "workshop_{name}{labels} {value}");
        }
    };
    let (workspaces, connected, open, diverged, gaps, quarantined) = counted(&dashboard).await?;
    family("workspaces", "gauge", "Workspaces whose token is good.", &[("", workspaces as f64)]);
    family("workspaces_connected", "gauge", "Of these, with a browser.", &[("", connected as f64)]);
    let states = [("{state=\"open\"}", open as f64), ("{state=\"diverged\"}", diverged as f64)];
    family("logs", "gauge", "Logs.", &states);
    family("gaps", "gauge", "Holes in logs.", &[("", gaps as f64)]);
    family("quarantined", "gauge", "Lines that are no records.", &[("", quarantined as f64)]);
    let taken =
        [("{outcome=\"new\"}", dashboard.taken.fresh()), ("{outcome=\"again\"}", dashboard.taken.again())];
    let posts = taken.map(|(labels, (posts, _))| (labels, posts as f64));
    family(
        "ingest_posts_total",
        "counter",
        "Posts of lines and recordings that were answered with 200.",
        &posts,
    );
    let bytes = taken.map(|(labels, (_, bytes))| (labels, bytes as f64));
    family("ingest_bytes_total", "counter", "What they brought, and what was there already.", &bytes);
    let seen = dashboard.casts_watch.seen().await;
    let up = f64::from(u8::from(seen.answers));
    family("cast_store_up", "gauge", "Whether the place for recordings answers.", &[("", up)]);
    let casts = dashboard.casts.counts().figures();
    let puts = [("{outcome=\"stored\"}", casts.stored as f64), ("{outcome=\"failed\"}", casts.failed as f64)];
    family("cast_puts_total", "counter", "Pieces of recordings put into their place.", &puts);
    let took = [("_sum", casts.seconds), ("_count", (casts.stored + casts.failed) as f64)];
    family("cast_put_seconds", "summary", "How long that took.", &took);
    family(
        "cast_bytes_total",
        "counter",
        "Bytes of recordings that were stored.",
        &[("", casts.bytes as f64)],
    );
    family("cast_merges_total", "counter", "Recordings made one object.", &[("", casts.merged as f64)]);
    family("cast_swept_total", "counter", "Objects deleted that nothing named.", &[("", casts.swept as f64)]);
    let failed = casts.upkeep_failed as f64;
    family("cast_upkeep_failures_total", "counter", "Merges and sweeps that were not done.", &[("", failed)]);
    let hub = dashboard.live.hub();
    family("watchers", "gauge", "Readers of the stream of changes.", &[("", hub.watchers() as f64)]);
    family("class_looks_total", "counter", "Looks for what changed.", &[("", hub.refreshes() as f64)]);
    let told = dashboard.changes.notifications() as f64;
    family("notifications_total", "counter", "Notifications to all replicas.", &[("", told)]);
    let relays = dashboard.relay.open() as f64;
    family("relays", "gauge", "Terminals of workspaces being watched.", &[("", relays)]);
    let hooks = dashboard.webhooks.counts();
    let hooks = [("{outcome=\"delivered\"}", hooks.0 as f64), ("{outcome=\"failed\"}", hooks.1 as f64)];
    family("webhooks_total", "counter", "Posts to webhooks.", &hooks);
    let pool = |pool: &PgPool| (f64::from(pool.size()), pool.num_idle() as f64);
    let ((ingest, ingest_idle), (views, views_idle)) =
        (pool(dashboard.store.ingest()), pool(dashboard.store.views()));
    let connections = [
        ("{pool=\"ingest\",state=\"busy\"}", ingest - ingest_idle),
        ("{pool=\"ingest\",state=\"idle\"}", ingest_idle),
        ("{pool=\"views\",state=\"busy\"}", views - views_idle),
        ("{pool=\"views\",state=\"idle\"}", views_idle),
    ];
    family("database_connections", "gauge", "Connections to the database.", &connections);
    Ok(([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response())
}
