//! The emulated screen, fed late: what a flood has scrolled away by the time someone looks was never drawn.

use avt::Terminal;

/// Lines of history that are kept.
pub const HISTORY: usize = 1000;

/// Text that waits to be drawn, at most.
const MAX_PENDING: usize = 256 * 1024;
/// Text that cannot be left out, at most: drawing it takes a few milliseconds.
const MAX_UNSKIPPABLE: usize = 64 * 1024;

/// A terminal emulator and the text that it has not drawn yet.
pub struct Emulator {
    terminal: Terminal,
    pending: String,
    /// From here on `pending` is plain: it moves the screen line by line and changes nothing else.
    plain_from: usize,
}

impl Emulator {
    /// An empty screen; sizes of 0 are taken for 1.
    pub fn new(cols: u16, rows: u16) -> Self {
        let size = |n: u16| usize::from(n.max(1));
        let mut terminal = match Terminal::with_scrollback(size(cols), size(rows), Some(HISTORY)) {
            Ok(terminal) => terminal,
            Err(error) => unreachable!("both dimensions are positive: {error}"),
        };
        terminal.resize(size(cols), size(rows));
        Self { terminal, pending: String::new(), plain_from: 0 }
    }

    /// Takes text to draw. `whole_screen` says that no scrolling region is set.
    pub fn push(&mut self, text: &str, whole_screen: bool) {
        self.pending.push_str(text);
        if !is_plain(text) || !whole_screen {
            self.plain_from = self.pending.len();
        }
        if self.plain_from >= MAX_UNSKIPPABLE {
            self.draw(self.plain_from);
        }
        if self.pending.len() >= MAX_PENDING {
            self.draw(self.plain_from);
            self.skip_scrolled_away();
            if self.pending.len() >= MAX_PENDING / 2 {
                self.draw(self.pending.len());
            }
        }
    }

    /// The emulator with all text drawn.
    pub fn drawn(&mut self) -> &Terminal {
        self.draw(self.plain_from);
        self.skip_scrolled_away();
        self.draw(self.pending.len());
        &self.terminal
    }

    /// Changes the size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.drawn();
        self.terminal.resize(usize::from(cols), usize::from(rows));
    }

    fn draw(&mut self, len: usize) {
        self.terminal.feed(&self.pending[..len]);
        self.pending.drain(..len);
        self.plain_from -= len.min(self.plain_from);
    }

    /// Leaves out the lines that the lines after them push out of the history. Only for plain text.
    fn skip_scrolled_away(&mut self) {
        if self.plain_from > 0 {
            return;
        }
        // The first of the lines that are kept may fall on what stands on the screen: those scroll away, too.
        let enough = 2 * self.terminal.size().1 + HISTORY + 1;
        let bytes = self.pending.as_bytes();
        // The line break itself is kept: it brings the cursor to the first column.
        let cut = memchr::memrchr_iter(b'\n', bytes)
            .skip(enough)
            .find(|&at| at > 0 && bytes[at - 1] == b'\r')
            .map_or(0, |at| at - 1);
        self.pending.drain(..cut);
    }
}

/// Whether text is made of characters and line breaks only. U+0080 to U+009F are controls; all that begin like them
/// in UTF-8 are taken for such.
fn is_plain(text: &str) -> bool {
    // Without an early return, so that it is done many bytes at a time.
    text.bytes().fold(true, |plain, b| {
        plain & ((b >= 0x20) & (b != 0x7f) & (b != 0xc2) | (b == b'\n') | (b == b'\r'))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use workshop_testing::rounds;

    use super::*;

    fn same(chunks: &[String], cols: u16, rows: u16) {
        let mut late = Emulator::new(cols, rows);
        let mut at_once = Terminal::with_scrollback(cols.into(), rows.into(), Some(HISTORY)).unwrap();
        for chunk in chunks {
            late.push(chunk, true);
            at_once.feed(chunk.as_str());
        }
        let late = late.drawn();
        assert_eq!(late.dump(), at_once.dump());
        let lines = |terminal: &Terminal| -> Vec<String> {
            terminal.primary_screen().all_lines().map(avt::Line::text).collect()
        };
        assert_eq!(lines(late), lines(&at_once));
    }

    #[test]
    fn a_flood_leaves_what_it_would_have_left() {
        let flood = |line: &str, n: usize| line.repeat(n);
        for chunks in [
            vec![flood("y\r\n", 150_000)],
            vec![flood("y\r\n", 5000); 20],
            vec!["\x1b[31mred".to_owned(), flood("0123456789\r\n", 40_000), "prompt$ ".to_owned()],
            vec![flood("no line break ", 30_000)],
            vec![flood("only line feeds\n", 30_000)],
            vec!["\x1b[?1049h\x1b[5;5Hvim".to_owned(), flood("line\r\n", 60_000), "\x1b[?1049l".to_owned()],
            vec![flood("\x1b[32mcolour\x1b[0m\r\n", 30_000), flood("plain\r\n", 30_000)],
            vec![flood("界é\r\n", 60_000), "\u{9b}1;1Hx".to_owned()],
        ] {
            same(&chunks, 40, 12);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(rounds(6, 120)))]
        #[test]
        fn any_mix(chunks in prop::collection::vec((prop_oneof!["[a-z]{0,90}\r\n", "[a-z]{0,9}\n", "\x1b\\[[0-9]{0,2}[mHJKABCD]", "[a-zé\t\x08\x0e]{0,9}"], 1usize..3000), 1..12)) {
            let chunks: Vec<String> = chunks.into_iter().map(|(text, n)| text.repeat(n)).collect();
            same(&chunks, 20, 5);
        }
    }
}
