//! What tests of images share: the engines, workshops that are compiled on them, and what is then in an image.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempfile::TempDir;

/// A container engine, spoken to by its address.
pub(crate) struct Engine {
    pub(crate) name: &'static str,
    pub(crate) address: String,
}

impl Engine {
    /// Podman and Docker.
    pub(crate) fn all() -> [Self; 2] {
        [("podman", "WORKSHOP_TEST_PODMAN"), ("docker", "WORKSHOP_TEST_DOCKER")]
            .map(|(name, variable)| Self { name, address: given(variable) })
    }

    /// Docker's own client, which speaks to Podman as well.
    pub(crate) fn client(&self) -> Command {
        let mut client = Command::new("docker");
        client.args(["--host", &self.address]);
        client
    }

    /// What the client printed.
    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        text(&self.client().args(arguments).output().unwrap())
    }

    pub(crate) fn inspect(&self, image: &str) -> Value {
        let all: Value = serde_json::from_str(&self.run(&["image", "inspect", image])).unwrap();
        all[0].clone()
    }

    /// The last layer of an image.
    pub(crate) fn last_layer(&self, image: &str) -> String {
        let image = self.inspect(image);
        image["RootFS"]["Layers"].as_array().unwrap().last().unwrap().as_str().unwrap().to_owned()
    }

    /// A file of an image, with its header; none if it is not there.
    pub(crate) fn file(&self, image: &str, path: &str) -> Option<(tar::Header, String)> {
        let container = self.run(&["create", image]);
        let output = self.client().args(["cp", &format!("{container}:{path}"), "-"]).output().unwrap();
        self.run(&["rm", &container]);
        if !output.status.success() {
            return None;
        }
        let mut archive = tar::Archive::new(output.stdout.as_slice());
        let mut entry = archive.entries().unwrap().next().unwrap().unwrap();
        let mut content = String::new();
        std::io::Read::read_to_string(&mut entry, &mut content).unwrap();
        Some((entry.header().clone(), content))
    }

    /// Mode and owner's number of a file in an image, by a shell there: Podman gives every file that is copied out to root.
    pub(crate) fn owner(&self, image: &str, path: &str) -> String {
        let script = "[ -x /bin/stat ] || stat() { busybox stat \"$@\"; }; stat -c '%a %u' \"$1\"";
        self.run(&["run", "--rm", "--entrypoint", "/bin/sh", image, "-c", script, "sh", path])
    }

    /// The text of a file that an image has.
    pub(crate) fn text(&self, image: &str, path: &str) -> String {
        self.file(image, path).unwrap_or_else(|| panic!("{image} has no {path}")).1
    }
}

/// A variable that the stage `containers` sets.
pub(crate) fn given(variable: &str) -> String {
    env::var(variable)
        .unwrap_or_else(|_| panic!("{variable} is not set; `cargo xtask test containers` sets it"))
}

fn text(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A workshop in a folder of its own. Its images go when it does.
pub(crate) struct Workshop<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) image: String,
    folder: TempDir,
    environment: Vec<(String, PathBuf)>,
}

/// What a command of `workshop` said.
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) answer: Value,
    pub(crate) error: String,
}

impl<'a> Workshop<'a> {
    /// A folder without a definition, and a name for its images.
    pub(crate) fn empty(engine: &'a Engine, repository: &str) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let image = format!("{repository}-{}-{number}", std::process::id());
        Self { engine, image, folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// A workshop on a base with these steps, as YAML.
    pub(crate) fn new(engine: &'a Engine, base: &str, steps: &str) -> Self {
        let workshop = Self::empty(engine, "localhost/compile-test");
        workshop.define(base, steps);
        workshop
    }

    /// Writes the definition.
    pub(crate) fn define(&self, base: &str, steps: &str) {
        let head = format!("version: v1\nworkshop: {{name: test, image: \"{}\"}}\n", self.image);
        self.write("workshop.yaml", &format!("{head}base: {{image: \"{base}\"}}\nsteps:\n{steps}"));
    }

    /// A copy of an example, under a name of its own.
    pub(crate) fn example(engine: &'a Engine, name: &str) -> Self {
        let workshop = Self::empty(engine, "localhost/compile-test");
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
        text(&Command::new("cp").arg("-r").arg(from.join(".")).arg(workshop.path()).output().unwrap());
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

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn write(&self, file: &str, content: &str) {
        fs::write(self.path().join(file), content).unwrap();
    }

    /// Replaces what has to be there.
    pub(crate) fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(file)).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        self.write(file, &text.replace(from, to));
    }

    /// Sets a variable for the commands.
    pub(crate) fn with(&mut self, name: &str, value: impl Into<PathBuf>) {
        self.environment.push((name.to_owned(), value.into()));
    }

    /// Runs `workshop build …` here, for its answer as JSON.
    pub(crate) fn build(&self, arguments: &[&str]) -> Said {
        let output = Command::new(env!("CARGO_BIN_EXE_workshop"))
            .args(["--output", "json", "build", arguments[0]])
            .arg(self.path())
            .args(&arguments[1..])
            .env("DOCKER_HOST", &self.engine.address)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .output()
            .unwrap();
        Said {
            code: output.status.code().unwrap(),
            answer: serde_json::from_slice(&output.stdout).unwrap_or_default(),
            error: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Compiles, which has to succeed.
    pub(crate) fn compile(&self, arguments: &[&str]) -> Said {
        let said = self.build(&[&["compile"], arguments].concat());
        assert_eq!(said.code, 0, "{}: {}", self.engine.name, said.error);
        said
    }

    /// How the tags stand: `tag state differs`, one a line.
    pub(crate) fn status(&self) -> String {
        let said = self.build(&["status"]);
        assert_eq!(said.code, 0, "{}", said.error);
        let tags = said.answer["tags"].as_array().unwrap();
        let line = |tag: &Value| {
            let differs = tag["differs"].as_array().into_iter().flatten().map(word).collect::<Vec<_>>();
            format!("{} {} {}", word(&tag["tag"]), word(&tag["state"]), differs.join(",")).trim().to_owned()
        };
        tags.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// The image of a tag.
    pub(crate) fn name(&self, tag: &str) -> String {
        format!("{}:{tag}", self.image)
    }
}

impl Drop for Workshop<'_> {
    fn drop(&mut self) {
        let mut list = self.engine.client();
        let list = list.args(["image", "ls", "--format", "{{.Repository}}:{{.Tag}}", &self.image]).output();
        for name in String::from_utf8_lossy(&list.unwrap().stdout).lines() {
            let _ = self.engine.client().args(["image", "rm", "--force", name]).output();
        }
    }
}

impl Said {
    /// The tags that are another image than before.
    pub(crate) fn built(&self) -> Vec<&str> {
        let tags = self.answer["tags"].as_array().unwrap();
        tags.iter().filter(|tag| tag["built"] == true).map(|tag| word(&tag["tag"])).collect()
    }

    /// The commands that were run, as `step number`.
    pub(crate) fn commands(&self) -> Vec<String> {
        let commands = self.answer["commands"].as_array().unwrap();
        commands.iter().map(|ran| format!("{} {}", word(&ran["step"]), ran["command"])).collect()
    }
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap()
}
