//! What the lines of a body are, told from the cursor alone: pure, no database.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use workshop_events::FindingKind;
use workshop_events::line::{leading_zeros, read_line};

use crate::projections::{Projected, columns};
use crate::store::copy::CopyRows;

/// How much of a line is kept in quarantine, in bytes.
const KEPT: usize = 64 * 1024;
/// Reasons are cut at so many characters: a parser may quote the line.
const MAX_REASON: usize = 300;
/// So many lines are looked at together: memory stays bounded whatever the lines are.
pub const MAX_LINES: usize = 8 * 1024;

/// A position in a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Offset of the next byte.
    pub next: u64,
    /// Highest `seq` so far.
    pub seq: u64,
}

/// A record with its place.
pub struct Found<'l, K: Projected> {
    /// Its number in the stream.
    pub seq: u64,
    /// Byte offset of its line.
    pub offset: u64,
    /// Its line.
    pub line: &'l str,
    /// What it says.
    pub record: K::Record<'l>,
}

/// A line that is no record, or not this place's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Byte offset of the line.
    pub offset: u64,
    /// SHA-256 of the whole line.
    pub sha256: [u8; 32],
    /// What is wrong with it.
    pub reason: String,
    /// Its first bytes.
    pub line: Vec<u8>,
}

/// What a piece of a stream holds.
pub struct Piece<'l, K: Projected> {
    /// Records with a `seq` above where the piece begins, in the order of `seq`, each once.
    pub records: Vec<Found<'l, K>>,
    /// Records with an earlier `seq`, in the order of the file: to be compared with what is stored.
    pub late: Vec<Found<'l, K>>,
    /// Lines that are none.
    pub refused: Vec<Refused>,
    /// First and last missing `seq` of each hole.
    pub gaps: Vec<(u64, u64)>,
    /// Where the piece ends.
    pub end: Position,
    /// Its last line with its newline.
    pub last: &'l [u8],
}

impl Refused {
    /// `line` is without its newline.
    pub fn new(offset: u64, line: &[u8], reason: &str) -> Self {
        Self {
            offset,
            sha256: Sha256::digest(line).into(),
            reason: workshop_events::codec::cut(&columns::shown(reason), MAX_REASON),
            line: line[..line.len().min(KEPT)].to_vec(),
        }
    }

    /// A record in whose place another stands.
    pub fn conflict(offset: u64, line: &[u8], seq: u64) -> Self {
        Self::new(offset, line, &format!("conflict: another line is record {seq}"))
    }
}

/// `quarantine` and its columns.
pub const QUARANTINE: &str = "quarantine (workspace, log, stream, \"offset\", sha256, reason, line)";

/// Rows of `quarantine`. A line has one, the last thing that is wrong with it.
pub fn quarantine(workspace: &str, log: &str, stream: &str, refused: Vec<Refused>) -> CopyRows {
    let by_offset: BTreeMap<u64, Refused> = refused.into_iter().map(|line| (line.offset, line)).collect();
    let mut rows = CopyRows::default();
    for line in by_offset.values() {
        let mut row = rows.row(7);
        row.put(workspace).put(log).put(stream).put(columns::bigint(line.offset));
        row.put(line.sha256.as_slice()).put(line.reason.as_str()).put(line.line.as_slice());
    }
    rows
}

/// Looks at the next lines of `bytes`, which end in a newline; gives what they are, and the bytes after them.
pub fn read<'l, K: Projected>(
    log: &str,
    begin: Position,
    bytes: &'l [u8],
    max_lines: usize,
) -> (Piece<'l, K>, &'l [u8]) {
    let mut piece = Piece {
        records: Vec::new(),
        late: Vec::new(),
        refused: Vec::new(),
        gaps: Vec::new(),
        end: begin,
        last: &[],
    };
    let mut rest = bytes;
    for _ in 0..max_lines {
        let Some(newline) = memchr::memchr(b'\n', rest) else { break };
        let (line, after) = rest.split_at(newline + 1);
        piece.line(log, begin.seq, &line[..newline]);
        piece.end.next += line.len() as u64;
        piece.last = line;
        rest = after;
    }
    piece.order();
    piece.find_gaps(begin.seq);
    (piece, rest)
}

impl<'l, K: Projected> Piece<'l, K> {
    fn line(&mut self, log: &str, known: u64, line: &'l [u8]) {
        let offset = self.end.next;
        let zeros = leading_zeros(line);
        let reason = match self.record(log, known, offset, &line[zeros..]) {
            Err(reason) => reason,
            // What stands after zeros that a crash left counts; the zeros are told.
            Ok(()) if zeros > 0 => {
                let reason = FindingKind::Zeros.to_string();
                return self.refused.push(Refused::new(offset, &line[..zeros], &reason));
            }
            Ok(()) => return,
        };
        self.refused.push(Refused::new(offset, line, &reason.to_string()));
    }

    fn record(&mut self, log: &str, known: u64, offset: u64, line: &'l [u8]) -> Result<(), FindingKind> {
        let Some(line) = read_line::<K>(line, offset, Some(log))? else { return Ok(()) };
        let seq = line.number(self.end.seq)?;
        let found = Found { seq, offset, line: line.text, record: line.record };
        if seq > known {
            self.end.seq = self.end.seq.max(seq);
            self.records.push(found);
        } else {
            self.late.push(found);
        }
        Ok(())
    }

    /// Brings the records into order; of several with one `seq` the first in the file counts.
    fn order(&mut self) {
        if self.records.is_sorted_by(|a, b| a.seq < b.seq) {
            return;
        }
        self.records.sort_by_key(|found| found.seq);
        let refused = &mut self.refused;
        self.records.dedup_by(|later, first| {
            if later.seq == first.seq && later.line != first.line {
                refused.push(Refused::conflict(later.offset, later.line.as_bytes(), later.seq));
            }
            later.seq == first.seq
        });
    }

    fn find_gaps(&mut self, known: u64) {
        let mut last = known;
        for found in &self.records {
            if found.seq > last + 1 {
                self.gaps.push((last + 1, found.seq - 1));
            }
            last = found.seq;
        }
    }
}
