//! Colour where a terminal shows it, and printing that does not mind a reader who leaves early.

use std::env;
use std::fmt::Display;
use std::io::{self, ErrorKind, IsTerminal, Write};

/// Paints words, or leaves them as they are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint(bool);

impl Paint {
    /// For the standard output: none of it off a terminal, with `NO_COLOR`, under CI, or on a dumb terminal.
    pub(crate) fn stdout() -> Self {
        let set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = env::var_os("TERM").is_none_or(|term| term == "dumb");
        Self(io::stdout().is_terminal() && !set("NO_COLOR") && !set("CI") && !dumb)
    }

    /// What stands out.
    pub(crate) fn bold(self, text: impl Display) -> String {
        self.with("1", text)
    }

    /// What stands back.
    pub(crate) fn dim(self, text: impl Display) -> String {
        self.with("2", text)
    }

    /// What is well.
    pub(crate) fn green(self, text: impl Display) -> String {
        self.with("32", text)
    }

    /// What is to be looked at.
    pub(crate) fn yellow(self, text: impl Display) -> String {
        self.with("33", text)
    }

    /// What is wrong.
    pub(crate) fn red(self, text: impl Display) -> String {
        self.with("31", text)
    }

    fn with(self, code: &str, text: impl Display) -> String {
        if self.0 { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_string() }
    }
}

/// Prints all of a text. A reader that closed the pipe has seen enough.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(()),
    }
}

/// A text of a log as one line of a terminal: whatever would move the cursor or change the terminal is shown instead.
pub(crate) fn shown(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' => line.push('⏎'),
            '\t' => line.push(' '),
            c if c.is_control() => line.push('\u{fffd}'),
            c => line.push(c),
        }
    }
    line
}

/// Milliseconds as people say them: `45 s`, `3 min 12 s`, `2 h 05 min`.
pub(crate) fn duration(ms: u64) -> String {
    let seconds = ms / 1000;
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s} s"),
        (0, m, s) => format!("{m} min {s:02} s"),
        (h, m, _) => format!("{h} h {m:02} min"),
    }
}

/// A size as people say it.
pub(crate) fn size(bytes: u64) -> String {
    let mut size = bytes as f64;
    for unit in ["bytes", "kB", "MB", "GB"] {
        if size < 1000.0 {
            return if unit == "bytes" { format!("{bytes} bytes") } else { format!("{size:.1} {unit}") };
        }
        size /= 1000.0;
    }
    format!("{size:.1} TB")
}

/// `1 problem`, `2 problems`.
pub(crate) fn count(n: u64, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_words() {
        assert_eq!(
            [0, 45_999, 192_000, 7_500_000].map(duration),
            ["0 s", "45 s", "3 min 12 s", "2 h 05 min"]
        );
        let sizes = [0, 999, 1_000, 1_250_000, 3_000_000_000_000].map(size);
        assert_eq!(sizes, ["0 bytes", "999 bytes", "1.0 kB", "1.2 MB", "3.0 TB"]);
        assert_eq!([0, 1, 2].map(|n| count(n, "problem")), ["0 problems", "1 problem", "2 problems"]);
        assert_eq!(shown("a\nb\x1b[2J\tc"), "a⏎b\u{fffd}[2J c");
    }
}
