//! A step, and what a student did in it.

use serde::{Deserialize, Serialize};
use workshop_events::{Cause, CheckCount, FailedTest, StepInfo, Text, Timestamp, Trigger};

/// A step of the workshop, as the last backend listed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its group, in guided workshops.
    pub group: Option<String>,
    /// The steps that it requires, in guided workshops.
    pub requires: Vec<String>,
    /// Whether a check completes it.
    pub has_check: bool,
}

/// What a student did in a step.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// When it was completed first.
    pub completed: Option<Timestamp>,
    /// Checks by the student.
    pub tries: u32,
    /// Whether the first check by the student passed.
    pub first_passed: Option<bool>,
    /// The newest check by the student.
    pub last_try: Option<Check>,
    /// The newest check by the backend's interval, when it came after the last try.
    pub last_periodic: Option<Check>,
    /// Whether it was ever active.
    pub started: bool,
    /// Milliseconds for which it was active, without the stretch that still lasts.
    pub active_ms: u64,
    /// Since when it is active, if it is.
    pub active_since: Option<Timestamp>,
    /// How often help was opened in it.
    pub helps: u32,
}

impl StepRecord {
    /// Milliseconds for which it was active, up to `now`. A clock that went back counts as no time.
    pub(crate) fn active_ms_until(&self, now: Timestamp) -> u64 {
        let since = self.active_since.map_or(0, |since| now.as_millis() - since.as_millis());
        self.active_ms + u64::try_from(since).unwrap_or(0)
    }

    /// Counts a check.
    pub(crate) fn check(&mut self, check: Check) {
        if check.trigger != Trigger::Student {
            self.last_periodic = Some(check);
            return;
        }
        self.tries += 1;
        self.first_passed.get_or_insert(check.passed);
        if check.passed {
            self.completed.get_or_insert(check.ts);
        }
        self.last_try = Some(check);
        self.last_periodic = None;
    }

    /// The newest check, by whomever.
    pub fn last_check(&self) -> Option<&Check> {
        self.last_periodic.as_ref().or(self.last_try.as_ref())
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Check {
    /// When.
    pub ts: Timestamp,
    /// Whether every test passed.
    pub passed: bool,
    /// How many tests, and how many passed.
    pub count: CheckCount,
    /// Who asked.
    pub trigger: Trigger,
    /// The tests that failed.
    pub failed: Vec<FailedTest>,
}

/// A `step_start` that the log ought to have: the backend writes it when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingStart {
    /// The step.
    pub step: String,
    /// Its cause.
    pub cause: Cause,
}

impl From<&StepInfo<'_>> for Step {
    fn from(info: &StepInfo<'_>) -> Self {
        let own = |text: &Text<'_>| text.as_str().to_owned();
        Self {
            id: own(&info.id),
            title: own(&info.title),
            group: info.group.as_ref().map(own),
            requires: info.requires.iter().map(own).collect(),
            has_check: info.has_check,
        }
    }
}
