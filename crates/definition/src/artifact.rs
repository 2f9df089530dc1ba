//! The compiled artifact: the types of `workshop.json`, `meta.json` and `llm.json`, and the directory that holds them.

mod load;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use load::{Artifact, ArtifactError};

/// `workshop.json`: what the workshop is, and its steps in order.
///
/// Unknown fields are ignored when reading, so an older program reads a newer artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct Workshop {
    /// The workshop's name, as its author wrote it.
    pub name: String,
    /// The image repository without a tag; a step's image is `<image>:<step id>`.
    pub image: String,
    /// How a student may move between steps.
    #[serde(default)]
    pub navigation: Navigation,
    /// The LLM settings of the workshop, if it has any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub llm: Option<Llm>,
    /// What the workshop needs beside its container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub infrastructure: Option<Infrastructure>,
    /// The steps in order; never empty in a loaded artifact.
    pub steps: Vec<StepSummary>,
}

/// One step as `workshop.json` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct StepSummary {
    /// The step's id, also its directory and image tag.
    pub id: String,
    /// The title shown to the student.
    pub title: String,
    /// The group of the step (guided navigation only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The ids of the steps to complete first (guided navigation only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// The place in the order, from 1.
    #[serde(default)]
    pub position: u32,
}

/// `steps/<id>/meta.json`: what a step has. A flag that is missing means false.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct StepMeta {
    /// The step's id; the same as in `workshop.json` and the directory's name.
    pub id: String,
    /// The title shown to the student.
    pub title: String,
    /// The group of the step (guided navigation only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The ids of the steps to complete first (guided navigation only).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<String>,
    /// The place in the order, from 1.
    #[serde(default)]
    pub position: u32,
    /// Whether the step has a check, `goss.yaml`.
    #[serde(default)]
    pub has_goss: bool,
    /// Whether the step has LLM help, and with it `llm.json`.
    #[serde(default)]
    pub has_llm: bool,
    /// Whether the step has `hints.md`.
    #[serde(default)]
    pub has_hints: bool,
    /// Whether the step has `explain.md`.
    #[serde(default)]
    pub has_explain: bool,
    /// Whether the step has `solve.md`.
    #[serde(default)]
    pub has_solve: bool,
    /// The user that the check runs as.
    #[serde(default)]
    pub check_user: CheckUser,
    /// The names of the author's environment variables up to and with this step, in order of first appearance.
    /// Their values are in the image's environment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

/// `steps/<id>/llm.json`: how the LLM helps in a step.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct StepLlm {
    /// The mode to preselect instead of the workshop's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<HelpMode>,
    /// The modes that are offered; `None` means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modes: Option<Vec<HelpMode>>,
    /// What the author tells the LLM about this step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Whether the step has documents in `llm-docs/`.
    #[serde(default)]
    pub has_docs: bool,
}

/// How a student may move between steps.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Navigation {
    /// A step opens when all before it are done.
    #[default]
    Linear,
    /// Every step is always open.
    Free,
    /// Groups and `requires` decide.
    Guided,
}

impl Navigation {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "linear",
            Self::Free => "free",
            Self::Guided => "guided",
        }
    }
}

/// The kinds of help that a step can offer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum HelpMode {
    /// A nudge in the right direction.
    Hints,
    /// What is behind the task.
    Explain,
    /// The solution.
    Solve,
}

impl HelpMode {
    /// All modes, in the order in which they are offered.
    pub const ALL: [Self; 3] = [Self::Hints, Self::Explain, Self::Solve];

    /// The word used in all formats; `<word>.md` is the mode's file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hints => "hints",
            Self::Explain => "explain",
            Self::Solve => "solve",
        }
    }

    /// The mode of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|mode| mode.as_str() == word)
    }
}

/// The user that a step's check runs as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CheckUser {
    /// The student.
    #[default]
    Student,
    /// The superuser.
    Root,
}

impl CheckUser {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Root => "root",
        }
    }
}

/// The LLM settings of a workshop. The key itself is never here, only the name of its variable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct Llm {
    /// Whose API is spoken.
    pub provider: LlmProvider,
    /// The model's name at the provider.
    pub model: String,
    /// The environment variable of the backend that holds the key.
    pub api_key_env: String,
    /// The longest answer, in tokens.
    #[serde(default = "Llm::default_max_tokens")]
    pub max_tokens: u32,
    /// The mode to preselect.
    #[serde(default = "Llm::default_default_mode")]
    pub default_mode: HelpMode,
}

impl Llm {
    /// The longest answer when the author says nothing: 1024 tokens.
    pub(crate) fn default_max_tokens() -> u32 {
        1024
    }

    /// The mode preselected when the author says nothing: hints.
    pub(crate) fn default_default_mode() -> HelpMode {
        HelpMode::Hints
    }
}

/// The API that an LLM is reached by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LlmProvider {
    /// Anthropic Messages.
    Anthropic,
    /// Any endpoint compatible with OpenAI's.
    Openai,
}

/// What a workshop needs beside its container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct Infrastructure {
    /// A Kubernetes cluster of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster: Option<Cluster>,
    /// Containers that run beside it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_containers: Vec<ExtraContainer>,
}

/// A Kubernetes cluster for one workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct Cluster {
    /// Whether the workshop has one.
    #[serde(default)]
    pub enabled: bool,
    /// What makes the cluster.
    pub provider: ClusterProvider,
}

/// What makes a workspace's cluster.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ClusterProvider {
    /// k3d, for a workshop that runs locally.
    #[default]
    K3d,
    /// vcluster, for a workshop that runs in a cluster.
    Vcluster,
}

/// A container that runs beside the workshop's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct ExtraContainer {
    /// Its name, unique in the workshop; the host name it is reached by.
    pub name: String,
    /// Its image.
    pub image: String,
    /// The ports it serves.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<ExtraPort>,
    /// Its environment.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

/// A port of an extra container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
pub struct ExtraPort {
    /// The port's number.
    pub port: u16,
    /// What is behind it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}
