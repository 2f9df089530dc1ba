//! Reading `/workshop`: every field is checked once, and files are found by names read from the directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::{HelpMode, StepLlm, StepMeta, StepSummary, Workshop};
use crate::names;

/// Why an artifact cannot be used. Each message names the file and, where there is one, the field.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// A file that the artifact must have is not there.
    #[error("{}: file not found", file.display())]
    NotFound {
        /// The missing file.
        file: PathBuf,
    },
    /// The process may not read the artifact.
    #[error(
        "{}: permission denied: the artifact is readable by root and by group 0 only, run as root or with group 0",
        file.display()
    )]
    Permission {
        /// The file that could not be read.
        file: PathBuf,
    },
    /// A file could not be read for another reason.
    #[error("{}: {source}", file.display())]
    Io {
        /// The file that could not be read.
        file: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A field is missing or has a wrong value.
    #[error("{}: {field}{}{reason}", file.display(), if field.is_empty() { "" } else { ": " })]
    Malformed {
        /// The file with the field.
        file: PathBuf,
        /// The path of the field, like `steps[1].id`; empty when the file as a whole is wrong.
        field: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl ArtifactError {
    fn io(file: &Path, source: io::Error) -> Self {
        let file = file.to_path_buf();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { file },
            io::ErrorKind::PermissionDenied => Self::Permission { file },
            _ => Self::Io { file, source },
        }
    }

    fn malformed(file: &Path, field: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Malformed { file: file.to_path_buf(), field: field.into(), reason: reason.into() }
    }
}

/// A loaded artifact: its values are checked, its texts are read when asked for.
///
/// What the format says twice may differ: artifacts also come from other compilers, and a class must not stand still for it.
/// `workshop.json`, the order of its steps and the files that are there decide; [`Artifact::warnings`] says what differed.
///
/// Step ids and asset names given to its methods are looked up, never joined to a path.
#[derive(Debug, Clone)]
pub struct Artifact {
    workshop: Workshop,
    steps: Vec<Step>,
    prompts: BTreeMap<HelpMode, PathBuf>,
    warnings: Vec<String>,
}

#[derive(Debug, Clone)]
struct Step {
    dir: PathBuf,
    meta: StepMeta,
    llm: Option<StepLlm>,
    assets: BTreeMap<String, PathBuf>,
    docs: BTreeMap<String, PathBuf>,
}

impl Artifact {
    /// Reads and checks the artifact in `dir`, usually `/workshop`.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong, with its file and field.
    pub fn load(dir: &Path) -> Result<Self, ArtifactError> {
        let file = dir.join("workshop.json");
        let mut workshop: Workshop = read_json(&file)?;
        let mut warnings = Vec::new();
        number(&file, &mut workshop, &mut warnings);
        check_workshop(&file, &workshop)?;
        let steps = workshop
            .steps
            .iter()
            .map(|summary| Step::load(&dir.join("steps").join(&summary.id), summary, &mut warnings))
            .collect::<Result<_, _>>()?;
        let present = list_files(&dir.join("prompts"))?;
        let prompts = HelpMode::ALL
            .into_iter()
            .filter_map(|mode| Some((mode, present.get(&format!("{}.md", mode.as_str()))?.clone())))
            .collect();
        Ok(Self { workshop, steps, prompts, warnings })
    }

    /// Where files contradict each other or promise what is not there, with file and field, and what is used instead.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// What `workshop.json` says.
    pub fn workshop(&self) -> &Workshop {
        &self.workshop
    }

    /// What the steps have, in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &StepMeta> + Clone {
        self.steps.iter().map(|step| &step.meta)
    }

    /// What one step has; `None` for an unknown id.
    pub fn step(&self, id: &str) -> Option<&StepMeta> {
        Some(&self.find(id).ok()?.meta)
    }

    /// How the LLM helps in a step; `None` when it does not, or for an unknown id.
    pub fn llm(&self, id: &str) -> Option<&StepLlm> {
        self.find(id).ok()?.llm.as_ref()
    }

    /// The markdown of a step.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown id, else what the system says.
    pub fn content(&self, id: &str) -> io::Result<String> {
        fs::read_to_string(self.find(id)?.dir.join("content.md"))
    }

    /// The check of a step as goss reads it; `None` when the step has none.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown id, else what the system says.
    pub fn goss_spec(&self, id: &str) -> io::Result<Option<String>> {
        let step = self.find(id)?;
        step.meta.has_goss.then(|| fs::read_to_string(step.dir.join("goss.yaml"))).transpose()
    }

    /// The static help of a step in one mode; `None` when the step has none.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown id, else what the system says.
    pub fn help(&self, id: &str, mode: HelpMode) -> io::Result<Option<String>> {
        let step = self.find(id)?;
        let file = step.dir.join(format!("{}.md", mode.as_str()));
        step.meta.has_help(mode).then(|| fs::read_to_string(file)).transpose()
    }

    /// The names of a step's assets, sorted; none for an unknown id.
    pub fn assets(&self, id: &str) -> impl Iterator<Item = &str> {
        self.find(id).into_iter().flat_map(|step| step.assets.keys().map(String::as_str))
    }

    /// The file of a step's asset; `None` for an unknown id or name.
    pub fn asset(&self, id: &str, name: &str) -> Option<&Path> {
        Some(self.find(id).ok()?.assets.get(name)?.as_path())
    }

    /// The documents that the author gives the LLM for a step: names and texts, sorted by name.
    ///
    /// # Errors
    ///
    /// `NotFound` for an unknown id, else what the system says.
    pub fn llm_docs(&self, id: &str) -> io::Result<Vec<(String, String)>> {
        let docs = &self.find(id)?.docs;
        docs.iter().map(|(name, file)| Ok((name.clone(), fs::read_to_string(file)?))).collect()
    }

    /// The author's own LLM prompt for a mode; `None` when the default is to be used.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn prompt(&self, mode: HelpMode) -> io::Result<Option<String>> {
        self.prompts.get(&mode).map(fs::read_to_string).transpose()
    }

    fn find(&self, id: &str) -> io::Result<&Step> {
        self.steps
            .iter()
            .find(|step| step.meta.id == id)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "unknown step"))
    }
}

