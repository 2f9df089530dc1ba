//! The state at a moment: everything that the log says up to it.

use std::collections::VecDeque;
use std::io;

use serde::Serialize;
use workshop_events::{Commands, FailedTest, State, SwitchKind, Timestamp, Trigger};
use workshop_projector::{Check, FoldUntil, Projection, StepRecord};

use crate::commands::log_folder::LogFolder;

/// How many commands are told.
const COMMANDS: usize = 5;

/// The state at a moment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StateAt {
    /// The moment.
    pub(super) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) log: Option<String>,
    pub(super) workshop: String,
    /// `seq` of the last record up to the moment; 0: nothing had happened yet.
    pub(super) seq: u64,
    /// Time of that record.
    pub(super) last: Option<Timestamp>,
    /// Times of the log's first and last record.
    pub(super) log_begins: Option<Timestamp>,
    pub(super) log_ends: Option<Timestamp>,
    pub(super) active: Option<String>,
    pub(super) steps: Vec<StepAt>,
    /// Browsers connected to a terminal.
    pub(super) clients: usize,
    pub(super) sessions: Vec<SessionAt>,
    /// The swap that was waited for.
    pub(super) switch: Option<SwitchAt>,
    /// The last check of any step.
    pub(super) last_check: Option<CheckAt>,
    /// The last commands, oldest first.
    pub(super) commands: Vec<CommandAt>,
}

/// A step at the moment.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StepAt {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) active: bool,
    pub(super) completed: Option<Timestamp>,
    /// The image brought it.
    pub(super) given: bool,
    /// The workshop no longer has it.
    pub(super) former: bool,
    pub(super) tries: u32,
    pub(super) helps: u32,
    /// For how long it was active, in milliseconds.
    pub(super) active_ms: u64,
}

/// A check.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CheckAt {
    pub(super) step: String,
    pub(super) ts: Timestamp,
    pub(super) passed: bool,
    pub(super) total: u32,
    pub(super) passed_count: u32,
    /// `student` or `periodic`.
    pub(super) trigger: &'static str,
    pub(super) failed: Vec<FailedTest>,
}

/// An open terminal.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionAt {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) opened: Timestamp,
    pub(super) recordings: Vec<String>,
}

/// A swap that was waited for.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SwitchAt {
    pub(super) kind: SwitchKind,
    pub(super) step: String,
    pub(super) request: String,
    pub(super) ts: Timestamp,
}

/// A command.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommandAt {
    pub(super) ts: Timestamp,
    pub(super) cmd: String,
    pub(super) exit: Option<i32>,
    pub(super) cwd: Option<String>,
    pub(super) step: Option<String>,
}

/// Reads the log up to a moment.
pub(super) fn read(folder: &LogFolder, at: Timestamp) -> io::Result<StateAt> {
    let log = folder.info.as_ref().map(|info| info.log);
    let mut fold = FoldUntil::new(at);
    let (mut log_begins, mut log_ends) = (None, None);
    workshop_journal::replay_dir::<State>(&folder.path, log, |item| {
        log_begins.get_or_insert(item.record.ts);
        log_ends = Some(item.record.ts);
        fold.apply(item.seq, &item.record);
    })?;
    let state = fold.into_projection();
    let mut commands = VecDeque::with_capacity(COMMANDS + 1);
    workshop_journal::replay_dir::<Commands>(&folder.path, log, |item| {
        if item.record.ts <= at {
            commands.push_back(CommandAt {
                ts: item.record.ts,
                cmd: item.record.cmd.to_string(),
                exit: item.record.exit,
                cwd: item.record.cwd.map(|cwd| cwd.to_string()),
                step: item.record.step.map(|step| step.to_string()),
            });
            if commands.len() > COMMANDS {
                commands.pop_front();
            }
        }
    })?;
    let workshop = match (state.workshop(), &folder.info) {
        ("", Some(info)) => info.workshop.clone(),
        (workshop, _) => workshop.to_owned(),
    };
    Ok(StateAt {
        at,
        log: log.map(|log| log.to_string()),
        workshop,
        seq: state.seq(),
        last: state.last(),
        log_begins,
        log_ends,
        active: state.active().map(ToOwned::to_owned),
        steps: steps(&state, at),
        clients: state.clients(),
        sessions: sessions(&state),
        switch: state.open_switch().map(|open| SwitchAt {
            kind: open.kind,
            step: open.step.clone(),
            request: open.request.clone(),
            ts: open.ts,
        }),
        last_check: last_check(&state),
        commands: commands.into(),
    })
}

/// The steps of the workshop, then former ones. A log that never lists its steps still names them.
fn steps(state: &Projection, at: Timestamp) -> Vec<StepAt> {
    let unlisted: Vec<&str> = match state.steps() {
        [] => state.step_records().map(|(id, _)| id).collect(),
        _ => state.former(),
    };
    let listed = state.steps().iter().map(|step| (step.id.as_str(), step.title.as_str(), false));
    let unlisted = unlisted.into_iter().map(|id| (id, id, !state.steps().is_empty()));
    listed
        .chain(unlisted)
        .map(|(id, title, former)| {
            let record = state.step_record(id);
            StepAt {
                id: id.to_owned(),
                title: title.to_owned(),
                active: state.active() == Some(id),
                completed: record.and_then(|record| record.completed),
                given: state.is_given(id),
                former,
                tries: record.map_or(0, |record| record.tries),
                helps: record.map_or(0, |record| record.helps),
                active_ms: state.active_ms(id, at),
            }
        })
        .collect()
}

fn sessions(state: &Projection) -> Vec<SessionAt> {
    let open = state.sessions().iter().filter(|session| session.closed.is_none());
    open.map(|session| SessionAt {
        id: session.id.clone(),
        name: session.name.clone(),
        opened: session.opened,
        recordings: session.casts.iter().map(|cast| cast.name.clone()).collect(),
    })
    .collect()
}

fn last_check(state: &Projection) -> Option<CheckAt> {
    let checks = state.step_records().filter_map(|(id, record)| Some((id, StepRecord::last_check(record)?)));
    let (step, check): (&str, &Check) = checks.max_by_key(|(_, check)| check.ts)?;
    Some(CheckAt {
        step: step.to_owned(),
        ts: check.ts,
        passed: check.passed,
        total: check.count.total,
        passed_count: check.count.passed,
        trigger: match check.trigger {
            Trigger::Student => "student",
            Trigger::Periodic | Trigger::Other => "periodic",
        },
        failed: check.failed.clone(),
    })
}
