//! How many tests passed and failed.

use serde::{Deserialize, Serialize};

/// How many tests of a stage passed and failed. A stage that is one check counts as one test.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) passed: u32,
    pub(crate) failed: u32,
}

impl Count {
    pub(crate) const PASSED: Self = Self { passed: 1, failed: 0 };
    pub(crate) const FAILED: Self = Self { passed: 0, failed: 1 };

    /// What a program reported. One that failed without a failed test (it did not build, it was killed) has one.
    pub(crate) fn of(passed: u32, failed: u32, succeeded: bool) -> Self {
        Self { passed, failed: if succeeded { failed } else { failed.max(1) } }
    }

    /// Counts one more test.
    pub(crate) fn add(&mut self, passed: bool) {
        *self = *self + if passed { Self::PASSED } else { Self::FAILED };
    }
}

impl std::ops::Add for Count {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self { passed: self.passed + other.passed, failed: self.failed + other.failed }
    }
}