impl StepMeta {
    /// Whether the step has static help in this mode.
    pub fn has_help(&self, mode: HelpMode) -> bool {
        match mode {
            HelpMode::Hints => self.has_hints,
            HelpMode::Explain => self.has_explain,
            HelpMode::Solve => self.has_solve,
        }
    }
}

impl Step {
    fn load(dir: &Path, summary: &StepSummary, warnings: &mut Vec<String>) -> Result<Self, ArtifactError> {
        let file = dir.join("meta.json");
        let mut meta: StepMeta = read_json(&file)?;
        check_env(&file, &meta)?;
        reconcile(&file, &mut meta, summary, warnings);
        let content = dir.join("content.md");
        fs::metadata(&content).map_err(|source| ArtifactError::io(&content, source))?;
        keep_present(dir, &file, &mut meta, warnings);
        let llm_file = dir.join("llm.json");
        let mut llm: Option<StepLlm> = meta.has_llm.then(|| read_json(&llm_file)).transpose()?;
        let docs = list_files(&dir.join("llm-docs"))?;
        if let Some(llm) = llm.as_mut().filter(|llm| llm.has_docs && docs.is_empty()) {
            warnings.push(format!("{}: hasDocs: is true, but llm-docs/ is empty", llm_file.display()));
            llm.has_docs = false;
        }
        Ok(Self { assets: list_files(&dir.join("assets"))?, docs, dir: dir.to_path_buf(), llm, meta })
    }
}

/// Gives each step its place in the list, which is its position.
fn number(file: &Path, workshop: &mut Workshop, warnings: &mut Vec<String>) {
    for (position, step) in (1..).zip(&mut workshop.steps) {
        if step.position != position {
            let (file, index, found) = (file.display(), position - 1, step.position);
            warnings.push(format!("{file}: steps[{index}].position: is {found}, used as {position}"));
            step.position = position;
        }
    }
}

