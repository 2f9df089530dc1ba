//! What a session's output makes of it: text for viewers and recording, marks of the shell, answers for programs, and
//! the screen with which a page that comes later begins.

use std::fmt::Write as _;

use avt::{Color, Line, Pen, Terminal};

use super::{
    emulator::Emulator,
    modes::Modes,
    osc::Mark,
    queries::{self, Facts},
    scanner::{Piece, Scanner},
    utf8::Decoder,
};

/// History in a dump, at most, in bytes; the oldest lines are left out.
const MAX_HISTORY_BYTES: usize = 192 * 1024;

/// What a read brought, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Shown<'a> {
    /// Text to show and to record: whole characters and whole sequences.
    Text(&'a str),
    /// What the shell integration says.
    Mark(Mark),
    /// An answer to type for the program that asked.
    Answer(String),
}

/// The screen of one session.
pub struct Screen {
    scanner: Scanner,
    decoder: Decoder,
    modes: Modes,
    emulator: Emulator,
    text: String,
}

impl Screen {
    /// An empty screen; the shell's marks carry `nonce`.
    pub fn new(cols: u16, rows: u16, nonce: &str) -> Self {
        Self {
            scanner: Scanner::new(nonce),
            decoder: Decoder::default(),
            modes: Modes::default(),
            emulator: Emulator::new(cols, rows),
            text: String::new(),
        }
    }

    /// Takes what was read.
    pub fn feed(&mut self, bytes: &[u8], on: &mut impl FnMut(Shown<'_>)) {
        let Self { scanner, decoder, modes, emulator, text } = self;
        scanner.feed(bytes, &mut |piece| match piece {
            Piece::Output(bytes) => {
                let before = text.len();
                decoder.push(bytes, text);
                emulator.push(&text[before..], modes.margins().is_none());
            }
            Piece::Mark(mark) => {
                give(text, on);
                on(Shown::Mark(mark));
            }
            Piece::Control(control) => {
                modes.apply(&control);
                if queries::is_query(&control) {
                    let answer = queries::answer(&control, &facts(emulator.drawn(), modes));
                    if !answer.is_empty() {
                        on(Shown::Answer(answer));
                    }
                }
            }
        });
        give(text, on);
    }

    /// The output has ended: what was held back is shown as it is.
    pub fn finish(&mut self, on: &mut impl FnMut(Shown<'_>)) {
        let Self { scanner, decoder, modes, emulator, text } = self;
        scanner.finish(&mut |piece| {
            if let Piece::Output(bytes) = piece {
                decoder.push(bytes, text);
            }
        });
        decoder.finish(text);
        emulator.push(text, modes.margins().is_none());
        give(text, on);
    }

    /// Shows a line of the backend's own. It is not recorded.
    pub fn note(&mut self, text: &str) {
        self.emulator.push(text, self.modes.margins().is_none());
    }

    /// Changes the size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.emulator.resize(cols, rows);
        self.modes.resized();
    }

    /// The title that the program has set; empty if none.
    pub fn title(&self) -> &str {
        self.modes.title()
    }

    /// What makes an empty terminal of the same size look and act like this one: history, modes, screen, and the
    /// beginning of a string that was too long to hold.
    pub fn dump(&mut self) -> String {
        let terminal = self.emulator.drawn();
        let mut out = String::new();
        dump_history(terminal, &mut out);
        self.modes.dump(&mut out);
        out.push_str(&terminal.dump());
        out
    }
}

fn give(text: &mut String, on: &mut impl FnMut(Shown<'_>)) {
    if !text.is_empty() {
        on(Shown::Text(text));
        text.clear();
    }
}

fn facts<'a>(terminal: &Terminal, modes: &'a Modes) -> Facts<'a> {
    let (cols, rows) = terminal.size();
    let cursor = terminal.cursor();
    Facts { row: cursor.row + 1, col: (cursor.col + 1).min(cols), cols, rows, modes }
}

/// Writes the lines above the screen, and scrolls them out of it.
fn dump_history(terminal: &Terminal, out: &mut String) {
    let (_, rows) = terminal.size();
    let lines: Vec<&Line> = terminal.primary_screen().all_lines().collect();
    let history = &lines[..lines.len() - rows.min(lines.len())];
    if history.is_empty() {
        return;
    }
    let (mut written, mut bytes) = (Vec::new(), 0);
    for (i, line) in history.iter().enumerate().rev() {
        let text = dump_line(line, i + 1 < history.len());
        bytes += text.len();
        if bytes > MAX_HISTORY_BYTES {
            break;
        }
        written.push(text);
    }
    let on_screen = written.len().min(rows - 1);
    out.extend(written.into_iter().rev());
    let _ = write!(out, "\x1b[0m\x1b[{rows};1H");
    out.extend(std::iter::repeat_n('\n', on_screen));
    out.push_str("\x1b[H");
}

