//! The fold of the state stream: how each record changes what is known of a workspace.

use workshop_definition::artifact::Navigation;
use workshop_events::{Cause, FailedTest, StateEvent, StateRecord, SwitchDone, SwitchKind, Text, Timestamp};

use crate::{
    projection::Projection,
    session::{Cast, Session},
    step::{Check, MissingStart, Step, StepRecord},
};

impl Projection {
    /// Applies the record with this `seq`. Records come in the order of their `seq`.
    pub fn apply(&mut self, seq: u64, record: &StateRecord<'_>) {
        self.seq = seq;
        self.last = Some(record.ts);
        let ts = record.ts;
        match &record.event {
            StateEvent::BackendStarted { workshop, navigation, steps, image_step, switch, .. } => {
                self.workshop = own(workshop);
                self.navigation = match navigation.as_str() {
                    "free" => Navigation::Free,
                    "guided" => Navigation::Guided,
                    _ => Navigation::Linear,
                };
                self.steps = steps.iter().map(Step::from).collect();
                self.image_step = image_step.as_ref().map(own);
                self.backend_started(image_step.as_deref(), switch.as_deref(), ts);
            }
            StateEvent::Connected { session, client } => {
                self.begun.get_or_insert(ts);
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
                let (passed, count, trigger) = (*passed, *checks, *trigger);
                let failed = failed.iter().map(FailedTest::from).collect();
                self.update(step, |record| record.check(Check { ts, passed, count, trigger, failed }));
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
            _ => {}
        }
    }

    /// A backend took the volume: what ran before has ended, and a swap may be done.
    fn backend_started(&mut self, image_step: Option<&str>, switch: Option<&SwitchDone<'_>>, ts: Timestamp) {
        for session in self.sessions.iter_mut().filter(|session| session.closed.is_none()) {
            session.closed = Some(ts);
        }
        self.clients.clear();
        let first = self.started.replace(ts).is_none();
        let fulfilled =
            switch.filter(|done| self.switches.fulfil(&done.request, &done.step, self.active.as_deref()));
        if first || fulfilled.is_some() {
            let upto = self.after_image(image_step);
            self.given.extend(self.steps[..upto].iter().map(|step| step.id.clone()));
        }
        if let Some(done) = fulfilled {
            let cause = match done.kind {
                SwitchKind::Switch => Cause::Switch,
                SwitchKind::Reset => Cause::Reset,
            };
            self.activate(&done.step, ts);
            self.missing_start = Some(MissingStart { step: own(&done.step), cause });
        } else if self.active.is_none()
            && let Some(step) = self.steps.get(self.after_image(image_step)).or(self.steps.last())
        {
            self.missing_start = Some(MissingStart { step: step.id.clone(), cause: Cause::Initial });
        }
    }

    /// The place of the step after that whose image runs.
    fn after_image(&self, image_step: Option<&str>) -> usize {
        image_step.and_then(|step| self.position(step)).map_or(0, |at| at + 1)
    }

    fn activate(&mut self, step: &str, ts: Timestamp) {
        if let Some(before) = &self.active
            && let Some(record) = self.records.get_mut(before)
        {
            record.active_ms = record.active_ms_until(ts);
            record.active_since = None;
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
}

/// The seed's events carry neither session nor client: one anonymous client.
fn own_or_empty(text: &Option<Text<'_>>) -> String {
    text.as_ref().map(own).unwrap_or_default()
}

/// Without the detour over `Display` that `to_string` takes.
fn own(text: &Text<'_>) -> String {
    text.as_str().to_owned()
}
