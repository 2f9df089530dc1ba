//! Rows that a log's fold comes to.

use std::collections::BTreeMap;

use workshop_definition::artifact::Navigation;
use workshop_events::Timestamp;
use workshop_projector::{Projection, StepRecord};

use super::columns::{bigint, integer, key, shown};

/// A file name on no file system is longer.
const MAX_NAME: usize = 255;

/// A row of `workspace_status`, without what names it and without `last_ts`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the table's columns have comments")]
pub struct StatusRow {
    pub workshop: String,
    pub navigation: &'static str,
    pub step: Option<String>,
    pub step_title: Option<String>,
    pub step_position: Option<i32>,
    pub steps: i32,
    pub completed: Vec<String>,
    pub given: Vec<String>,
    pub active_since: Option<Timestamp>,
    pub tries: i32,
    pub helps: i32,
    pub last_passed: Option<bool>,
    pub clients: i32,
    pub begun: Option<Timestamp>,
    pub finished: Option<Timestamp>,
    pub image_step: Option<String>,
    pub switch_step: Option<String>,
    pub switch_failed: Option<String>,
    pub started: Option<Timestamp>,
}

/// A row of `step_status`, without what names its log.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the table's columns have comments")]
pub struct StepRow {
    pub step: String,
    pub position: Option<i32>,
    pub title: String,
    pub step_group: Option<String>,
    pub has_check: bool,
    pub given: bool,
    pub started: bool,
    pub completed: Option<Timestamp>,
    pub tries: i32,
    pub first_passed: Option<bool>,
    pub last_passed: Option<bool>,
    pub helps: i32,
    pub active_ms: i64,
    pub active_since: Option<Timestamp>,
    pub state: &'static str,
}

/// A row of `recording_refs`, without what names its log and without `bytes`.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the table's columns have comments")]
pub struct RecordingRow {
    pub name: String,
    pub session: String,
    pub session_name: String,
    pub opened_at: Timestamp,
    pub at: f64,
    pub closed_at: Option<Timestamp>,
}

/// The workspace as its log says it is.
pub fn status(projection: &Projection) -> StatusRow {
    let step = projection.active();
    let record = step.and_then(|step| projection.step_record(step));
    let position = step.and_then(|step| projection.position(step));
    let text = |text: &str| shown(text).into_owned();
    StatusRow {
        workshop: text(projection.workshop()),
        navigation: match projection.navigation() {
            Navigation::Linear => "linear",
            Navigation::Free => "free",
            Navigation::Guided => "guided",
        },
        step: step.map(|step| key(step).into_owned()),
        step_title: position.map(|at| text(&projection.steps()[at].title)),
        step_position: position.map(|at| integer(at + 1)),
        steps: integer(projection.steps().len()),
        completed: projection.completed().into_iter().map(|step| key(step).into_owned()).collect(),
        given: given(projection),
        active_since: record.and_then(|record| record.active_since),
        tries: record.map_or(0, |record| integer(record.tries)),
        helps: record.map_or(0, |record| integer(record.helps)),
        last_passed: record.and_then(last_passed),
        clients: integer(projection.clients()),
        begun: projection.begun(),
        finished: projection.finished(),
        image_step: projection.image_step().map(|step| key(step).into_owned()),
        switch_step: projection.open_switch().map(|switch| key(&switch.step).into_owned()),
        switch_failed: projection.failed_switch().map(|failed| text(&failed.reason)),
        started: projection.started(),
    }
}

fn given(projection: &Projection) -> Vec<String> {
    let steps = projection.steps().iter().filter(|step| projection.is_given(&step.id));
    steps.map(|step| key(&step.id).into_owned()).collect()
}

/// Every step of the workshop, and former ones that something happened in, by id.
pub fn steps(projection: &Projection) -> BTreeMap<String, StepRow> {
    let mut rows = BTreeMap::new();
    for (at, step) in projection.steps().iter().enumerate() {
        let row = StepRow {
            position: Some(integer(at + 1)),
            title: shown(&step.title).into_owned(),
            step_group: step.group.as_deref().map(|group| shown(group).into_owned()),
            has_check: step.has_check,
            ..step_row(projection, &step.id)
        };
        // Ids are unique in a workshop; in a damaged list the first one counts.
        rows.entry(row.step.clone()).or_insert(row);
    }
    for (id, _) in projection.step_records() {
        rows.entry(key(id).into_owned()).or_insert_with(|| step_row(projection, id));
    }
    rows
}

/// As of a step that the workshop no longer has.
fn step_row(projection: &Projection, id: &str) -> StepRow {
    let record = projection.step_record(id);
    StepRow {
        step: key(id).into_owned(),
        position: None,
        title: shown(id).into_owned(),
        step_group: None,
        has_check: false,
        given: projection.is_given(id),
        started: record.is_some_and(|record| record.started),
        completed: record.and_then(|record| record.completed),
        tries: record.map_or(0, |record| integer(record.tries)),
        first_passed: record.and_then(|record| record.first_passed),
        last_passed: record.and_then(last_passed),
        helps: record.map_or(0, |record| integer(record.helps)),
        active_ms: record.map_or(0, |record| bigint(record.active_ms)),
        active_since: record.and_then(|record| record.active_since),
        state: step_state(record, projection.is_given(id), projection.begun().is_some()),
    }
}

/// Whether the student's newest check passed. Checks by the interval do not count.
fn last_passed(record: &StepRecord) -> Option<bool> {
    record.last_try.as_ref().map(|check| check.passed)
}

/// How a step stands for a student. Who never opened the page has started nothing: the first step is active before.
fn step_state(record: Option<&StepRecord>, given: bool, begun: bool) -> &'static str {
    match record {
        Some(StepRecord { completed: Some(_), .. }) => "completed",
        Some(record) if last_passed(record) == Some(false) => "failed",
        Some(StepRecord { active_since: Some(_), .. }) if begun => "active",
        _ if given => "given",
        Some(StepRecord { started: true, .. }) if begun => "started",
        _ => "none",
    }
}

/// The recordings that the log names, by file name. What cannot be one is left out.
pub fn recordings(projection: &Projection) -> BTreeMap<String, RecordingRow> {
    let mut rows = BTreeMap::new();
    for session in projection.sessions() {
        for cast in session.casts.iter().filter(|cast| cast.name.len() <= MAX_NAME) {
            let row = RecordingRow {
                name: shown(&cast.name).into_owned(),
                session: shown(&session.id).into_owned(),
                session_name: shown(&session.name).into_owned(),
                opened_at: session.opened,
                at: cast.at,
                closed_at: session.closed,
            };
            rows.entry(row.name.clone()).or_insert(row);
        }
    }
    rows
}
