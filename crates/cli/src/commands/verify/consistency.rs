//! Whether the records of a log agree with each other: each is compared with the state that the ones before it fold to.

use std::collections::{HashMap, HashSet};

use workshop_events::{
    CheckCount, Commands, FailedTest, Item, Llm, State, StateEvent, StepInfo, Stream, SwitchDone, Text,
};
use workshop_projector::Projection;

use super::findings::Findings;
use crate::paint::shown;

/// A swap that is open for longer while the log goes on has been forgotten, in milliseconds: 30 s are given to an image
/// to get ready, and pulling it takes its time before.
const FORGOTTEN_AFTER: i64 = 10 * 60 * 1000;

const STATE: &str = "state-events.jsonl";

/// The state before the next record, and what the records named so far.
#[derive(Debug, Default)]
pub(super) struct Consistency {
    workshop: Option<String>,
    projection: Projection,
    /// Every step that some backend listed.
    steps: HashSet<String>,
    /// The recordings that are there, and those that sessions name.
    recordings: HashSet<String>,
    named: HashSet<String>,
    /// Where each open request stands.
    requests: HashMap<String, u64>,
    early_told: bool,
    /// `seq` of the last record.
    seq: u64,
    /// Records are missing: what nothing tells of may stand in one of them.
    holes: bool,
}

/// Tells findings about one line.
struct Line<'f> {
    findings: &'f mut Findings,
    offset: u64,
}

impl Line<'_> {
    fn wrong(&mut self, message: impl Into<String>) {
        self.findings.wrong(STATE, Some(self.offset), "consistency", message);
    }

    fn note(&mut self, message: impl Into<String>) {
        self.findings.note(STATE, Some(self.offset), "consistency", message);
    }
}

impl Consistency {
    /// Of a log of this workshop, with these recordings beside it.
    pub(super) fn new(workshop: Option<String>, recordings: HashSet<String>) -> Self {
        Self { workshop, recordings, ..Self::default() }
    }

    /// Takes the next record of the state stream.
    pub(super) fn state(&mut self, item: &Item<'_, State>, findings: &mut Findings) {
        let line = &mut Line { findings, offset: item.offset };
        let clients = self.projection.clients();
        self.holes |= item.seq != self.seq + 1;
        self.seq = item.seq;
        self.before(&item.record.event, line);
        self.projection.apply(item.seq, &item.record);
        match &item.record.event {
            StateEvent::Connected { client: Some(client), .. } if self.projection.clients() == clients => {
                line.wrong(format!("client {} connects twice", shown(client)));
            }
            StateEvent::Disconnected { .. } if self.projection.clients() == clients && !self.holes => {
                line.wrong("a client disconnects that is not connected");
            }
            _ => {}
        }
    }

    /// Looks at a record before the state takes it.
    fn before(&mut self, event: &StateEvent<'_>, line: &mut Line<'_>) {
        let starts = matches!(event, StateEvent::BackendStarted { .. } | StateEvent::ClockStepped { .. });
        if self.workshop.is_some()
            && self.projection.started().is_none()
            && !starts
            && !self.early_told
            && !self.holes
        {
            self.early_told = true;
            line.wrong(format!("{} comes before any backend_started", shown(event.name())));
        }
        match event {
            StateEvent::BackendStarted { workshop, steps, image_step, switch, .. } => {
                self.backend(workshop, steps, image_step.as_deref(), switch.as_deref(), line);
            }
            StateEvent::StepViewed { step }
            | StateEvent::StepStart { step, .. }
            | StateEvent::HelpOpened { step, .. } => self.step(step, line),
            StateEvent::GossResult { step, passed, checks, failed, .. } => {
                self.step(step, line);
                check(*passed, *checks, failed, line);
            }
            StateEvent::StepMarked { step } => {
                self.step(step, line);
                if self.projection.steps().iter().any(|known| known.id == step.as_str() && known.has_check) {
                    line.wrong(format!("step {} is marked as done and has a check", shown(step)));
                }
            }
            StateEvent::SwitchRequested { step, request, .. } => {
                self.step(step, line);
                if self.projection.switch_step(request).is_some() {
                    line.wrong(format!("request {} is asked for a second time", shown(request)));
                }
                self.requests.insert(request.to_string(), line.offset);
            }
            StateEvent::SwitchFailed { step, request, .. } => {
                self.requests.remove(request.as_str());
                match self.projection.switch_step(request) {
                    None if self.holes => {}
                    None => line.wrong(format!("request {} fails and was never asked for", shown(request))),
                    Some(asked) if asked != step.as_str() => line.wrong(format!(
                        "request {} fails for step {} and was for {}",
                        shown(request),
                        shown(step),
                        shown(asked)
                    )),
                    Some(_) => {}
                }
            }
            StateEvent::SessionOpened { session, cast, .. } => {
                if self.open_session(session).is_some() {
                    line.wrong(format!("session {} is opened a second time", shown(session)));
                }
                self.recording(cast.as_ref(), line);
            }
            StateEvent::SessionClosed { session, .. } => match self.open_session(session) {
                Some(true) => {}
                Some(false) => line.wrong(format!("session {} is closed a second time", shown(session))),
                None if self.holes => {}
                None => line.wrong(format!("session {} is closed and was never opened", shown(session))),
            },
            StateEvent::RecordingStopped { session, .. } => self.session(session, line),
            StateEvent::RecordingStarted { session, cast, .. } => {
                self.session(session, line);
                self.recording(Some(cast), line);
            }
            StateEvent::Unknown { name } => {
                line.note(format!("event {} is of a later version; it is kept and skipped", shown(name)));
            }
            StateEvent::Connected { .. }
            | StateEvent::Disconnected { .. }
            | StateEvent::ClockStepped { .. } => {}
        }
    }

