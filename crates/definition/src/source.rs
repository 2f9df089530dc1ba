//! `workshop.yaml` and `step.yaml` as their authors write them: every field optional, with its place.

pub(crate) mod record;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator};

use crate::artifact::{CheckUser, ClusterProvider, HelpMode, LlmProvider, Navigation};
use crate::problem::{Findings, Place};
use crate::yaml::{Node, Value};
use record::{At, Entries, List, Read, Scalar, record};

record! {
    /// A workshop: what it is, what it is built on, and its steps.
    WorkshopFile {
        /// The version of this format: v1.
        #[schemars(required)]
        version = "version": At<Version>,
        /// What the workshop is.
        #[schemars(required)]
        workshop = "workshop": WorkshopSection,
        /// What the images are built on.
        #[schemars(required)]
        base = "base": BaseSection,
        /// What the workshop needs beside its container.
        infrastructure = "infrastructure": InfrastructureSection,
        /// The steps in order: each written here, or only its id for the directory `steps/<id>/`.
        #[schemars(required)]
        steps = "steps": List<StepEntry>,
    }
}

record! {
    /// What the workshop is.
    WorkshopSection {
        /// The workshop's name.
        #[schemars(required)]
        name = "name": At<String>,
        /// The image repository, without a tag: a step's id is the tag.
        #[schemars(required)]
        image = "image": At<String>,
        /// How a student may move between steps: linear (default), free or guided.
        navigation = "navigation": At<Navigation>,
        /// Help by a language model.
        llm = "llm": LlmSection,
    }
}

record! {
    /// Help by a language model.
    LlmSection {
        /// Whose API is spoken.
        #[schemars(required)]
        provider = "provider": At<LlmProvider>,
        /// The model's name at the provider.
        #[schemars(required)]
        model = "model": At<String>,
        /// The environment variable that holds the key when the workshop runs. The key itself is never written down.
        #[schemars(required)]
        api_key_env = "apiKeyEnv": At<String>,
        /// The longest answer in tokens, 1024 by default.
        max_tokens = "maxTokens": At<u32>,
        /// The kind of help that is preselected, hints by default.
        default_mode = "defaultMode": At<HelpMode>,
    }
}

record! {
    /// What the images are built on: exactly one of image and containerFile.
    BaseSection {
        /// A base image.
        image = "image": At<String>,
        /// A Containerfile in the workshop's directory that builds the base image.
        container_file = "containerFile": At<String>,
    }
}

record! {
    /// What the workshop needs beside its container.
    InfrastructureSection {
        /// A Kubernetes cluster of its own.
        cluster = "cluster": ClusterSection,
        /// Containers that run beside the workshop's.
        extra_containers = "extraContainers": List<ContainerSection>,
    }
}

record! {
    /// A Kubernetes cluster of the workspace's own.
    ClusterSection {
        /// Whether there is one, false by default.
        enabled = "enabled": At<bool>,
        /// What makes it: k3d (default) or vcluster.
        provider = "provider": At<ClusterProvider>,
    }
}

record! {
    /// A container that runs beside the workshop's.
    ContainerSection {
        /// Its name, by which it is reached.
        #[schemars(required)]
        name = "name": At<String>,
        /// Its image.
        #[schemars(required)]
        image = "image": At<String>,
        /// The ports it serves.
        ports = "ports": List<PortSection>,
        /// Its environment.
        env = "env": Entries,
    }
}

record! {
    /// A port of a container.
    PortSection {
        /// The port's number.
        #[schemars(required)]
        port = "port": At<u32>,
        /// What is behind it.
        description = "description": At<String>,
    }
}

record! {
    /// A step: the state of the container when the step is done right.
    InlineStep {
        /// The step's id, also its image tag: lowercase letters, digits and hyphens.
        #[schemars(required)]
        id = "id": At<String>,
        /// The title shown to the student.
        #[schemars(required)]
        title = "title": At<String>,
        /// The group of the step (guided navigation only).
        group = "group": At<String>,
        /// The ids of the steps to complete first (guided navigation only).
        requires = "requires": List<At<String>>,
        /// The text of the step.
        markdown = "markdown": At<String>,
        /// The file with the text of the step.
        markdown_file = "markdownFile": At<String>,
        /// The files that the step puts into the image.
        files = "files": List<FileSection>,
        /// The environment variables that the step sets.
        env = "env": Entries,
        /// The commands that are run as root to build the step's image.
        commands = "commands": List<At<String>>,
        /// The check of the step, for goss.
        goss = "goss": At<String>,
        /// The file with the check of the step.
        goss_file = "gossFile": At<String>,
        /// The user that the check runs as: student (default) or root.
        check_user = "checkUser": At<CheckUser>,
        /// Whether the student may use sudo without a password, false by default.
        sudo = "sudo": At<bool>,
        /// A nudge in the right direction.
        hints = "hints": At<String>,
        /// The file with the hints.
        hints_file = "hintsFile": At<String>,
        /// What is behind the task.
        explain = "explain": At<String>,
        /// The file with the explanation.
        explain_file = "explainFile": At<String>,
        /// The solution.
        solve = "solve": At<String>,
        /// The file with the solution.
        solve_file = "solveFile": At<String>,
        /// How the language model helps in this step.
        llm = "llm": StepLlmSection,
    }
}

