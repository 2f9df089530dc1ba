//! One stream's file: how bytes get into it so that nothing acknowledged is lost and nothing is doubled.
//!
//! The file only grows. A write after a bad tail, or after a write that failed or was cut short, begins with a
//! newline. After a failed sync what the file shows proves nothing, so the lines since the last good one are kept and
//! written again on pages of their own.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    ops::Range,
    path::PathBuf,
    sync::Arc,
};

use bytes::Bytes;
use workshop_events::{LogId, Stream};

use crate::{
    claim::Claim,
    disk,
    inbox::{Appended, Entry},
    replay::Recovered,
};

/// Lines written again after a failed sync begin at a multiple of this: larger than any page, so that none of them
/// shares one with bytes that the kernel has given up.
const BOUNDARY: u64 = 64 * 1024;

/// The file of one stream, open for appending.
pub(crate) struct LogFile {
    claim: Arc<Claim>,
    path: PathBuf,
    log: LogId,
    /// Length that the replay saw.
    replayed: u64,
    open: Option<Open>,
    next_seq: u64,
    /// Lines that may or may not be on disk, oldest first; their `seq` is theirs for good.
    unsynced: Vec<Appended>,
}

struct Open {
    file: File,
    len: u64,
    ends_in_newline: bool,
    /// Whether its name is durable.
    named: bool,
}

/// What became of a batch.
pub(crate) struct Outcome {
    /// On disk now, in `seq` order: lines of earlier batches that were in doubt, and then those of the batch's first
    /// entries.
    pub(crate) synced: Vec<Appended>,
    /// How many of the batch's entries have a `seq`: they are in `synced`, or in doubt when there is a `failure`.
    pub(crate) numbered: usize,
    /// How many of the batch's entries are on disk.
    pub(crate) acknowledged: usize,
    /// Why the other entries are not.
    pub(crate) failure: Option<io::Error>,
}

impl LogFile {
    pub(crate) fn new(claim: Arc<Claim>, stream: Stream, recovered: &Recovered) -> Self {
        Self {
            path: claim.dir.join(stream.file_name()),
            log: claim.info.log,
            claim,
            replayed: recovered.len,
            open: None,
            next_seq: recovered.highest + 1,
            unsynced: Vec::new(),
        }
    }

    /// Whether lines wait to be written again.
    pub(crate) fn in_doubt(&self) -> bool {
        !self.unsynced.is_empty()
    }

    /// Appends a batch, after what is in doubt.
    pub(crate) fn append(&mut self, batch: &[Entry]) -> Outcome {
        let mut outcome = Outcome { synced: Vec::new(), numbered: 0, acknowledged: 0, failure: None };
        if self.in_doubt() {
            match self.repair() {
                Ok(synced) => outcome.synced = synced,
                Err(error) => return Outcome { failure: Some(error), ..outcome },
            }
        }
        if batch.is_empty() {
            return outcome;
        }
        if let Err(error) = self.ensure_open() {
            return Outcome { failure: Some(error), ..outcome };
        }
        let (bytes, lines) = self.encode(batch);
        let (written, failure) = match self.write(&bytes) {
            Ok(()) => (bytes.len(), None),
            Err((written, error)) => (written, Some(error)),
        };
        // A line whose every byte but the newline is in the file counts as soon as the next write begins with one.
        // One that is cut earlier is no JSON: the next record may have its `seq`.
        let bytes = Bytes::from(bytes);
        let lines = lines.iter().take_while(|line| line.end <= written).map(|line| bytes.slice(line.clone()));
        let kept: Vec<Appended> = (self.next_seq..)
            .zip(batch)
            .zip(lines)
            .map(|((seq, entry), line)| Appended { seq, ts: entry.ts, line, record: entry.record.clone() })
            .collect();
        self.next_seq += kept.len() as u64;
        outcome.numbered = kept.len();
        outcome.failure = failure;
        if kept.is_empty() {
            return outcome;
        }
        self.unsynced = kept;
        match self.settle() {
            Ok(synced) => {
                outcome.acknowledged = synced.len();
                outcome.synced.extend(synced);
            }
            Err(error) => outcome.failure = Some(error),
        }
        outcome
    }

