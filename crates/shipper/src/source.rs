//! One stream and its file: what is to be posted of it next.

use std::{
    io::{self, ErrorKind},
    path::PathBuf,
};

use tokio::time::Instant;
use workshop_events::cast;
use workshop_journal::{Chunk, Tail};
use workshop_wire::ingest::StreamPosition;

use crate::{mark::Mark, pause::Pause};

/// No post is longer, unless a single line is.
pub(crate) const MAX_BATCH: usize = 1024 * 1024;
/// However little is taken at once, lines of this length go together.
const MIN_BATCH: usize = 4 * 1024;
/// So much of a line that is too long is looked through before others have their turn.
const SCAN: u64 = 64 * 1024 * 1024;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Records, one a line. What is no record is the dashboard's to tell.
    Records,
    /// A recording: nothing of it counts from its first line on that is not valid.
    Cast,
}

/// One stream.
pub(crate) struct Source {
    /// `state`, `commands`, `llm` or `cast/<file name>`.
    pub(crate) name: String,
    pub(crate) path: PathBuf,
    kind: Kind,
    tail: Tail,
    /// The last line that was stored, as far as it is known.
    mark: Option<Mark>,
    limit: usize,
    /// The line at the offset is too long to be posted, and its end is not before this.
    long: Option<u64>,
    /// Of a recording: nothing more counts.
    ended: bool,
    /// Nothing is posted before this, unless much waits.
    pub(crate) due: Instant,
    /// Since when something waits to be posted.
    pub(crate) behind: Option<Instant>,
    /// What the dashboard does not take of it, or why the file cannot be read. It is tried again from time to time.
    pub(crate) trouble: Option<Trouble>,
    pub(crate) pause: Pause,
    /// Of a recording: the file's length when the folder was looked through, and when nothing more was to be posted.
    seen: (u64, Option<u64>),
    /// Where to stop, when only what is there now is shipped.
    goal: Option<u64>,
}

/// Why a stream does not go on, while others do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The dashboard refused a post for good.
    Refused(String),
    /// The file cannot be read or synced now, or the dashboard does not move on.
    Passing(String),
}

/// What is to be posted.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing yet.
    Nothing,
    /// Not known yet; to be asked again.
    Unknown,
    /// Whole lines, which are on disk.
    Lines(Chunk),
    /// A line that is too long, with its length.
    Long { offset: u64, len: u64 },
}

/// Why nothing can be posted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The file is not there any more.
    #[error("the file is gone")]
    Gone,
    /// The file is not the one that was stored or read.
    #[error("{0}")]
    Other(String),
    /// It cannot be read now.
    #[error("{0}")]
    Io(io::Error),
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::NotFound => Self::Gone,
            ErrorKind::InvalidData => Self::Other(error.to_string()),
            ErrorKind::UnexpectedEof => Self::Other("the file is shorter than what was stored of it".into()),
            _ => Self::Io(error),
        }
    }
}

impl Source {
    /// The stream `name` in the file at `path`, of which so much was stored.
    pub(crate) fn new(name: String, path: PathBuf, kind: Kind, stored: Option<&StreamPosition>) -> Self {
        Self {
            name,
            tail: Tail::new(path.clone(), stored.map_or(0, |stored| stored.next)),
            path,
            kind,
            mark: stored.and_then(Mark::of),
            limit: MAX_BATCH,
            long: None,
            ended: false,
            due: Instant::now(),
            behind: None,
            trouble: None,
            pause: Pause::default(),
            seen: (0, None),
            goal: None,
        }
    }

    /// Offset of what is posted next.
    pub(crate) fn offset(&self) -> u64 {
        self.tail.offset()
    }

    /// Whether the file still begins with what was stored.
    ///
    /// # Errors
    /// When it does not, or cannot be read.
    pub(crate) fn check(&mut self) -> Result<(), Fault> {
        if self.offset() == 0 {
            return Ok(());
        }
        let len = self.mark.as_ref().map_or(0, |mark| mark.len);
        let line = self.tail.before(len);
        match (line?, &self.mark) {
            (line, Some(mark)) if !mark.matches(&line) => {
                Err(Fault::Other(format!("the line that ends at {} is not the one stored", self.offset())))
            }
            _ => Ok(()),
        }
    }

