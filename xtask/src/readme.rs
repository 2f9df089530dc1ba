//! The README's commands as tests: every fenced `sh` block is run, with the demo open where the README has opened it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

use crate::backend::Door;
use crate::checkout::Checkout;
use crate::count::Count;
use crate::program;
use crate::setup;
use crate::student;

/// A fenced block of commands.
struct Block {
    line: usize,
    script: String,
    kind: Kind,
}

/// What the comment before a block says about running it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// Must end well.
    Plain,
    /// Must end well, and print something.
    Prints,
    /// Goes on in the background for the blocks after it: the demo.
    Background,
    /// Watches over a workspace in the background, and ends well once a later block has stopped or removed it.
    Watching,
    /// Goes on in the background for the blocks after it: a simulated class.
    Class,
    /// Is what runs this test.
    Running,
    /// Needs a container engine, and is run where there is one.
    Containers,
}

/// Runs the README's blocks in their order.
pub(crate) fn test(checkout: &Checkout) -> Result<Count> {
    let text = fs::read_to_string(checkout.root.join("README.md")).context("README.md")?;
    let data = checkout.target.join("readme");
    if data.exists() {
        fs::remove_dir_all(&data)?;
    }
    fs::create_dir_all(&data)?;
    let mut count = Count::default();
    let mut demo = None;
    let mut class = None;
    let mut watching = Vec::new();
    for block in blocks(&text)? {
        let result = match block.kind {
            Kind::Running | Kind::Containers => continue,
            Kind::Background => {
                Demo::start(checkout, &block.script, &data).map(|started| demo = Some(started))
            }
            Kind::Class => {
                shown(checkout, &block.script, &data, "The dashboard:").map(|shown| class = Some(shown))
            }
            Kind::Watching => {
                shown(checkout, &block.script, &data, "instructor").map(|process| watching.push(process))
            }
            Kind::Plain => run(checkout, &block.script, &data).map(drop),
            Kind::Prints => run(checkout, &block.script, &data).and_then(|printed| {
                ensure!(!printed.trim().is_empty(), "it printed nothing");
                Ok(())
            }),
        };
        count.add(result.is_ok());
        match result {
            Ok(()) => println!("README.md:{}: ok", block.line),
            Err(error) => println!("README.md:{}: {error:#}\n{}", block.line, block.script),
        }
    }
    for process in watching {
        let ended = process.ends();
        count.add(ended.is_ok());
        ended.unwrap_or_else(|error| println!("{error:#}"));
    }
    if let Some(class) = class {
        let ended = class.interrupt();
        count.add(ended.is_ok());
        ended.unwrap_or_else(|error| println!("{error:#}"));
    }
    if let Some(demo) = demo {
        let ended = demo.end();
        count.add(ended.is_ok());
        ended.unwrap_or_else(|error| println!("{error:#}"));
    }
    Ok(count)
}

/// Runs the blocks that need a container engine.
pub(crate) fn containers(checkout: &Checkout, engine: &str, environment: &[(&str, String)]) -> Result<Count> {
    let text = fs::read_to_string(checkout.root.join("README.md")).context("README.md")?;
    let mut count = Count::default();
    for block in blocks(&text)?.into_iter().filter(|block| block.kind == Kind::Containers) {
        let mut shell = shell(checkout, &block.script, &checkout.target.join("readme-containers"));
        shell.env_remove("WORKSHOP_ENGINE").env("DOCKER_HOST", engine);
        shell.envs(environment.iter().map(|(name, value)| (name, value)));
        let result = program::run(&mut shell);
        count.add(result.is_ok());
        match result {
            Ok(()) => println!("README.md:{}: ok", block.line),
            Err(error) => println!("README.md:{}: {error:#}\n{}", block.line, block.script),
        }
    }
    Ok(count)
}

/// A shell that knows nothing of whoever runs the test but where programs are, and keeps workspaces in `data`.
fn shell(checkout: &Checkout, script: &str, data: &Path) -> Command {
    let folder = format!("{}/", data.display());
    let mut shell = checkout
        .clean_command("sh", &["HOME", "CARGO_HOME", "RUSTUP_HOME", "CARGO_TARGET_DIR", setup::BUILT]);
    shell
        .env("WORKSHOP_ENGINE", "sandbox")
        .env("WORKSHOP_DEMO_PORT", "0")
        .env("WORKSHOP_DEMO_DATA", data)
        .env("PGCONNECT_TIMEOUT", "10")
        // The commands name folders as they are for a reader; here all of them are in `data`, itself perhaps in /tmp.
        .args(["-e", "-c", &script.replace("/tmp/", ".demo/").replace(".demo/", &folder)])
        .stdin(Stdio::null());
    shell
}

fn run(checkout: &Checkout, script: &str, data: &Path) -> Result<String> {
    let printed = program::output(&mut shell(checkout, script, data))?;
    print!("{printed}");
    Ok(printed)
}

/// A demo that is open.
struct Demo {
    process: Process,
    door: Door,
}

