//! Audits a recording: its header, its lines, and whether its times go on.

use std::fs::File;
use std::io;

use serde::Serialize;
use workshop_events::cast::{CastEvent, Header};

use super::findings::Findings;
use crate::commands::casts::{CastLines, LineText};

/// What a recording holds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RecordingReport {
    pub(super) file: String,
    pub(super) bytes: u64,
    /// Events that a player plays.
    pub(super) events: u64,
    /// Time of the last event, in seconds since its session was opened.
    pub(super) seconds: f64,
    /// Columns at the beginning; none without a header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) columns: Option<u16>,
    /// Rows at the beginning.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rows: Option<u16>,
    /// How many findings are about this file.
    pub(super) wrong: u64,
}

/// Audits one recording.
pub(super) fn audit(name: &str, file: File, findings: &mut Findings) -> io::Result<RecordingReport> {
    let mut lines = CastLines::new(file);
    let mut header = None;
    let (mut events, mut seconds) = (0, 0.0);
    let mut first = true;
    while let Some(line) = lines.next()? {
        let mut wrong = |kind, message: String| findings.wrong(name, Some(line.offset), kind, message);
        let text = match line.text {
            LineText::Whole(text) => text,
            LineText::Torn => {
                wrong("torn", "the last line is cut off".to_owned());
                break;
            }
            LineText::NoText => {
                wrong("malformed", "not UTF-8".to_owned());
                first = false;
                continue;
            }
            LineText::TooLong => {
                wrong("too_long", "line is too long".to_owned());
                first = false;
                continue;
            }
        };
        if std::mem::take(&mut first) {
            match Header::parse(text) {
                Ok(parsed) => header = Some(parsed),
                Err(error) => wrong("header", error.to_string()),
            }
            continue;
        }
        match CastEvent::parse(text) {
            Ok(event) => {
                events += 1;
                if event.time < seconds {
                    let message = format!("the time goes back from {seconds:.6} s to {:.6} s", event.time);
                    wrong("time", message);
                }
                if event.code == 'r' && size_of(&event.data).is_none() {
                    wrong("size", format!("no terminal has the size {:?}", event.data.as_str()));
                }
                seconds = event.time;
            }
            Err(error) => wrong("malformed", error.to_string()),
        }
    }
    if lines.offset() == 0 {
        findings.wrong(name, Some(0), "header", "the file is empty; it should begin with a header");
    }
    let bytes = lines.offset();
    Ok(RecordingReport {
        file: name.to_owned(),
        bytes,
        events,
        seconds,
        columns: header.as_ref().map(|header| header.width),
        rows: header.as_ref().map(|header| header.height),
        wrong: findings.wrong_in(name),
    })
}

/// Columns and rows of a resize.
fn size_of(data: &str) -> Option<(u16, u16)> {
    let (columns, rows) = data.split_once('x')?;
    let read = |text: &str| text.parse().ok().filter(|number| (1..=10_000).contains(number));
    Some((read(columns)?, read(rows)?))
}
