//! What programs ask a terminal, and what this one answers: as xterm.js would, so that a page and its absence are alike.

use std::fmt::Write as _;

use super::{
    modes::{Modes, Rgb, number},
    scanner::Control,
};

/// The terminal's own colours, as the pages draw it.
const FOREGROUND: Rgb = [0xd8d8, 0xdcdc, 0xd9d9];
const BACKGROUND: Rgb = [0x1414, 0x1717, 0x1a1a];

/// The first 16 colours of xterm.
const BASE: [u32; 16] = [
    0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5, 0x7f7f7f, 0xff0000,
    0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
];

/// What the answers depend on.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// Row of the cursor, from 1.
    pub row: usize,
    /// Column of the cursor, from 1.
    pub col: usize,
    /// Columns.
    pub cols: usize,
    /// Rows.
    pub rows: usize,
    /// The modes.
    pub modes: &'a Modes,
}

/// Whether a sequence is a question; cheap, so that the screen is only brought up to date for one.
pub fn is_query(control: &Control<'_>) -> bool {
    match *control {
        Control::Csi { body, last } => match last {
            b'c' => matches!(body, b"" | b"0" | b">" | b">0" | b"=" | b"=0"),
            b'n' => matches!(body, b"5" | b"6" | b"?6" | b"?15" | b"?25" | b"?26"),
            b'p' => body.ends_with(b"$"),
            b'q' => matches!(body, b">" | b">0"),
            b't' => matches!(body, b"18" | b"19"),
            _ => false,
        },
        Control::Osc { body, .. } => {
            body.ends_with(b";?") && matches!(body, [b'4', b';', ..] | [b'1', b'0'..=b'2', b';', ..])
        }
        Control::Dcs { body } => body.starts_with(b"$q") || body.starts_with(b"+q"),
        Control::Esc { .. } => false,
    }
}

/// The answer to a question, empty when it has none.
pub fn answer(control: &Control<'_>, facts: &Facts<'_>) -> String {
    match *control {
        Control::Csi { body, last: b'c' } => attributes(body),
        Control::Csi { body, last: b'n' } => report(body, facts),
        Control::Csi { body, last: b'p' } => mode_report(body, facts.modes),
        Control::Csi { last: b'q', .. } => format!("\x1bP>|workshop({})\x1b\\", env!("CARGO_PKG_VERSION")),
        Control::Csi { body: b"18", last: b't' } => format!("\x1b[8;{};{}t", facts.rows, facts.cols),
        Control::Csi { body: b"19", last: b't' } => format!("\x1b[9;{};{}t", facts.rows, facts.cols),
        Control::Osc { body, end } => colour_report(body, end, facts.modes),
        Control::Dcs { body } => match body.strip_prefix(b"$q") {
            Some(setting) => setting_report(setting, facts),
            None => capability_report(&body[2.min(body.len())..]),
        },
        _ => String::new(),
    }
}

/// DA1, DA2, DA3.
fn attributes(body: &[u8]) -> String {
    match body.first() {
        Some(b'>') => "\x1b[>0;276;0c",
        Some(b'=') => "\x1bP!|00000000\x1b\\",
        _ => "\x1b[?1;2c",
    }
    .to_owned()
}

/// DSR: well, the cursor, no printer, no locked keys, a keyboard.
fn report(body: &[u8], facts: &Facts<'_>) -> String {
    let top = facts.modes.margins().map_or(0, |(top, _)| usize::from(top) - 1);
    let row =
        if facts.modes.private(6) == Some(true) { facts.row.saturating_sub(top).max(1) } else { facts.row };
    match body {
        b"5" => "\x1b[0n".to_owned(),
        b"6" => format!("\x1b[{row};{}R", facts.col),
        b"?6" => format!("\x1b[?{row};{}R", facts.col),
        b"?15" => "\x1b[?13n".to_owned(),
        b"?25" => "\x1b[?20n".to_owned(),
        _ => "\x1b[?27;1;0;0n".to_owned(),
    }
}

/// DECRQM: 1 is set, 2 is reset, 0 is not known.
fn mode_report(body: &[u8], modes: &Modes) -> String {
    let body = body.strip_suffix(b"$").unwrap_or(body);
    let (mark, digits) = body.strip_prefix(b"?").map_or(("", body), |digits| ("?", digits));
    let Some(mode) = number(digits, 0) else { return String::new() };
    let known = if mark.is_empty() { modes.ansi(mode) } else { modes.private(mode) };
    let value = known.map_or(0, |set| if set { 1 } else { 2 });
    format!("\x1b[{mark}{mode};{value}$y")
}

fn colour_report(body: &[u8], end: &[u8], modes: &Modes) -> String {
    let Some(name) = body.strip_suffix(b";?").and_then(|name| std::str::from_utf8(name).ok()) else {
        return String::new();
    };
    let by_default = match name {
        "10" | "12" => Some(FOREGROUND),
        "11" => Some(BACKGROUND),
        _ => name.strip_prefix("4;").and_then(|n| n.parse().ok()).map(palette),
    };
    let Some([r, g, b]) = modes.colour(name).or(by_default) else { return String::new() };
    let end = if end == b"\x07" { "\x07" } else { "\x1b\\" };
    format!("\x1b]{name};rgb:{r:04x}/{g:04x}/{b:04x}{end}")
}

