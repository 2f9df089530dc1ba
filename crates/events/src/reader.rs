//! Reads a stream from its bytes: splits lines, checks them, puts records in `seq` order, and reports what it finds
//! wrong without stopping. Memory is bounded however long the stream or a line is.

use std::{collections::BTreeMap, marker::PhantomData};

use crate::{
    LogId,
    codec::MAX_FOREIGN_LINE,
    finding::{Finding, FindingKind},
    kind::Kind,
    line::{Line, leading_zeros, read_line},
};

/// After a failed sync the writer repeats at most this many bytes. So a hole in `seq` is waited for, and a repeat
/// recognised, over twice as much.
const WINDOW_BYTES: usize = 2 * 1024 * 1024;
/// The fewest bytes that one of our lines has, hence the most lines that the window holds.
const WINDOW_LINES: usize = WINDOW_BYTES / 64;

/// A record of the stream, with the line that it was read from.
pub struct Item<'l, K: Kind> {
    /// Its number in the stream.
    pub seq: u64,
    /// Byte offset of its line.
    pub offset: u64,
    /// The line without its newline.
    pub line: &'l str,
    /// What the line says.
    pub record: K::Record<'l>,
}

/// A reader of one stream of one log. Feed it the file's bytes in order.
pub struct StreamReader<K> {
    log: Option<String>,
    /// Bytes of a line whose newline has not come.
    partial: Vec<u8>,
    /// The bytes of the line in `partial` that were dropped because it is too long.
    dropped: u64,
    /// Zeros before the line in `partial`, as a crash leaves them; they are counted, however many they are.
    zeros: u64,
    offset: u64,
    last: u64,
    highest: u64,
    /// `seq` and checksum of the last lines, each at `seq` modulo the length, to tell a repeat from a conflict.
    recent: Vec<(u64, u32)>,
    /// Records after a hole in `seq`, waiting for it to be filled.
    held: BTreeMap<u64, (u64, String)>,
    held_bytes: usize,
    findings: Vec<Finding>,
    repeats: u64,
    kind: PhantomData<fn() -> K>,
}

impl<K: Kind> StreamReader<K> {
    /// A reader at the beginning of a stream. Without `log` lines of any log are taken.
    pub fn new(log: Option<LogId>) -> Self {
        Self {
            log: log.map(|log| log.to_string()),
            partial: Vec::new(),
            dropped: 0,
            zeros: 0,
            offset: 0,
            last: 0,
            highest: 0,
            recent: vec![(0, 0); WINDOW_LINES],
            held: BTreeMap::new(),
            held_bytes: 0,
            findings: Vec::new(),
            repeats: 0,
            kind: PhantomData,
        }
    }

    /// Byte offset up to which whole lines were read.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The highest `seq` read so far; a writer goes on from it.
    pub fn highest(&self) -> u64 {
        self.highest
    }

    /// How many lines repeated an earlier one, as a writer does after a failed sync. They are nothing wrong.
    pub fn repeats(&self) -> u64 {
        self.repeats
    }

    /// What was found wrong since the last call, in the order of the file.
    pub fn take_findings(&mut self) -> Vec<Finding> {
        std::mem::take(&mut self.findings)
    }

    /// Whether bytes of an unfinished line were read.
    pub fn has_partial_line(&self) -> bool {
        !self.partial.is_empty() || self.dropped > 0 || self.zeros > 0
    }

