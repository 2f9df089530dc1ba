//! What a failed append means to whoever asked for it.

use axum::http::StatusCode;
use workshop_edge::Problem;
use workshop_journal::AppendError;

/// The problem that answers a request whose record could not be stored.
pub(super) fn not_stored(error: AppendError) -> Problem {
    match error {
        AppendError::NoSpace { .. } => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "storage-full",
            "The log's disk is full",
            "This was not stored for certain. What was stored before is safe, and the terminal works. \
             Free some space on the host; it goes on by itself.",
        ),
        AppendError::Io(error) => Problem::new(
            StatusCode::INSUFFICIENT_STORAGE,
            "storage-failed",
            "The log's disk fails",
            format!("This was not stored for certain ({error}). What was stored before is safe. Try again."),
        ),
        AppendError::Closed => Problem::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "stopping",
            "The workspace is stopping",
            "This was not stored. The page reconnects when the workspace is back; try again then.",
        ),
    }
}
