//! One line of a JSONL stream: how it is written, and what makes one whole.

use serde::{Deserialize, Serialize, de::Error};

use crate::{LogId, Timestamp};

/// A line longer than this, its newline included, is never written.
pub const MAX_LINE: usize = 64 * 1024;
/// Lines of other tools that are longer than this are reported and skipped.
pub const MAX_FOREIGN_LINE: usize = 1024 * 1024;
/// The highest `seq` that is read from a line of another tool. Ours, known by their checksum, may go on to twice this,
/// which a JSON number still holds exactly: so a writer that goes on from any line never runs out.
pub const MAX_SEQ: u64 = 1 << 52;

const CRC_KEY: &[u8] = b",\"crc\":\"";
const CRC_END: &[u8] = b"\"}";
/// Length of `,"crc":"00000000"}`.
const CRC_TAIL: usize = CRC_KEY.len() + 8 + CRC_END.len();

/// At most what the writer adds to a record's own object.
const AROUND: usize =
    r#"{"log":"0123456789abcdef","seq":4503599627370496,"ts":"2026-01-01T00:00:00.000Z","#.len() + CRC_TAIL
        - "{}".len()
        + "\n".len();

/// Why a record cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// The record is longer than [`MAX_LINE`]; whoever made it must cut what can be long.
    #[error("a line of {0} bytes is longer than {MAX_LINE}")]
    TooLong(usize),
    /// The record is not a JSON object with at least one field.
    #[error("a record must be a JSON object: {0}")]
    NotAnObject(String),
}

/// The fields of a record that its writer does not set itself: an object such as `{"event":"step_viewed","step":"x"}`.
#[derive(Clone, Debug)]
pub struct Body(Vec<u8>);

impl Body {
    /// Encodes the fields of `record`, which must be an object.
    ///
    /// # Errors
    /// When it is not one, or cannot fit a line.
    pub fn new(record: &impl Serialize) -> Result<Self, EncodeError> {
        let json = serde_json::to_vec(record).map_err(|e| EncodeError::NotAnObject(e.to_string()))?;
        if json.len() < 3 || json[0] != b'{' {
            return Err(EncodeError::NotAnObject(
                String::from_utf8_lossy(&json[..json.len().min(40)]).into(),
            ));
        }
        let whole = json.len() + AROUND;
        if whole > MAX_LINE { Err(EncodeError::TooLong(whole)) } else { Ok(Self(json)) }
    }

    /// At most how many bytes its line has, the newline included.
    pub fn line_bound(&self) -> usize {
        self.0.len() + AROUND
    }

