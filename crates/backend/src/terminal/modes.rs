//! The modes of a terminal that a screen emulator does not give back: mouse, focus, paste, keypad, cursor style, title
//! and colours. Followed as they are set, and written out for a page that starts anew.

use std::{collections::BTreeMap, fmt::Write as _};

use super::scanner::Control;

/// A title is cut here, in characters.
const MAX_TITLE: usize = 256;

/// DEC private modes: number, whether it is set at first, and whether a restored terminal has to be told (the
/// emulator's own dump restores the others).
const PRIVATE: [(u16, bool, bool); 24] = [
    (1, false, false),
    (5, false, true),
    (6, false, false),
    (7, true, false),
    (9, false, true),
    (12, false, true),
    (25, true, false),
    (45, false, true),
    (47, false, false),
    (66, false, true),
    (1000, false, true),
    (1002, false, true),
    (1003, false, true),
    (1004, false, true),
    (1005, false, true),
    (1006, false, true),
    (1007, false, true),
    (1015, false, true),
    (1016, false, true),
    (1047, false, false),
    (1048, false, false),
    (1049, false, false),
    (2004, false, true),
    (2026, false, false),
];

/// Modes of which the last one set is in force, alone.
const EXCLUSIVE: [&[u16]; 3] = [&[9, 1000, 1002, 1003], &[1005, 1006, 1015, 1016], &[47, 1047, 1049]];

/// A colour, as 16 bits of red, green and blue.
pub type Rgb = [u16; 3];

/// The modes of one session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Modes {
    private: [bool; PRIVATE.len()],
    insert: bool,
    new_line: bool,
    cursor_style: u8,
    margins: Option<(u16, u16)>,
    title: String,
    /// By what `OSC` says: `4;<n>`, `10`, `11`, `12`.
    colours: BTreeMap<String, Rgb>,
}

impl Default for Modes {
    fn default() -> Self {
        Self {
            private: PRIVATE.map(|(_, set, _)| set),
            insert: false,
            new_line: false,
            cursor_style: 0,
            margins: None,
            title: String::new(),
            colours: BTreeMap::new(),
        }
    }
}

impl Modes {
    /// Follows a control sequence.
    pub fn apply(&mut self, control: &Control<'_>) {
        match *control {
            Control::Csi { body, last: last @ (b'h' | b'l') } => self.set_modes(body, last == b'h'),
            Control::Csi { body: [params @ .., b' '], last: b'q' } => {
                if let Some(style @ 0..=6) = number(params, 0).and_then(|n| u8::try_from(n).ok()) {
                    self.cursor_style = style;
                }
            }
            Control::Csi { body: b"!", last: b'p' } => self.soft_reset(),
            Control::Csi { body, last: b'r' } => self.set_margins(body),
            Control::Esc { intermediates: b"", last: last @ (b'=' | b'>') } => self.set(66, last == b'='),
            Control::Esc { intermediates: b"", last: b'c' } => {
                *self = Self { title: std::mem::take(&mut self.title), ..Self::default() };
            }
            Control::Osc { body, .. } => self.set_by_osc(body),
            _ => {}
        }
    }

    /// The screen has another size: the emulator's margins are the whole screen again.
    pub fn resized(&mut self) {
        self.margins = None;
    }

    /// The title that the program has set; empty if none.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// Top and bottom row of the scrolling region, from 1, when it is not the whole screen.
    pub fn margins(&self) -> Option<(u16, u16)> {
        self.margins
    }

    /// Parameter of DECSCUSR.
    pub fn cursor_style(&self) -> u8 {
        self.cursor_style
    }

    /// Whether a DEC private mode is set; `None` when it is not known here.
    pub fn private(&self, mode: u16) -> Option<bool> {
        PRIVATE.iter().position(|(n, ..)| *n == mode).map(|i| self.private[i])
    }

    /// Whether an ANSI mode is set; `None` when it is not known here.
    pub fn ansi(&self, mode: u16) -> Option<bool> {
        match mode {
            4 => Some(self.insert),
            20 => Some(self.new_line),
            _ => None,
        }
    }

    /// A colour that the program has set, by its name in `OSC`: `4;<n>`, `10`, `11` or `12`.
    pub fn colour(&self, name: &str) -> Option<Rgb> {
        self.colours.get(name).copied()
    }

    /// Writes what a terminal in its first state has to be told.
    pub fn dump(&self, out: &mut String) {
        for (set, (mode, at_first, told)) in self.private.iter().zip(PRIVATE) {
            if told && *set != at_first {
                if mode == 66 {
                    out.push_str("\x1b=");
                } else {
                    let _ = write!(out, "\x1b[?{mode}{}", if *set { 'h' } else { 'l' });
                }
            }
        }
        if self.cursor_style != 0 {
            let _ = write!(out, "\x1b[{} q", self.cursor_style);
        }
        for (name, [r, g, b]) in &self.colours {
            let _ = write!(out, "\x1b]{name};rgb:{r:04x}/{g:04x}/{b:04x}\x1b\\");
        }
        if !self.title.is_empty() {
            let _ = write!(out, "\x1b]2;{}\x1b\\", self.title);
        }
    }

    fn set_modes(&mut self, body: &[u8], on: bool) {
        if let Some(modes) = body.strip_prefix(b"?") {
            for mode in modes.split(|b| *b == b';').filter_map(|digits| number(digits, 0)) {
                self.set(mode, on);
            }
        } else {
            for mode in body.split(|b| *b == b';').filter_map(|digits| number(digits, 0)) {
                match mode {
                    4 => self.insert = on,
                    20 => self.new_line = on,
                    _ => {}
                }
            }
        }
    }