    /// Reads the next bytes and gives each record, in `seq` order, to `take`.
    pub fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Item<'_, K>)) {
        while let Some(newline) = memchr::memchr(b'\n', bytes) {
            let (line, rest) = (&bytes[..newline], &bytes[newline + 1..]);
            bytes = rest;
            if self.has_partial_line() {
                self.extend_partial(line);
                let whole = std::mem::take(&mut self.partial);
                self.line(&whole, &mut take);
                self.partial = whole;
                self.partial.clear();
            } else {
                self.line(line, &mut take);
            }
        }
        self.extend_partial(bytes);
    }

    /// Ends the stream as it stands: what waits for a hole is given out, and a cut-off last line is reported. The
    /// reader can go on being fed afterwards (a follower calls this whenever it has caught up).
    pub fn catch_up(&mut self, mut take: impl FnMut(Item<'_, K>)) {
        self.release(&mut take, 0);
    }

    /// Ends the stream as the writer does, whose next write begins with a newline: a cut-off last line that parses
    /// counts, another is reported. The reader cannot be fed afterwards.
    pub fn end(&mut self, mut take: impl FnMut(Item<'_, K>)) {
        let before = self.findings.len();
        let partial = std::mem::take(&mut self.partial);
        self.line(&partial, &mut take);
        self.offset -= 1;
        for finding in &mut self.findings[before..] {
            if matches!(finding.kind, FindingKind::Malformed(_) | FindingKind::Corrupt) {
                finding.kind = FindingKind::Torn;
            }
        }
    }

    /// Reports a cut-off last line, if there is one. Its bytes stay: a newline may still make it whole.
    pub fn report_torn(&mut self) {
        if self.has_partial_line() {
            let rest = self.partial.len() as u64 + self.dropped;
            let kind = if rest == 0 { FindingKind::Zeros } else { FindingKind::Torn };
            self.findings.push(Finding { offset: self.offset, len: self.zeros + rest, kind });
        }
    }

    fn extend_partial(&mut self, mut bytes: &[u8]) {
        if self.partial.is_empty() && self.dropped == 0 {
            let zeros = leading_zeros(bytes);
            self.zeros += zeros as u64;
            bytes = &bytes[zeros..];
        }
        let room = MAX_FOREIGN_LINE.saturating_sub(self.partial.len());
        let (kept, dropped) = bytes.split_at(bytes.len().min(room));
        self.partial.extend_from_slice(kept);
        self.dropped += dropped.len() as u64;
    }

    fn line(&mut self, line: &[u8], take: &mut impl FnMut(Item<'_, K>)) {
        let offset = self.offset;
        // What a crash left as zeros may run into the first line after it.
        let leading = leading_zeros(line);
        let zeros = std::mem::take(&mut self.zeros) + leading as u64;
        let line = &line[leading..];
        let rest = line.len() as u64 + std::mem::take(&mut self.dropped);
        let len = zeros + rest;
        self.offset += len + 1;
        if zeros > 0 {
            self.findings.push(Finding { offset, len: zeros, kind: FindingKind::Zeros });
        }
        let admitted = if rest > MAX_FOREIGN_LINE as u64 {
            Err(FindingKind::TooLong)
        } else {
            self.admit(line, offset, take)
        };
        if let Err(kind) = admitted {
            self.findings.push(Finding { offset, len, kind });
        }
    }

    fn admit(
        &mut self,
        line: &[u8],
        offset: u64,
        take: &mut impl FnMut(Item<'_, K>),
    ) -> Result<(), FindingKind> {
        let Some(line) = read_line::<K>(line, offset, self.log.as_deref())? else { return Ok(()) };
        let seq = line.number(self.highest)?;
        let Line { text, crc, record, .. } = line;
        if seq <= self.highest && self.known(seq, crc)? {
            self.repeats += 1;
            return Ok(());
        }
        self.remember(seq, crc);
        self.highest = self.highest.max(seq);
        if seq == self.last + 1 {
            self.last = seq;
            take(Item { seq, offset, line: text, record });
            self.release_following(take);
        } else {
            self.held_bytes += text.len();
            self.held.insert(seq, (offset, text.to_owned()));
            self.release(take, WINDOW_BYTES);
        }
        Ok(())
    }

    /// Whether `seq`, not above the highest, was read before: the same bytes are the same record.
    fn known(&self, seq: u64, crc: u32) -> Result<bool, FindingKind> {
        match self.recent[seq as usize % WINDOW_LINES] {
            (known, bytes) if known == seq && bytes == crc => Ok(true),
            (known, _) if known == seq => Err(FindingKind::Conflict(seq)),
            // A hole that is still waited for.
            _ if seq > self.last => Ok(false),
            _ => Err(FindingKind::Conflict(seq)),
        }
    }

    fn remember(&mut self, seq: u64, crc: u32) {
        self.recent[seq as usize % WINDOW_LINES] = (seq, crc);
    }

    fn release_following(&mut self, take: &mut impl FnMut(Item<'_, K>)) {
        while !self.held.is_empty()
            && let Some((offset, text)) = self.held.remove(&(self.last + 1))
        {
            self.last += 1;
            self.give(self.last, offset, &text, take);
        }
    }

    /// Gives up on holes until at most `keep` bytes wait.
    fn release(&mut self, take: &mut impl FnMut(Item<'_, K>), keep: usize) {
        while (self.held_bytes > keep || keep == 0)
            && let Some((seq, (offset, text))) = self.held.pop_first()
        {
            if seq > self.last + 1 {
                let kind = FindingKind::Gap { from: self.last + 1, to: seq - 1 };
                self.findings.push(Finding { offset, len: text.len() as u64, kind });
            }
            self.last = seq;
            self.give(seq, offset, &text, take);
        }
    }

    fn give(&mut self, seq: u64, offset: u64, text: &str, take: &mut impl FnMut(Item<'_, K>)) {
        self.held_bytes = self.held_bytes.saturating_sub(text.len());
        // It parsed when it was held.
        if let Ok(record) = K::parse(text) {
            take(Item { seq, offset, line: text, record });
        }
    }
}
