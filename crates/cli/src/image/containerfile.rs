//! From a definition to its one Containerfile: a recipe stage and an output stage for each image.
//!
//! `fs-0` is made from the base and `fs-N` from `fs-(N−1)`; `out-N` is `fs-N` and the artifact, which is in no other
//! stage's ancestry: a text that changes runs no command. Each output comes right after its recipe, because Docker's
//! builder goes through all stages before the one that is asked for.

use std::collections::HashMap;
use std::fmt::Write as _;

use workshop_definition::{Definition, Step};

use super::{Description, archive};
use crate::failure::Failure;

/// The name of the Containerfile in its context.
pub(super) const CONTAINERFILE: &str = "Containerfile";
/// What a container of a step starts.
pub(super) const ENTRYPOINT: &str = r#"ENTRYPOINT ["/sbin/tini","--","/usr/local/bin/workshop-backend"]"#;
/// Docker's builder reads no line of 64 KiB.
const MAX_LINE: usize = 65_000;
/// The tag of the beginning.
pub(super) const BEGINNING: &str = "step-0";

/// Gives `/workspace` to the student. Only what is not theirs yet, so that the layer holds nothing twice.
const GIVE: &str = "if command -v find > /dev/null; \
    then exec find /workspace ! -user student -exec chown -h student: {} +; \
    else exec chown -hR student: /workspace; fi";
/// A step that grants sudo has to bring it, too.
const FIND_SUDO: &str = "command -v sudo > /dev/null || \
    { echo 'there is no program sudo: install it in the base, or by a command of this step'; exit 1; }";
const SUDOERS: &str = "student ALL=(ALL:ALL) NOPASSWD: ALL\n";

/// How the images of a workshop are built.
#[derive(Debug)]
pub(super) struct Recipe {
    stages: Vec<Stage>,
    /// Build arguments: the values that no quoting can carry.
    pub(super) arguments: HashMap<String, String>,
    artifact: Vec<u8>,
    sudo: Option<Vec<u8>>,
}

/// One image.
#[derive(Debug)]
struct Stage {
    /// `step-0` or the step's id.
    tag: String,
    /// The lines of its recipe, after the `FROM` of `fs-0`.
    recipe: String,
    /// The lines of its output.
    output: String,
    /// Its files, as an archive.
    files: Option<Vec<u8>>,
    /// Its commands as the author wrote them.
    commands: Vec<String>,
}

/// What an instruction of the Containerfile is to the author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// A command, counted from 1.
    Command { step: String, number: usize, command: String },
    /// Something else of a step.
    Part { step: String, part: &'static str },
}

impl Recipe {
    /// Of a definition.
    ///
    /// # Errors
    /// A command or value is too long for a line of a Containerfile.
    pub(super) fn of(definition: &Definition) -> Result<Self, Failure> {
        let mut recipe =
            Self { stages: Vec::new(), arguments: HashMap::new(), artifact: Vec::new(), sudo: None };
        let labels = Description::of(definition).labels();
        let beginning =
            format!("USER 0\nWORKDIR /workspace\n{ENTRYPOINT}\nCMD []\n{}", run(GIVE, 0, "workspace"));
        recipe.stages.push(Stage {
            tag: BEGINNING.to_owned(),
            recipe: beginning,
            output: output(definition, BEGINNING, 0, false, &labels),
            files: None,
            commands: Vec::new(),
        });
        for (index, step) in definition.steps.iter().enumerate() {
            let number = index + 1;
            let lines = recipe.step(number, step)?;
            recipe.stages.push(Stage {
                tag: step.id.clone(),
                recipe: lines,
                output: output(definition, &step.id, number, step.sudo, &labels),
                files: if step.files.is_empty() { None } else { Some(archive::step_files(step)?) },
                commands: step.commands.clone(),
            });
        }
        if definition.steps.iter().any(|step| step.sudo) {
            let mut sudo = archive::Archive::new();
            sudo.file("etc/sudoers.d/workshop-student", SUDOERS.as_bytes(), 0o440, archive::ROOT)?;
            recipe.sudo = Some(sudo.finish()?);
        }
        recipe.artifact = archive::artifact(definition)?;
        Ok(recipe)
    }

    /// The recipe stage of a step: files, then environment, then commands as root, then the student's workspace.
    fn step(&mut self, number: usize, step: &Step) -> Result<String, Failure> {
        let too_long = |what: String, line: &str| {
            if line.len() <= MAX_LINE {
                return Ok(());
            }
            Err(Failure::input(format_args!(
                "step {}: {what} is too long for a build; put it into a file of the step",
                step.id
            )))
        };
        let carried = self.carry(step);
        let before = number - 1;
        let stage = if carried.is_empty() { format!("fs-{number}") } else { format!("env-{number}") };
        let mut lines = format!("FROM fs-{before} AS {stage}\n");
        if !step.files.is_empty() {
            let _ = writeln!(lines, "ADD step-{number}.tar /");
        }
        for argument in carried.values() {
            let _ = writeln!(lines, "ARG {argument}");
        }
        for (name, value) in &step.env {
            let value = match carried.get(name.as_str()) {
                Some(argument) => format!("\"${{{argument}}}\""),
                None => quoted(value),
            };
            let line = format!("ENV {name}={value}\n");
            too_long(format!("the value of {name}"), &line)?;
            lines.push_str(&line);
        }
        if !carried.is_empty() {
            // In a stage of its own, so that no command has the arguments in its environment.
            let _ = writeln!(lines, "FROM {stage} AS fs-{number}");
        }
        for (index, command) in step.commands.iter().enumerate() {
            let line = run(command, number, &format!("command-{}", index + 1));
            too_long(format!("command {}", index + 1), &line)?;
            lines.push_str(&line);
        }
        if !step.files.is_empty() || !step.commands.is_empty() {
            lines.push_str(&run(GIVE, number, "workspace"));
        }
        if step.sudo {
            lines.push_str(&run(FIND_SUDO, number, "sudo"));
        }
        Ok(lines)
    }

