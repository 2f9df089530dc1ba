//! `workshop validate`: every problem of a definition at once, each where it stands.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use workshop_definition::{Base, Definition, Problem};

use crate::arguments::Workshop;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::Output;
use crate::paint::{self, Paint};

/// A source line longer than this is not repeated under its problem.
const MAX_EXCERPT: usize = 100;

/// The answer for machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    valid: bool,
    path: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
    steps: Vec<&'a str>,
    problems: Vec<Told<'a>>,
}

/// A problem for machines.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    /// Relative to the workshop's folder.
    file: &'a str,
    line: usize,
    column: usize,
    path: &'a str,
    message: &'a str,
    instead: Option<&'a str>,
}

/// Checks a definition.
pub(crate) fn run(options: &Workshop, context: &Context) -> Result<(), Failure> {
    let definition = load(&options.path, context.output)?;
    if context.output.is_json() {
        return answer(&options.path, Some(&definition), &[]);
    }
    let steps = paint::count(definition.steps.len() as u64, "step");
    let checked = definition.steps.iter().filter(|step| step.goss.is_some()).count();
    let base = match &definition.base {
        Base::Image(image) => image.clone(),
        Base::ContainerFile(file) => format!("its own {}", file.display()),
    };
    let paint = Paint::stdout();
    Ok(paint::print(&format!(
        "{} {} is valid: {steps}, {checked} with a check, on {base}\n",
        paint.green("✓"),
        paint.bold(paint::shown(&definition.name)),
    ))?)
}

/// Reads the definition in a folder. Problems are printed, all of them.
///
/// # Errors
/// The definition has problems; they were printed, as text or JSON. Exit code 2.
pub(crate) fn load(path: &Path, output: Output) -> Result<Definition, Failure> {
    if !path.exists() {
        return Err(Failure::input(format_args!(
            "{}: no such folder. Name the one with the workshop.yaml, or begin one: workshop init NAME",
            path.display()
        )));
    }
    let problems = match workshop_definition::load(path) {
        Ok(definition) => return Ok(definition),
        Err(problems) => problems.into_iter().collect::<Vec<_>>(),
    };
    if output.is_json() {
        answer(path, None, &problems)?;
    } else {
        paint::print(&text(path, &problems, Paint::stdout()))?;
    }
    Err(Failure::Reported(2))
}

fn answer(path: &Path, definition: Option<&Definition>, problems: &[Problem]) -> Result<(), Failure> {
    let answer = Answer {
        valid: problems.is_empty(),
        path,
        name: definition.map(|definition| definition.name.as_str()),
        image: definition.map(|definition| definition.image.as_str()),
        steps: definition.iter().flat_map(|d| &d.steps).map(|step| step.id.as_str()).collect(),
        problems: problems
            .iter()
            .map(|problem| Told {
                file: &problem.file,
                line: problem.line,
                column: problem.column,
                path: &problem.path,
                message: &problem.message,
                instead: problem.instead.as_deref(),
            })
            .collect(),
    };
    Ok(paint::print(&format!("{}\n", serde_json::to_string(&answer)?))?)
}

/// Each problem with the line that it is about, then how many there are.
fn text(path: &Path, problems: &[Problem], paint: Paint) -> String {
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(Path::new("")) };
    let mut sources = HashMap::new();
    let mut text = String::new();
    for problem in problems {
        let file =
            if folder == Path::new(".") { PathBuf::from(&problem.file) } else { folder.join(&problem.file) };
        let place = format!("{}:{}:{}", file.display(), problem.line, problem.column);
        let field = if problem.path.is_empty() { String::new() } else { format!("{}: ", problem.path) };
        let _ =
            writeln!(text, "{} {field}{}", paint.bold(format_args!("{place}:")), paint.red(&problem.message));
        let lines = sources.entry(file).or_insert_with_key(|file| source(file));
        let instead = problem.instead.as_deref().unwrap_or_default();
        match lines.get(problem.line - 1).filter(|line| shows(line)) {
            Some(line) => {
                let number = problem.line;
                let column = problem.column.saturating_sub(1);
                let _ = writeln!(text, "{} {line}", paint.dim(format_args!("{number:>6} │")));
                let mark = format!("{}^ {instead}", " ".repeat(column));
                let _ = writeln!(text, "{} {}", paint.dim("       │"), paint.yellow(mark.trim_end()));
            }
            None if instead.is_empty() => {}
            None => {
                let _ = writeln!(text, "       {}", paint.yellow(instead));
            }
        }
    }
    let _ = writeln!(text, "{} in {}", paint::count(problems.len() as u64, "problem"), path.display());
    text
}

/// The lines of a file that a problem is about; none when it cannot be read or is no small text.
fn source(file: &Path) -> Vec<String> {
    let small = fs::metadata(file).is_ok_and(|metadata| metadata.is_file() && metadata.len() < 1024 * 1024);
    let text = if small { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    text.lines().map(ToOwned::to_owned).collect()
}

/// Whether a line can be repeated as it is, so that a mark under it points at the right place.
fn shows(line: &str) -> bool {
    !line.trim().is_empty() && line.chars().count() <= MAX_EXCERPT && !line.chars().any(char::is_control)
}
