//! Health, readiness and figures, for those who run the workspace.

use std::fmt::Write;

use axum::{
    Json,
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use workshop_events::Stream;

use super::service::Service;

/// The process answers.
#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    version: String,
}

pub(super) async fn healthz(State(service): State<Service>) -> Json<Health> {
    Json(Health { status: "ok", version: service.workspace.identity().version.clone() })
}

/// The log is folded and served: there is no listener before that. It stays so when nothing can be appended.
pub(super) async fn readyz(State(service): State<Service>) -> Json<Health> {
    Json(Health { status: "ready", version: service.workspace.identity().version.clone() })
}

/// Figures in the text format of Prometheus.
pub(super) async fn metrics(State(service): State<Service>) -> Response {
    let workspace = &service.workspace;
    let mut text = String::new();
    let mut family = |name: &str, kind: &str, help: &str, values: &[(String, f64)]| {
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}");
        for (labels, value) in values {
            let _ = writeln!(text, "{name}{labels} {value}");
        }
    };
    let per_stream = |value: fn(workshop_journal::Counters) -> u64| {
        Stream::ALL
            .map(|s| (format!("{{stream=\"{}\"}}", s.name()), value(workspace.journal().counters(s)) as f64))
    };
    family("workshop_records_appended_total", "counter", "Records on disk.", &per_stream(|c| c.appended));
    family(
        "workshop_records_refused_total",
        "counter",
        "Records not acknowledged.",
        &per_stream(|c| c.refused),
    );
    family(
        "workshop_batches_total",
        "counter",
        "Batches written; each is one sync.",
        &per_stream(|c| c.batches),
    );
    let health = *workspace.health().borrow();
    let one = |value: f64| [(String::new(), value)];
    family(
        "workshop_storing",
        "gauge",
        "1 when the last append got on disk.",
        &one(f64::from(u8::from(health.storing))),
    );
    family(
        "workshop_recording",
        "gauge",
        "1 when all terminals are recorded.",
        &one(f64::from(u8::from(health.recording))),
    );
    let (clients, completed, steps) = workspace
        .read(|s| (s.clients(), s.steps().iter().filter(|x| s.is_completed(&x.id)).count(), s.steps().len()));
    family("workshop_clients", "gauge", "Browsers connected to a terminal.", &one(clients as f64));
    family("workshop_steps_completed", "gauge", "Steps completed.", &one(completed as f64));
    family("workshop_steps", "gauge", "Steps of the workshop.", &one(steps as f64));
    let running = service.terminals.list().iter().filter(|t| t.running).count();
    family("workshop_terminals", "gauge", "Shells that run.", &one(running as f64));
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text).into_response()
}