    /// Syncs what was written. When that fails, writes it again once at once.
    fn settle(&mut self) -> io::Result<Vec<Appended>> {
        match self.sync() {
            Ok(()) => Ok(std::mem::take(&mut self.unsynced)),
            Err(error) => {
                tracing::error!(%error, file = %self.path.display(), "sync failed; writing the lines again");
                self.repair()
            }
        }
    }

    /// Writes what is in doubt again, through a new descriptor and on pages of its own.
    fn repair(&mut self) -> io::Result<Vec<Appended>> {
        self.open = None;
        self.claim.ensure()?;
        let open = Open::new(&self.path)?;
        let mut bytes = padding(open.len);
        self.open = Some(open);
        for appended in &self.unsynced {
            bytes.extend_from_slice(&appended.line);
            bytes.push(b'\n');
        }
        self.write(&bytes).map_err(|(_, error)| error)?;
        self.sync()?;
        Ok(std::mem::take(&mut self.unsynced))
    }

    /// The bytes of a batch, and each line's place in them without its newline.
    fn encode(&self, batch: &[Entry]) -> (Vec<u8>, Vec<Range<usize>>) {
        let mut bytes =
            Vec::with_capacity(batch.iter().map(|entry| entry.body.line_bound()).sum::<usize>() + 1);
        if self.open.as_ref().is_some_and(|open| !open.ends_in_newline) {
            bytes.push(b'\n');
        }
        let mut lines = Vec::with_capacity(batch.len());
        for (seq, entry) in (self.next_seq..).zip(batch) {
            let start = bytes.len();
            entry.body.write_line(self.log, seq, entry.ts, &mut bytes);
            lines.push(start..bytes.len() - 1);
        }
        (bytes, lines)
    }

    fn ensure_open(&mut self) -> io::Result<()> {
        if self.open.is_none() {
            self.claim.ensure()?;
            let open = Open::new(&self.path)?;
            if !self.claim.locked_at_start && open.len != self.replayed {
                return Err(io::Error::other("another backend wrote to this volume since it was read"));
            }
            self.open = Some(open);
        }
        Ok(())
    }

    /// Writes at the end. An error comes with how many bytes of it may be in the file.
    fn write(&mut self, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let Some(open) = &mut self.open else {
            return Err((0, io::ErrorKind::NotFound.into()));
        };
        let result = disk::write_all(&open.file, bytes);
        let written = match &result {
            Ok(()) => bytes.len(),
            // A failed call may have left more than it said.
            Err((written, _)) => match open.file.metadata() {
                Ok(metadata) => {
                    let grown = metadata.len().saturating_sub(open.len);
                    usize::try_from(grown).unwrap_or(bytes.len()).clamp(*written, bytes.len())
                }
                Err(_) => bytes.len(),
            },
        };
        open.len += written as u64;
        open.ends_in_newline = result.is_ok();
        result.map_err(|(_, error)| (written, error))
    }

    fn sync(&mut self) -> io::Result<()> {
        let Some(open) = &mut self.open else {
            return Err(io::ErrorKind::NotFound.into());
        };
        disk::sync(&open.file)?;
        if !open.named {
            disk::sync_dir(&self.claim.dir)?;
            open.named = true;
        }
        Ok(())
    }
}

impl Open {
    fn new(path: &std::path::Path) -> io::Result<Self> {
        let mut file = disk::open_append(path)?;
        let len = file.seek(SeekFrom::End(0))?;
        let mut last = [b'\n'];
        if len > 0 {
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
        }
        Ok(Self { file, len, ends_in_newline: last == [b'\n'], named: false })
    }
}

/// A blank line from `len` to the next boundary. It begins with a newline, in case the file does not end in one.
fn padding(len: u64) -> Vec<u8> {
    let len = usize::try_from(BOUNDARY - len % BOUNDARY).unwrap_or_default();
    let mut blank = vec![b' '; len];
    if let (Some(first), true) = (blank.first_mut(), len > 1) {
        *first = b'\n';
    }
    if let Some(last) = blank.last_mut() {
        *last = b'\n';
    }
    blank
}