    fn backend(
        &mut self,
        workshop: &str,
        steps: &[StepInfo<'_>],
        image_step: Option<&str>,
        switch: Option<&SwitchDone<'_>>,
        line: &mut Line<'_>,
    ) {
        if let Some(expected) = self.workshop.as_deref().filter(|expected| *expected != workshop) {
            line.wrong(format!(
                "a backend of the workshop {} took the log of {}",
                shown(workshop),
                shown(expected)
            ));
        }
        let mut listed = HashSet::new();
        for step in steps {
            if !listed.insert(step.id.as_str()) {
                line.wrong(format!("step {} is listed twice", shown(&step.id)));
            }
        }
        self.steps.extend(listed.into_iter().map(ToOwned::to_owned));
        if let Some(step) = image_step.filter(|step| *step != "step-0") {
            self.step(step, line);
        }
        if let Some(done) = switch {
            self.step(&done.step, line);
            self.requests.remove(done.request.as_str());
        }
    }

    fn step(&self, step: &str, line: &mut Line<'_>) {
        if !self.knows_step(step) {
            line.wrong(format!("names step {}, which no backend_started lists", shown(step)));
        }
    }

    /// Whether a session is open; none if it never was.
    fn open_session(&self, session: &str) -> Option<bool> {
        let known = self.projection.sessions().iter().rev().find(|known| known.id == session)?;
        Some(known.closed.is_none())
    }

    fn session(&self, session: &str, line: &mut Line<'_>) {
        if self.open_session(session).is_none() && !self.holes {
            line.wrong(format!("names session {}, which was never opened", shown(session)));
        }
    }

    fn recording(&mut self, cast: Option<&Text<'_>>, line: &mut Line<'_>) {
        let Some(cast) = cast else { return };
        if !self.recordings.contains(cast.as_str()) {
            line.wrong(format!("names the recording {}, which is not there", shown(cast)));
        }
        self.named.insert(cast.to_string());
    }

    /// Whether a session names the recording, as far as can be told.
    pub(super) fn names_recording(&self, name: &str) -> bool {
        self.holes || self.named.contains(name)
    }

    /// The state stream has ended; `unread` of its lines could not be read.
    pub(super) fn state_ended(&mut self, unread: u64, findings: &mut Findings) {
        self.holes |= unread > 0;
        self.open_switch(findings);
    }

    /// Takes the next command. Records of other tools name no session.
    pub(super) fn command(&self, item: &Item<'_, Commands>, findings: &mut Findings) {
        let file = Stream::Commands.file_name();
        let mut wrong = |message: String| findings.wrong(file, Some(item.offset), "consistency", message);
        let session = item.record.session.as_deref().filter(|_| !self.holes);
        if let Some(session) = session.filter(|id| self.open_session(id).is_none()) {
            wrong(format!("names session {}, which was never opened", shown(session)));
        }
        if let Some(step) = item.record.step.as_deref().filter(|step| !self.knows_step(step)) {
            wrong(format!("names step {}, which no backend_started lists", shown(step)));
        }
        if item.record.at.is_some_and(|at| !at.is_finite() || at < 0.0) {
            wrong("begins before its session".to_owned());
        }
    }

    /// Takes the next exchange with a language model.
    pub(super) fn help(&self, item: &Item<'_, Llm>, findings: &mut Findings) {
        if !self.knows_step(&item.record.step) {
            let message = format!("names step {}, which no backend_started lists", shown(&item.record.step));
            findings.wrong(Stream::Llm.file_name(), Some(item.offset), "consistency", message);
        }
    }

    /// A step that is named must have been listed. Logs that never list their steps may name any.
    fn knows_step(&self, step: &str) -> bool {
        self.holes || self.steps.is_empty() || self.steps.contains(step)
    }

    fn open_switch(&self, findings: &mut Findings) {
        let (Some(open), Some(last)) = (self.projection.open_switch(), self.projection.last()) else {
            return;
        };
        let offset = self.requests.get(&open.request).copied();
        let asked = format!("the swap to {} (request {})", shown(&open.step), shown(&open.request));
        if last.as_millis() - open.ts.as_millis() > FORGOTTEN_AFTER {
            let message =
                format!("{asked} was asked for, and neither done nor failed; the log goes on until {last}");
            findings.wrong(STATE, offset, "switch", message);
        } else {
            findings.note(STATE, offset, "switch", format!("{asked} is still open"));
        }
    }
}

/// A check's numbers agree with its outcome.
fn check(passed: bool, checks: CheckCount, failed: &[FailedTest<Text<'_>>], line: &mut Line<'_>) {
    let CheckCount { total, passed: number } = checks;
    if number > total {
        line.wrong(format!("{number} of {total} tests passed"));
    } else if passed && (number < total || !failed.is_empty()) {
        line.wrong(format!("a check passed, and {} of its {total} tests did not", total - number));
    } else if !passed && number == total && total > 0 && failed.is_empty() {
        line.wrong(format!("a check failed, and all of its {total} tests passed"));
    }
}
