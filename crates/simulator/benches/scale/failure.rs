//! Whatever ends the benchmark before its figures are there.

pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;