    /// How many bytes stand after the offset. Opens the file.
    ///
    /// # Errors
    /// When it is not the file that it was, or cannot be read.
    pub(crate) fn waiting(&mut self) -> Result<u64, Fault> {
        Ok(if self.ended { 0 } else { self.tail.waiting()? })
    }

    /// From now on only what is there now is shipped.
    pub(crate) fn stop_here(&mut self) -> Result<(), Fault> {
        if self.goal.is_none() {
            self.goal = Some(self.offset() + self.waiting()?);
        }
        Ok(())
    }

    /// What is to be posted next. It is on disk.
    ///
    /// # Errors
    /// When it is not the file that it was, or cannot be read or synced.
    pub(crate) fn take(&mut self) -> Result<Found, Fault> {
        if self.ended || self.goal.is_some_and(|goal| self.offset() >= goal) {
            return Ok(Found::Nothing);
        }
        if let Some(scanned) = self.long {
            return self.take_long(scanned);
        }
        let Some(mut chunk) = self.tail.read(self.limit)? else { return Ok(Found::Nothing) };
        self.check()?;
        let whole = chunk.bytes.ends_with(b"\n");
        if whole && chunk.bytes.len() > self.limit {
            let line = chunk.bytes.iter().position(|&b| b == b'\n');
            chunk.bytes.truncate(line.map_or(0, |newline| newline + 1));
        }
        match self.kind {
            Kind::Records if !whole => return self.take_long(chunk.end()),
            Kind::Records => {}
            Kind::Cast => {
                let valid = match chunk.offset {
                    0 => cast::whole_lines(&chunk.bytes),
                    _ => cast::whole_events(&chunk.bytes),
                };
                chunk.bytes.truncate(valid);
            }
        }
        if chunk.bytes.is_empty() {
            tracing::warn!(
                stream = self.name,
                offset = chunk.offset,
                "the recording ends here: no valid line"
            );
            self.ended = true;
            return Ok(Found::Nothing);
        }
        self.tail.sync()?;
        Ok(Found::Lines(chunk))
    }

    fn take_long(&mut self, scanned: u64) -> Result<Found, Fault> {
        match self.tail.line_end(scanned, SCAN)? {
            Ok(end) => {
                self.long = Some(end - 1);
                self.tail.sync()?;
                Ok(Found::Long { offset: self.offset(), len: end - self.offset() })
            }
            Err(further) => {
                self.long = Some(further);
                Ok(if further - scanned < SCAN { Found::Nothing } else { Found::Unknown })
            }
        }
    }

    /// The dashboard has stored all before `next`; `lines` are what was posted.
    pub(crate) fn stored(&mut self, next: u64, lines: Option<&[u8]>) {
        let posted = lines.filter(|lines| self.offset() + lines.len() as u64 == next);
        let mark = posted.and_then(Mark::of_last);
        self.go_to(next);
        self.mark = mark;
        self.trouble = None;
        self.pause.reset();
    }

    /// Goes on where the dashboard says.
    pub(crate) fn go_to(&mut self, next: u64) {
        self.tail.go_to(next);
        self.seen.1 = None;
        self.mark = None;
        self.long = None;
    }

    /// These lines are more than the dashboard takes at once. Whether it is a single line, which no smaller post helps.
    pub(crate) fn too_large(&mut self, lines: &[u8]) -> bool {
        let single = lines.iter().position(|&b| b == b'\n') == Some(lines.len() - 1);
        self.limit = (lines.len() / 2).max(MIN_BATCH);
        single
    }

    /// Its file has this length.
    pub(crate) fn seen(&mut self, len: u64) {
        self.seen.0 = len;
    }

    /// Whether it is a recording that has not changed since nothing more was to be posted of it.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.is_cast() && self.seen.1 == Some(self.seen.0)
    }

    /// Whether it is a recording.
    pub(crate) fn is_cast(&self) -> bool {
        self.kind == Kind::Cast
    }

    /// Gives the descriptor back; it is opened again when need be.
    pub(crate) fn close(&mut self) {
        self.tail.close();
    }

    /// Nothing is to be posted now. A recording gives its descriptor back.
    pub(crate) fn rest(&mut self) {
        if self.is_cast() {
            self.seen.1 = Some(self.seen.0);
            self.tail.close();
        }
    }
}
