//! Waiting until something holds, instead of sleeping for as long as it might take.

use std::thread;
use std::time::{Duration, Instant};

/// No step of a test takes this long, on any machine. Reaching it is a failure.
pub const PATIENCE: Duration = Duration::from_secs(90);

/// How long to sleep before the next look: short at first, longer for what takes long.
struct Pauses {
    begin: Instant,
    next: Duration,
}

impl Pauses {
    fn new() -> Self {
        Self { begin: Instant::now(), next: Duration::from_millis(1) }
    }

    #[track_caller]
    fn next(&mut self, what: &str) -> Duration {
        assert!(self.begin.elapsed() < PATIENCE, "waited too long: {what}");
        self.next = (self.next * 3 / 2).min(Duration::from_millis(50));
        self.next
    }
}

/// Waits until something holds.
#[track_caller]
pub fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let mut pauses = Pauses::new();
    while !holds() {
        thread::sleep(pauses.next(what));
    }
}

/// Waits until something holds, without holding up the runtime.
pub async fn until_async(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let mut pauses = Pauses::new();
    while !holds().await {
        tokio::time::sleep(pauses.next(what)).await;
    }
}

/// Fails if a future takes longer than [`PATIENCE`].
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited too long: {what}"),
    }
}
