//! The past of a workspace, as the backend and the dashboard both show it, made from the fold.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use workshop_events::{Cause, FailedTest, SwitchKind, Timestamp, Trigger};
use workshop_projector::{self as projector, Check, Projection, StepRecord, Timeline};

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepStatus {
    /// Not begun.
    Ahead,
    /// Being worked on, not checked or not failed.
    Active,
    /// Being worked on; the last check failed.
    Failing,
    /// Completed by the student.
    Completed,
    /// Brought by the image.
    Given,
    /// Not in the workshop any more.
    Former,
}

/// A step with what the student did in it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct StepProgress {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Its group.
    #[schema(required)]
    pub group: Option<String>,
    /// How it stands.
    pub status: StepStatus,
    /// Whether it is the active step.
    pub active: bool,
    /// Checks by the student.
    pub tries: u32,
    /// Seconds for which it was active.
    pub seconds: f64,
    /// The newest check, by whomever.
    #[schema(required)]
    pub last_check: Option<CheckReport>,
}

/// The state at a moment.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StateAt {
    /// The log that was folded.
    pub log: String,
    /// The moment asked for.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The last `seq` that counts.
    pub seq: u64,
    /// The active step then.
    #[schema(required)]
    pub active: Option<String>,
    /// Each step then.
    pub steps: Vec<StepProgress>,
    /// Browsers connected then.
    pub clients: u32,
    /// The swap that was open then.
    #[schema(required)]
    pub switch: Option<OpenSwitch>,
}

/// All that moves under the one slider.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TimelineView {
    /// The log that was folded.
    pub log: String,
    /// The first record's time; null in an empty log.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub from: Option<Timestamp>,
    /// The last record's time.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub to: Option<Timestamp>,
    /// Which step was active when, in order.
    pub steps: Vec<StepBand>,
    /// Every check, in order, the newest 5,000.
    pub checks: Vec<CheckReport>,
    /// Every command, in order, the newest 5,000.
    pub commands: Vec<CommandView>,
    /// Everything else that an instructor wants to see in the list, in order, the newest 5,000.
    pub moments: Vec<Moment>,
    /// The shell sessions, in order.
    pub sessions: Vec<SessionBand>,
}

/// A stretch of time in which a step was active.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StepBand {
    /// The step.
    pub step: String,
    /// From when.
    #[schema(value_type = String, format = DateTime)]
    pub from: Timestamp,
    /// Until when; null: still.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub to: Option<Timestamp>,
    /// `initial`, `navigate`, `switch`, `reset`.
    pub cause: String,
}

/// Something that happened besides commands and checks.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Moment {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The event's name as in the state stream: `help_opened`, `switch_requested`, `backend_started`, …
    pub kind: String,
    /// The step that it is about.
    #[schema(required)]
    pub step: Option<String>,
    /// In words.
    pub text: String,
}

/// A shell session and its recordings.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SessionBand {
    /// Its id.
    pub session: String,
    /// Name of its tab.
    pub name: String,
    /// When it was opened: second 0 of its casts.
    #[schema(value_type = String, format = DateTime)]
    pub opened: Timestamp,
    /// When it ended; null: still runs.
    #[schema(value_type = Option<String>, format = DateTime, required)]
    pub closed: Option<Timestamp>,
    /// Its recordings, in order, each with the second of the session at which it begins.
    pub casts: Vec<CastRef>,
}

/// A recording of a session.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CastRef {
    /// File name.
    pub name: String,
    /// The second of the session at which it begins.
    pub at: f64,
}

/// A swap that was asked for and is neither done nor failed.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
pub struct OpenSwitch {
    /// Its id.
    pub request: String,
    /// Switch or reset.
    pub kind: SwitchKind,
    /// The step that it begins at.
    pub step: String,
    /// When it was asked for.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
}

/// What a check found.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CheckReport {
    /// The step that was checked.
    pub step: String,
    /// Whether every test passed.
    pub passed: bool,
    /// How many tests there are.
    pub total: u32,
    /// How many passed.
    pub passed_count: u32,
    /// Who asked: `student` or `periodic`.
    pub trigger: Trigger,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// Every test with its result right after a check; of earlier checks only those that failed.
    pub tests: Vec<TestReport>,
}

/// One test of a check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TestReport {
    /// Whether it passed.
    pub passed: bool,
    /// What was tested, found and expected; the latter two are empty when it passed.
    #[serde(flatten)]
    pub test: FailedTest,
}

/// A shell command.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CommandView {
    /// Its number in the commands stream.
    pub seq: u64,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub ts: Timestamp,
    /// The command line.
    pub cmd: String,
    /// Its exit code.
    #[schema(required)]
    pub exit: Option<i32>,
    /// The shell session.
    #[schema(required)]
    pub session: Option<String>,
    /// The step that was active when it began.
    #[schema(required)]
    pub step: Option<String>,
    /// The working directory.
    #[schema(required)]
    pub cwd: Option<String>,
    /// How long it ran, in milliseconds.
    #[schema(required)]
    pub ms: Option<u64>,
    /// Seconds from the session's opening to its beginning.
    #[schema(required)]
    pub at: Option<f64>,
}

