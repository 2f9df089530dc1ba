//! Recordings as plain text, for pipes and files: what was printed, without waiting.

use std::io::{self, BufWriter, ErrorKind, Write, stdout};

use super::filter::Filter;
use super::recording::Recording;
use crate::failure::Failure;

/// Prints what the recordings show. A reader that closed the pipe has seen enough.
pub(super) fn print(recordings: &[Recording]) -> Result<(), Failure> {
    let mut out = BufWriter::new(stdout().lock());
    for recording in recordings {
        let (_, mut events) = recording.open()?;
        let mut filter = Filter::plain();
        let mut text = String::new();
        while let Some(event) = events.next()? {
            if event.code != 'o' {
                continue;
            }
            text.clear();
            filter.pass(&event.data, &mut text);
            match out.write_all(text.as_bytes()) {
                Ok(()) => {}
                Err(error) => return enough(error),
            }
        }
    }
    out.write_all(b"\n").and_then(|()| out.flush()).or_else(enough)
}

fn enough(error: io::Error) -> Result<(), Failure> {
    if error.kind() == ErrorKind::BrokenPipe { Ok(()) } else { Err(error.into()) }
}
