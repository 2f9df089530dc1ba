//! The events of the state stream: one table says all about each.

use std::marker::PhantomData;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::table::state_events;
use super::values::{Cause, CheckCount, FailedTest, StepInfo, SwitchDone, SwitchKind, Trigger};
use crate::{Text, Timestamp};

state_events! {
    /// A backend took the volume.
    BackendStarted = "backend_started" {
        /// Version of the backend.
        version: Text<'a> = default,
        /// The step whose image this is; `step-0` is the beginning.
        #[serde(skip_serializing_if = "Option::is_none")]
        image_step: Option<Text<'a>> = default,
        /// Name of the workshop.
        workshop: Text<'a> = default,
        /// `linear`, `free` or `guided`.
        navigation: Text<'a> = default,
        /// The steps in order, so that a log folds without its image.
        steps: Vec<StepInfo<'a>> = default,
        /// The request that this container was made for.
        // In a box, so that no other event is larger for its sake: records are moved about while a log is read.
        #[serde(skip_serializing_if = "Option::is_none")]
        switch: Option<Box<SwitchDone<'a>>> = default,
    }
    /// A browser opened its terminal.
    Connected = "connected" {
        /// The shell session.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<Text<'a>> = default,
        /// The browser's socket; absent in the seed's logs: one anonymous client.
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Text<'a>> = default,
    }
    /// A browser closed its terminal.
    Disconnected = "disconnected" {
        /// The shell session.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<Text<'a>> = default,
        /// The browser's socket.
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Text<'a>> = default,
    }
    /// The student turned to a step's text.
    StepViewed = "step_viewed" {
        /// The step.
        step: Text<'a>,
    }
    /// A step became active.
    StepStart = "step_start" {
        /// The step.
        step: Text<'a>,
        /// Why.
        cause: Cause = default,
    }
    /// A check ran.
    GossResult = "goss_result" {
        /// The step that was checked.
        step: Text<'a>,
        /// Whether every test passed.
        passed: bool,
        /// How many tests, and how many passed.
        checks: CheckCount = default,
        /// Who asked for it.
        trigger: Trigger = default,
        /// The tests that failed, bounded.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        failed: Vec<FailedTest<Text<'a>>> = default,
    }
    /// The student marked a step without a check as done.
    StepMarked = "step_marked" {
        /// The step.
        step: Text<'a>,
    }
    /// The student opened help.
    HelpOpened = "help_opened" {
        /// The step.
        step: Text<'a>,
        /// `hints`, `explain` or `solve`.
        mode: Text<'a>,
        /// `file` or `llm`.
        source: Text<'a>,
    }
    /// An image swap is asked for.
    SwitchRequested = "switch_requested" {
        /// The step to begin at.
        step: Text<'a>,
        /// Switch or reset.
        kind: SwitchKind,
        /// The request's id.
        request: Text<'a>,
    }
    /// The supervisor could not swap.
    SwitchFailed = "switch_failed" {
        /// The step that was asked for.
        step: Text<'a>,
        /// The request's id.
        request: Text<'a>,
        /// Why, in words for the student.
        reason: Text<'a> = default,
    }
    /// A shell started.
    SessionOpened = "session_opened" {
        /// The session's id.
        session: Text<'a>,
        /// The name of its tab.
        name: Text<'a> = default,
        /// The recording's file name.
        #[serde(skip_serializing_if = "Option::is_none")]
        cast: Option<Text<'a>> = default,
    }
    /// A shell ended.
    SessionClosed = "session_closed" {
        /// The session's id.
        session: Text<'a>,
        /// The shell's exit code; absent when the backend ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<i32> = default,
    }
    /// A recording ended before its session.
    RecordingStopped = "recording_stopped" {
        /// The session's id.
        session: Text<'a>,
        /// Why.
        reason: Text<'a> = default,
    }
    /// A session's recording goes on in a new file.
    RecordingStarted = "recording_started" {
        /// The session's id.
        session: Text<'a>,
        /// The new file's name.
        cast: Text<'a>,
        /// Seconds from the session's opening.
        at: f64 = default,
    }
    /// The clock went back by 2 s or more.
    ClockStepped = "clock_stepped" {
        /// The last time written before.
        from: Timestamp,
        /// The time it shows now.
        to: Timestamp,
    }
}

/// The fields of a line of ours that are still to be read.
pub(super) struct FieldsInOrder<'a> {
    pub(super) rest: &'a str,
}

impl<'a> FieldsInOrder<'a> {
    /// The value of the next field, if it is the one with this key.
    #[inline]
    pub(super) fn next<T: Deserialize<'a>>(&mut self, key: &str) -> Option<T> {
        let text = self.rest.strip_prefix(key)?;
        let mut values = serde_json::Deserializer::from_str(text).into_iter();
        let value = values.next()?.ok()?;
        self.rest = text.get(values.byte_offset()..)?;
        Some(value)
    }
}