    fn set(&mut self, mode: u16, on: bool) {
        if let Some(group) = EXCLUSIVE.iter().find(|group| group.contains(&mode)) {
            for other in *group {
                self.set_alone(*other, false);
            }
        }
        self.set_alone(mode, on);
    }

    fn set_alone(&mut self, mode: u16, on: bool) {
        if let Some(i) = PRIVATE.iter().position(|(n, ..)| *n == mode) {
            self.private[i] = on;
        }
    }

    fn soft_reset(&mut self) {
        for (mode, on) in [(1, false), (6, false), (25, true), (66, false)] {
            self.set(mode, on);
        }
        self.insert = false;
        self.margins = None;
    }

    fn set_margins(&mut self, body: &[u8]) {
        if !body.iter().all(|b| matches!(b, b'0'..=b'9' | b';')) {
            return;
        }
        let mut params = body.split(|b| *b == b';').map(|digits| number(digits, 0).unwrap_or(0));
        let (top, bottom) = (params.next().unwrap_or(0).max(1), params.next().unwrap_or(0));
        self.margins = (top > 1 || bottom > 0).then_some((top, bottom));
    }

    fn set_by_osc(&mut self, body: &[u8]) {
        let Ok(body) = std::str::from_utf8(body) else { return };
        let (kind, rest) = body.split_once(';').unwrap_or((body, ""));
        match kind {
            "0" | "2" => self.title = rest.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect(),
            "4" => {
                let parts: Vec<&str> = rest.split(';').collect();
                for pair in parts.chunks_exact(2) {
                    if let (Ok(n), Some(rgb)) = (pair[0].parse::<u8>(), parse_colour(pair[1])) {
                        self.colours.insert(format!("4;{n}"), rgb);
                    }
                }
            }
            "10" | "11" | "12" => {
                if let Some(rgb) = parse_colour(rest) {
                    self.colours.insert(kind.to_owned(), rgb);
                }
            }
            "104" if rest.is_empty() => self.colours.retain(|name, _| !name.starts_with("4;")),
            "104" => {
                for n in rest.split(';') {
                    self.colours.remove(&format!("4;{n}"));
                }
            }
            "110" | "111" | "112" => {
                self.colours.remove(&kind[1..]);
            }
            _ => {}
        }
    }
}

/// The number that `digits` write; `default` when there are none, `None` when it is not one.
pub(super) fn number(digits: &[u8], default: u16) -> Option<u16> {
    if digits.is_empty() {
        return Some(default);
    }
    std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}

/// Reads `#rgb`, `#rrggbb`, `#rrrrggggbbbb` and `rgb:r/g/b` with one to four digits each.
fn parse_colour(text: &str) -> Option<Rgb> {
    let part = |digits: &str| {
        let max = (1u32 << (4 * u32::try_from(digits.len()).ok().filter(|n| (1..=4).contains(n))?)) - 1;
        u16::try_from(u32::from_str_radix(digits, 16).ok()? * 0xffff / max).ok()
    };
    let parts: Vec<&str> = if let Some(hex) = text.strip_prefix('#') {
        let width = hex.len() / 3;
        if !hex.is_ascii() || width == 0 || hex.len() % 3 != 0 {
            return None;
        }
        vec![&hex[..width], &hex[width..2 * width], &hex[2 * width..]]
    } else {
        text.strip_prefix("rgb:")?.split('/').collect()
    };
    match parts[..] {
        [r, g, b] => Some([part(r)?, part(g)?, part(b)?]),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::scanner::{Piece, Scanner};

    fn after(output: &str) -> Modes {
        let (mut modes, mut scanner) = (Modes::default(), Scanner::new(""));
        scanner.feed(output.as_bytes(), &mut |piece| {
            if let Piece::Control(control) = piece {
                modes.apply(&control);
            }
        });
        modes
    }

    #[test]
    fn what_a_restored_terminal_is_told() {
        for (output, expected) in [
            ("plain text\r\n", ""),
            ("\x1b[?1000;1006h", "\x1b[?1000h\x1b[?1006h"),
            ("\x1b[?1000h\x1b[?1003h", "\x1b[?1003h"),
            ("\x1b[?1003h\x1b[?1000l", ""),
            ("\x1b[?1004h\x1b[?2004h", "\x1b[?1004h\x1b[?2004h"),
            ("\x1b[?2004h\x1b[?2004l", ""),
            ("\x1b=", "\x1b="),
            ("\x1b=\x1b>", ""),
            ("\x1b[?1h\x1b[?25l\x1b[?1049h", ""),
            ("\x1b[4 q", "\x1b[4 q"),
            ("\x1b[4 q\x1b[ q", ""),
            ("\x1b[9 q", ""),
            ("\x1b]0;vim: a\x07", "\x1b]2;vim: a\x1b\\"),
            ("\x1b]2;a;b\x1b\\", "\x1b]2;a;b\x1b\\"),
            (
                "\x1b]4;1;#f00;2;rgb:00/ff/00\x07",
                "\x1b]4;1;rgb:ffff/0000/0000\x1b\\\x1b]4;2;rgb:0000/ffff/0000\x1b\\",
            ),
            ("\x1b]11;#102030\x07\x1b]111\x07", ""),
            ("\x1b]4;1;#f00\x07\x1b]104;1\x07", ""),
            ("\x1b]11;?\x07", ""),
            ("\x1b[?1000h\x1b[?2004h\x1b=\x1bc", ""),
            ("\x1b=\x1b[!p", ""),
            ("\x1b[?99999h\x1b[?;;h\x1b[?a", ""),
        ] {
            let mut dump = String::new();
            after(output).dump(&mut dump);
            assert_eq!(dump, expected, "{output:?}");
            assert_eq!(after(&dump).title(), after(output).title(), "{output:?}");
        }
    }
}
