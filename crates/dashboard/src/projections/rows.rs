//! The row of each record.

use workshop_events::{CommandRecord, FailedTest, HelpRecord, StateEvent, StateRecord, Text};

use super::Place;
use super::columns::{bigint, integer, key, shown};
use crate::store::copy::{CopyRows, Jsonb, Row};
use crate::store::types::Timestamptz;

/// What a state event says in columns.
#[derive(Default)]
struct Said<'r> {
    step: Option<&'r str>,
    session: Option<&'r str>,
    passed: Option<bool>,
    checks: Option<(u32, u32)>,
    trigger: Option<&'r str>,
    kind: Option<&'r str>,
    request: Option<&'r str>,
    reason: Option<&'r str>,
    failed: Option<String>,
}

/// A row of `state_timeline`.
pub(super) fn state(place: &Place, seq: u64, record: &StateRecord<'_>, rows: &mut CopyRows) {
    let said = said(&record.event);
    let mut row = begin(place, seq, record.ts, 16, rows);
    row.put(&*key(record.event.name()));
    row.put(said.step.map(key).as_deref());
    row.put(said.session.map(shown).as_deref());
    row.put(said.passed);
    row.put(said.checks.map(|(passed, _)| integer(passed)));
    row.put(said.checks.map(|(_, total)| integer(total)));
    row.put(said.trigger);
    row.put(said.kind.map(shown).as_deref());
    row.put(said.request.map(shown).as_deref());
    row.put(said.reason.map(shown).as_deref());
    row.put(said.failed.as_deref().map(Jsonb));
}

/// A row of `command_log`.
pub(super) fn command(place: &Place, seq: u64, record: &CommandRecord<'_>, rows: &mut CopyRows) {
    let mut row = begin(place, seq, record.ts, 12, rows);
    row.put(record.step.as_deref().map(key).as_deref());
    row.put(record.session.as_deref().map(shown).as_deref());
    row.put(&*shown(&record.cmd));
    row.put(record.exit);
    row.put(record.cwd.as_deref().map(shown).as_deref());
    row.put(record.ms.map(bigint));
    row.put(record.at);
}

/// A row of `llm_interactions`.
pub(super) fn help(place: &Place, seq: u64, record: &HelpRecord<'_>, rows: &mut CopyRows) {
    let mut row = begin(place, seq, record.ts, 14, rows);
    row.put(&*key(&record.step));
    for text in [&record.mode, &record.question, &record.response, &record.model] {
        row.put(&*shown(text));
    }
    row.put(bigint(record.tokens.input)).put(bigint(record.tokens.output)).put(bigint(record.ms));
    row.put(record.outcome.as_str());
}

/// The columns that all begin with.
fn begin<'c>(
    place: &Place,
    seq: u64,
    ts: workshop_events::Timestamp,
    columns: i16,
    rows: &'c mut CopyRows,
) -> Row<'c> {
    let mut row = rows.row(columns);
    row.put(place.opened).put(place.log.as_str()).put(bigint(seq));
    row.put(place.workspace.as_str()).put(Timestamptz(ts));
    row
}

fn said<'r>(event: &'r StateEvent<'_>) -> Said<'r> {
    let said = Said::default();
    let some = |text: &'r Text<'_>| Some(text.as_str());
    match event {
        StateEvent::BackendStarted { switch: Some(switch), .. } => Said {
            step: some(&switch.step),
            kind: Some(switch.kind.as_str()),
            request: some(&switch.request),
            ..said
        },
        StateEvent::Connected { session, .. } | StateEvent::Disconnected { session, .. } => {
            Said { session: session.as_deref(), ..said }
        }
        StateEvent::StepViewed { step } | StateEvent::StepMarked { step } => {
            Said { step: some(step), ..said }
        }
        StateEvent::StepStart { step, cause } => {
            Said { step: some(step), kind: Some(cause.as_str()), ..said }
        }
        StateEvent::GossResult { step, passed, checks, trigger, failed } => Said {
            step: some(step),
            passed: Some(*passed),
            checks: Some((checks.passed, checks.total)),
            trigger: Some(trigger.as_str()),
            failed: failed_json(failed),
            ..said
        },
        StateEvent::HelpOpened { step, mode, .. } => Said { step: some(step), kind: some(mode), ..said },
        StateEvent::SwitchRequested { step, kind, request } => {
            Said { step: some(step), kind: Some(kind.as_str()), request: some(request), ..said }
        }
        StateEvent::SwitchFailed { step, request, reason } => {
            Said { step: some(step), request: some(request), reason: some(reason), ..said }
        }
        StateEvent::SessionOpened { session, .. }
        | StateEvent::SessionClosed { session, .. }
        | StateEvent::RecordingStarted { session, .. } => Said { session: some(session), ..said },
        StateEvent::RecordingStopped { session, reason } => {
            Said { session: some(session), reason: some(reason), ..said }
        }
        _ => said,
    }
}

fn failed_json(failed: &[FailedTest<Text<'_>>]) -> Option<String> {
    if failed.is_empty() {
        return None;
    }
    let failed: Vec<_> = failed
        .iter()
        .map(|f| FailedTest { title: shown(&f.title), found: shown(&f.found), expected: shown(&f.expected) })
        .collect();
    serde_json::to_string(&failed).ok()
}
