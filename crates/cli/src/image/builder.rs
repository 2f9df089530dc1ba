//! One build by the engine's own builder, and what it says while it goes on.

use std::collections::HashMap;
use std::time::Duration;

use bollard::auth::DockerCredentials;
use bollard::errors::Error;
use bollard::query_parameters::BuildImageOptionsBuilder;
use bollard::{Docker, body_full};
use bytes::Bytes;
use futures_util::StreamExt;
use tokio::time::sleep;

use crate::engine::answers;

/// How much of an instruction's output is kept, in bytes; its end, where errors are.
const KEPT: usize = 16 * 1024;
/// How often a build is tried that fails for a moment's fault.
const ATTEMPTS: u32 = 5;
/// Before it is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// Until the engine answers: it first takes the whole context.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What is to be built.
#[derive(Debug, Default, Clone)]
pub(super) struct Build<'a> {
    /// The context, a tar archive.
    pub(super) context: Bytes,
    /// The Containerfile in it.
    pub(super) containerfile: &'a str,
    /// The stage; empty for the last one.
    pub(super) target: &'a str,
    /// The image's name; empty for none.
    pub(super) name: &'a str,
    /// Build arguments.
    pub(super) arguments: HashMap<String, String>,
    /// For the images that it begins with.
    pub(super) credentials: HashMap<String, DockerCredentials>,
}

/// What was built.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The image's id.
    pub(super) id: String,
    /// The instructions that the layer cache did not have.
    pub(super) done: Vec<String>,
}

/// Why nothing was built.
#[derive(Debug, Default)]
pub(super) struct Broken {
    /// The instruction that failed; empty if none had begun.
    pub(super) instruction: String,
    /// The end of what it printed.
    pub(super) output: String,
    /// What the engine says.
    pub(super) reason: String,
    /// Whether the engine fell silent in the middle of it.
    pub(super) lost: bool,
}

impl Broken {
    /// The exit code of a command, if that is what failed.
    pub(super) fn exit_code(&self) -> Option<u32> {
        let known = ["exit status ", "non-zero code: "];
        known.iter().find_map(|words| self.reason.rsplit_once(words)?.1.trim().parse().ok())
    }

    /// Whether it was a moment's fault: Podman looks through all images for its cache, and stumbles over one that is
    /// being removed, or made, by somebody else; likewise over a container of its own. Its service may also die of a build
    /// that fails, and comes back.
    pub(super) fn is_passing(&self) -> bool {
        let transient =
            ["checking if cached image exists", "layer not known", "identifier is not a container"];
        self.lost || (self.exit_code().is_none() && transient.iter().any(|words| self.reason.contains(words)))
    }
}

/// Builds; `say` gets each instruction that the layer cache does not have, as soon as the engine shows that.
pub(super) async fn build(docker: &Docker, build: Build<'_>, say: &dyn Fn(&str)) -> Result<Outcome, Broken> {
    for _ in 1..ATTEMPTS {
        match attempt(docker, build.clone(), say).await {
            Err(broken) if broken.is_passing() => sleep(PAUSE).await,
            ended => return ended,
        }
    }
    attempt(docker, build, say).await
}

async fn attempt(docker: &Docker, build: Build<'_>, say: &dyn Fn(&str)) -> Result<Outcome, Broken> {
    let options = BuildImageOptionsBuilder::default()
        .dockerfile(build.containerfile)
        .target(build.target)
        .t(build.name)
        .buildargs(&build.arguments)
        .rm(true)
        .forcerm(true)
        .build();
    let docker = docker.clone().with_timeout(PATIENCE);
    let stream = docker.build_image(options, Some(build.credentials), Some(body_full(build.context)));
    let mut stream = std::pin::pin!(answers::lines(stream));
    let mut transcript = Transcript::default();
    let mut id = None;
    while let Some(said) = stream.next().await {
        match said {
            Ok(said) => {
                id = said.aux.and_then(|aux| aux.id).or(id);
                if let Some(text) = said.stream {
                    transcript.read(&text, say);
                }
            }
            Err(error) => {
                let lost = matches!(error, Error::HyperResponseError { .. } | Error::HyperLegacyError { .. });
                return Err(Broken { lost, ..transcript.broken(reason(error)) });
            }
        }
    }
    let done = transcript.end(say);
    let nothing =
        || Broken { reason: "the engine's builder ended without an image".to_owned(), ..Broken::default() };
    Ok(Outcome { id: id.ok_or_else(nothing)?, done })
}

fn reason(error: Error) -> String {
    match error {
        Error::DockerStreamError { error } => error.trim().to_owned(),
        Error::DockerResponseServerError { message, .. } => message,
        other => other.to_string(),
    }
}

/// What a builder says, read line by line: Docker's `Step 2/5 : RUN …` and Podman's `STEP 2/5: RUN …`.
#[derive(Debug, Default)]
struct Transcript {
    line: String,
    instruction: Option<String>,
    cached: bool,
    told: bool,
    output: String,
    done: Vec<String>,
}

impl Transcript {
    fn read(&mut self, text: &str, say: &dyn Fn(&str)) {
        // Docker paints what a command writes to its standard error.
        self.line.push_str(&text.replace("\u{1b}[91m", "").replace("\u{1b}[0m", ""));
        while let Some(end) = self.line.find('\n') {
            let line: String = self.line.drain(..=end).collect();
            self.read_line(line.trim_end_matches(['\n', '\r']), say);
        }
        // A line without an end is no reason to keep all of it.
        if self.line.len() > 4 * KEPT {
            let rest = std::mem::take(&mut self.line);
            self.keep(&rest);
        }
    }