/// Checks what the types of `workshop.json` cannot say.
fn check_workshop(file: &Path, workshop: &Workshop) -> Result<(), ArtifactError> {
    let fail = |field: String, reason: String| Err(ArtifactError::malformed(file, field, reason));
    for (field, value) in [("name", &workshop.name), ("image", &workshop.image)] {
        if value.trim().is_empty() {
            return fail(field.into(), "must not be empty".into());
        }
    }
    if let Some(llm) = &workshop.llm
        && !names::is_env_name(&llm.api_key_env)
    {
        return fail("llm.apiKeyEnv".into(), "must be the name of an environment variable".into());
    }
    if workshop.steps.is_empty() {
        return fail("steps".into(), "at least one step is required".into());
    }
    let mut positions = BTreeMap::new();
    for (index, step) in workshop.steps.iter().enumerate() {
        if let Err(reason) = names::check_step_id(&step.id) {
            return fail(format!("steps[{index}].id"), reason);
        }
        if let Some(first) = positions.insert(step.id.as_str(), index) {
            return fail(
                format!("steps[{index}].id"),
                format!("{:?} is already used by steps[{first}]", step.id),
            );
        }
        if step.title.trim().is_empty() {
            return fail(format!("steps[{index}].title"), "must not be empty".into());
        }
    }
    for (index, step) in workshop.steps.iter().enumerate() {
        if let Some(unknown) = step.requires.iter().find(|id| !positions.contains_key(id.as_str())) {
            return fail(format!("steps[{index}].requires"), format!("unknown step {unknown:?}"));
        }
    }
    Ok(())
}

/// Checks that the names of variables are names.
fn check_env(file: &Path, meta: &StepMeta) -> Result<(), ArtifactError> {
    let Some(index) = meta.env.iter().position(|name| !names::is_env_name(name)) else { return Ok(()) };
    let reason = "must be the name of an environment variable";
    Err(ArtifactError::malformed(file, format!("env[{index}]"), reason))
}

/// Takes from `workshop.json` what it also says of the step.
fn reconcile(file: &Path, meta: &mut StepMeta, summary: &StepSummary, warnings: &mut Vec<String>) {
    for (field, same) in [
        ("id", meta.id == summary.id),
        ("title", meta.title == summary.title),
        ("group", meta.group == summary.group),
        ("requires", meta.requires == summary.requires),
        ("position", meta.position == summary.position),
    ] {
        if !same {
            warnings.push(format!("{}: {field}: differs from workshop.json, which is used", file.display()));
        }
    }
    let StepSummary { id, title, group, requires, position } = summary.clone();
    *meta = StepMeta { id, title, group, requires, position, ..meta.clone() };
}

/// Takes back what `meta.json` promises and is not there.
fn keep_present(dir: &Path, file: &Path, meta: &mut StepMeta, warnings: &mut Vec<String>) {
    for (flag, has, name) in [
        ("hasGoss", &mut meta.has_goss, "goss.yaml"),
        ("hasLlm", &mut meta.has_llm, "llm.json"),
        ("hasHints", &mut meta.has_hints, "hints.md"),
        ("hasExplain", &mut meta.has_explain, "explain.md"),
        ("hasSolve", &mut meta.has_solve, "solve.md"),
    ] {
        if *has && !dir.join(name).is_file() {
            warnings.push(format!("{}: {flag}: is true, but {name} is not there", file.display()));
            *has = false;
        }
    }
}

fn read_json<T: DeserializeOwned>(file: &Path) -> Result<T, ArtifactError> {
    let bytes = fs::read(file).map_err(|source| ArtifactError::io(file, source))?;
    let mut json = serde_json::Deserializer::from_slice(&bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // "." is the whole file, and "?" a part whose name was not read before the error.
        let path = error.path().to_string();
        let field = path.trim_end_matches(['.', '?']);
        ArtifactError::malformed(file, field, error.inner().to_string())
    })?;
    json.end().map_err(|error| ArtifactError::malformed(file, "", error.to_string()))?;
    Ok(value)
}

/// The regular files directly in `dir`, by name; empty when there is no such directory. Links are not followed.
fn list_files(dir: &Path) -> Result<BTreeMap<String, PathBuf>, ArtifactError> {
    let fail = |source| ArtifactError::io(dir, source);
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(error) => return Err(fail(error)),
    };
    let mut files = BTreeMap::new();
    for entry in entries {
        let entry = entry.map_err(fail)?;
        if entry.file_type().map_err(fail)?.is_file()
            && let Ok(name) = entry.file_name().into_string()
        {
            files.insert(name, entry.path());
        }
    }
    Ok(files)
}