impl CheckReport {
    /// A check of the log, which keeps only the tests that failed.
    pub fn of(step: &str, check: &Check) -> Self {
        Self {
            step: step.to_owned(),
            passed: check.passed,
            total: check.count.total,
            passed_count: check.count.passed,
            // A trigger of a later version is not the student.
            trigger: if check.trigger == Trigger::Other { Trigger::Periodic } else { check.trigger },
            ts: check.ts,
            tests: check.failed.iter().map(|test| TestReport { passed: false, test: test.clone() }).collect(),
        }
    }
}

impl From<&projector::OpenSwitch> for OpenSwitch {
    fn from(open: &projector::OpenSwitch) -> Self {
        Self { request: open.request.clone(), kind: open.kind, step: open.step.clone(), ts: open.ts }
    }
}

impl From<&projector::Band> for StepBand {
    fn from(band: &projector::Band) -> Self {
        let cause = match band.cause {
            Cause::Initial => "initial",
            Cause::Navigate => "navigate",
            Cause::Switch => "switch",
            Cause::Reset => "reset",
            Cause::Other => "other",
        };
        Self { step: band.step.clone(), from: band.from, to: band.to, cause: cause.to_owned() }
    }
}

impl From<&projector::Moment> for Moment {
    fn from(moment: &projector::Moment) -> Self {
        Self {
            ts: moment.ts,
            kind: moment.kind.clone(),
            step: moment.step.clone(),
            text: moment.text.clone(),
        }
    }
}

impl From<&projector::Session> for SessionBand {
    fn from(session: &projector::Session) -> Self {
        let casts = session.casts.iter().map(|cast| CastRef { name: cast.name.clone(), at: cast.at });
        Self {
            session: session.id.clone(),
            name: session.name.clone(),
            opened: session.opened,
            closed: session.closed,
            casts: casts.collect(),
        }
    }
}

impl TimelineView {
    /// What is on the slider for `log`, with the commands that the timeline itself does not hold.
    pub fn of(log: String, timeline: &Timeline, mut commands: Vec<CommandView>) -> Self {
        for command in &mut commands {
            // Lines of the seed do not name their step.
            if command.step.is_none() {
                command.step = timeline.step_at(command.ts).map(ToOwned::to_owned);
            }
        }
        let state = timeline.projection();
        Self {
            log,
            from: timeline.first(),
            to: state.last().max(commands.last().map(|command| command.ts)),
            steps: timeline.bands().map(StepBand::from).collect(),
            checks: timeline.checks().map(|(step, check)| CheckReport::of(step, check)).collect(),
            moments: timeline.moments().map(Moment::from).collect(),
            sessions: state.sessions().iter().map(SessionBand::from).collect(),
            commands,
        }
    }
}

impl StateAt {
    /// The state of `log` that was folded up to the moment `ts`.
    pub fn of(log: String, ts: Timestamp, state: &Projection) -> Self {
        Self {
            log,
            ts,
            seq: state.seq(),
            active: state.active().map(ToOwned::to_owned),
            steps: StepProgress::all(state, ts),
            clients: u32::try_from(state.clients()).unwrap_or(u32::MAX),
            switch: state.open_switch().map(OpenSwitch::from),
        }
    }
}

impl StepProgress {
    /// Every step of the workshop, then former ones, as they stood at `now`.
    pub fn all(state: &Projection, now: Timestamp) -> Vec<Self> {
        let current = state.steps().iter().map(|s| (s.id.as_str(), s.title.as_str(), s.group.clone()));
        // A log that never lists its steps still names them.
        let others: Vec<&str> = match state.steps() {
            [] => state.step_records().map(|(id, _)| id).collect(),
            _ => state.former(),
        };
        let others = others.into_iter().map(|id| (id, id, None));
        current.chain(others).map(|(id, title, group)| Self::of(state, now, id, title, group)).collect()
    }

    fn of(state: &Projection, now: Timestamp, id: &str, title: &str, group: Option<String>) -> Self {
        let record = state.step_record(id);
        let last_check = record.and_then(StepRecord::last_check);
        let active = state.active() == Some(id);
        let status = if state.is_completed(id) {
            StepStatus::Completed
        } else if active && last_check.is_some_and(|check| !check.passed) {
            StepStatus::Failing
        } else if active {
            StepStatus::Active
        } else if state.is_given(id) {
            StepStatus::Given
        } else if !state.steps().is_empty() && state.position(id).is_none() {
            StepStatus::Former
        } else {
            StepStatus::Ahead
        };
        Self {
            id: id.to_owned(),
            title: title.to_owned(),
            group,
            status,
            active,
            tries: record.map_or(0, |r| r.tries),
            seconds: state.active_ms(id, now) as f64 / 1000.0,
            last_check: last_check.map(|check| CheckReport::of(id, check)),
        }
    }
}