/// A line with its colours; `joins` says that the next one is written after it, so that a wrapped line wraps again.
fn dump_line(line: &Line, joins: bool) -> String {
    let wraps = joins && line.is_wrapped();
    let blank = |cell: &&avt::Cell| cell.char() == ' ' && cell.pen().is_default();
    let cells = line.cells();
    let len = if wraps { cells.len() } else { cells.len() - cells.iter().rev().take_while(blank).count() };
    let mut out = String::new();
    let mut pen = Pen::default();
    for cell in cells[..len].iter().filter(|cell| cell.width() > 0) {
        if *cell.pen() != pen {
            pen = *cell.pen();
            sgr(&pen, &mut out);
        }
        out.push(cell.char());
    }
    if pen != Pen::default() {
        out.push_str("\x1b[0m");
    }
    if !wraps {
        out.push_str("\r\n");
    }
    out
}

fn sgr(pen: &Pen, out: &mut String) {
    out.push_str("\x1b[0");
    for (set, code) in [
        (pen.is_bold(), 1),
        (pen.is_faint(), 2),
        (pen.is_italic(), 3),
        (pen.is_underline(), 4),
        (pen.is_blink(), 5),
        (pen.is_inverse(), 7),
        (pen.is_strikethrough(), 9),
    ] {
        if set {
            let _ = write!(out, ";{code}");
        }
    }
    for (colour, base) in [(pen.foreground(), 30), (pen.background(), 40)] {
        let _ = match colour {
            Some(Color::Indexed(n @ 0..=7)) => write!(out, ";{}", base + n),
            Some(Color::Indexed(n)) => write!(out, ";{};5;{n}", base + 8),
            Some(Color::RGB(rgb)) => write!(out, ";{};2;{};{};{}", base + 8, rgb.r, rgb.g, rgb.b),
            None => Ok(()),
        };
    }
    out.push('m');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use workshop_testing::rounds;

    use super::*;

    /// All text of these reads, and the screen after them.
    fn read<'a>(reads: impl IntoIterator<Item = &'a [u8]>) -> (String, Screen) {
        let (mut text, mut screen) = (String::new(), Screen::new(20, 5, "n1"));
        for bytes in reads {
            screen.feed(bytes, &mut |shown| {
                if let Shown::Text(shown) = shown {
                    text.push_str(shown);
                }
            });
        }
        (text, screen)
    }

    fn page() -> Terminal {
        Terminal::with_scrollback(20, 5, Some(2000)).unwrap()
    }

    #[test]
    fn history_comes_before_the_screen_with_its_colours() {
        let lines: String = (1..=40).map(|n| format!("\x1b[3{}mline {n}\x1b[0m\r\n", n % 8)).collect();
        let wrapped = "a line that is longer than the screen is wide\r\n";
        let (text, mut screen) = read([lines.as_bytes(), wrapped.as_bytes(), b"\x1b[?1049hvim"]);
        let (mut live, mut restored) = (page(), page());
        live.feed(&text);
        restored.feed(screen.dump());
        assert_eq!(live.dump(), restored.dump());
        let coloured = |terminal: &Terminal| -> Vec<String> {
            terminal.primary_screen().all_lines().map(|line| dump_line(line, false)).collect()
        };
        assert_eq!(coloured(&live), coloured(&restored));
        let text = restored.primary_screen().text();
        assert!(text.contains(&wrapped.trim_end().to_owned()), "the wrapped line is one: {text:?}");
    }

    fn token() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            3 => "[a-z 界é]{0,30}".prop_map(String::into_bytes),
            2 => Just(b"\r\n".to_vec()),
            3 => "\x1b\\[[0-9]{0,2}(;[0-9]{1,2})?[mHJKABCDLMPXrhl]".prop_map(String::into_bytes),
            2 => "\x1b\\[\\?(1049|25|6|7|1000|2004)[hl]".prop_map(String::into_bytes),
            1 => prop::sample::select(vec![
                &b"\x1b7"[..], b"\x1b8", b"\x1bM", b"\x1b(0", b"\x1b(B", b"\x1bc", b"\x1b[!p", b"\x1b]0;t\x07", b"\x1b[6n", b"\xff",
                b"\x1b]133;A;aid=n1\x07",
            ])
            .prop_map(<[u8]>::to_vec),
            1 => (1usize..6000).prop_map(|n| [b"\x1bPq".to_vec(), b"z".repeat(n), b"\x1b\\".to_vec()].concat()),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(rounds(64, 4_096)))]
        #[test]
        fn a_page_that_comes_at_any_byte_sees_what_others_see(
            tokens in prop::collection::vec(token(), 0..60),
            cut in any::<prop::sample::Index>(),
        ) {
            let bytes = tokens.concat();
            let at = cut.index(bytes.len() + 1);
            let (before, mut screen) = read([&bytes[..at]]);
            let (mut live, mut late) = (page(), page());
            live.feed(&before);
            late.feed(screen.dump());
            prop_assert_eq!(live.dump(), late.dump());
            let mut after = String::new();
            screen.feed(&bytes[at..], &mut |shown| {
                if let Shown::Text(shown) = shown {
                    after.push_str(shown);
                }
            });
            live.feed(&after);
            late.feed(&after);
            prop_assert_eq!(live.dump(), late.dump());
            prop_assert_eq!(before + &after, read([&bytes[..]]).0);
        }
    }
}
