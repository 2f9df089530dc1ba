//! Splits terminal output into text and control sequences, whatever the reads cut through, and takes ours out.
//!
//! An unfinished sequence is held back: it draws nothing, and so viewers, recording and screen only ever get whole ones.

use memchr::memchr;

use super::osc::Mark;

/// A CSI or ESC sequence longer than this is no sequence.
const MAX_SHORT: usize = 256;
/// A string (OSC, DCS, …) longer than this is passed on as it comes, unread.
const MAX_STRING: usize = 4 * 1024;
/// The same for a string that begins like one of ours: a directory of 4,096 bytes, each escaped, fits.
const MAX_OURS: usize = 64 * 1024;

const ESC: u8 = 0x1b;

/// A part of the output, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Bytes for the screen: text and whole control sequences, without ours.
    Output(&'a [u8]),
    /// A control sequence; it was the end of the output before it.
    Control(Control<'a>),
    /// What the shell integration says; nothing of it was output.
    Mark(Mark),
}

/// A whole control sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Control<'a> {
    /// `ESC`, intermediates, and a last byte.
    Esc {
        /// Bytes 0x20 to 0x2f.
        intermediates: &'a [u8],
        /// Byte 0x30 to 0x7e.
        last: u8,
    },
    /// `ESC [`, prefix, parameters and intermediates, and a last byte.
    Csi {
        /// All between `ESC [` and the last byte.
        body: &'a [u8],
        /// Byte 0x40 to 0x7e.
        last: u8,
    },
    /// `ESC ]`, a string, and its end.
    Osc {
        /// The string.
        body: &'a [u8],
        /// BEL or ST.
        end: &'a [u8],
    },
    /// `ESC P`, a string, and its end.
    Dcs {
        /// The string.
        body: &'a [u8],
    },
}

/// A string sequence that is too long to hold: passed on until it ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Overlong {
    Osc,
    Other,
}

/// The scanner of one session's output.
#[derive(Debug)]
pub struct Scanner {
    nonce: String,
    held: Vec<u8>,
    overlong: Option<Overlong>,
}

impl Scanner {
    /// A scanner that takes out the marks that carry `nonce`. With an empty nonce there are none.
    pub fn new(nonce: &str) -> Self {
        Self { nonce: nonce.to_owned(), held: Vec::new(), overlong: None }
    }

    /// Reads on. All of `bytes` is given to `sink`, but for an unfinished sequence at its end, at most 64 KiB.
    pub fn feed(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece<'_>)) {
        if self.held.is_empty() {
            let rest = self.scan(bytes, sink);
            self.held.extend_from_slice(&bytes[bytes.len() - rest..]);
        } else {
            let mut held = std::mem::take(&mut self.held);
            held.extend_from_slice(bytes);
            let rest = self.scan(&held, sink);
            held.drain(..held.len() - rest);
            self.held = held;
        }
    }