record! {
    /// A file that a step puts into the image: exactly one of content and source.
    FileSection {
        /// Where the file goes, an absolute path.
        #[schemars(required)]
        path = "path": At<String>,
        /// What is in it.
        content = "content": At<String>,
        /// The file in the workshop's directory that it is copied from.
        source = "source": At<String>,
        /// Its mode in octal, "0644" by default.
        mode = "mode": At<String>,
    }
}

record! {
    /// How the language model helps in a step.
    StepLlmSection {
        /// The kind of help that is preselected in this step.
        mode = "mode": At<HelpMode>,
        /// The kinds of help that are offered, all by default.
        modes = "modes": List<At<HelpMode>>,
        /// What the model should know about the step.
        context = "context": At<String>,
        /// Files in the workshop's directory that the model may use.
        docs = "docs": List<At<String>>,
    }
}

record! {
    /// step.yaml of a step in a directory of its own; the texts are files beside it.
    StepFile {
        /// The title shown to the student.
        #[schemars(required)]
        title = "title": At<String>,
        /// The group of the step (guided navigation only).
        group = "group": At<String>,
        /// The ids of the steps to complete first (guided navigation only).
        requires = "requires": List<At<String>>,
        /// The files that the step puts into the image.
        files = "files": List<CopySection>,
        /// The environment variables that the step sets.
        env = "env": Entries,
        /// The commands that are run as root to build the step's image.
        commands = "commands": List<At<String>>,
        /// The user that the check runs as: student (default) or root.
        check_user = "checkUser": At<CheckUser>,
        /// Whether the student may use sudo without a password, false by default.
        sudo = "sudo": At<bool>,
        /// How the language model helps in this step; its documents are the files in llm-docs/.
        llm = "llm": DirectoryLlmSection,
    }
}

record! {
    /// A file of the step's files/ that the step puts into the image.
    CopySection {
        /// The file, inside files/.
        #[schemars(required)]
        source = "source": At<String>,
        /// Where it goes, an absolute path.
        #[schemars(required)]
        target = "target": At<String>,
        /// Its mode in octal, "0644" by default.
        mode = "mode": At<String>,
    }
}

record! {
    /// How the language model helps in a step in a directory.
    DirectoryLlmSection {
        /// The kind of help that is preselected in this step.
        mode = "mode": At<HelpMode>,
        /// The kinds of help that are offered, all by default.
        modes = "modes": List<At<HelpMode>>,
        /// What the model should know about the step.
        context = "context": At<String>,
    }
}

/// A step of the list: written there, or named by its id.
#[derive(Debug)]
pub(crate) enum StepEntry {
    Inline(Box<InlineStep>),
    Named(At<String>),
}

impl Read for StepEntry {
    fn read(node: &Node, place: Place, findings: &mut Findings) -> Option<Self> {
        match &node.value {
            Value::Map(_) => Some(Self::Inline(Box::new(InlineStep::read(node, place, findings)?))),
            Value::Scalar { .. } if !node.is_null() => Some(Self::Named(At::read(node, place, findings)?)),
            _ => {
                findings.add_misread(
                    &place,
                    "must be a step",
                    "write the fields of the step, or the id of a directory steps/<id>/",
                );
                None
            }
        }
    }
}

impl JsonSchema for StepEntry {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "StepEntry".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let inline = generator.subschema_for::<InlineStep>();
        schemars::json_schema!({
            "anyOf": [
                { "type": "string", "description": "The id of a step in the directory steps/<id>/." },
                inline,
            ]
        })
    }
}

/// The version of the format; there is one.
#[derive(Debug, JsonSchema)]
pub(crate) enum Version {
    /// The first.
    #[schemars(rename = "v1")]
    V1,
}

impl Scalar for Version {
    fn from_text(text: &str, _quoted: bool) -> Option<Self> {
        (text == "v1").then_some(Self::V1)
    }

    fn expectation() -> String {
        "must be \"v1\"".into()
    }

    fn suggestion(_text: &str) -> String {
        "write version: v1".into()
    }
}
