//! `workshop verify`: audits every stream of a log, and says what it found with file and byte offset.

mod findings;
mod recordings;
mod sense;
mod streams;
mod summary;

use std::io;

use serde::Serialize;
use workshop_events::{Commands, Llm, State, Timestamp};

use self::findings::{Finding, Findings};
use self::recordings::RecordingReport;
use self::sense::Sense;
use self::streams::{ClockSteps, StreamReport};
use super::log::{self, LogFolder};
use crate::arguments::Log;
use crate::paint::{self, Paint};
use crate::{Context, Failure};

/// What the audit came to.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    /// Nothing is wrong.
    clean: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    workshop: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<Timestamp>,
    streams: Vec<StreamReport>,
    recordings: Vec<RecordingReport>,
    /// How many findings there are; of each file only the first are listed.
    wrong: u64,
    findings: Vec<Finding>,
    /// How many notes there are, listed likewise.
    noted: u64,
    notes: Vec<Finding>,
}

/// Audits a log.
pub(crate) async fn run(log: &Log, context: &Context) -> Result<(), Failure> {
    let folder = log::folder_of(&log.log, context).await?;
    let title = folder.title();
    let report = tokio::task::spawn_blocking(move || audit(&folder)).await??;
    if context.output.is_json() {
        paint::print(&format!("{}\n", serde_json::to_string(&report)?))?;
    } else {
        paint::print(&summary::text(&title, &report, Paint::stdout()))?;
    }
    if report.clean { Ok(()) } else { Err(Failure::Told(1)) }
}

fn audit(folder: &LogFolder) -> io::Result<Report> {
    let mut findings = Findings::default();
    let info = folder.info.as_ref();
    if let Some(problem) = &folder.info_problem {
        findings.wrong("log.json", None, "info", format!("cannot be understood: {problem}"));
    }
    let recordings = workshop_journal::recordings_in(&folder.path)?;
    let names = recordings.iter().map(|recording| recording.name.clone()).collect();
    let mut sense = Sense::new(info.map(|info| info.workshop.clone()), names);
    let mut clock = ClockSteps::default();
    let log = info.map(|info| info.log);
    let path = folder.path.as_path();
    // The state first: it tells what the other streams may name, and when the clock was set back.
    let state = streams::audit::<State>(path, log, &mut clock, &mut findings, |item, findings| {
        sense.state(item, findings);
    })?;
    sense.state_ended(state.unread, &mut findings);
    let commands = streams::audit::<Commands>(path, log, &mut clock, &mut findings, |item, findings| {
        sense.command(item, findings);
    })?;
    let llm = streams::audit::<Llm>(path, log, &mut clock, &mut findings, |item, findings| {
        sense.help(item, findings);
    })?;
    let mut reports = Vec::new();
    for recording in &recordings {
        let Some(file) = workshop_journal::recording_in(path, &recording.name)? else { continue };
        if info.is_some() && !sense.names_recording(&recording.name) {
            findings.note(
                &recording.name,
                None,
                "unnamed",
                "no session of the state stream names this recording",
            );
        }
        reports.push(recordings::audit(&recording.name, file, &mut findings)?);
    }
    let (wrong, noted) = (findings.wrong_total(), findings.notes_total());
    let (findings, notes) = findings.into_lists();
    Ok(Report {
        clean: wrong == 0,
        log: log.map(|log| log.to_string()),
        workshop: info.map(|info| info.workshop.clone()),
        created: info.map(|info| info.created),
        streams: vec![state, commands, llm],
        recordings: reports,
        wrong,
        findings,
        noted,
        notes,
    })
}
