//! One line of a stream, read by itself: whether it is a record, and of what.

use crate::{
    codec::{self, Checksum, MAX_FOREIGN_LINE, MAX_SEQ},
    finding::FindingKind,
    kind::Kind,
};

/// A line that is a record by itself. Its place among others is its reader's matter.
pub struct Line<'l, K: Kind> {
    /// The line without what ends it.
    pub text: &'l str,
    /// The `seq` that it names.
    pub seq: Option<u64>,
    /// Tells it from others with the same `seq`.
    pub crc: u32,
    /// What it says.
    pub record: K::Record<'l>,
    max: u64,
}

impl<K: Kind> Line<'_, K> {
    /// Its `seq`, when `highest` is the highest before it.
    ///
    /// # Errors
    /// It is none that a record may have.
    pub fn number(&self, highest: u64) -> Result<u64, FindingKind> {
        let (seq, max) = (self.seq.unwrap_or(highest + 1), self.max);
        if seq == 0 || seq > max {
            return Err(FindingKind::Malformed(format!("seq is {seq}, expected 1 to {max}")));
        }
        Ok(seq)
    }
}

/// Reads a line by itself, without its newline and without [zeros](leading_zeros) before it; `None` for a blank one.
/// `log` is the only one whose lines are taken.
///
/// # Errors
/// It is no record of this log.
#[inline]
pub fn read_line<'l, K: Kind>(
    line: &'l [u8],
    offset: u64,
    log: Option<&str>,
) -> Result<Option<Line<'l, K>>, FindingKind> {
    if line.len() > MAX_FOREIGN_LINE {
        return Err(FindingKind::TooLong);
    }
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = if offset == 0 { line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line) } else { line };
    let blank = line.first().is_none_or(u8::is_ascii_whitespace) && line.trim_ascii().is_empty();
    if blank {
        return Ok(None);
    }
    let (checksum, crc) = codec::checksum(line);
    if checksum == Checksum::Wrong {
        return Err(FindingKind::Corrupt);
    }
    let text = std::str::from_utf8(line).map_err(|e| FindingKind::Malformed(e.to_string()))?;
    let record = K::parse(text).map_err(|e| FindingKind::Malformed(e.to_string()))?;
    let (named, seq) = K::identity(&record);
    if let (Some(log), Some(named)) = (log, named)
        && named != log
    {
        return Err(FindingKind::Foreign(codec::cut(named, 40)));
    }
    let max = if checksum == Checksum::Right { 2 * MAX_SEQ } else { MAX_SEQ };
    Ok(Some(Line { text, seq, crc, record, max }))
}

/// How many zeros a line begins with, as a crash leaves them; what follows may be a record.
pub fn leading_zeros(bytes: &[u8]) -> usize {
    bytes.iter().position(|&b| b != 0).unwrap_or(bytes.len())
}
