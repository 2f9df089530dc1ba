//! What of a recording gets to the terminal that plays it: what draws, and nothing that asks the terminal, sets its
//! clipboard, prints, or changes what its keys send. A student's recording is played on an instructor's machine.

/// A sequence longer than this is none.
const MAX_SEQUENCE: usize = 64;

/// Private modes that a replay may set: cursor keys, reverse video, wrapping, cursor, the alternate screen, and
/// synchronised output. All that make the terminal send something (mouse, focus, paste) stay off.
const MODES: &[&str] = &["1", "5", "7", "12", "25", "47", "1047", "1048", "1049", "2026"];

/// Where the filter stands in the stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    Text,
    Escape,
    Control,
    /// OSC, DCS and the like, up to their end.
    String,
    /// After an ESC in one, which may be its end.
    StringEscape,
}

/// Passes output on, piece by piece.
#[derive(Debug)]
pub(super) struct Filter {
    within: Within,
    /// The sequence so far, after its ESC.
    held: String,
    plain: bool,
    alternate: bool,
}

impl Filter {
    /// For a terminal: text, colours and movements.
    pub(super) fn for_terminal() -> Self {
        Self { within: Within::Text, held: String::new(), plain: false, alternate: false }
    }

    /// For files and pipes: text and line ends alone.
    pub(super) fn plain() -> Self {
        Self { within: Within::Text, held: String::new(), plain: true, alternate: false }
    }

    /// Whether what has passed left the terminal on its alternate screen.
    pub(super) fn on_alternate_screen(&self) -> bool {
        self.alternate
    }

    /// Passes the next piece of output on to `out`.
    pub(super) fn pass(&mut self, text: &str, out: &mut String) {
        for character in text.chars() {
            match self.within {
                Within::Text => self.text(character, out),
                Within::Escape => self.escape(character, out),
                Within::Control => self.control(character, out),
                Within::String => match character {
                    '\x1b' => self.within = Within::StringEscape,
                    '\x07' | '\x18' | '\x1a' | '\u{9c}' => self.within = Within::Text,
                    _ => {}
                },
                Within::StringEscape => {
                    self.begin();
                    if character == '\\' {
                        self.within = Within::Text;
                    } else {
                        self.escape(character, out);
                    }
                }
            }
        }
    }

    fn begin(&mut self) {
        self.held.clear();
        self.within = Within::Escape;
    }

