//! Readiness and figures, for those who run the dashboard.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use sqlx::PgPool;

use crate::Dashboard;
use crate::problem::Problem;

/// The database answers within this time, or the dashboard is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// The database answers.
pub(super) async fn readyz(State(dashboard): State<Arc<Dashboard>>) -> Result<&'static str, Problem> {
    let asked = sqlx::query("select 1").execute(dashboard.store.views());
    match tokio::time::timeout(PATIENCE, asked).await {
        Ok(answer) => Ok(answer.map(|_| "ready")?),
        Err(late) => Err(Problem::unavailable("the database does not answer", &late)),
    }
}

/// Figures in the text format of Prometheus.
pub(super) async fn metrics(State(dashboard): State<Arc<Dashboard>>) -> Result<Response, Problem> {
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[(&str, f64)]| {
        let _ = writeln!(text, "# HELP workshop_{name} {help}\n# TYPE workshop_{name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "workshop_{name}{labels} {value}");
        }
    };
    let counted: (i64, i64, i64, i64, i64, i64) = sqlx::query_as(
        "select (select count(*) from workspaces where revoked is null),
                (select count(*) from workspace_status s join workspaces w using (workspace)
                 where w.revoked is null and s.clients > 0),
                (select count(*) from logs where state = 'open'), (select count(*) from logs where state = 'diverged'),
                (select count(*) from gaps), (select count(*) from quarantine)",
    )
    .fetch_one(dashboard.store.views())
    .await?;
    let (workspaces, connected, open, diverged, gaps, quarantined) = counted;
    family("workspaces", "gauge", "Workspaces whose token is good.", &[("", workspaces as f64)]);
    family("workspaces_connected", "gauge", "Of these, with a browser.", &[("", connected as f64)]);
    let states = [("{state=\"open\"}", open as f64), ("{state=\"diverged\"}", diverged as f64)];
    family("logs", "gauge", "Logs.", &states);
    family("gaps", "gauge", "Holes in logs.", &[("", gaps as f64)]);
    family("quarantined", "gauge", "Lines that are no records.", &[("", quarantined as f64)]);
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
