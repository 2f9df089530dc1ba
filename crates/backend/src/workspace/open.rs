//! Opens a workspace: takes the volume, replays the log, and tells it that a backend started.

use std::{
    io,
    path::Path,
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use tokio::sync::watch;
use workshop_definition::artifact::Artifact;
use workshop_events::{Commands, Finding, Kind, Llm, State, StateEvent, StepInfo, Stream};
use workshop_journal::{Recovered, Volume};
use workshop_projector::Timeline;

use super::{Fold, Health, Identity, Inner, Recent, TIMELINE_KEEPS, Workspace, is_for_student};

/// How long to wait before the log is asked again whether it has room.
const RETRY: Duration = Duration::from_secs(1);

/// Why a workspace cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The volume cannot be used.
    #[error(transparent)]
    Volume(#[from] workshop_journal::OpenError),
    /// A stream cannot be read.
    #[error("cannot read {file} in the log volume: {source}")]
    Read {
        /// The stream's file.
        file: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The journal's threads cannot be started.
    #[error("cannot start writing the log: {0}")]
    Threads(io::Error),
}

/// A workspace whose log has been replayed, with what was found wrong in it.
pub struct Opened {
    /// The workspace. Call [`Workspace::begin`] in a runtime.
    pub workspace: Workspace,
    /// What is not as it should be: the first hundred of each stream, and how many there are.
    pub findings: Vec<(Stream, Vec<Finding>, u64)>,
    /// `seq` of the last state event before this start.
    pub replayed: u64,
}

/// Takes the volume `dir` and replays its log. Blocks while another backend has it, after calling `waiting` once.
///
/// # Errors
/// When the volume belongs to another workshop or cannot be read. A volume without space is no error.
pub fn open(
    dir: &Path,
    artifact: Artifact,
    identity: Identity,
    waiting: impl FnOnce(),
) -> Result<Opened, OpenError> {
    let volume = workshop_journal::open(dir, &artifact.workshop().name, None, waiting)?;
    let mut timeline = Timeline::new(TIMELINE_KEEPS);
    let mut recent = Recent::default();
    let state = replay::<State>(&volume, |seq, line, record| {
        timeline.apply(seq, record);
        recent.push(Stream::State, seq, is_for_student(record), line);
    })?;
    let commands =
        replay::<Commands>(&volume, |seq, line, _| recent.push(Stream::Commands, seq, false, line))?;
    let llm = replay::<Llm>(&volume, |seq, line, _| recent.push(Stream::Llm, seq, false, line))?;
    let findings = [(Stream::State, &state), (Stream::Commands, &commands), (Stream::Llm, &llm)]
        .into_iter()
        .filter(|(_, recovered)| recovered.findings_total > 0)
        .map(|(stream, recovered)| (stream, recovered.findings.clone(), recovered.findings_total))
        .collect();
    let replayed = timeline.projection().seq();
    let journal = volume.start(state, commands, llm).map_err(OpenError::Threads)?;
    let workspace = Workspace(Arc::new(Inner {
        journal,
        artifact,
        identity,
        fold: Mutex::new(Fold { timeline, provisional: None, recent }),
        applied: watch::Sender::new(replayed),
        arrived: watch::Sender::new(0),
        health: watch::Sender::new(Health { storing: true, recording: true }),
        full: AtomicBool::new(false),
        started: AtomicBool::new(false),
        starting: tokio::sync::Mutex::new(()),
        stopping: watch::Sender::new(false),
    }));
    Ok(Opened { workspace, findings, replayed })
}

fn replay<K: Kind>(
    volume: &Volume,
    mut take: impl FnMut(u64, &str, &K::Record<'_>),
) -> Result<Recovered, OpenError> {
    volume
        .replay::<K>(|item| take(item.seq, item.line, &item.record))
        .map_err(|source| OpenError::Read { file: K::STREAM.file_name(), source })
}

impl Workspace {
    /// Begins to follow the journal and tells the log that a backend started. When the log has no room for that, the
    /// workspace goes on with what it knows, and tells it as soon as there is.
    pub async fn begin(&self) {
        for stream in Stream::ALL {
            tokio::spawn(self.clone().listen(stream, self.0.journal.follow_appends(stream)));
        }
        tokio::spawn(self.clone().watch_space());
        let Err(error) = self.ensure_started().await else { return };
        tracing::error!(%error, "the log takes nothing at the moment; what it holds is served, and it is tried again");
        self.assume_started();
        let workspace = self.clone();
        tokio::spawn(async move {
            let mut stopping = workspace.stopping();
            loop {
                tokio::select! {
                    () = tokio::time::sleep(RETRY) => {}
                    _ = stopping.wait_for(|stop| *stop) => return,
                }
                if workspace.ensure_started().await.is_ok() {
                    tracing::info!("the log takes events again");
                    return;
                }
            }
        });
    }
}

/// What a backend tells the log first.
pub(super) fn backend_started(artifact: &Artifact, identity: &Identity) -> StateEvent<'static> {
    let workshop = artifact.workshop();
    let steps = artifact
        .steps()
        .map(|step| StepInfo {
            id: step.id.clone().into(),
            title: step.title.clone().into(),
            group: step.group.clone().map(Into::into),
            requires: step.requires.iter().cloned().map(Into::into).collect(),
            has_check: step.has_goss,
        })
        .collect();
    StateEvent::BackendStarted {
        version: identity.version.clone().into(),
        image_step: identity.image_step.clone().map(Into::into),
        workshop: workshop.name.clone().into(),
        navigation: workshop.navigation.as_str().into(),
        steps,
        switch: identity.switch.as_ref().map(|switch| Box::new(switch.done())),
    }
}
