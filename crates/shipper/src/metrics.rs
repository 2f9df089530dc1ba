//! What the shipper tells of itself: counters, and how far each stream is behind.

use std::{
    collections::BTreeMap,
    fmt::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use axum::{Router, extract, http::header, response::IntoResponse, routing::get};
use tokio::{net::TcpListener, time::Instant};
use workshop_journal::count_lines;

/// So many bytes are counted exactly; beyond, the number of lines is estimated.
const COUNTED: u64 = 64 * 1024 * 1024;

/// The state of a shipper, for whoever watches it. Clones tell of the same.
#[derive(Clone, Debug, Default)]
pub struct Metrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    bytes: AtomicU64,
    posts: AtomicU64,
    retries: AtomicU64,
    refused: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    streams: BTreeMap<String, Stream>,
    /// When something was last stored.
    progress: Instant,
}

impl Default for State {
    fn default() -> Self {
        Self { streams: BTreeMap::new(), progress: Instant::now() }
    }
}

#[derive(Clone, Debug)]
struct Stream {
    path: PathBuf,
    next: u64,
    behind: Option<Instant>,
}

impl Metrics {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn posted(&self) {
        self.0.posts.fetch_add(1, Relaxed);
    }

    pub(crate) fn stored(&self, bytes: u64) {
        self.0.bytes.fetch_add(bytes, Relaxed);
        self.state().progress = Instant::now();
    }

    pub(crate) fn retried(&self) {
        self.0.retries.fetch_add(1, Relaxed);
    }

    pub(crate) fn refused(&self) {
        self.0.refused.fetch_add(1, Relaxed);
    }

    /// How far a stream is shipped, and since when something of it waits.
    pub(crate) fn at(&self, stream: &str, path: &Path, next: u64, behind: Option<Instant>) {
        let mut state = self.state();
        match state.streams.get_mut(stream) {
            Some(known) => {
                known.next = next;
                known.behind = behind;
            }
            None => {
                _ = state.streams.insert(stream.to_owned(), Stream { path: path.to_owned(), next, behind });
            }
        }
    }

    /// A new log: its streams are others.
    pub(crate) fn begin(&self) {
        self.state().streams.clear();
    }

    /// How long nothing was stored.
    pub fn since_progress(&self) -> Duration {
        self.state().progress.elapsed()
    }

    /// Bytes that were stored since the shipper was started.
    pub fn shipped_bytes(&self) -> u64 {
        self.0.bytes.load(Relaxed)
    }

    /// All of it in the text format of Prometheus. Reads what waits in the files.
    pub fn text(&self) -> String {
        let streams: Vec<(String, Stream)> =
            self.state().streams.iter().map(|(name, stream)| (name.clone(), stream.clone())).collect();
        let mut lags: BTreeMap<&str, (u64, Duration)> = BTreeMap::new();
        for (name, stream) in &streams {
            // A series for each recording would never end.
            let shown = if name.starts_with("cast/") { "casts" } else { name.as_str() };
            let lines = count_lines(&stream.path, stream.next, COUNTED).unwrap_or_default();
            let lag = lags.entry(shown).or_default();
            lag.0 += lines;
            if lines > 0 {
                lag.1 = lag.1.max(self.behind(name).elapsed());
            }
        }
        let mut out = String::new();
        let mut family = |name: &str, kind: &str, help: &str, values: &[(String, String)]| {
            // Writing to a String cannot fail.
            let _ = writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}");
            for (labels, value) in values {
                let _ = writeln!(out, "{name}{labels} {value}");
            }
        };
        let label = |stream: &&str| format!("{{stream=\"{stream}\"}}");
        let records: Vec<_> = lags.iter().map(|(s, lag)| (label(s), lag.0.to_string())).collect();
        let seconds: Vec<_> =
            lags.iter().map(|(s, lag)| (label(s), format!("{:.3}", lag.1.as_secs_f64()))).collect();
        family("workshop_shipper_lag_records", "gauge", "Lines in the files that are not shipped.", &records);
        family(
            "workshop_shipper_lag_seconds",
            "gauge",
            "For how long something has waited to be shipped.",
            &seconds,
        );
        let counters = [
            ("workshop_shipper_shipped_bytes_total", "Bytes that the dashboard has stored.", &self.0.bytes),
            ("workshop_shipper_posts_total", "Posts sent.", &self.0.posts),
            ("workshop_shipper_retries_total", "Requests that are tried again.", &self.0.retries),
            ("workshop_shipper_refused_total", "Requests that the dashboard refused.", &self.0.refused),
        ];
        for (name, help, value) in counters {
            family(name, "counter", help, &[(String::new(), value.load(Relaxed).to_string())]);
        }
        out
    }

    /// Since when a stream is behind: since now, if nobody has noticed before.
    fn behind(&self, stream: &str) -> Instant {
        let mut state = self.state();
        let now = Instant::now();
        state.streams.get_mut(stream).map_or(now, |stream| *stream.behind.get_or_insert(now))
    }
}

/// Serves `/metrics` and `/healthz`.
///
/// # Errors
/// When it cannot serve any longer.
pub async fn serve(listener: TcpListener, metrics: Metrics) -> std::io::Result<()> {
    let app = Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/metrics", get(metrics_text))
        .with_state(metrics);
    axum::serve(listener, app).await
}

async fn metrics_text(extract::State(metrics): extract::State<Metrics>) -> impl IntoResponse {
    let text = tokio::task::spawn_blocking(move || metrics.text()).await.unwrap_or_default();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text)
}