    /// The output has ended: what is held is given out as it is.
    pub fn finish(&mut self, sink: &mut impl FnMut(Piece<'_>)) {
        let held = std::mem::take(&mut self.held);
        output(&held, sink);
    }

    /// Whether the output stands within a string that was too long to hold.
    pub fn in_overlong(&self) -> bool {
        self.overlong.is_some()
    }

    /// Scans `bytes` and answers how many at their end are to be held.
    fn scan(&mut self, bytes: &[u8], sink: &mut impl FnMut(Piece<'_>)) -> usize {
        // From `start` on nothing was given out; before `at` all is understood.
        let (mut start, mut at) = (0, 0);
        if let Some(kind) = self.overlong {
            match string_end(bytes, 0, kind == Overlong::Osc) {
                End::Found { after, .. } => (self.overlong, at) = (None, after),
                End::Open { hold } => {
                    output(&bytes[..bytes.len() - hold], sink);
                    return hold;
                }
            }
        }
        while let Some(next) = memchr(ESC, &bytes[at..]) {
            let from = at + next;
            match parse(&bytes[from..]) {
                Parsed::Whole { len, control } => {
                    at = from + len;
                    let ours = match control {
                        Control::Osc { body, .. } => Mark::parse(body, &self.nonce),
                        _ => None,
                    };
                    if let Some(mark) = ours {
                        output(&bytes[start..from], sink);
                        sink(Piece::Mark(mark));
                    } else {
                        output(&bytes[start..at], sink);
                        sink(Piece::Control(control));
                    }
                    start = at;
                }
                Parsed::Nothing { len } => at = from + len,
                Parsed::Unfinished => {
                    output(&bytes[start..from], sink);
                    return bytes.len() - from;
                }
                Parsed::Overlong { kind, seen } => {
                    let after = from + seen;
                    match string_end(bytes, after, kind == Overlong::Osc) {
                        End::Found { after, .. } => at = after,
                        End::Open { hold } => {
                            self.overlong = Some(kind);
                            output(&bytes[start..bytes.len() - hold], sink);
                            return hold;
                        }
                    }
                }
            }
        }
        output(&bytes[start..], sink);
        0
    }
}

fn output(bytes: &[u8], sink: &mut impl FnMut(Piece<'_>)) {
    if !bytes.is_empty() {
        sink(Piece::Output(bytes));
    }
}

enum Parsed<'a> {
    Whole {
        len: usize,
        control: Control<'a>,
    },
    /// Not a sequence: so many bytes are passed over.
    Nothing {
        len: usize,
    },
    Unfinished,
    /// A string of which `seen` bytes hold no end, and that is too long already.
    Overlong {
        kind: Overlong,
        seen: usize,
    },
}

/// Reads the sequence that `bytes` begin with; the first is ESC.
fn parse(bytes: &[u8]) -> Parsed<'_> {
    match bytes.get(1) {
        None => Parsed::Unfinished,
        Some(b'[') => parse_csi(bytes),
        Some(b']') => parse_string(bytes, Some(Overlong::Osc)),
        Some(b'P' | b'X' | b'^' | b'_') => parse_string(bytes, None),
        Some(0x20..=0x7e) => parse_esc(bytes),
        Some(_) => Parsed::Nothing { len: 1 },
    }
}

fn parse_esc(bytes: &[u8]) -> Parsed<'_> {
    let tail = &bytes[1..];
    match tail.iter().take(MAX_SHORT).position(|b| !(0x20..=0x2f).contains(b)) {
        Some(n) if (0x30..=0x7e).contains(&tail[n]) => {
            Parsed::Whole { len: n + 2, control: Control::Esc { intermediates: &tail[..n], last: tail[n] } }
        }
        None if tail.len() < MAX_SHORT => Parsed::Unfinished,
        _ => Parsed::Nothing { len: 1 },
    }
}

fn parse_csi(bytes: &[u8]) -> Parsed<'_> {
    let tail = &bytes[2..];
    // Control characters within a sequence act at once and leave it open, but for ESC, CAN and SUB.
    let goes_on = |b: &u8| matches!(b, 0x20..=0x3f | 0x00..=0x17 | 0x19 | 0x1c..=0x1f);
    match tail.iter().take(MAX_SHORT).position(|b| !goes_on(b)) {
        Some(n) if (0x40..=0x7e).contains(&tail[n]) => {
            Parsed::Whole { len: n + 3, control: Control::Csi { body: &tail[..n], last: tail[n] } }
        }
        None if tail.len() < MAX_SHORT => Parsed::Unfinished,
        _ => Parsed::Nothing { len: 1 },
    }
}

fn parse_string(bytes: &[u8], osc: Option<Overlong>) -> Parsed<'_> {
    let kind = osc.unwrap_or(Overlong::Other);
    let is_osc = kind == Overlong::Osc;
    let ours = is_osc && (could_begin(&bytes[2..], b"133;") || could_begin(&bytes[2..], b"633;"));
    let limit = if ours { MAX_OURS } else { MAX_STRING };
    let window = &bytes[..bytes.len().min(limit)];
    match string_end(window, 2, is_osc) {
        End::Found { end, after, whole } => {
            let body = &bytes[2..end];
            let control = match bytes[1] {
                b']' if whole => Control::Osc { body, end: &bytes[end..after] },
                b'P' if whole => Control::Dcs { body },
                _ => return Parsed::Nothing { len: after },
            };
            Parsed::Whole { len: after, control }
        }
        // The last byte may be the first of an end.
        End::Open { hold } if bytes.len() >= limit => Parsed::Overlong { kind, seen: window.len() - hold },
        End::Open { .. } => Parsed::Unfinished,
    }
}

