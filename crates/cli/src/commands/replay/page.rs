//! The state at a moment as a page for people.

use std::fmt::Write as _;

use workshop_events::codec::cut;

use super::state_at::{CheckAt, CommandAt, StateAt, StepAt};
use crate::paint::{Paint, duration, shown};

/// The longest command or finding that is shown, in characters.
const MAX_TEXT: usize = 100;

/// The whole page.
pub(super) fn text(title: &str, state: &StateAt, paint: Paint) -> String {
    let mut page = format!("{} at {}\n", paint.bold(title), paint.bold(state.at));
    if state.seq == 0 {
        let begins = match state.log_begins {
            Some(begins) => format!("Nothing had happened yet; the log begins at {begins}."),
            None => "Nothing has ever happened in this log.".to_owned(),
        };
        let _ = writeln!(page, "{begins}");
    } else {
        let _ = writeln!(page, "{}", paint.dim(format_args!("{}", span(state))));
    }
    if !state.steps.is_empty() {
        page.push('\n');
        let width = state.steps.iter().map(|step| step.id.chars().count()).max().unwrap_or(0).min(40);
        for step in &state.steps {
            let _ = writeln!(page, "{}", line_of_step(step, width, paint));
        }
    }
    if let Some(check) = &state.last_check {
        check_lines(&mut page, check, paint);
    }
    if let Some(switch) = &state.switch {
        let kind = switch.kind.as_str();
        let _ = writeln!(page, "\nWaiting for a {kind} to {} since {}", shown(&switch.step), switch.ts);
    }
    if !state.commands.is_empty() {
        let _ = writeln!(page, "\nLast commands");
        for command in &state.commands {
            let _ = writeln!(page, "{}", line_of_command(command, paint));
        }
    }
    if state.seq > 0 {
        terminals(&mut page, state, paint);
    }
    page
}

fn span(state: &StateAt) -> String {
    let last = state.last.map(|last| format!("record {} of {last}", state.seq)).unwrap_or_default();
    match state.log_ends {
        Some(ends) if Some(ends) == state.last => format!("{last}, the last of the log"),
        Some(ends) => format!("{last}; the log goes on until {ends}"),
        None => last,
    }
}

fn line_of_step(step: &StepAt, width: usize, paint: Paint) -> String {
    let mark = match step {
        StepAt { completed: Some(_), .. } => paint.green("✓"),
        StepAt { active: true, .. } => paint.yellow("▶"),
        StepAt { given: true, .. } => paint.dim("•"),
        _ => " ".to_owned(),
    };
    let mut words = Vec::new();
    if step.active {
        words.push("active".to_owned());
    }
    words.extend(step.completed.map(|completed| format!("completed {completed}")));
    if step.given && step.completed.is_none() {
        words.push("given by the image".to_owned());
    }
    if step.former {
        words.push("former step".to_owned());
    }
    if step.active_ms >= 1000 {
        words.push(duration(step.active_ms));
    }
    for (number, one, many) in [(step.tries, "check", "checks"), (step.helps, "help", "helps")] {
        match number {
            0 => {}
            1 => words.push(format!("1 {one}")),
            number => words.push(format!("{number} {many}")),
        }
    }
    let id = shown(&step.id);
    let id = if step.active { paint.bold(format_args!("{id:<width$}")) } else { format!("{id:<width$}") };
    format!("{mark} {id}  {}", words.join(", ")).trim_end().to_owned()
}

fn check_lines(page: &mut String, check: &CheckAt, paint: Paint) {
    let by = if check.trigger == "student" { "" } else { ", by the interval" };
    let outcome = if check.passed { paint.green("passed") } else { paint.red("failed") };
    let _ = writeln!(
        page,
        "\nLast check {outcome}: {} of {} tests of {} at {}{by}",
        check.passed_count,
        check.total,
        shown(&check.step),
        check.ts
    );
    for failed in &check.failed {
        let _ = writeln!(page, "{} {}", paint.red("✗"), cut(&shown(&failed.title), MAX_TEXT));
        if !(failed.found.is_empty() && failed.expected.is_empty()) {
            let [found, expected] = [&failed.found, &failed.expected].map(|text| cut(&shown(text), MAX_TEXT));
            let _ = writeln!(page, "  {}", paint.dim(format_args!("found {found}, expected {expected}")));
        }
    }
}

fn line_of_command(command: &CommandAt, paint: Paint) -> String {
    let time = command.ts.to_string();
    let time = time.get(11..19).unwrap_or(&time);
    let exit = match command.exit {
        Some(0) => String::new(),
        Some(code) => format!("  {}", paint.red(format_args!("exit {code}"))),
        None => format!("  {}", paint.dim("no exit code")),
    };
    format!("{}  {}{exit}", paint.dim(time), cut(&shown(&command.cmd), MAX_TEXT))
}

fn terminals(page: &mut String, state: &StateAt, paint: Paint) {
    let browsers = match state.clients {
        0 => "no browser".to_owned(),
        1 => "1 browser".to_owned(),
        n => format!("{n} browsers"),
    };
    let _ = writeln!(page, "\nOpen terminals, with {browsers}");
    if state.sessions.is_empty() {
        let _ = writeln!(page, "{}", paint.dim("none"));
    }
    for session in &state.sessions {
        let recordings: Vec<String> = session.recordings.iter().map(|name| shown(name)).collect();
        let recorded = if recordings.is_empty() {
            String::new()
        } else {
            format!(", recorded in {}", recordings.join(", "))
        };
        let _ = writeln!(page, "{} since {}{recorded}", shown(&session.name), session.opened);
    }
}
