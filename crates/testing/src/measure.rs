//! The rows that benchmarks print, and `cargo xtask bench` reads.

use serde_json::json;

/// What was measured: a value, and how it compares to a bound that was measured in the same run.
#[derive(Clone, Copy, Debug)]
pub struct Measured {
    value: f64,
    bound: Option<f64>,
    ratio: Option<f64>,
}

/// A value alone.
impl From<f64> for Measured {
    fn from(value: f64) -> Self {
        Self { value, bound: None, ratio: None }
    }
}

/// A value and its bound.
impl From<(f64, f64)> for Measured {
    fn from((value, bound): (f64, f64)) -> Self {
        Self { value, bound: Some(bound), ratio: Some(value / bound) }
    }
}

/// The medians of values, of bounds, and of the ratios of the pairs.
impl From<&[(f64, f64)]> for Measured {
    fn from(pairs: &[(f64, f64)]) -> Self {
        Self {
            value: median(pairs.iter().map(|(value, _)| *value)),
            bound: Some(median(pairs.iter().map(|(_, bound)| *bound))),
            ratio: Some(median(pairs.iter().map(|(value, bound)| value / bound))),
        }
    }
}

/// Prints a row. `command` makes it again; `goal` is such as `≥ 0.7` for the ratio, or `≤ 15 MB` for the value.
pub fn row(command: &str, row: &str, unit: &str, measured: impl Into<Measured>, goal: &str) {
    let Measured { value, bound, ratio } = measured.into();
    let row = json!({
        "row": row, "value": value, "unit": unit, "bound": bound, "ratio": ratio, "goal": goal, "command": command,
    });
    println!("{row}");
}

/// Measures so many pairs of a value and its bound in turn, after one pair to warm up.
pub fn pairs(
    count: usize,
    mut value: impl FnMut() -> f64,
    mut bound: impl FnMut() -> f64,
) -> Vec<(f64, f64)> {
    value();
    bound();
    (0..count).map(|_| (value(), bound())).collect()
}

/// The median of at least one value.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
