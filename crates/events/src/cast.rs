//! Terminal recordings: asciicast v2, a header line and then one event a line. Values out, no IO.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Text, codec};

/// The first line of a cast.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "CastHeader")]
pub struct Header {
    /// Always 2.
    pub version: u8,
    /// Columns at the beginning.
    pub width: u16,
    /// Rows at the beginning.
    pub height: u16,
    /// When it began, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timestamp: Option<i64>,
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `SHELL` and `TERM`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env: Option<std::collections::BTreeMap<String, String>>,
}

/// What happened at one moment of a cast.
#[derive(Clone, Debug, PartialEq)]
pub struct CastEvent<'a> {
    /// Seconds since the session's opening.
    pub time: f64,
    /// `o` output, `i` input, `r` resize, `m` marker; other codes are passed over by players.
    pub code: char,
    /// Output or input text, `<columns>x<rows>`, or a marker's label.
    pub data: Text<'a>,
}

/// Why a line is not of a cast.
#[derive(Debug, thiserror::Error)]
pub enum CastError {
    /// Not the JSON that it should be.
    #[error("not a line of an asciicast: {0}")]
    Json(#[from] serde_json::Error),
    /// Another version, or a size that no terminal has.
    #[error("not an asciicast v2 header: {0}")]
    Header(String),
    /// A time that is negative or not a number, or a code that is not one character.
    #[error("not an asciicast v2 event: {0}")]
    Event(String),
}

impl Header {
    /// Reads the first line.
    ///
    /// # Errors
    /// When it is not a v2 header with a size between 1 and 10,000.
    pub fn parse(line: &str) -> Result<Self, CastError> {
        let header: Self = codec::object(line)?;
        if header.version != 2 {
            return Err(CastError::Header(format!("version is {}, expected 2", header.version)));
        }
        for (name, value) in [("width", header.width), ("height", header.height)] {
            if !(1..=10_000).contains(&value) {
                return Err(CastError::Header(format!("{name} is {value}, expected 1 to 10000")));
            }
        }
        Ok(header)
    }
}

impl<'a> CastEvent<'a> {
    /// Reads one event line.
    ///
    /// # Errors
    /// When it is not `[time, code, data]`.
    pub fn parse(line: &'a str) -> Result<Self, CastError> {
        let (time, code, data): (f64, Text<'a>, Text<'a>) = serde_json::from_str(line)?;
        if !(time.is_finite() && time >= 0.0) {
            return Err(CastError::Event(format!("time is {time}, expected seconds from 0")));
        }
        let mut chars = code.chars();
        match (chars.next(), chars.next()) {
            (Some(code), None) => Ok(Self { time, code, data }),
            _ => Err(CastError::Event(format!("code is {:?}, expected one character", code.as_str()))),
        }
    }

    /// Appends the event's line to `out`, with times to the microsecond.
    pub fn write_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(format!("[{:.6}, ", self.time).as_bytes());
        write_json_string(self.code.encode_utf8(&mut [0; 4]), out);
        out.extend_from_slice(b", ");
        write_json_string(self.data.as_str(), out);
        out.extend_from_slice(b"]\n");
    }
}

fn write_json_string(text: &str, out: &mut Vec<u8>) {
    // Writing a string into a Vec cannot fail; serde_json reports I/O errors only.
    let _ = serde_json::to_writer(out, text);
}

/// How many of these first bytes of a cast are whole valid lines: what serves or ships a cast stops there.
pub fn whole_lines(bytes: &[u8]) -> usize {
    let header = bytes.split_inclusive(|&b| b == b'\n').next().unwrap_or_default();
    match whole_line(header).and_then(|text| Header::parse(text).ok()) {
        Some(_) => header.len() + whole_events(&bytes[header.len()..]),
        None => 0,
    }
}

/// How many of these bytes, which follow whole valid lines of a cast, are such lines, too: [`whole_lines`] of the rest
/// without the beginning.
pub fn whole_events(bytes: &[u8]) -> usize {
    let lines = bytes.split_inclusive(|&b| b == b'\n');
    lines
        .take_while(|line| whole_line(line).is_some_and(|text| CastEvent::parse(text).is_ok()))
        .map(<[u8]>::len)
        .sum()
}

fn whole_line(line: &[u8]) -> Option<&str> {
    line.ends_with(b"\n").then(|| std::str::from_utf8(line).ok()).flatten()
}
