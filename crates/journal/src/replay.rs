//! Reads a stream from its file, from the beginning to where it ends now. Takes no lock and writes nothing.

use std::{
    io::{self, Read},
    path::Path,
};

use crate::regular;
use workshop_events::{Finding, Item, Kind, LogId, StreamReader, Timestamp};

/// At most this many findings of a replay are kept; all are counted.
pub const MAX_FINDINGS: usize = 100;

const CHUNK: usize = 256 * 1024;

/// What a replay came to.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// The highest `seq` in the stream; 0 for an empty one. A writer goes on from it.
    pub highest: u64,
    /// Time of the last record.
    pub last_ts: Option<Timestamp>,
    /// Length of the file in bytes.
    pub len: u64,
    /// Whether the file is empty or ends in a newline. Otherwise a write was cut off.
    pub ends_in_newline: bool,
    /// The first [`MAX_FINDINGS`] things that are not as they should be.
    pub findings: Vec<Finding>,
    /// How many there are.
    pub findings_total: u64,
    /// Lines that repeated an earlier one, as a writer does after a failed sync.
    pub repeats: u64,
}

impl Recovered {
    fn report(&mut self, findings: Vec<Finding>) {
        self.findings_total += findings.len() as u64;
        let room = MAX_FINDINGS - self.findings.len();
        self.findings.extend(findings.into_iter().take(room));
    }
}

/// Who replays: it matters for a last line without a newline.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A reader beside a writer, who may be about to write the rest of the line.
    Reader,
    /// The writer, whose next write begins with a newline: a last line that parses will count, so it counts now.
    Writer,
}

/// Replays a stream of the log in `dir` through `take`, in `seq` order, without a lock. Lines of other logs are
/// reported and left out when `log` is given. A stream without a file is empty.
///
/// # Errors
/// When the file is there and cannot be read.
pub fn replay_dir<K: Kind>(
    dir: &Path,
    log: Option<LogId>,
    take: impl FnMut(Item<'_, K>),
) -> io::Result<Recovered> {
    replay_as(Role::Reader, dir, log, take)
}

pub(crate) fn replay_as<K: Kind>(
    role: Role,
    dir: &Path,
    log: Option<LogId>,
    mut take: impl FnMut(Item<'_, K>),
) -> io::Result<Recovered> {
    let mut recovered = Recovered { ends_in_newline: true, ..Recovered::default() };
    let mut file = match regular::open(&dir.join(K::STREAM.file_name())) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(recovered),
        Err(error) => return Err(error),
    };
    if role == Role::Writer {
        // The page cache shows what a killed writer wrote and never synced; what is told from here on is on disk.
        if let Err(error) = crate::disk::sync(&file) {
            tracing::error!(%error, file = K::STREAM.file_name(), "what the file shows may not be on disk");
        }
    }
    let mut reader = StreamReader::<K>::new(log);
    let mut chunk = vec![0; CHUNK];
    let mut last_ts = None;
    let mut take = |item: Item<'_, K>| {
        last_ts = Some(K::ts(&item.record));
        take(item);
    };
    loop {
        let n = match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        reader.feed(&chunk[..n], &mut take);
        recovered.len += n as u64;
        recovered.ends_in_newline = chunk[n - 1] == b'\n';
        recovered.report(reader.take_findings());
    }
    match role {
        Role::Writer => reader.end(&mut take),
        Role::Reader => reader.report_torn(),
    }
    reader.catch_up(&mut take);
    recovered.report(reader.take_findings());
    recovered.highest = reader.highest();
    recovered.repeats = reader.repeats();
    recovered.last_ts = last_ts;
    Ok(recovered)
}
