//! The fold of the state stream.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use workshop_definition::artifact::Navigation;
use workshop_events::{
    Cause, CheckCount, FailedCheck, StateEvent, StateRecord, StepInfo, SwitchKind, Text, Timestamp, Trigger,
};

use crate::switches::Switches;

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
    image_step: Option<String>,
    started: Option<Timestamp>,
    missing_start: Option<MissingStart>,
    /// Session and client of each; few, so a list.
    clients: Vec<(String, String)>,
    sessions: Vec<Session>,
    seq: u64,
    last: Option<Timestamp>,
}

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
    pub failed: Vec<Failed>,
}

/// A test that failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failed {
    /// What was tested.
    pub title: String,
    /// What was found.
    pub found: String,
    /// What was expected.
    pub expected: String,
}

/// A shell session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// Its id.
    pub id: String,
    /// Name of its tab.
    pub name: String,
    /// When it was opened: second 0 of its casts.
    pub opened: Timestamp,
    /// When it ended, or the backend that held it.
    pub closed: Option<Timestamp>,
    /// Its recordings in order.
    pub casts: Vec<Cast>,
}

/// A recording of a session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cast {
    /// File name.
    pub name: String,
    /// The second of the session at which it begins.
    pub at: f64,
}

/// A `step_start` that the log ought to have: the backend writes it when it starts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MissingStart {
    /// The step.
    pub step: String,
    /// Its cause.
    pub cause: Cause,
}

impl Projection {
    /// Applies the record with this `seq`. Records come in the order of their `seq`.
    pub fn apply(&mut self, seq: u64, record: &StateRecord<'_>) {
        self.seq = seq;
        self.last = Some(record.ts);
        let ts = record.ts;
        match &record.event {
            StateEvent::BackendStarted { workshop, navigation, steps, image_step, switch, .. } => {
                self.end_sessions(ts);
                self.clients.clear();
                self.workshop = own(workshop);
                self.navigation = match navigation.as_str() {
                    "free" => Navigation::Free,
                    "guided" => Navigation::Guided,
                    _ => Navigation::Linear,
                };
                self.steps = steps.iter().map(Step::from).collect();
                self.image_step = image_step.as_ref().map(own);
                let first = self.started.replace(ts).is_none();
                let fulfilled = switch
                    .as_ref()
                    .filter(|done| self.switches.fulfil(&done.request, &done.step, self.active.as_deref()));
                if first || fulfilled.is_some() {
                    self.give(image_step.as_deref());
                }
                if let Some(done) = fulfilled {
                    let cause = match done.kind {
                        SwitchKind::Switch => Cause::Switch,
                        SwitchKind::Reset => Cause::Reset,
                    };
                    self.activate(&done.step, ts);
                    self.missing_start = Some(MissingStart { step: own(&done.step), cause });
                } else if self.active.is_none()
                    && let Some(step) = self.step_after(image_step.as_deref())
                {
                    self.missing_start = Some(MissingStart { step, cause: Cause::Initial });
                }
            }
            StateEvent::Connected { session, client } => {
                if self.client(session, client).is_none() {
                    self.clients.push((own_or_empty(session), own_or_empty(client)));
                }
            }
            StateEvent::Disconnected { session, client } => {
                if let Some(at) = self.client(session, client) {
                    self.clients.remove(at);
                }
            }
            StateEvent::StepStart { step, .. } => {
                self.activate(step, ts);
                self.missing_start = None;
            }
            StateEvent::GossResult { step, passed, checks, trigger, failed } => {
                self.check(step, ts, *passed, *checks, *trigger, failed);
            }
            StateEvent::StepMarked { step } => {
                self.update(step, |record| {
                    record.completed.get_or_insert(ts);
                });
            }
            StateEvent::HelpOpened { step, .. } => self.update(step, |record| record.helps += 1),
            StateEvent::SwitchRequested { step, kind, request } => {
                self.switches.request(request, *kind, step, ts);
            }
            StateEvent::SwitchFailed { request, reason, step } => {
                if let Some(before) = self.switches.fail(request, step, reason, ts) {
                    self.activate(&before, ts);
                    self.missing_start = None;
                }
            }
            // A terminal tells again what may not have been stored: twice is once.
            StateEvent::SessionOpened { session, name, cast } if self.session_mut(session).is_none() => {
                let casts = cast.iter().map(|c| Cast { name: own(c), at: 0.0 }).collect();
                let name = own(name);
                self.sessions.push(Session { id: own(session), name, opened: ts, closed: None, casts });
            }
            StateEvent::SessionClosed { session, .. } => {
                if let Some(open) = self.session_mut(session) {
                    open.closed.get_or_insert(ts);
                }
            }
            StateEvent::RecordingStarted { session, cast, at } => {
                if let Some(open) = self.session_mut(session)
                    && !open.casts.iter().any(|c| c.name == cast.as_str())
                {
                    open.casts.push(Cast { name: own(cast), at: *at });
                }
            }
            StateEvent::SessionOpened { .. }
            | StateEvent::StepViewed { .. }
            | StateEvent::RecordingStopped { .. }
            | StateEvent::ClockStepped { .. }
            | StateEvent::Unknown { .. } => {}
        }
    }

