//! What the tests and benchmarks of all crates share. Only dev-dependencies name this crate.

mod rounds;

pub use rounds::{SOAK, rounds};
