//! What is known of a workspace.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use workshop_definition::artifact::Navigation;
use workshop_events::Timestamp;

use crate::{
    session::Session,
    step::{MissingStart, Step, StepRecord},
    switches::{FailedSwitch, OpenSwitch, Switches},
};

/// A workspace as its log says it is. Any split of a log into batches, with the projection stored and loaded between
/// them, gives the same value as the whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    pub(crate) workshop: String,
    pub(crate) navigation: Navigation,
    pub(crate) steps: Vec<Step>,
    pub(crate) active: Option<String>,
    pub(crate) given: BTreeSet<String>,
    pub(crate) records: BTreeMap<String, StepRecord>,
    pub(crate) switches: Switches,
    pub(crate) image_step: Option<String>,
    pub(crate) started: Option<Timestamp>,
    pub(crate) begun: Option<Timestamp>,
    pub(crate) missing_start: Option<MissingStart>,
    /// Session and client of each; few, so a list.
    pub(crate) clients: Vec<(String, String)>,
    pub(crate) sessions: Vec<Session>,
    pub(crate) seq: u64,
    pub(crate) last: Option<Timestamp>,
}

impl Projection {
    /// Name of the workshop; empty before the first `backend_started`.
    pub fn workshop(&self) -> &str {
        &self.workshop
    }

    /// How the student moves.
    pub fn navigation(&self) -> Navigation {
        self.navigation
    }

    /// The steps in order, as the last backend listed them. Empty in a log without `backend_started`.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The place of a step in the workshop, from 0.
    pub fn position(&self, step: &str) -> Option<usize> {
        self.steps.iter().position(|s| s.id == step)
    }

    /// The active step: of the last `step_start`, else the first.
    pub fn active(&self) -> Option<&str> {
        self.active.as_deref().or_else(|| self.steps.first().map(|s| s.id.as_str()))
    }

    /// What the student did in a step; `None` if nothing.
    pub fn step_record(&self, step: &str) -> Option<&StepRecord> {
        self.records.get(step)
    }

    /// All steps that something happened in, by id, former ones included.
    pub fn step_records(&self) -> impl Iterator<Item = (&str, &StepRecord)> {
        self.records.iter().map(|(id, record)| (id.as_str(), record))
    }

    /// Whether the student completed the step.
    pub fn is_completed(&self, step: &str) -> bool {
        self.records.get(step).is_some_and(|r| r.completed.is_some())
    }

    /// Whether the image brought the step.
    pub fn is_given(&self, step: &str) -> bool {
        self.given.contains(step)
    }

    /// Ids of the completed steps: those of the workshop in its order, then all others.
    pub fn completed(&self) -> Vec<&str> {
        let current = self.steps.iter().map(|s| s.id.as_str());
        let others = self.records.keys().map(String::as_str).filter(|id| self.position(id).is_none());
        current.chain(others).filter(|id| self.is_completed(id)).collect()
    }

    /// Steps that the log knows and the workshop no longer has. None in a log that never lists its steps.
    pub fn former(&self) -> Vec<&str> {
        if self.steps.is_empty() {
            return Vec::new();
        }
        self.records.keys().map(String::as_str).filter(|id| self.position(id).is_none()).collect()
    }

    /// Milliseconds for which the step was active, up to `now`.
    pub fn active_ms(&self, step: &str, now: Timestamp) -> u64 {
        self.records.get(step).map_or(0, |record| record.active_ms_until(now))
    }

    /// The step whose image runs.
    pub fn image_step(&self) -> Option<&str> {
        self.image_step.as_deref()
    }

    /// When the last backend took the volume.
    pub fn started(&self) -> Option<Timestamp> {
        self.started
    }

    /// When a browser was first connected to a terminal.
    pub fn begun(&self) -> Option<Timestamp> {
        self.begun
    }

    /// When the last step was completed, or the backend started if an image brought them all; `None` until every step is
    /// completed or given.
    pub fn finished(&self) -> Option<Timestamp> {
        let completed = |step: &Step| self.records.get(&step.id).and_then(|record| record.completed);
        let done = self.steps.iter().all(|step| completed(step).is_some() || self.is_given(&step.id));
        let last = self.steps.iter().filter_map(completed).max();
        last.or(self.started).filter(|_| done && !self.steps.is_empty())
    }

    /// The `step_start` that the log lacks.
    pub fn missing_start(&self) -> Option<&MissingStart> {
        self.missing_start.as_ref()
    }

    /// Browsers connected to a terminal.
    pub fn clients(&self) -> usize {
        self.clients.len()
    }

    /// The shell sessions in order.
    pub fn sessions(&self) -> &[Session] {
        &self.sessions
    }

    /// `seq` of the last record applied.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Time of the last record applied.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }

    /// The swap being waited for: the oldest that is open.
    pub fn open_switch(&self) -> Option<&OpenSwitch> {
        self.switches.oldest_open()
    }

    /// The last swap, when it failed and nothing was asked for or done since.
    pub fn failed_switch(&self) -> Option<&FailedSwitch> {
        self.switches.last_failed()
    }

    /// The step that a request asked for; `None` when the log knows no such request.
    pub fn switch_step(&self, request: &str) -> Option<&str> {
        self.switches.step(request)
    }
}