    fn check(
        &mut self,
        step: &str,
        ts: Timestamp,
        passed: bool,
        count: CheckCount,
        trigger: Trigger,
        failed: &[FailedCheck<'_>],
    ) {
        let check = Check { ts, passed, count, trigger, failed: failed.iter().map(Failed::from).collect() };
        self.update(step, |record| {
            if trigger == Trigger::Student {
                record.tries += 1;
                record.first_passed.get_or_insert(passed);
                if passed {
                    record.completed.get_or_insert(ts);
                }
                record.last_try = Some(check);
                record.last_periodic = None;
            } else {
                record.last_periodic = Some(check);
            }
        });
    }

    fn activate(&mut self, step: &str, ts: Timestamp) {
        if let Some(before) = &self.active
            && let Some(record) = self.records.get_mut(before)
            && let Some(since) = record.active_since.take()
        {
            record.active_ms += elapsed_ms(since, ts);
        }
        self.update(step, |record| {
            record.started = true;
            record.active_since = Some(ts);
        });
        let active = self.active.get_or_insert_default();
        active.clear();
        active.push_str(step);
    }

    /// Where a client stands in the list.
    fn client(&self, session: &Option<Text<'_>>, client: &Option<Text<'_>>) -> Option<usize> {
        let (session, client) =
            (session.as_deref().unwrap_or_default(), client.as_deref().unwrap_or_default());
        self.clients.iter().position(|(s, c)| s == session && c == client)
    }

    fn end_sessions(&mut self, ts: Timestamp) {
        for session in self.sessions.iter_mut().rev().filter(|s| s.closed.is_none()) {
            session.closed = Some(ts);
        }
    }

    fn give(&mut self, image_step: Option<&str>) {
        let upto = image_step.and_then(|step| self.position(step)).map_or(0, |at| at + 1);
        self.given.extend(self.steps[..upto].iter().map(|s| s.id.clone()));
    }

    fn step_after(&self, image_step: Option<&str>) -> Option<String> {
        let next = image_step.and_then(|step| self.position(step)).map_or(0, |at| at + 1);
        self.steps.get(next).or(self.steps.last()).map(|s| s.id.clone())
    }

    /// Changes the record of a step. A look-up first, because nearly always the step is known.
    fn update(&mut self, step: &str, change: impl FnOnce(&mut StepRecord)) {
        if let Some(record) = self.records.get_mut(step) {
            change(record);
        } else {
            let mut record = StepRecord::default();
            change(&mut record);
            self.records.insert(step.to_owned(), record);
        }
    }

    fn session_mut(&mut self, id: &str) -> Option<&mut Session> {
        self.sessions.iter_mut().rev().find(|s| s.id == id)
    }

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
        self.records
            .get(step)
            .map_or(0, |r| r.active_ms + r.active_since.map_or(0, |since| elapsed_ms(since, now)))
    }

    /// The step whose image runs.
    pub fn image_step(&self) -> Option<&str> {
        self.image_step.as_deref()
    }

    /// When the last backend took the volume.
    pub fn started(&self) -> Option<Timestamp> {
        self.started
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
}

/// The seed's events carry neither session nor client: one anonymous client.
fn own_or_empty(text: &Option<Text<'_>>) -> String {
    text.as_ref().map(own).unwrap_or_default()
}

/// Without the detour over `Display` that `to_string` takes.
fn own(text: &Text<'_>) -> String {
    text.as_str().to_owned()
}

/// A clock that went back counts as no time.
fn elapsed_ms(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.as_millis() - from.as_millis()).unwrap_or(0)
}

impl From<&StepInfo<'_>> for Step {
    fn from(info: &StepInfo<'_>) -> Self {
        Self {
            id: own(&info.id),
            title: own(&info.title),
            group: info.group.as_ref().map(own),
            requires: info.requires.iter().map(own).collect(),
            has_check: info.has_check,
        }
    }
}

impl From<&FailedCheck<'_>> for Failed {
    fn from(failed: &FailedCheck<'_>) -> Self {
        Self { title: own(&failed.title), found: own(&failed.found), expected: own(&failed.expected) }
    }
}
