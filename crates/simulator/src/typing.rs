//! A terminal as a recording shows it: a prompt, keys one after the other, and what the command answers.

use crate::random::Random;

/// Columns and rows of the terminals.
pub(crate) const SIZE: (u16, u16) = (100, 30);

/// The prompt in a folder.
pub(crate) fn prompt(folder: &str) -> String {
    format!("\x1b[?2004h\x1b[1;32mstudent@hello-linux\x1b[0m:\x1b[1;34m{folder}\x1b[0m$ ")
}

/// The keys of a command, a few at a time as they come, with the seconds that each took. Ends with Enter.
pub(crate) fn keys(cmd: &str, key: f64, random: &mut Random) -> Vec<(f64, String)> {
    let mut pieces: Vec<(f64, String)> = Vec::new();
    let mut piece = String::new();
    let mut taken = 0.0;
    for letter in cmd.chars() {
        taken += key * random.between(0.5, 1.6);
        match letter {
            '\n' => piece.push_str("\r\n> "),
            other => piece.push(other),
        }
        // Who types fast types several letters between two reads of the terminal.
        if letter == '\n' || letter == ' ' || random.chance(0.4) {
            pieces.push((std::mem::take(&mut taken), std::mem::take(&mut piece)));
        }
    }
    taken += key * 2.0;
    piece.push_str("\r\n\x1b[?2004l\r");
    pieces.push((taken, piece));
    pieces
}

/// Output as the terminal gets it.
pub(crate) fn shown(output: &str) -> String {
    output.replace('\n', "\r\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_spell_the_command_and_end_it() {
        let keys = keys("ls -l\nnow", 0.1, &mut Random::new(1, 1));
        let text: String = keys.iter().map(|(_, piece)| piece.as_str()).collect();
        assert_eq!(text, "ls -l\r\n> now\r\n\x1b[?2004l\r");
        assert!(keys.iter().all(|(taken, _)| *taken > 0.0));
    }
}