    /// The values of a step with line breaks, which an instruction cannot hold: by variable the build argument that
    /// carries it. Its name says the value, so that the cache knows it.
    fn carry<'a>(&mut self, step: &'a Step) -> std::collections::BTreeMap<&'a str, String> {
        let breaks = step.env.iter().filter(|(_, value)| value.contains(['\n', '\r']));
        breaks
            .map(|(name, value)| {
                let argument = format!("VALUE_{}", &archive::plain_hash(value.as_bytes())[7..23]);
                self.arguments.insert(argument.clone(), value.clone());
                (name.as_str(), argument)
            })
            .collect()
    }

    /// The Containerfile on a base.
    pub(super) fn text(&self, base: &str) -> String {
        let mut text = format!("FROM {base} AS fs-0\n");
        for stage in &self.stages {
            let _ = writeln!(text, "{}\n{}", stage.recipe, stage.output);
        }
        text
    }

    /// Everything that the build of the Containerfile needs, as a tar archive.
    pub(super) fn context(&self, base: &str) -> anyhow::Result<Vec<u8>> {
        let mut context = archive::Archive::new();
        context.file(CONTAINERFILE, self.text(base).as_bytes(), 0o644, archive::ROOT)?;
        context.file("artifact.tar", &self.artifact, 0o644, archive::ROOT)?;
        if let Some(sudo) = &self.sudo {
            context.file("sudo.tar", sudo, 0o644, archive::ROOT)?;
        }
        for (number, stage) in self.stages.iter().enumerate() {
            if let Some(files) = &stage.files {
                context.file(&format!("step-{number}.tar"), files, 0o644, archive::ROOT)?;
            }
        }
        Ok(context.finish()?)
    }

    /// The tags in order: the beginning, then each step.
    pub(super) fn tags(&self) -> impl Iterator<Item = &str> {
        self.stages.iter().map(|stage| stage.tag.as_str())
    }

    /// The hash of all that makes the file system of an image out of the base.
    pub(super) fn hash(&self, number: usize) -> String {
        let stages = self.stages.iter().take(number + 1);
        let parts = stages.flat_map(|stage| {
            [stage.recipe.as_bytes(), stage.files.as_deref().unwrap_or_default()].into_iter()
        });
        let sudo: &[u8] = if self.grants_sudo(number) { b"sudo" } else { b"" };
        archive::hash(parts.chain([sudo]))
    }

    fn grants_sudo(&self, number: usize) -> bool {
        self.stages.get(number).is_some_and(|stage| stage.output.contains("ADD sudo.tar /\n"))
    }

    /// The hash of the artifact, as `sha256sum` prints it.
    pub(super) fn artifact_hash(&self) -> String {
        archive::plain_hash(&self.artifact)
    }

    /// What an instruction is to the author; none if it is the platform's own.
    pub(super) fn place(&self, instruction: &str) -> Option<Place> {
        let (number, part) = match instruction.strip_prefix("ADD step-") {
            Some(rest) => (rest.strip_suffix(".tar /")?, "files"),
            None => instruction.strip_suffix("\"]")?.rsplit_once("\"step-")?.1.split_once('-')?,
        };
        let stage = self.stages.get(number.parse::<usize>().ok()?)?;
        let step = stage.tag.clone();
        Some(match part.strip_prefix("command-") {
            Some(number) => {
                let number = number.parse::<usize>().ok()?;
                let command = stage.commands.get(number.checked_sub(1)?)?.clone();
                Place::Command { step, number, command }
            }
            None => {
                let part = ["files", "sudo", "workspace"].into_iter().find(|known| *known == part)?;
                Place::Part { step, part }
            }
        })
    }
}

/// The stage of an image.
pub(super) fn target(number: usize) -> String {
    format!("out-{number}")
}

fn output(
    definition: &Definition,
    tag: &str,
    number: usize,
    sudo: bool,
    labels: &[(&'static str, String)],
) -> String {
    let mut lines = format!("FROM fs-{number} AS {}\nENV WORKSHOP_IMAGE_STEP=\"{tag}\"\n", target(number));
    let title = format!("{}: {tag}", definition.name);
    let name = format!("{}:{tag}", definition.image);
    let labels = labels.iter().map(|(name, value)| (*name, value.as_str())).chain([
        ("org.opencontainers.image.title", title.as_str()),
        ("org.opencontainers.image.ref.name", name.as_str()),
    ]);
    // One instruction: each makes an image of its own on the way.
    lines.push_str("LABEL");
    for (name, value) in labels {
        // A label is one line; only a name could have more.
        let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let _ = write!(lines, " \\\n  {name}={}", quoted(&line));
    }
    lines.push('\n');
    if sudo {
        lines.push_str("ADD sudo.tar /\n");
    }
    lines.push_str("ADD artifact.tar /\n");
    lines
}

/// A command by the image's `sh`, in a form that no builder takes apart; its last argument, the shell's `$0`, is how
/// the instruction is found again in what the builder says.
fn run(command: &str, number: usize, part: &str) -> String {
    // Some builders look for here-documents and variables everywhere.
    let command =
        serde_json::Value::from(command).to_string().replace('<', "\\u003c").replace('$', "\\u0024");
    format!("RUN [\"/bin/sh\",\"-c\",{command},\"step-{number}-{part}\"]\n")
}

/// A value of `ENV` or `LABEL` without line breaks.
fn quoted(value: &str) -> String {
    let mut quoted = String::from('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\' | '$') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