fn palette(n: u8) -> Rgb {
    let wide = |byte: u32| u16::try_from(byte * 0x101).unwrap_or(u16::MAX);
    match n {
        0..=15 => {
            let rgb = BASE[usize::from(n)];
            [wide(rgb >> 16), wide(rgb >> 8 & 0xff), wide(rgb & 0xff)]
        }
        16..=231 => {
            let level = |step: u8| wide(if step == 0 { 0 } else { 55 + 40 * u32::from(step) });
            let n = n - 16;
            [level(n / 36), level(n / 6 % 6), level(n % 6)]
        }
        _ => [wide(8 + 10 * u32::from(n - 232)); 3],
    }
}

/// DECRQSS: cursor style, margins, conformance, and SGR (of which only the default is told).
fn setting_report(setting: &[u8], facts: &Facts<'_>) -> String {
    match setting {
        b" q" => format!("\x1bP1$r{} q\x1b\\", facts.modes.cursor_style().max(1)),
        b"m" => "\x1bP1$r0m\x1b\\".to_owned(),
        b"r" => {
            let (top, bottom) = facts.modes.margins().unwrap_or((1, 0));
            let bottom = if bottom == 0 { facts.rows } else { usize::from(bottom) };
            format!("\x1bP1$r{top};{bottom}r\x1b\\")
        }
        b"\"p" => "\x1bP1$r61;1\"p\x1b\\".to_owned(),
        b"\"q" => "\x1bP1$r0\"q\x1b\\".to_owned(),
        _ => "\x1bP0$r\x1b\\".to_owned(),
    }
}

/// XTGETTCAP: name and value in hexadecimal.
fn capability_report(names: &[u8]) -> String {
    let mut answer = String::new();
    for name in names.split(|b| *b == b';').take(16) {
        let Some(name) = std::str::from_utf8(name).ok().filter(|n| n.bytes().all(|b| b.is_ascii_hexdigit()))
        else {
            continue;
        };
        let value = match name.to_ascii_lowercase().as_str() {
            // TN, name
            "544e" | "6e616d65" => "xterm-256color",
            // Co, colors
            "436f" | "636f6c6f7273" => "256",
            // RGB
            "524742" => "8",
            _ => {
                let _ = write!(answer, "\x1bP0+r{name}\x1b\\");
                continue;
            }
        };
        let _ = write!(answer, "\x1bP1+r{name}=");
        for byte in value.bytes() {
            let _ = write!(answer, "{byte:02x}");
        }
        answer.push_str("\x1b\\");
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::terminal::scanner::{Piece, Scanner};

    fn answers(output: &str) -> String {
        let (mut modes, mut scanner, mut all) = (Modes::default(), Scanner::new(""), String::new());
        scanner.feed(output.as_bytes(), &mut |piece| {
            if let Piece::Control(control) = piece {
                modes.apply(&control);
                if is_query(&control) {
                    all.push_str(&answer(
                        &control,
                        &Facts { row: 3, col: 7, cols: 80, rows: 24, modes: &modes },
                    ));
                }
            }
        });
        all
    }

    #[test]
    fn each_question_has_one_answer() {
        for (question, expected) in [
            ("\x1b[c", "\x1b[?1;2c"),
            ("\x1b[0c", "\x1b[?1;2c"),
            ("\x1b[>c", "\x1b[>0;276;0c"),
            ("\x1b[=c", "\x1bP!|00000000\x1b\\"),
            ("\x1b[5n", "\x1b[0n"),
            ("\x1b[6n", "\x1b[3;7R"),
            ("\x1b[?6n", "\x1b[?3;7R"),
            ("\x1b[2;10r\x1b[?6h\x1b[6n", "\x1b[2;7R"),
            ("\x1b[?2004$p", "\x1b[?2004;2$y"),
            ("\x1b[?2004h\x1b[?2004$p", "\x1b[?2004;1$y"),
            ("\x1b[?7$p", "\x1b[?7;1$y"),
            ("\x1b[?4711$p", "\x1b[?4711;0$y"),
            ("\x1b[4$p", "\x1b[4;2$y"),
            ("\x1b[>q", concat!("\x1bP>|workshop(", env!("CARGO_PKG_VERSION"), ")\x1b\\")),
            ("\x1b[18t", "\x1b[8;24;80t"),
            ("\x1b]11;?\x07", "\x1b]11;rgb:1414/1717/1a1a\x07"),
            ("\x1b]10;?\x1b\\", "\x1b]10;rgb:d8d8/dcdc/d9d9\x1b\\"),
            ("\x1b]4;196;?\x07", "\x1b]4;196;rgb:ffff/0000/0000\x07"),
            ("\x1b]4;1;#000080\x07\x1b]4;1;?\x07", "\x1b]4;1;rgb:0000/0000/8080\x07"),
            ("\x1bP$q q\x1b\\", "\x1bP1$r1 q\x1b\\"),
            ("\x1bP$qr\x1b\\", "\x1bP1$r1;24r\x1b\\"),
            ("\x1bP$qx\x1b\\", "\x1bP0$r\x1b\\"),
            ("\x1bP+q544e;7878\x1b\\", "\x1bP1+r544e=787465726d2d323536636f6c6f72\x1b\\\x1bP0+r7878\x1b\\"),
            // No questions: other sequences, and the title, which would type what the output says.
            ("\x1b[0m\x1b[1;2H\x1b[1;5c\x1b[21t\x1b[3t\x1bc", ""),
            ("\x1b]52;c;?\x07\x1b]4;999;?\x07\x1b]0;?\x07\x05", ""),
        ] {
            assert_eq!(answers(question), expected, "{question:?}");
        }
    }
}