    fn text(&mut self, character: char, out: &mut String) {
        match character {
            '\x1b' => self.begin(),
            '\n' | '\t' => out.push(character),
            '\r' | '\x07' | '\x08' | '\x0b' | '\x0c' | '\x0e' | '\x0f' if !self.plain => out.push(character),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }

    fn escape(&mut self, character: char, out: &mut String) {
        match character {
            '\x1b' => self.begin(),
            '[' if self.held.is_empty() => self.within = Within::Control,
            ']' | 'P' | 'X' | '^' | '_' if self.held.is_empty() => self.within = Within::String,
            ' '..='/' if self.held.len() < MAX_SEQUENCE => self.held.push(character),
            '0'..='~' => {
                let draws = match self.held.as_str() {
                    "" => {
                        matches!(character, '7' | '8' | '=' | '>' | 'D' | 'E' | 'H' | 'M' | 'N' | 'O' | 'c')
                    }
                    "(" | ")" | "*" | "+" => true,
                    "#" => matches!(character, '3'..='6' | '8'),
                    _ => false,
                };
                self.end(character, draws, "", out);
            }
            _ => self.within = Within::Text,
        }
    }

    fn control(&mut self, character: char, out: &mut String) {
        match character {
            '\x1b' => self.begin(),
            '\x18' | '\x1a' => self.within = Within::Text,
            ' '..='?' if self.held.len() < MAX_SEQUENCE => self.held.push(character),
            '@'..='~' => {
                let draws = draws(&self.held, character);
                self.end(character, draws, "[", out);
            }
            // Controls within a sequence are done at once by a terminal; none of ours needs that.
            c if c.is_control() => {}
            _ => self.within = Within::Text,
        }
    }

    fn end(&mut self, last: char, draws: bool, opener: &str, out: &mut String) {
        if draws && !self.plain {
            let mode = |mode| matches!(mode, "47" | "1047" | "1049");
            if matches!(last, 'h' | 'l') && self.held.trim_start_matches('?').split(';').any(mode) {
                self.alternate = last == 'h';
            }
            out.push('\x1b');
            out.push_str(opener);
            out.push_str(&self.held);
            out.push(last);
        }
        self.within = Within::Text;
    }
}

/// Whether a control sequence only draws.
fn draws(body: &str, last: char) -> bool {
    let numbers = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b';' | b':'));
    match (body.strip_prefix('?'), last) {
        (Some(modes), 'h' | 'l') => modes.split(';').all(|mode| MODES.contains(&mode)),
        (Some(rest), 'J' | 'K') => numbers(rest),
        (Some(_), _) => false,
        (None, 'q') => body.strip_suffix(' ').is_some_and(numbers),
        (None, 'p') => body == "!",
        (None, 'h' | 'l') => matches!(body, "4" | "20"),
        (None, '@' | '`' | 'A'..='M' | 'P' | 'S' | 'T' | 'X' | 'Z') => numbers(body),
        (None, 'a' | 'b' | 'd'..='g' | 'm' | 'r' | 's' | 'u') => numbers(body),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str, plain: &str) {
        for (mut filter, expected) in [(Filter::for_terminal(), expected), (Filter::plain(), plain)] {
            let mut whole = String::new();
            filter.pass(text, &mut whole);
            assert_eq!(whole, expected, "{text:?}");
            let mut pieces = String::new();
            for character in text.chars() {
                filter.pass(character.encode_utf8(&mut [0; 4]), &mut pieces);
            }
            assert_eq!(pieces, expected, "{text:?} piece by piece");
        }
    }

    #[test]
    fn what_draws_passes() {
        check("a\r\n\x1b[1;31mred\x1b[0m ü✓\x07", "a\r\n\x1b[1;31mred\x1b[0m ü✓\x07", "a\nred ü✓");
        check("\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l", "\x1b[?1049h\x1b[2J\x1b[H\x1b[?25l", "");
        check(
            "\x1b(0q\x1b(B\x1b7\x1b8\x1bM\x1b[38:5:12mx",
            "\x1b(0q\x1b(B\x1b7\x1b8\x1bM\x1b[38:5:12mx",
            "qx",
        );
        check("\x1b[4 q\x1b[!p", "\x1b[4 q\x1b[!p", "");
    }

    #[test]
    fn what_asks_the_terminal_or_reaches_beyond_it_does_not() {
        check("a\x1b]52;c;ZXZpbA==\x07b", "ab", "ab");
        check("a\x1b]0;title\x1b\\b\x1b]8;;http://x\x1b\\c", "abc", "abc");
        check("a\x1bPq#0\x1b\\b\x1b_G\x1b\\c\x1b^x\x1b\\d\x1bXx\x1b\\e", "abcde", "abcde");
        check("\x1b[c\x1b[>c\x1b[6n\x1b[?6n\x1b[21t\x1b[5i\x1b[?1$p\x1b[>q\x1b[x\x1bZ\x05a", "a", "a");
        check("\x1b[?1000h\x1b[?1006;25h\x1b[?2004h\x1b[>4;2m\x1b[>1u\x1b[?ua", "a", "a");
        check("\u{9b}6n\u{9d}0;t\u{9c}a", "6n0;ta", "6n0;ta");
        check("\x1b]0;\x1b[31ma", "\x1b[31ma", "a");
        let rest = format!(";{}ma", "1;".repeat(167));
        check(&format!("\x1b[{}ma", "1;".repeat(200)), &rest, &rest);
    }

    #[test]
    fn the_alternate_screen_is_remembered() {
        let check = |text: &str, expected: bool| {
            let mut filter = Filter::for_terminal();
            filter.pass(text, &mut String::new());
            assert_eq!(filter.on_alternate_screen(), expected, "{text:?}");
        };
        check("\x1b[?25l", false);
        check("\x1b[?1049;25h", true);
        check("\x1b[?1049h\x1b[?1049l", false);
        check("\x1b[?1049h\x1b[?25l", true);
    }
}
