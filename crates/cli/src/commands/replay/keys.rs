//! The terminal while something is played on it: its keys, and that it is as before in the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write, stdout};
use std::thread;

use rustix::termios::{OptionalActions, QueueSelector, Termios, tcflush, tcgetattr, tcgetwinsize, tcsetattr};
use tokio::sync::mpsc;

/// Ends what a recording may have left on: margins (which must not move the cursor), colours, line drawing, a hidden
/// cursor and the like.
pub(super) const BACK: &str =
    "\x1b[?2026l\x1b7\x1b[r\x1b8\x1b[0m\x1b(B\x0f\x1b[4l\x1b[?5l\x1b[?25h\x1b[?7h\x1b[?1l\x1b>";
/// Leaves the alternate screen. Elsewhere it would only move the cursor.
pub(super) const LEAVE: &str = "\x1b[?1049l";

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Space.
    Pause,
    /// `q`.
    Quit,
    /// Ctrl-C.
    Interrupt,
    /// The right arrow.
    Forward,
    /// The left arrow.
    Back,
}

/// A terminal without echo and lines, until this is dropped.
pub(super) struct Keyboard {
    tty: File,
    before: Termios,
    keys: mpsc::UnboundedReceiver<Key>,
    /// What is played stands on the alternate screen.
    pub(super) alternate: bool,
}

impl Keyboard {
    /// Takes the terminal of this process.
    ///
    /// # Errors
    /// It has none.
    pub(super) fn take() -> io::Result<Self> {
        let tty = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&tty)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(&tty, OptionalActions::Now, &raw)?;
        let (pressed, keys) = mpsc::unbounded_channel();
        let mut input = tty.try_clone()?;
        // It waits for keys until the process ends.
        thread::Builder::new().name("keys".into()).spawn(move || {
            let mut bytes = [0; 256];
            while let Ok(length) = input.read(&mut bytes)
                && length > 0
            {
                if understand(&bytes[..length]).into_iter().any(|key| pressed.send(key).is_err()) {
                    return;
                }
            }
        })?;
        Ok(Self { tty, before, keys, alternate: false })
    }

    /// The next key. Never, once the terminal is gone.
    pub(super) async fn next(&mut self) -> Key {
        match self.keys.recv().await {
            Some(key) => key,
            None => std::future::pending().await,
        }
    }

    /// Columns and rows of the terminal.
    pub(super) fn size(&self) -> Option<(u16, u16)> {
        tcgetwinsize(&self.tty).ok().map(|size| (size.ws_col, size.ws_row)).filter(|size| *size != (0, 0))
    }
}

impl Drop for Keyboard {
    fn drop(&mut self) {
        let mut out = stdout().lock();
        let leave = if self.alternate { LEAVE } else { "" };
        let _ = out.write_all(format!("{leave}{BACK}").as_bytes()).and_then(|()| out.flush());
        // What was typed here is not for the shell.
        let _ = tcflush(&self.tty, QueueSelector::IFlush);
        let _ = tcsetattr(&self.tty, OptionalActions::Drain, &self.before);
    }
}

/// The keys among some bytes; a sequence that is no key of ours is passed over whole.
fn understand(bytes: &[u8]) -> Vec<Key> {
    let mut keys = Vec::new();
    let mut rest = bytes;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b' ' => keys.push(Key::Pause),
            b'q' | b'Q' => keys.push(Key::Quit),
            0x03 => keys.push(Key::Interrupt),
            0x1b if matches!(after.first(), Some(b'[' | b'O')) => {
                // Cut off: nothing after it can be told from its own bytes.
                let Some(last) = after[1..].iter().position(|b| (0x40..=0x7e).contains(b)) else { break };
                keys.extend(match after[1 + last] {
                    b'C' => Some(Key::Forward),
                    b'D' => Some(Key::Back),
                    _ => None,
                });
                rest = &after[last + 2..];
            }
            _ => {}
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_among_bytes() {
        let check = |bytes: &[u8], expected: &[Key]| assert_eq!(understand(bytes), expected, "{bytes:?}");
        check(b" q\x03x", &[Key::Pause, Key::Quit, Key::Interrupt]);
        check(b"\x1b[C\x1b[D\x1bOC\x1b[1;5D", &[Key::Forward, Key::Back, Key::Forward, Key::Back]);
        check(b"\x1b[12;40R q", &[Key::Pause, Key::Quit]);
        check(b"\x1b[", &[]);
        check(b"\x1b[1", &[]);
        check(b"\x1b", &[]);
        check(b"\x1bq", &[Key::Quit]);
    }
}
