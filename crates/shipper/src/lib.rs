//! The sidecar: reads a log volume and posts what is in it to the dashboard, exactly once and without a state of its own.
