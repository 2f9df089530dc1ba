//! What happened when: the fold together with its history, newest kept when it is long.

use std::collections::VecDeque;

use workshop_events::{Cause, StateEvent, StateRecord, Timestamp};

use crate::{Check, Projection, StepRecord};

/// A stretch of time in which a step was active.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Band {
    /// The step.
    pub step: String,
    /// From when.
    pub from: Timestamp,
    /// Until when; `None`: still.
    pub to: Option<Timestamp>,
    /// Why it became active.
    pub cause: Cause,
}

/// Something that happened besides commands and checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// When.
    pub ts: Timestamp,
    /// The event's name.
    pub kind: String,
    /// The step that it is about.
    pub step: Option<String>,
    /// In words.
    pub text: String,
}

/// Help that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Help {
    /// When.
    pub ts: Timestamp,
    /// The step.
    pub step: String,
    /// `hints`, `explain` or `solve`.
    pub mode: String,
    /// `file` or `llm`.
    pub source: String,
}

/// A projection with the history that led to it.
#[derive(Clone, Debug, Default)]
pub struct Timeline {
    projection: Projection,
    keep: usize,
    first: Option<Timestamp>,
    bands: VecDeque<Band>,
    checks: VecDeque<(String, Check)>,
    moments: VecDeque<Moment>,
    helps: VecDeque<Help>,
}

impl Timeline {
    /// An empty timeline that keeps the newest `keep` bands, checks and moments.
    pub fn new(keep: usize) -> Self {
        Self { keep, ..Self::default() }
    }

    /// Applies the record with this `seq`. Records come in the order of their `seq`.
    pub fn apply(&mut self, seq: u64, record: &StateRecord<'_>) {
        self.projection.apply(seq, record);
        self.first.get_or_insert(record.ts);
        let restarted = matches!(record.event, StateEvent::StepStart { .. });
        if let Some(active) = self.projection.active.as_deref()
            && (restarted || self.bands.back().is_none_or(|band| band.step != active))
        {
            let cause = self.cause(&record.event);
            self.begin_band(active.to_owned(), record.ts, cause);
        }
        if let StateEvent::GossResult { step, .. } = &record.event
            && let Some(check) = self.projection.step_record(step).and_then(StepRecord::last_check).cloned()
        {
            push(&mut self.checks, self.keep, (step.to_string(), check));
        }
        if let StateEvent::HelpOpened { step, mode, source } = &record.event {
            let [step, mode, source] = [step, mode, source].map(|text| text.as_str().to_owned());
            push(&mut self.helps, self.keep, Help { ts: record.ts, step, mode, source });
        }
        if let Some(moment) = self.moment(record) {
            push(&mut self.moments, self.keep, moment);
        }
    }

    fn cause(&self, event: &StateEvent<'_>) -> Cause {
        match event {
            StateEvent::StepStart { cause, .. } => *cause,
            _ => self.projection.missing_start().map_or(Cause::Switch, |m| m.cause),
        }
    }

    fn begin_band(&mut self, step: String, from: Timestamp, cause: Cause) {
        match self.bands.back_mut() {
            // The step_start that the backend writes after a swap names what the swap already began.
            Some(last) if last.step == step && last.to.is_none() && last.cause == cause => return,
            Some(last) => last.to = Some(from),
            None => {}
        }
        push(&mut self.bands, self.keep, Band { step, from, to: None, cause });
    }

    fn moment(&self, record: &StateRecord<'_>) -> Option<Moment> {
        let (step, text) = match &record.event {
            StateEvent::BackendStarted { switch: None, version, .. } => {
                (None, format!("Workspace started (version {version})"))
            }
            StateEvent::BackendStarted { switch: Some(done), .. } => (
                Some(done.step.to_string()),
                format!("Workspace started for the {} to {}", done.kind.as_str(), done.step),
            ),
            StateEvent::StepMarked { step } => (Some(step.to_string()), "Marked as done".to_owned()),
            StateEvent::HelpOpened { step, mode, .. } => {
                (Some(step.to_string()), format!("Opened help: {mode}"))
            }
            StateEvent::SwitchRequested { step, kind, .. } => {
                (Some(step.to_string()), format!("Asked for a {} to {step}", kind.as_str()))
            }
            StateEvent::SwitchFailed { step, reason, .. } => {
                (Some(step.to_string()), format!("The swap to {step} failed: {reason}"))
            }
            StateEvent::SessionOpened { name, .. } => (None, format!("Terminal {name} opened")),
            StateEvent::SessionClosed { exit, .. } => (
                None,
                exit.map_or("Terminal closed".to_owned(), |code| format!("Terminal closed, exit {code}")),
            ),
            StateEvent::RecordingStopped { reason, .. } => (None, format!("Recording stopped: {reason}")),
            StateEvent::RecordingStarted { .. } => (None, "Recording goes on".to_owned()),
            StateEvent::ClockStepped { from, to } => {
                (None, format!("The clock went back from {from} to {to}"))
            }
            _ => return None,
        };
        Some(Moment { ts: record.ts, kind: record.event.name().to_owned(), step, text })
    }

    /// The state that it led to.
    pub fn projection(&self) -> &Projection {
        &self.projection
    }

    /// Time of the first record.
    pub fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Which step was active when, in order.
    pub fn bands(&self) -> impl DoubleEndedIterator<Item = &Band> {
        self.bands.iter()
    }

    /// Checks in order, each with its step.
    pub fn checks(&self) -> impl DoubleEndedIterator<Item = &(String, Check)> {
        self.checks.iter()
    }

    /// Everything else of note, in order.
    pub fn moments(&self) -> impl DoubleEndedIterator<Item = &Moment> {
        self.moments.iter()
    }

    /// Help that was opened, in order.
    pub fn helps(&self) -> impl DoubleEndedIterator<Item = &Help> {
        self.helps.iter()
    }

    /// The step that was active at `ts`: where a command belongs whose line does not say (the seed's).
    pub fn step_at(&self, ts: Timestamp) -> Option<&str> {
        self.bands.iter().rev().find(|band| band.from <= ts).map(|band| band.step.as_str())
    }
}

fn push<T>(list: &mut VecDeque<T>, keep: usize, value: T) {
    if list.len() == keep {
        list.pop_front();
    }
    list.push_back(value);
}