/// A child that ends with its owner, should a test fail in between.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Both fail when it has ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Process {
    /// Ctrl-C: it ends well.
    fn interrupt(self) -> Result<()> {
        program::run(Command::new("kill").arg("-INT").arg(self.0.id().to_string()))?;
        self.ends()
    }

    /// Waits for it to end well, as what it watches over is gone.
    fn ends(mut self) -> Result<()> {
        for _ in 0..300 {
            if let Some(status) = self.0.try_wait()? {
                ensure!(status.success(), "what ran beside the blocks ended with {status}");
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        bail!("what ran beside the blocks does not end")
    }
}

/// Starts what goes on beside the blocks after it, and waits until it has printed the line that begins with `sign`.
fn shown(checkout: &Checkout, script: &str, data: &Path, sign: &str) -> Result<Process> {
    let exec = format!("exec {}", script.trim());
    let mut process = Process(shell(checkout, &exec, data).stdout(Stdio::piped()).spawn()?);
    let stdout = process.0.stdout.take().context("its output")?;
    let mut lines = BufReader::new(stdout).lines();
    for line in lines.by_ref() {
        let line = line?;
        println!("{line}");
        if line.trim().starts_with(sign) {
            // Read on, or its next line would find nobody and end it.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(process);
        }
    }
    bail!("it ended without printing `{sign}`")
}

impl Demo {
    /// Starts the demo, and works in it for a moment, so that the blocks after it find a log.
    fn start(checkout: &Checkout, script: &str, data: &Path) -> Result<Self> {
        let exec = format!("exec {}", script.trim());
        let mut process = Process(shell(checkout, &exec, data).stdout(Stdio::piped()).spawn()?);
        let stdout = process.0.stdout.take().context("the demo's output")?;
        let mut lines = BufReader::new(stdout).lines();
        let mut next = |whose: &str| -> Result<(SocketAddr, String)> {
            for line in lines.by_ref() {
                let line = line?;
                println!("{line}");
                if let Some(address) = line.trim().strip_prefix(whose) {
                    return read_address(address.trim())
                        .with_context(|| format!("the address of the {whose}"));
                }
            }
            bail!("the demo ended without printing the address of the {whose}")
        };
        let (address, access) = next("student")?;
        let (_, instructor) = next("instructor")?;
        // Read on, or the demo's next line would find nobody and end it.
        std::thread::spawn(move || lines.for_each(drop));
        let demo = Self { process, door: Door { address, access, instructor } };
        demo.work(&data.join("hello-linux/runtime"))?;
        Ok(demo)
    }

    /// A command that succeeds, one that fails, and a check that nothing was done for yet.
    fn work(&self, runtime: &Path) -> Result<()> {
        wait_for(async {
            student::work(&self.door, runtime, &["ls -l", "cat nothing-here"]).await?;
            let (status, body) = self.door.request("POST", "/api/steps/look-around/validate").await?;
            ensure!(status == 200, "the check answered {status}: {body}");
            Ok(())
        })
    }

    /// Still there, whatever the blocks did; then Ctrl-C: the demo ends well, and nothing of it goes on.
    fn end(mut self) -> Result<()> {
        let answers = wait_for(async {
            for _ in 0..100 {
                if self.door.request("GET", "/api/state").await.is_ok_and(|(status, _)| status == 200) {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            bail!("the demo does not answer any more")
        });
        program::run(Command::new("kill").arg("-INT").arg(self.process.0.id().to_string()))?;
        let status = self.process.0.wait()?;
        ensure!(status.success(), "the demo ended with {status}");
        let address = self.door.address;
        let refused = TcpStream::connect_timeout(&address, Duration::from_secs(1)).is_err();
        ensure!(refused, "something still answers on {address} after the demo ended");
        answers
    }
}

fn wait_for<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Takes `http://<address>/…#token=<token>` apart.
fn read_address(printed: &str) -> Option<(SocketAddr, String)> {
    let (page, token) = printed.strip_prefix("http://")?.split_once("#token=")?;
    Some((page.split('/').next()?.parse().ok()?, token.to_owned()))
}

/// The `sh` blocks of a document. A comment `<!-- test: … -->` on the line before says how to run one.
fn blocks(text: &str) -> Result<Vec<Block>> {
    let mut blocks = Vec::new();
    let mut previous = "";
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        if line == "```sh" {
            let kind = match previous.strip_prefix("<!-- test: ").and_then(|mark| mark.strip_suffix(" -->")) {
                None => Kind::Plain,
                Some("background") => Kind::Background,
                Some("prints") => Kind::Prints,
                Some("watching") => Kind::Watching,
                Some("class") => Kind::Class,
                Some("running") => Kind::Running,
                Some("containers") => Kind::Containers,
                Some(other) => bail!("line {index}: no way to run a block is called `{other}`"),
            };
            let script: Vec<&str> =
                lines.by_ref().map(|(_, line)| line).take_while(|line| *line != "```").collect();
            blocks.push(Block { line: index + 1, script: script.join("\n"), kind });
        }
        previous = line;
    }
    Ok(blocks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_blocks_and_how_to_run_them() {
        let text = "a\n\n```sh\necho one\necho two\n```\n```yaml\nno: 1\n```\n<!-- test: background -->\n```sh\nserve\n```\n";
        let found: Vec<_> =
            blocks(text).unwrap().into_iter().map(|block| (block.line, block.script, block.kind)).collect();
        assert_eq!(
            found,
            [(3, "echo one\necho two".to_owned(), Kind::Plain), (11, "serve".to_owned(), Kind::Background)]
        );
        assert!(blocks("<!-- test: never -->\n```sh\nls\n```\n").is_err());
    }
}
