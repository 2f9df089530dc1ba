//! `workshop init`: a new workshop of three small steps, which compiles and passes its own checks.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::arguments::InitOptions;
use crate::context::Context;
use crate::failure::Failure;
use crate::paint::{self, Paint};

/// The longest name: a step's id and an image's name hold no more.
const MAX_NAME: usize = 63;

macro_rules! template {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../templates/workshop/", $path)))),*]
    };
}

/// The files of a new workshop.
const FILES: &[(&str, &str)] = template![
    "workshop.yaml",
    "steps/say-hello/step.yaml",
    "steps/say-hello/content.md",
    "steps/say-hello/goss.yaml",
    "steps/say-hello/hints.md",
    "steps/say-hello/solve.md",
    "steps/say-hello/files/hello.txt",
    "steps/say-hello/assets/steps.svg",
    "steps/make-a-program/step.yaml",
    "steps/make-a-program/content.md",
    "steps/make-a-program/goss.yaml",
    "steps/make-a-program/hints.md",
    "steps/make-a-program/solve.md",
    "steps/make-a-program/files/greet.sh",
    "steps/keep-a-record/step.yaml",
    "steps/keep-a-record/content.md",
    "steps/keep-a-record/goss.yaml",
    "steps/keep-a-record/hints.md",
    "steps/keep-a-record/solve.md",
];

/// The answer for machines.
#[derive(Serialize)]
struct Answer<'a> {
    name: &'a str,
    path: &'a Path,
    files: Vec<PathBuf>,
}

/// Begins a workshop.
pub(crate) fn run(options: &InitOptions, context: &Context) -> Result<(), Failure> {
    let folder = &options.name;
    let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if let Err(why) = check_name(name) {
        return Err(Failure::input(format_args!(
            "{:?} cannot be the name of a workshop: {why}. A name has lowercase letters, digits and hyphens between \
             them, such as git-basics",
            folder.display().to_string()
        )));
    }
    claim(folder)?;
    let mut files = Vec::new();
    for (path, text) in FILES {
        let path = folder.join(path);
        write(&path, &text.replace("{{name}}", name).replace("{{image}}", &format!("localhost/{name}")))?;
        files.push(path);
    }
    if context.output.is_json() {
        let answer = Answer { name, path: folder, files };
        return Ok(paint::print(&format!("{}\n", serde_json::to_string(&answer)?))?);
    }
    Ok(paint::print(&next(folder, Paint::stdout()))?)
}

/// Whether a folder may have this name; if not, why.
fn check_name(name: &str) -> Result<(), String> {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if name.is_empty() {
        return Err("it has no last part".into());
    }
    if let Some(other) = name.chars().find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')) {
        return Err(format!("{other:?} is not allowed"));
    }
    if !(name.bytes().next().is_some_and(word) && name.bytes().last().is_some_and(word)) {
        return Err("it begins or ends with a hyphen".into());
    }
    if name.len() > MAX_NAME {
        return Err(format!("it has {} characters, and {MAX_NAME} are the most", name.len()));
    }
    Ok(())
}

/// Makes the folder, or takes an empty one. What is there is never written over.
fn claim(folder: &Path) -> Result<(), Failure> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Failure::input(format_args!(
                "{shown} is there already and not empty; choose another name, or empty it"
            ))),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => {
            fs::create_dir_all(folder).map_err(|error| Failure::input(format_args!("{shown}: {error}")))
        }
        Err(error) => Err(Failure::input(format_args!("{shown}: {error}"))),
    }
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    use anyhow::Context as _;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    }
    let mut file = fs::File::create_new(path).with_context(|| path.display().to_string())?;
    std::io::Write::write_all(&mut file, text.as_bytes()).with_context(|| path.display().to_string())
}

/// What was made, and what to do with it.
fn next(folder: &Path, paint: Paint) -> String {
    let shown = quoted(folder);
    let command = |command: &str| paint.bold(command);
    format!(
        "{} {shown} is a workshop of three steps.\n\n\
         Edit      {}, and the texts in {}\n\
         Check     {}\n\
         Run       {}\n",
        paint.green("✓"),
        command(&format!("{shown}/workshop.yaml")),
        command(&format!("{shown}/steps/")),
        command(&format!("workshop validate {shown}")),
        command(&format!("workshop run {shown}")),
    )
}

/// A path as it is typed into a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/._-~+@%:,".contains(c);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}
