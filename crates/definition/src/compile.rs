//! From a definition to the artifact directory, byte for byte the same for the same definition.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::artifact::{HelpMode, StepMeta, StepSummary, Workshop};
use crate::definition::{Definition, Step};

/// The artifact is for root and group 0 alone: the student reads steps through the backend.
const DIR_MODE: u32 = 0o750;
const FILE_MODE: u32 = 0o640;

/// Why an artifact could not be written.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The directory holds something else; it is left as it is.
    #[error("{}: is not empty and holds no artifact; name a new or empty directory", .0.display())]
    Occupied(PathBuf),
    /// The system refused.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Writes the artifact of `definition` into `out`, which is made if needed. An artifact that is there is replaced
/// (not its `runtime`); `workshop.json` is written last, so a half-written artifact is not taken for a whole one.
///
/// # Errors
///
/// When `out` holds anything but an artifact, or cannot be written.
pub fn compile_artifact(definition: &Definition, out: &Path) -> Result<(), CompileError> {
    clear(out)?;
    make_dir(out)?;
    if !definition.prompts.is_empty() {
        let prompts = out.join("prompts");
        make_dir(&prompts)?;
        for (mode, text) in &definition.prompts {
            write(&prompts.join(help_file(*mode)), text.as_bytes())?;
        }
    }
    let steps = out.join("steps");
    make_dir(&steps)?;
    let mut summaries = Vec::with_capacity(definition.steps.len());
    for (index, step) in definition.steps.iter().enumerate() {
        let meta = meta(definition, index, step);
        write_step(&steps.join(&step.id), step, &meta)?;
        let StepMeta { id, title, group, requires, position, .. } = meta;
        summaries.push(StepSummary { id, title, group, requires, position });
    }
    let workshop = Workshop {
        name: definition.name.clone(),
        image: definition.image.clone(),
        navigation: definition.navigation,
        llm: definition.llm.clone(),
        infrastructure: definition.infrastructure.clone(),
        steps: summaries,
    };
    write_json(&out.join("workshop.json"), &workshop)
}

fn meta(definition: &Definition, index: usize, step: &Step) -> StepMeta {
    StepMeta {
        id: step.id.clone(),
        title: step.title.clone(),
        group: step.group.clone(),
        requires: step.requires.clone(),
        position: u32::try_from(index + 1).unwrap_or(u32::MAX),
        has_goss: step.goss.is_some(),
        has_llm: step.llm.is_some(),
        has_hints: step.help.contains_key(&HelpMode::Hints),
        has_explain: step.help.contains_key(&HelpMode::Explain),
        has_solve: step.help.contains_key(&HelpMode::Solve),
        check_user: step.check_user,
        env: definition.environment(index).into_iter().map(|(name, _)| name.to_owned()).collect(),
    }
}

fn write_step(dir: &Path, step: &Step, meta: &StepMeta) -> Result<(), CompileError> {
    make_dir(dir)?;
    write_json(&dir.join("meta.json"), meta)?;
    write(&dir.join("content.md"), step.markdown.as_bytes())?;
    if let Some(goss) = &step.goss {
        write(&dir.join("goss.yaml"), goss.as_bytes())?;
    }
    for (mode, text) in &step.help {
        write(&dir.join(help_file(*mode)), text.as_bytes())?;
    }
    if let Some(llm) = &step.llm {
        write_json(&dir.join("llm.json"), &llm.settings)?;
        write_all(&dir.join("llm-docs"), llm.docs.iter().map(|(name, text)| (name, text.as_bytes())))?;
    }
    write_all(&dir.join("assets"), step.assets.iter().map(|asset| (&asset.name, asset.content.as_slice())))
}

/// Writes files into a directory that is only made when there are any.
fn write_all<'a>(
    dir: &Path,
    files: impl ExactSizeIterator<Item = (&'a String, &'a [u8])>,
) -> Result<(), CompileError> {
    if files.len() > 0 {
        make_dir(dir)?;
    }
    for (name, content) in files {
        write(&dir.join(name), content)?;
    }
    Ok(())
}

/// Takes the artifact away that is in `out`, if it is one.
fn clear(out: &Path) -> Result<(), CompileError> {
    let workshop = out.join("workshop.json");
    let gone = |path: &Path, result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(path, error)),
        _ => Ok(()),
    };
    let mut entries = match fs::read_dir(out) {
        Ok(entries) => entries,
        Err(error) => return gone(out, Err(error)),
    };
    // What a compile leaves when it is stopped midway.
    let is_part = |name: &str| matches!(name, "workshop.json" | "prompts" | "steps" | "runtime");
    if !entries.all(|entry| entry.is_ok_and(|entry| entry.file_name().to_str().is_some_and(is_part))) {
        return Err(CompileError::Occupied(out.to_path_buf()));
    }
    gone(&workshop, fs::remove_file(&workshop))?;
    for name in ["prompts", "steps"] {
        let dir = out.join(name);
        gone(&dir, fs::remove_dir_all(&dir))?;
    }
    Ok(())
}

fn help_file(mode: HelpMode) -> String {
    format!("{}.md", mode.as_str())
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<(), CompileError> {
    let mut bytes = serde_json::to_vec_pretty(value).map_err(|error| failed(path, error.into()))?;
    bytes.push(b'\n');
    write(path, &bytes)
}

fn make_dir(dir: &Path) -> Result<(), CompileError> {
    fs::create_dir_all(dir).and_then(|()| set_mode(dir, DIR_MODE)).map_err(|error| failed(dir, error))
}

fn write(file: &Path, content: &[u8]) -> Result<(), CompileError> {
    fs::write(file, content).and_then(|()| set_mode(file, FILE_MODE)).map_err(|error| failed(file, error))
}

/// Modes are set and not left to the umask, so that they are the same everywhere.
fn set_mode(path: &Path, mode: u32) -> io::Result<()> {
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
}

fn failed(path: &Path, source: io::Error) -> CompileError {
    CompileError::Io { path: path.to_path_buf(), source }
}
