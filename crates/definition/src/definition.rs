//! A definition that has no problems: the workshop with all its files read, ready to compile and to build.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::artifact::{CheckUser, HelpMode, Infrastructure, Llm, Navigation, StepLlm};

/// A workshop as its author defined it. Both forms of writing steps give the same definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Definition {
    /// The workshop's name.
    pub name: String,
    /// The image repository, without a tag.
    pub image: String,
    /// How a student may move between steps.
    pub navigation: Navigation,
    /// The LLM settings, if there are any.
    pub llm: Option<Llm>,
    /// What the workshop needs beside its container.
    pub infrastructure: Option<Infrastructure>,
    /// What the images are built on.
    pub base: Base,
    /// The author's own LLM prompts.
    pub prompts: BTreeMap<HelpMode, String>,
    /// The steps in order; never empty.
    pub steps: Vec<Step>,
}

/// What the images of a workshop are built on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Base {
    /// A base image.
    Image(String),
    /// A Containerfile in the workshop's directory, here with that directory.
    ContainerFile(PathBuf),
}

/// A step: its texts, its check, and the recipe from the state before it to its completed state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Step {
    /// The step's id, unique in the workshop; also its directory and image tag.
    pub id: String,
    /// The title shown to the student.
    pub title: String,
    /// The group of the step (guided navigation only).
    pub group: Option<String>,
    /// The ids of the steps to complete first (guided navigation only).
    pub requires: Vec<String>,
    /// The text of the step.
    pub markdown: String,
    /// The check as goss reads it.
    pub goss: Option<String>,
    /// The user that the check runs as.
    pub check_user: CheckUser,
    /// The static help, by mode.
    pub help: BTreeMap<HelpMode, String>,
    /// How the LLM helps; `None` when it does not.
    pub llm: Option<LlmHelp>,
    /// The pictures that the text shows, sorted by name.
    pub assets: Vec<Asset>,
    /// Recipe: the files to put into the image first, in order.
    pub files: Vec<StepFile>,
    /// Recipe: the environment variables that the step sets, in order.
    pub env: Vec<(String, String)>,
    /// Recipe: the commands to run as root after files and environment are set, in order.
    pub commands: Vec<String>,
    /// Recipe: whether the student may use sudo without a password.
    pub sudo: bool,
}

/// How the LLM helps in a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LlmHelp {
    /// Its settings, as `llm.json` holds them.
    pub settings: StepLlm,
    /// The documents that the model may use: names, unique in the step, and texts.
    pub docs: Vec<(String, String)>,
}

/// A picture that a step's text shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its file name.
    pub name: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// A file that a step puts into the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepFile {
    /// Where it goes: an absolute path without `.` and `..`, outside `/workshop`.
    pub target: String,
    /// Its bytes.
    pub content: Vec<u8>,
    /// Its permission bits.
    pub mode: u32,
}

impl Definition {
    /// The environment that the author has set after the step at `index` (from 0): each variable once, in order of
    /// first appearance, with its latest value.
    pub fn environment(&self, index: usize) -> Vec<(&str, &str)> {
        let mut environment: Vec<(&str, &str)> = Vec::new();
        for (name, value) in self.steps.iter().take(index + 1).flat_map(|step| &step.env) {
            match environment.iter_mut().find(|(known, _)| known == name) {
                Some(entry) => entry.1 = value,
                None => environment.push((name, value)),
            }
        }
        environment
    }
}