/// Whether `bytes` begin with `prefix`, as far as they go.
fn could_begin(bytes: &[u8], prefix: &[u8]) -> bool {
    let n = bytes.len().min(prefix.len());
    bytes[..n] == prefix[..n]
}

enum End {
    /// The string ends before `end`, what comes next begins at `after`; `whole` unless it was broken off.
    Found { end: usize, after: usize, whole: bool },
    /// No end so far; the last `hold` bytes may begin one.
    Open { hold: usize },
}

/// Looks for the end of a string: ST, for an OSC also BEL, or what breaks it off: CAN, SUB, another sequence.
fn string_end(bytes: &[u8], from: usize, bel_ends: bool) -> End {
    let mut at = from;
    while let Some(n) = bytes[at..].iter().position(|&b| matches!(b, 0x07 | 0x18 | 0x1a | ESC | 0xc2)) {
        let end = at + n;
        match (bytes[end], bytes.get(end + 1)) {
            (0x07, _) if bel_ends => return End::Found { end, after: end + 1, whole: true },
            (0x18 | 0x1a, _) => return End::Found { end, after: end + 1, whole: false },
            // ST as ESC \ or as the one character U+009C.
            (ESC, Some(b'\\')) | (0xc2, Some(0x9c)) => {
                return End::Found { end, after: end + 2, whole: true };
            }
            // A new sequence ends the string, and emulators act on an OSC that ends so.
            (ESC, Some(_)) => return End::Found { end, after: end, whole: bel_ends },
            (ESC | 0xc2, None) => return End::Open { hold: 1 },
            _ => at = end + 1,
        }
    }
    End::Open { hold: 0 }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use workshop_testing::rounds;

    use super::*;

    /// What the scanner gave: output as one, and what was between it, with its place.
    fn scan<'a>(chunks: impl IntoIterator<Item = &'a [u8]>) -> (Vec<u8>, Vec<(usize, String)>) {
        let (mut scanner, mut out, mut rest) = (Scanner::new("n1"), Vec::new(), Vec::new());
        let mut sink = |piece: Piece<'_>| match piece {
            Piece::Output(bytes) => out.extend_from_slice(bytes),
            other => rest.push((out.len(), format!("{other:?}"))),
        };
        for chunk in chunks {
            scanner.feed(chunk, &mut sink);
        }
        scanner.finish(&mut sink);
        (out, rest)
    }

    /// Checks output and marks, for every split of the input in two and for single bytes.
    fn check(input: &[u8], expected: &[u8], marks: &[&str]) {
        let whole = scan([input]);
        assert_eq!(
            String::from_utf8_lossy(&whole.0),
            String::from_utf8_lossy(expected),
            "{}",
            input.escape_ascii()
        );
        let found: Vec<&str> =
            whole.1.iter().filter_map(|(_, p)| p.strip_prefix("Mark(")?.strip_suffix(')')).collect();
        assert_eq!(found, marks, "{}", input.escape_ascii());
        let step = 1 + input.len() / 300;
        for at in (0..=input.len()).step_by(step) {
            assert_eq!(
                scan([&input[..at], &input[at..]]),
                whole,
                "split at {at} of {}",
                input.escape_ascii()
            );
        }
        assert_eq!(scan(input.chunks(step)), whole, "{step} bytes at a time");
    }

    #[test]
    fn ours_are_taken_out_and_others_pass() {
        let title = b"a\x1b]0;title\x07b\x1b]8;;https://x\x1b\\c\x1b[31;1md\x1b(Be\x1bP$q q\x1b\\f\x1b";
        check(b"", b"", &[]);
        check("plain \u{9c} 界 text\r\n".as_bytes(), "plain \u{9c} 界 text\r\n".as_bytes(), &[]);
        check(title, title, &[]);
        check(b"a\x1b]133;A;aid=n1\x07b", b"ab", &["Prompt"]);
        check(b"a\x1b]133;C;aid=n1\x1b\\b\x1b]133;D;7;aid=n1\x07", b"ab", &["Begin", "End(Some(7))"]);
        check(
            b"\x1b]633;E;ls\\x0a\\x3b;n1\x07\x1b]633;P;Cwd=/;n1\x07",
            b"",
            &["Line(\"ls\\n;\")", "Cwd(\"/\")"],
        );
        for forged in [
            &b"\x1b]133;A\x07"[..],
            b"\x1b]133;C\x07\x1b]133;D;0\x07",
            b"\x1b]133;C;aid=n2\x07",
            b"\x1b]633;E;rm -rf /;n2\x07",
            b"\x1b]633;E;n1\x18;n1\x07",
            b"\x1b]133;A;aid=n",
            b"\x1b]133;A\x1b]133;A\x1b]133;A",
        ] {
            check(forged, forged, &[]);
        }
        check(b"\x1b]133;A;aid=n1\x1b[31m", b"\x1b[31m", &["Prompt"]);
        // What breaks a string off, and a sequence within one.
        check(b"\x1b]0;a\x18b\x1b]133;A;aid=n1\x07c", b"\x1b]0;a\x18bc", &["Prompt"]);
        check(b"\x1bPtmux;\x1b\x1b]133;A;aid=n1\x07\x1b\\", b"\x1bPtmux;\x1b\x1b\\", &["Prompt"]);
        check("\x1b]0;a\u{9c}\x1b]133;A;aid=n1\x07".as_bytes(), "\x1b]0;a\u{9c}".as_bytes(), &["Prompt"]);
    }

    #[test]
    fn what_is_too_long_is_passed_on() {
        let long =
            |head: &str, n: usize, tail: &str| [head.as_bytes(), &b"x".repeat(n), tail.as_bytes()].concat();
        let line = long("\x1b]633;E;", 60_000, ";n1\x07");
        let whole = scan([&line[..]]);
        assert!(whole.0.is_empty() && whole.1.len() == 1, "a long line of ours is still ours");
        check(&line, b"", &[&format!("Line({:?})", "x".repeat(16 * 1024))]);
        for input in [
            long("\x1b]633;E;", 70_000, ";n1\x07text"),
            long("\x1b]52;c;", 70_000, "\x07\x1b[31mtext"),
            long("\x1bPq", 9_000, "\x1b\\text"),
            long("\x1b]0;", 4_000, "\x1b"),
            long("\x1b[", 300, "m"),
            long("\x1b", 0, &" ".repeat(300)),
        ] {
            check(&input, &input, &[]);
        }
        check(
            &long("\x1b]52;c;", 9_000, "\x07\x1b]133;A;aid=n1\x07"),
            &long("\x1b]52;c;", 9_000, "\x07"),
            &["Prompt"],
        );
    }

    fn token() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            prop::collection::vec(any::<u8>(), 0..6),
            prop::sample::select(vec![
                &b"\x1b"[..],
                b"\x1b[",
                b"\x1b]",
                b"\x1bP",
                b"\x1b\\",
                b"\x07",
                b"\x18",
                b"133;",
                b"633;E;",
                b";n1",
                b"A;aid=n1",
                b"\x1b]133;A;aid=n1\x07",
                b"\x1b[31m",
                b"\xc2",
                b"\x9c",
                b"\xc2\x9c",
                b"$q",
                b"text",
            ])
            .prop_map(<[u8]>::to_vec),
            (200usize..5000).prop_map(|n| b"z".repeat(n)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(rounds(64, 8_192)))]
        #[test]
        fn any_split_is_like_the_whole(tokens in prop::collection::vec(token(), 0..40), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8)) {
            let bytes = tokens.concat();
            let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            at.extend([0, bytes.len()]);
            at.sort_unstable();
            let chunks = at.windows(2).map(|w| &bytes[w[0]..w[1]]);
            prop_assert_eq!(scan(chunks), scan([&bytes[..]]));
        }
    }
}