    fn read_line(&mut self, line: &str, say: &dyn Fn(&str)) {
        if let Some(instruction) = instruction(line) {
            self.finish(say);
            self.instruction = Some(instruction.to_owned());
        } else if line.trim_start().trim_start_matches('-').starts_with("> Using cache") {
            self.cached = true;
        } else {
            self.tell(say);
            if !of_the_builder(line) {
                self.keep(line);
                self.output.push('\n');
            }
        }
    }

    fn keep(&mut self, text: &str) {
        self.output.push_str(text);
        let surplus = self.output.len().saturating_sub(KEPT);
        let cut = (surplus..=self.output.len()).find(|at| self.output.is_char_boundary(*at)).unwrap_or(0);
        self.output.drain(..cut);
    }

    /// Says the instruction, once, unless the cache has it. Docker shows at once that it runs one, Podman with its output.
    fn tell(&mut self, say: &dyn Fn(&str)) {
        if let Some(instruction) = &self.instruction
            && !self.cached
            && !self.told
        {
            say(instruction);
            self.told = true;
        }
    }

    /// The instruction before the next one is over.
    fn finish(&mut self, say: &dyn Fn(&str)) {
        self.tell(say);
        if let Some(instruction) = self.instruction.take()
            && !self.cached
        {
            self.done.push(instruction);
        }
        self.cached = false;
        self.told = false;
        self.output.clear();
    }

    fn broken(mut self, reason: String) -> Broken {
        let rest = std::mem::take(&mut self.line);
        if !of_the_builder(&rest) {
            self.keep(&rest);
        }
        let output = self.output.trim_end().to_owned();
        Broken { instruction: self.instruction.unwrap_or_default(), output, reason, lost: false }
    }

    fn end(mut self, say: &dyn Fn(&str)) -> Vec<String> {
        self.finish(say);
        self.done
    }
}

/// The instruction that a line announces.
fn instruction(line: &str) -> Option<&str> {
    let line = match line.strip_prefix('[') {
        Some(rest) => rest.split_once("] ")?.1,
        None => line,
    };
    let rest = line.strip_prefix("STEP ").or_else(|| line.strip_prefix("Step "))?;
    let (count, instruction) = rest.split_once(": ")?;
    let counts = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let (number, of) = count.trim_end().split_once('/')?;
    (counts(number) && counts(of)).then_some(instruction)
}

/// What the builder says of its own doing.
fn of_the_builder(line: &str) -> bool {
    ["--> ", " ---> ", "Removing intermediate container ", "COMMIT"].iter().any(|own| line.starts_with(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a builder says, and what is made of it.
    fn check(said: &[&str], told: &[&str], done: &[&str], output: &str) {
        let begun = std::cell::RefCell::new(Vec::new());
        let mut transcript = Transcript::default();
        for text in said {
            transcript.read(text, &|instruction| begun.borrow_mut().push(instruction.to_owned()));
        }
        assert_eq!(*begun.borrow(), told);
        assert_eq!(transcript.done, done);
        assert_eq!(transcript.broken(String::new()).output, output);
    }

    #[test]
    fn dockers_words() {
        check(
            &[
                "Step 1/3 : FROM a AS fs-0",
                "\n",
                " ---> b59ec4385f8c\n",
                "Step 2/3 : RUN [\"true\"]",
                "\n",
                " ---> Using cache\n",
                " ---> 0123\n",
                "Step 3/3 : RUN [\"false\"]",
                "\n",
                " ---> Running in 7dcabc873992\n",
                "hi\n",
                "\u{1b}[91merr: Step 1 of 2\n\u{1b}[0m",
                "Removing intermediate container 7dcabc873992\n",
            ],
            &["FROM a AS fs-0", "RUN [\"false\"]"],
            &["FROM a AS fs-0"],
            "hi\nerr: Step 1 of 2",
        );
    }

    #[test]
    fn podmans_words() {
        check(
            &[
                "[1/2] STEP 1/2: FROM a AS fs-0\n",
                "[1/2] STEP 2/2: RUN [\"true\"]\n",
                "--> Using cache 461ba924acf6\n--> 461ba924acf\n",
                "[2/2] STEP 1/1: ADD a.tar /\n",
                "--> 490947ebe17\n",
                "[2/2] STEP 2/2: RUN [\"false\"]\n",
                "no ",
                "end",
            ],
            &["FROM a AS fs-0", "ADD a.tar /"],
            &["FROM a AS fs-0", "ADD a.tar /"],
            "no end",
        );
    }

    #[test]
    fn what_may_be_tried_again() {
        for (reason, passing) in [
            (
                "checking if cached image exists from a previous build: getting top layer info: layer not known",
                true,
            ),
            ("error reading image \"0123\": locating image with ID \"0123\": image not known", false),
            ("creating build container: layer not known", true),
            ("identifier is not a container", true),
            ("building at STEP \"RUN layer not known\": while running runtime: exit status 3", false),
        ] {
            let broken = Broken { reason: reason.into(), ..Broken::default() };
            assert_eq!(broken.is_passing(), passing, "{reason}");
        }
    }

    #[test]
    fn the_exit_code_of_a_command() {
        for (reason, code) in [
            ("building at STEP \"RUN x\": while running runtime: exit status 3", Some(3)),
            ("The command 'x exit status 1' returned a non-zero code: 127", Some(127)),
            ("no such image", None),
        ] {
            let broken = Broken { reason: reason.into(), ..Broken::default() };
            assert_eq!(broken.exit_code(), code);
        }
    }
}
