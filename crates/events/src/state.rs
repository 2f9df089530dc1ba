//! The state stream: what happened in a workspace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Text, Timestamp};

/// One line of the state stream.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "StateRecord")]
pub struct StateRecord<'a> {
    /// The log that the line belongs to; a line without it belongs to the log that it stands in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Text<'a>>,
    /// Its number in the stream, from 1; a line without it counts as the one before plus one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// When it happened.
    pub ts: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub event: StateEvent<'a>,
}

/// What happened. Events of later versions are read as [`StateEvent::Unknown`] and skipped by the fold.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
#[schemars(rename = "StateEvent")]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum StateEvent<'a> {
    /// A backend took the volume.
    BackendStarted {
        /// Version of the backend.
        version: Text<'a>,
        /// The step whose image this is; `step-0` is the beginning.
        #[serde(skip_serializing_if = "Option::is_none")]
        image_step: Option<Text<'a>>,
        /// Name of the workshop.
        workshop: Text<'a>,
        /// `linear`, `free` or `guided`.
        navigation: Text<'a>,
        /// The steps in order, so that a log folds without its image.
        steps: Vec<StepInfo<'a>>,
        /// The request that this container was made for.
        // In a box, so that no other event is larger for its sake: records are moved about while a log is read.
        #[serde(skip_serializing_if = "Option::is_none")]
        switch: Option<Box<SwitchDone<'a>>>,
    },
    /// A browser opened its terminal.
    Connected {
        /// The shell session.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<Text<'a>>,
        /// The browser's socket; absent in the seed's logs: one anonymous client.
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Text<'a>>,
    },
    /// A browser closed its terminal.
    Disconnected {
        /// The shell session.
        #[serde(skip_serializing_if = "Option::is_none")]
        session: Option<Text<'a>>,
        /// The browser's socket.
        #[serde(skip_serializing_if = "Option::is_none")]
        client: Option<Text<'a>>,
    },
    /// The student turned to a step's text.
    StepViewed {
        /// The step.
        step: Text<'a>,
    },
    /// A step became active.
    StepStart {
        /// The step.
        step: Text<'a>,
        /// Why.
        cause: Cause,
    },
    /// A check ran.
    GossResult {
        /// The step that was checked.
        step: Text<'a>,
        /// Whether every test passed.
        passed: bool,
        /// How many tests, and how many passed.
        checks: CheckCount,
        /// Who asked for it.
        trigger: Trigger,
        /// The tests that failed, bounded.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        failed: Vec<FailedCheck<'a>>,
    },
    /// The student marked a step without a check as done.
    StepMarked {
        /// The step.
        step: Text<'a>,
    },
    /// The student opened help.
    HelpOpened {
        /// The step.
        step: Text<'a>,
        /// `hints`, `explain` or `solve`.
        mode: Text<'a>,
        /// `file` or `llm`.
        source: Text<'a>,
    },
    /// An image swap is asked for.
    SwitchRequested {
        /// The step to begin at.
        step: Text<'a>,
        /// Switch or reset.
        kind: SwitchKind,
        /// The request's id.
        request: Text<'a>,
    },
    /// The supervisor could not swap.
    SwitchFailed {
        /// The step that was asked for.
        step: Text<'a>,
        /// The request's id.
        request: Text<'a>,
        /// Why, in words for the student.
        reason: Text<'a>,
    },
    /// A shell started.
    SessionOpened {
        /// The session's id.
        session: Text<'a>,
        /// The name of its tab.
        name: Text<'a>,
        /// The recording's file name.
        #[serde(skip_serializing_if = "Option::is_none")]
        cast: Option<Text<'a>>,
    },
    /// A shell ended.
    SessionClosed {
        /// The session's id.
        session: Text<'a>,
        /// The shell's exit code; absent when the backend ended it.
        #[serde(skip_serializing_if = "Option::is_none")]
        exit: Option<i32>,
    },
    /// A recording ended before its session.
    RecordingStopped {
        /// The session's id.
        session: Text<'a>,
        /// Why.
        reason: Text<'a>,
    },
    /// A session's recording goes on in a new file.
    RecordingStarted {
        /// The session's id.
        session: Text<'a>,
        /// The new file's name.
        cast: Text<'a>,
        /// Seconds from the session's opening.
        at: f64,
    },
    /// The clock went back by 2 s or more.
    ClockStepped {
        /// The last time written before.
        from: Timestamp,
        /// The time it shows now.
        to: Timestamp,
    },
    /// An event of a later version; its line survives, folds skip it.
    Unknown {
        /// Its name.
        name: Text<'a>,
    },
}

impl StateEvent<'_> {
    /// The value of the `event` field.
    pub fn name(&self) -> &str {
        match self {
            Self::BackendStarted { .. } => "backend_started",
            Self::Connected { .. } => "connected",
            Self::Disconnected { .. } => "disconnected",
            Self::StepViewed { .. } => "step_viewed",
            Self::StepStart { .. } => "step_start",
            Self::GossResult { .. } => "goss_result",
            Self::StepMarked { .. } => "step_marked",
            Self::HelpOpened { .. } => "help_opened",
            Self::SwitchRequested { .. } => "switch_requested",
            Self::SwitchFailed { .. } => "switch_failed",
            Self::SessionOpened { .. } => "session_opened",
            Self::SessionClosed { .. } => "session_closed",
            Self::RecordingStopped { .. } => "recording_stopped",
            Self::RecordingStarted { .. } => "recording_started",
            Self::ClockStepped { .. } => "clock_stepped",
            Self::Unknown { name } => name,
        }
    }
}

/// A step as `backend_started` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "StepInfo")]
#[serde(rename_all = "camelCase")]
pub struct StepInfo<'a> {
    /// The step's id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// Its title.
    #[serde(borrow, default)]
    pub title: Text<'a>,
    /// Its group, in guided workshops.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text<'a>>,
    /// The steps that it requires, in guided workshops.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Text<'a>>,
    /// Whether a check completes it; otherwise the student marks it as done.
    #[serde(default)]
    pub has_check: bool,
}

/// The swap that a container was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SwitchDone")]
pub struct SwitchDone<'a> {
    /// The request's id.
    #[serde(borrow)]
    pub request: Text<'a>,
    /// Switch or reset.
    pub kind: SwitchKind,
    /// The step that it begins at.
    #[serde(borrow)]
    pub step: Text<'a>,
}

/// Why a step became active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The workspace began with it.
    Initial,
    /// The student went there.
    #[default]
    Navigate,
    /// A swap to it.
    Switch,
    /// A reset of it.
    Reset,
    /// A cause of a later version.
    #[serde(other)]
    Other,
}

/// Who asked for a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The student. The only one that completes a step.
    #[default]
    Student,
    /// The backend's own interval.
    Periodic,
    /// A trigger of a later version.
    #[serde(other)]
    Other,
}

/// The two kinds of image swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SwitchKind {
    /// Go to another step.
    Switch,
    /// Begin a step again.
    Reset,
}

impl SwitchKind {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Reset => "reset",
        }
    }

    /// The kind of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Switch, Self::Reset].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How many tests a check has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckCount {
    /// All of them.
    pub total: u32,
    /// Those that passed.
    pub passed: u32,
}

/// A test that failed, in the student's words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FailedCheck")]
pub struct FailedCheck<'a> {
    /// What was tested.
    #[serde(borrow)]
    pub title: Text<'a>,
    /// What was found.
    #[serde(borrow, default)]
    pub found: Text<'a>,
    /// What was expected.
    #[serde(borrow, default)]
    pub expected: Text<'a>,
}
