//! Recordings, read line by line: memory is bounded however long a file or a line in it is.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

use workshop_events::codec::MAX_FOREIGN_LINE;

/// Reads a cast from its beginning.
pub(crate) struct CastLines<R> {
    input: BufReader<R>,
    line: Vec<u8>,
    /// Where the next line begins.
    offset: u64,
}

/// One line of a cast.
pub(crate) struct CastLine<'a> {
    /// Byte offset of its first byte.
    pub(crate) offset: u64,
    /// What the line says.
    pub(crate) text: LineText<'a>,
}

/// What a line came as.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum LineText<'a> {
    /// A whole line, without its newline.
    Whole(&'a str),
    /// Not UTF-8.
    NoText,
    /// Longer than any line of ours.
    TooLong,
    /// The end of the file, without a newline.
    Torn,
}

impl CastLines<File> {
    /// Reads an opened cast.
    pub(crate) fn new(file: File) -> Self {
        Self::of(file)
    }
}

impl<R: Read> CastLines<R> {
    fn of(input: R) -> Self {
        Self { input: BufReader::with_capacity(64 * 1024, input), line: Vec::new(), offset: 0 }
    }

    /// The next line; none at the end.
    pub(crate) fn next(&mut self) -> io::Result<Option<CastLine<'_>>> {
        let offset = self.offset;
        self.line.clear();
        let limit = MAX_FOREIGN_LINE as u64;
        let read = Read::take(&mut self.input, limit).read_until(b'\n', &mut self.line)? as u64;
        self.offset += read;
        if read == 0 {
            return Ok(None);
        }
        let text = match self.line.strip_suffix(b"\n") {
            Some(line) => std::str::from_utf8(line).map_or(LineText::NoText, LineText::Whole),
            None if read == limit => {
                self.offset += self.input.skip_until(b'\n')? as u64;
                LineText::TooLong
            }
            None => LineText::Torn,
        };
        Ok(Some(CastLine { offset, text }))
    }

    /// How many bytes were read.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_has_its_offset() {
        let long = "x".repeat(MAX_FOREIGN_LINE + 5);
        let bytes = [b"one\n\xff\n".as_slice(), long.as_bytes(), b"\ntwo\ntor"].concat();
        let mut lines = CastLines::of(bytes.as_slice());
        let mut seen = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            seen.push((line.offset, format!("{:?}", line.text)));
        }
        let after = MAX_FOREIGN_LINE as u64 + 6 + 6;
        let expected = [
            (0, "Whole(\"one\")"),
            (4, "NoText"),
            (6, "TooLong"),
            (after, "Whole(\"two\")"),
            (after + 4, "Torn"),
        ];
        assert_eq!(seen, expected.map(|(offset, text)| (offset, text.to_owned())));
    }
}