    /// Appends the whole line to `out`: `log`, `seq` and `ts` before the body, the checksum and the newline after it.
    pub fn write_line(&self, log: LogId, seq: u64, ts: Timestamp, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(br#"{"log":""#);
        out.extend_from_slice(&hex_digits::<16>(log.bits()));
        out.extend_from_slice(br#"","seq":"#);
        write_decimal(seq, out);
        out.extend_from_slice(br#","ts":""#);
        out.extend_from_slice(&ts.digits());
        out.extend_from_slice(br#"","#);
        out.extend_from_slice(&self.0[1..self.0.len() - 1]);
        let crc = crc32c::crc32c(&out[start..]);
        out.extend_from_slice(CRC_KEY);
        out.extend_from_slice(&hex_digits::<8>(crc.into()));
        out.extend_from_slice(CRC_END);
        out.push(b'\n');
    }
}

/// The last `N` lowercase hex digits of a number.
fn hex_digits<const N: usize>(mut number: u64) -> [u8; N] {
    let mut digits = [0; N];
    for digit in digits.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(number & 0xf) as usize];
        number >>= 4;
    }
    digits
}

fn write_decimal(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// What a line says of its own bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Checksum {
    /// The line carries none (another tool wrote it).
    Absent,
    /// It is right.
    Right,
    /// The bytes are not those that were written.
    Wrong,
}

/// The end of a line where its checksum stands, and what is before it.
struct Tail<'l> {
    before: &'l [u8],
    key: &'l [u8],
    digits: &'l [u8; 8],
    end: &'l [u8],
}

impl<'l> Tail<'l> {
    fn of(line: &'l [u8]) -> Option<Self> {
        let (before, tail) = line.split_at_checked(line.len().checked_sub(CRC_TAIL)?)?;
        let (key, tail) = tail.split_at_checked(CRC_KEY.len())?;
        let (digits, end) = tail.split_first_chunk()?;
        Some(Self { before, key, digits, end })
    }
}

/// Checks the CRC-32C at the end of a line (without its newline). Also gives a CRC of the line that tells it from
/// others with the same `seq`.
pub fn checksum(line: &[u8]) -> (Checksum, u32) {
    let Some(Tail { before, key, digits, end }) = Tail::of(line) else {
        return (Checksum::Absent, crc32c::crc32c(line));
    };
    let ours = key == CRC_KEY && end == CRC_END;
    let changed = || key.iter().chain(end).zip(CRC_KEY.iter().chain(CRC_END)).filter(|(a, b)| a != b).count();
    if !ours && changed() > 1 {
        return (Checksum::Absent, crc32c::crc32c(line));
    }
    let crc = crc32c::crc32c(before);
    match (ours, *digits == hex_digits::<8>(crc.into())) {
        (true, true) => (Checksum::Right, crc),
        (true, false) => (Checksum::Wrong, crc),
        // One byte of the key is changed, and the checksum is that of our bytes: the line was ours.
        (false, true) => (Checksum::Wrong, crc),
        // Another tool's line, with a key much like ours.
        (false, false) => (Checksum::Absent, crc32c::crc32c(line)),
    }
}

/// The fields that [`Body::write_line`] puts around a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Envelope<'l> {
    /// The log that the line names.
    pub(crate) log: &'l str,
    /// Its number in the stream.
    pub(crate) seq: u64,
    /// Its time.
    pub(crate) ts: Timestamp,
    /// The body's fields, without braces. They need not be JSON.
    pub(crate) fields: &'l str,
}

/// Takes a line apart that has the form that [`Body::write_line`] gives it; `None` for any other. Checks the form of
/// the checksum, not its value.
pub(crate) fn envelope(line: &str) -> Option<Envelope<'_>> {
    let Tail { before, key, digits, end } = Tail::of(line.as_bytes())?;
    let (log, rest) = line.get(..before.len())?.strip_prefix(r#"{"log":""#)?.split_at_checked(16)?;
    let exact = key == CRC_KEY && end == CRC_END && are_hex(digits) && are_hex(log.as_bytes());
    let number = rest.strip_prefix(r#"","seq":"#)?;
    let (mut seq, mut len) = (0, 0);
    // So many digits that they always fit.
    for digit in number.bytes().take(17).take_while(u8::is_ascii_digit) {
        (seq, len) = (seq * 10 + u64::from(digit - b'0'), len + 1);
    }
    let (ts, rest) = number.get(len..)?.strip_prefix(r#","ts":""#)?.split_at_checked(24)?;
    let fields = rest.strip_prefix("\",")?;
    let exact = exact && len > 0 && !number.starts_with('0');
    exact.then_some(Envelope { log, seq, ts: Timestamp::parse(ts)?, fields })
}

/// Whether all are lowercase hex digits. Looks at every one: the compiler does that for many at once.
fn are_hex(digits: &[u8]) -> bool {
    digits.iter().fold(true, |all, digit| all & matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Reads a JSON object. (What serde derives for a struct would take an array of its fields, too.)
pub(crate) fn object<'l, T: Deserialize<'l>>(line: &'l str) -> Result<T, serde_json::Error> {
    if line.trim_start().starts_with('[') {
        return Err(serde_json::Error::custom("invalid type: sequence, expected an object"));
    }
    serde_json::from_str(line)
}

/// `text` with at most `max` characters; one that was longer ends in `…`.
pub fn cut(text: &str, max: usize) -> String {
    match text.char_indices().nth(max) {
        None => text.to_owned(),
        Some(_) => text.chars().take(max.saturating_sub(1)).chain(['…']).collect(),
    }
}
