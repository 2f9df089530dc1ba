//! Opens a workspace: takes the volume and replays the log.

use std::{io, path::Path};

use workshop_definition::artifact::Artifact;
use workshop_events::{Commands, Finding, Kind, Llm, State, Stream};
use workshop_journal::{Recovered, Volume};
use workshop_projector::Timeline;

use super::{
    handle::Workspace,
    identity::Identity,
    recent::{Recent, is_for_student},
};

/// How many bands, checks and moments an instructor sees at most.
const TIMELINE_KEEPS: usize = 5000;

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
    let workspace = Workspace::new(journal, artifact, identity, timeline, recent);
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
