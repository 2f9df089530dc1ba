//! `workshop verify`: audits every stream of a log, and says what it found with file and byte offset.

mod consistency;
mod findings;
mod recordings;
mod report;
mod streams;
mod summary;

use std::io;

use workshop_events::{Commands, Llm, State};

use self::consistency::Consistency;
use self::findings::Findings;
use self::report::Report;
use self::streams::ClockSteps;
use super::log_folder::{self, LogFolder};
use crate::arguments::Log;
use crate::context::Context;
use crate::failure::Failure;
use crate::paint::{self, Paint};

/// Audits a log.
pub(crate) async fn run(log: &Log, context: &Context) -> Result<(), Failure> {
    let folder = log_folder::folder_of(&log.log, context).await?;
    let title = folder.title();
    let report = tokio::task::spawn_blocking(move || audit(&folder)).await??;
    if context.output.is_json() {
        paint::print(&format!("{}\n", serde_json::to_string(&report)?))?;
    } else {
        paint::print(&summary::text(&title, &report, Paint::stdout()))?;
    }
    if report.clean { Ok(()) } else { Err(Failure::Reported(1)) }
}

fn audit(folder: &LogFolder) -> io::Result<Report> {
    let mut findings = Findings::default();
    let info = folder.info.as_ref();
    if let Some(problem) = &folder.info_problem {
        findings.wrong("log.json", None, "info", format!("cannot be understood: {problem}"));
    }
    let recordings = workshop_journal::recordings_in(&folder.path)?;
    let names = recordings.iter().map(|recording| recording.name.clone()).collect();
    let mut consistency = Consistency::new(info.map(|info| info.workshop.clone()), names);
    let mut clock = ClockSteps::default();
    let log = info.map(|info| info.log);
    let path = folder.path.as_path();
    // The state first: it tells what the other streams may name, and when the clock was set back.
    let state = streams::audit::<State>(path, log, &mut clock, &mut findings, |item, findings| {
        consistency.state(item, findings);
    })?;
    consistency.state_ended(state.unread, &mut findings);
    let commands = streams::audit::<Commands>(path, log, &mut clock, &mut findings, |item, findings| {
        consistency.command(item, findings);
    })?;
    let llm = streams::audit::<Llm>(path, log, &mut clock, &mut findings, |item, findings| {
        consistency.help(item, findings);
    })?;
    let mut reports = Vec::new();
    for recording in &recordings {
        let Some(file) = workshop_journal::recording_in(path, &recording.name)? else { continue };
        if info.is_some() && !consistency.names_recording(&recording.name) {
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
