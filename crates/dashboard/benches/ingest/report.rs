//! The rows that this benchmark prints.

use workshop_testing::measure;

/// Prints a row of values with their bounds.
pub(crate) fn row(name: &str, unit: &str, pairs: &[(f64, f64)], goal: &str) {
    measure::row("cargo xtask bench ingest", name, unit, pairs, goal);
}
