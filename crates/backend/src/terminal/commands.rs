//! From marks of the shell to commands: each with its line, exit code, directory, and when it ran.

use std::time::Duration;

use workshop_events::MAX_CMD_CHARS;

use super::osc::Mark;

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finished {
    /// Its line, as it was typed.
    pub cmd: String,
    /// Its exit code, if the shell told it.
    pub exit: Option<i32>,
    /// The directory that it began in, if the shell told it.
    pub cwd: Option<String>,
    /// The step that was active when it began.
    pub step: String,
    /// When it began, counted from the session's opening.
    pub at: Duration,
    /// How long it ran.
    pub ran: Duration,
}

/// What a mark changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A command began; this is its line.
    Began(String),
    /// A command ended.
    Ended(Finished),
}

/// The command of one session.
#[derive(Debug, Default)]
pub struct Commands {
    cwd: Option<String>,
    line: String,
    open: Option<Finished>,
}

impl Commands {
    /// Takes a mark seen at `now`, counted from the session's opening. `step` tells the active step.
    pub fn take(&mut self, mark: Mark, now: Duration, step: impl FnOnce() -> String) -> Vec<Change> {
        match mark {
            Mark::Prompt => self.end(None, now),
            Mark::Line(line) => {
                self.line = line;
                Vec::new()
            }
            Mark::NextLine(line) => {
                // The shell puts a space before each, and one without ends them.
                if let Some(line) = line.strip_prefix(' ')
                    && self.line.len() <= 4 * MAX_CMD_CHARS
                {
                    self.line.push('\n');
                    self.line.push_str(line);
                }
                Vec::new()
            }
            Mark::Cwd(path) => {
                self.cwd = Some(path);
                Vec::new()
            }
            Mark::Begin => {
                let mut changes = self.end(None, now);
                let cmd = cut(std::mem::take(&mut self.line).trim_end());
                if !cmd.trim_start().is_empty() {
                    changes.push(Change::Began(cmd.clone()));
                    let (cwd, step) = (self.cwd.clone(), step());
                    self.open = Some(Finished { cmd, exit: None, cwd, step, at: now, ran: Duration::ZERO });
                }
                changes
            }
            Mark::End(exit) => self.end(exit, now),
        }
    }

    /// The shell has ended, with what runs in it: `exit` is what `exit` or an `exec` gave.
    pub fn end(&mut self, exit: Option<i32>, now: Duration) -> Vec<Change> {
        let ended = self.open.take().map(|open| Finished { exit, ran: now.saturating_sub(open.at), ..open });
        ended.map(Change::Ended).into_iter().collect()
    }
}

/// Cuts a line to what a record holds; the last character then says so.
fn cut(line: &str) -> String {
    match line.char_indices().nth(MAX_CMD_CHARS) {
        None => line.to_owned(),
        Some(_) => line.chars().take(MAX_CMD_CHARS - 1).chain(['…']).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds marks, one a second, and tells each change as `+line` or `-line=exit in cwd after ran`.
    fn check(marks: &[Mark], expected: &[&str]) {
        let mut commands = Commands::default();
        let mut found = Vec::new();
        for (second, mark) in (0..).zip(marks) {
            for change in commands.take(mark.clone(), Duration::from_secs(second), || "step-1".to_owned()) {
                found.push(match change {
                    Change::Began(cmd) => format!("+{cmd}"),
                    Change::Ended(ended) => {
                        format!("-{}={:?} in {:?} for {:?}", ended.cmd, ended.exit, ended.cwd, ended.ran)
                    }
                });
            }
        }
        assert_eq!(found, expected, "{marks:?}");
    }

    #[test]
    fn marks_become_commands() {
        use Mark::{Begin, Cwd, End, Line, NextLine, Prompt};
        let line = |text: &str| Line(text.to_owned());
        let next = |text: &str| NextLine(text.to_owned());
        check(&[Prompt, line("ls"), Begin, End(Some(0)), Prompt], &["+ls", "-ls=Some(0) in None for 1s"]);
        check(
            &[
                Cwd("/a".into()),
                line("cd b"),
                Begin,
                End(Some(0)),
                Cwd("/b".into()),
                line("ls"),
                Begin,
                End(Some(2)),
            ],
            &["+cd b", "-cd b=Some(0) in Some(\"/a\") for 1s", "+ls", "-ls=Some(2) in Some(\"/b\") for 1s"],
        );
        check(
            &[line("cat <<E"), next(" a"), next("  b"), next(" "), next(" E"), next(""), Begin, End(Some(0))],
            &["+cat <<E\na\n b\n\nE", "-cat <<E\na\n b\n\nE=Some(0) in None for 1s"],
        );
        // Nothing was entered; the end of what never began; ends that the shell did not tell.
        check(&[Prompt, End(Some(0)), Prompt, Begin, End(Some(1)), line("  "), Begin, End(None)], &[]);
        check(
            &[line("a"), Begin, line("b"), Begin, Prompt],
            &["+a", "-a=None in None for 2s", "+b", "-b=None in None for 1s"],
        );
        // The line of one command is not the next one's.
        check(&[line("a"), Begin, End(Some(0)), Begin, End(Some(0))], &["+a", "-a=Some(0) in None for 1s"]);
    }

    #[test]
    fn a_long_line_is_cut() {
        for (chars, kept, cut_mark) in
            [(1023, 1023, false), (1024, 1024, false), (1025, 1024, true), (9000, 1024, true)]
        {
            let cut = cut(&"é".repeat(chars));
            assert_eq!((cut.chars().count(), cut.ends_with('…')), (kept, cut_mark), "{chars}");
        }
    }
}
