//! Workshops that are compiled to images, and what `workshop build` says of that.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

use super::engine::{Engine, given};
use super::user::examples;
use crate::process::program;

/// A workshop in a folder of its own. Its images go when it does.
pub struct Workshop<'a> {
    /// Where it is compiled.
    pub engine: &'a Engine,
    /// The name of its images, without a tag.
    pub image: String,
    folder: TempDir,
    environment: Vec<(String, PathBuf)>,
}

/// What a command of `workshop` built.
pub struct Built {
    /// The exit code.
    pub code: i32,
    /// What it printed, as JSON.
    pub answer: Value,
    /// What it printed as errors.
    pub error: String,
}

impl<'a> Workshop<'a> {
    /// A folder without a definition, and a name for its images.
    pub fn empty(engine: &'a Engine, repository: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let image = format!("{repository}-{}-{number}", std::process::id());
        Self { engine, image, folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// A workshop on a base with these steps, as YAML.
    pub fn new(engine: &'a Engine, base: &str, steps: &str) -> Self {
        let workshop = Self::empty(engine, "localhost/compile-test");
        workshop.define(base, steps);
        workshop
    }

    /// Writes the definition.
    pub fn define(&self, base: &str, steps: &str) {
        let head = format!("version: v1\nworkshop: {{name: test, image: \"{}\"}}\n", self.image);
        self.write("workshop.yaml", &format!("{head}base: {{image: \"{base}\"}}\nsteps:\n{steps}"));
    }

    /// A copy of an example, under a name of its own.
    pub fn example(engine: &'a Engine, name: &str) -> Self {
        let workshop = Self::empty(engine, "localhost/compile-test");
        let from = examples().join(name).join(".");
        let copied = Command::new("cp").arg("-r").arg(from).arg(workshop.path()).status();
        assert!(copied.unwrap().success());
        workshop.edit(
            "workshop.yaml",
            &format!("image: localhost/{name}"),
            &format!("image: {}", workshop.image),
        );
        for file in ["workshop.yaml", "Containerfile"] {
            let path = workshop.path().join(file);
            if let Ok(text) = fs::read_to_string(&path) {
                fs::write(path, text.replace("workshop-base:debian", &given("WORKSHOP_TEST_BASE"))).unwrap();
            }
        }
        workshop
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub fn write(&self, file: &str, content: &str) {
        fs::write(self.path().join(file), content).unwrap();
    }

    /// Replaces what has to be there.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        self.write(file, &text.replace(from, to));
    }

    /// Sets a variable for the commands.
    pub fn with(&mut self, name: &str, value: impl Into<PathBuf>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Runs `workshop build …` here, for its answer as JSON.
    pub fn build(&self, arguments: &[&str]) -> Built {
        let output = Command::new(program("workshop"))
            .args(["--output", "json", "build", arguments[0]])
            .arg(self.path())
            .args(&arguments[1..])
            .env("DOCKER_HOST", &self.engine.address)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        Built {
            code: output.status.code().unwrap(),
            answer: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Compiles, which has to succeed.
    pub fn compile(&self, arguments: &[&str]) -> Built {
        let built = self.build(&[&["compile"], arguments].concat());
        assert_eq!(built.code, 0, "{}: {}", self.engine.name(), built.error);
        built
    }

    /// How the tags stand: `tag state differs`, one a line.
    pub fn status(&self) -> String {
        let built = self.build(&["status"]);
        assert_eq!(built.code, 0, "{}", built.error);
        let tags = built.answer["tags"].as_array().unwrap();
        let line = |tag: &Value| {
            let differs = tag["differs"].as_array().into_iter().flatten().map(word).collect::<Vec<_>>();
            format!("{} {} {}", word(&tag["tag"]), word(&tag["state"]), differs.join(",")).trim().to_owned()
        };
        tags.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The image of a tag.
    pub fn name(&self, tag: &str) -> String {
        format!("{}:{tag}", self.image)
    }
}

impl Drop for Workshop<'_> {
    fn drop(&mut self) {
        self.engine.remove_images(&self.image);
    }
}

impl Built {
    /// The tags that are another image than before.
    pub fn built(&self) -> Vec<&str> {
        let tags = self.answer["tags"].as_array().unwrap();
        tags.iter().filter(|tag| tag["built"] == true).map(|tag| word(&tag["tag"])).collect()
    }

    /// The commands that were run, as `step number`.
    pub fn commands(&self) -> Vec<String> {
        let commands = self.answer["commands"].as_array().unwrap();
        commands.iter().map(|ran| format!("{} {}", word(&ran["step"]), ran["command"])).collect()
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}
