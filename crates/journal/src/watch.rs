//! Tells when something in a directory changes, where the file system says so.

use std::path::Path;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Watches a directory until it is dropped.
pub struct Watch {
    _watcher: RecommendedWatcher,
}

/// Calls `wake` from a thread of its own whenever a file in `dir` is made, written, renamed or removed. `None` where
/// the system has no such events, or no more of them. There are volumes that have them and never send one: look by
/// yourself, too, only less often.
pub fn watch(dir: &Path, wake: impl Fn() + Send + 'static) -> Option<Watch> {
    let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
        // Whoever is woken opens and reads files: that must not wake it again.
        if !event.is_ok_and(|event| event.kind.is_access()) {
            wake();
        }
    });
    // The directory rather than a file: the file may come later.
    let watcher = watcher.and_then(|mut watcher| {
        watcher.watch(dir, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    let watcher = watcher.inspect_err(|error| tracing::debug!(%error, "no file system events; polling")).ok();
    watcher.map(|watcher| Watch { _watcher: watcher })
}
