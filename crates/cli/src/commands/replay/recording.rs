//! One recording, as far as it can be played: up to its last whole valid line.

use std::fs::File;
use std::path::{Path, PathBuf};

use workshop_events::cast::{CastEvent, Header};
use workshop_projector::Session;

use crate::commands::casts::{CastLines, LineText};
use crate::failure::Failure;
use crate::paint::shown;

/// A recording that can be played.
#[derive(Debug, Clone)]
pub(super) struct Recording {
    folder: PathBuf,
    /// Its file name.
    pub(super) name: String,
    /// The name of the terminal's tab, if the log knows it.
    pub(super) terminal: Option<String>,
    /// Columns and rows at the beginning.
    pub(super) columns: u16,
    pub(super) rows: u16,
    /// Events up to the last whole valid line.
    pub(super) events: u64,
    /// Time of the first event, in seconds since its session was opened.
    pub(super) begins: f64,
    /// Time of the last one.
    pub(super) seconds: f64,
}

impl Recording {
    /// Looks through a recording of the log in `folder`.
    ///
    /// # Errors
    /// It cannot be read, or is no recording.
    pub(super) fn read(folder: &Path, name: &str, session: Option<&Session>) -> Result<Self, Failure> {
        let mut recording = Self {
            folder: folder.to_owned(),
            name: name.to_owned(),
            terminal: session.map(|session| session.name.clone()),
            columns: 0,
            rows: 0,
            events: 0,
            begins: 0.0,
            seconds: 0.0,
        };
        let (header, mut events) = recording.open()?;
        (recording.columns, recording.rows) = (header.width, header.height);
        while let Some(event) = events.next()? {
            if recording.events == 0 {
                recording.begins = event.time;
            }
            recording.events += 1;
            recording.seconds = recording.seconds.max(event.time);
        }
        Ok(recording)
    }

    /// Begins to read it from its first event.
    pub(super) fn open(&self) -> Result<(Header, Events), Failure> {
        let file = workshop_journal::recording_in(&self.folder, &self.name)?;
        let file =
            file.ok_or_else(|| Failure::input(format_args!("the recording {} is gone", shown(&self.name))))?;
        let mut lines = CastLines::new(file);
        let header = match lines.next()?.map(|line| line.text) {
            Some(LineText::Whole(text)) => Header::parse(text).map_err(|error| error.to_string()),
            _ => Err("it does not begin with a header".to_owned()),
        };
        let header = header.map_err(|error| {
            Failure::Failed(anyhow::anyhow!("{} cannot be played: {error}", shown(&self.name)))
        })?;
        Ok((header, Events(lines)))
    }
}

/// The events of a recording, up to its last whole valid line.
pub(super) struct Events(CastLines<File>);

impl Events {
    /// The next event; none at the end.
    pub(super) fn next(&mut self) -> std::io::Result<Option<CastEvent<'_>>> {
        Ok(match self.0.next()?.map(|line| line.text) {
            Some(LineText::Whole(text)) => CastEvent::parse(text).ok(),
            _ => None,
        })
    }
}
