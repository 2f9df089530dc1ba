//! Workspaces as sandboxes: a folder for each container, `<data>/<workspace>/<container>`.
//!
//! Making the folder is the lock, `labels.json` in it is what a container's labels are. The backend is a process of its
//! own that outlives this one; `process.json` says which.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use workshop_definition::Definition;
use workshop_sandbox::{Programs, lay_out};

use super::container::{Container, Creation, Plan};
use super::ending::with_last_words;
use super::json_file::{DRAFT, read, write};
use super::labels::{Labels, Volume};
use super::sandbox_process::{Process, state};
use super::{printed, volumes};
use crate::image::{Description, Parts};

/// How long a backend may take to end once it is asked to.
const STOP: Duration = Duration::from_secs(10);
/// How often a log that is followed is looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How much of a log's end is read for what it says last, in bytes.
const LAST_WORDS: u64 = 16 * 1024;
/// The variable that says how much a backend says.
const LOG: &str = "WORKSHOP_LOG";

/// The sandboxes under one folder.
#[derive(Debug, Clone)]
pub(crate) struct Sandboxes {
    data: PathBuf,
}

/// `labels.json`
#[derive(Debug, Serialize, Deserialize)]
struct Record {
    image: String,
    labels: Labels,
    env: Vec<(String, String)>,
    created: jiff::Timestamp,
}

impl Sandboxes {
    /// The sandboxes under `data`.
    pub(super) fn new(data: &Path) -> Result<Self> {
        Ok(Self { data: std::path::absolute(data)? })
    }

    /// The folder of a workspace's log.
    pub(crate) fn log_folder(&self, workspace: &str) -> PathBuf {
        self.data.join(workspace).join("runtime")
    }

    pub(super) fn workspaces(&self) -> Result<Vec<Container>> {
        let mut found = Vec::new();
        for workspace in folders(&self.data)? {
            for folder in folders(&workspace)? {
                if let Some(record) = read::<Record>(&folder.join("labels.json"))? {
                    found.push(Container {
                        state: state(&folder)?,
                        name: name(&folder),
                        id: folder.display().to_string(),
                        image: record.image,
                        labels: record.labels,
                        env: record.env,
                        created: record.created,
                    });
                }
            }
        }
        found.sort_by_key(|container| container.created);
        Ok(found)
    }

    pub(super) fn provide(&self, image: &str) -> Result<()> {
        definition(image).map(|_| ())
    }

    pub(super) fn describe(&self, image: &str) -> Result<Option<Description>> {
        let (folder, _) = super::containers::split_reference(image);
        let definition = definition(image)?;
        Ok(Some(Description { repository: folder.to_owned(), ..Description::of(&definition.0) }))
    }

    pub(super) fn create(&self, plan: &Plan) -> Result<Creation> {
        let folder = self.data.join(&plan.labels.workspace).join(&plan.container);
        let parent = self.data.join(&plan.labels.workspace);
        fs::create_dir_all(&parent).with_context(|| parent.display().to_string())?;
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                if is_labelled(&folder) {
                    return Ok(Creation::Exists);
                }
                // Else whoever made it was killed before it said what for.
                if !is_unused(&folder)? {
                    bail!("{} holds something that is not a sandbox; move it away", folder.display());
                }
            }
            made => made.with_context(|| folder.display().to_string())?,
        }
        let record = Record {
            image: plan.image.clone(),
            labels: plan.labels.clone(),
            env: plan.env.clone(),
            created: jiff::Timestamp::now(),
        };
        write(&folder.join("labels.json"), &record)?;
        Ok(Creation::Made)
    }

    pub(super) async fn start(&self, container: &Container) -> Result<()> {
        let (container, log) = (container.clone(), self.log(&container.labels));
        // Laying out runs the author's commands; it blocks as long as they do.
        tokio::task::spawn_blocking(move || start(&container, &log)).await?
    }

    fn log(&self, labels: &Labels) -> PathBuf {
        match labels.log() {
            Volume::Folder(folder) => folder,
            Volume::Named(_) => self.log_folder(&labels.workspace),
        }
    }

    pub(super) async fn stop(&self, container: &Container) -> Result<()> {
        let folder = Path::new(&container.id);
        let Some(process) = Process::of(folder)? else { return Ok(()) };
        process.note_stop(folder)?;
        let Some(process) = Process::of(folder)? else { return Ok(()) };
        process.signal(Signal::TERM)?;
        let begin = tokio::time::Instant::now();
        while process.lives() {
            if begin.elapsed() > STOP {
                process.signal(Signal::KILL)?;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    pub(super) async fn remove(&self, container: &Container) -> Result<()> {
        self.stop(container).await?;
        match fs::remove_dir_all(&container.id) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("cannot remove {}", container.id))
            }
            _ => {
                self.clear_away(&container.labels.workspace);
                Ok(())
            }
        }
    }

    /// A workspace's folder goes with the last thing in it.
    fn clear_away(&self, workspace: &str) {
        let _ = fs::remove_dir(self.data.join(workspace));
    }

    pub(super) fn runs(&self, container: &Container) -> bool {
        Process::of(Path::new(&container.id)).ok().flatten().is_some_and(|process| process.lives())
    }

    pub(super) fn logs(&self, container: &Container, follow: bool) -> BoxStream<'_, Result<Bytes>> {
        let path = Path::new(&container.id).join("backend.log");
        let container = container.clone();
        let state = (path, container, 0u64);
        stream::try_unfold(state, move |(path, container, at)| async move {
            loop {
                // Asked first: what was written before the end is still read.
                let runs = self.runs(&container);
                let text = read_from(&path, at)?;
                if !text.is_empty() {
                    let next = at + text.len() as u64;
                    return Ok(Some((Bytes::from(text), (path, container, next))));
                }
                if !follow || !runs {
                    return Ok(None);
                }
                tokio::time::sleep(LOOK).await;
            }
        })
        .boxed()
    }

    /// How a backend ended: its exit code is known only to whoever started it.
    pub(super) fn last_words(&self, container: &Container) -> Result<String> {
        last_words(Path::new(&container.id))
    }

    pub(super) fn has_log(&self, volume: &Volume) -> Result<bool> {
        match volume {
            Volume::Folder(folder) => volumes::folder_has_log(folder),
            Volume::Named(_) => Ok(false),
        }
    }

    pub(super) fn forget(&self, volume: &Volume) -> Result<()> {
        match volume {
            Volume::Folder(folder) => volumes::forget_folder(folder),
            Volume::Named(name) => bail!("a sandbox has no volume {name}"),
        }
    }
}

/// The workshop and how many steps are done, of `<folder>:<step>`.
fn definition(image: &str) -> Result<(Definition, usize)> {
    let (folder, tag) = super::containers::split_reference(image);
    let definition = workshop_definition::load(Path::new(folder))
        .map_err(|problems| anyhow::anyhow!("{folder} cannot be used as it is:\n{problems}"))?;
    let done = match tag {
        "step-0" | "latest" => 0,
        tag => {
            1 + definition
                .steps
                .iter()
                .position(|step| step.id == tag)
                .with_context(|| format!("the workshop in {folder} has no step {tag:?}"))?
        }
    };
    Ok((definition, done))
}

/// Lays the workspace out unless that was done, and starts the backend unless it runs. Two that do so do it once.
fn start(container: &Container, log: &Path) -> Result<()> {
    let folder = PathBuf::from(&container.id);
    let lock = File::create(folder.join("lock")).with_context(|| folder.display().to_string())?;
    flock(&lock, FlockOperation::LockExclusive)?;
    if Process::of(&folder)?.is_some_and(|process| process.lives()) {
        return Ok(());
    }
    let (definition, done) = definition(&container.image)?;
    let parts = Parts::find()?;
    let programs = Programs { backend: parts.path("workshop-backend"), goss: parts.path("goss") };
    let (artifact, sandbox) = (folder.join("artifact"), folder.join("sandbox"));
    if !folder.join("laid-out").exists() {
        for half_done in [&artifact, &sandbox] {
            if half_done.exists() {
                fs::remove_dir_all(half_done)?;
            }
        }
        workshop_definition::compile_artifact(&definition, &artifact)?;
        fs::create_dir_all(&sandbox)?;
        lay_out(&definition, done, &sandbox, &programs)?;
        File::create(folder.join("laid-out"))?;
    }
    volumes::make_folder(log)?;
    let output = OpenOptions::new().create(true).append(true).open(folder.join("backend.log"))?;
    let image_step = done.checked_sub(1).map_or("step-0", |last| &definition.steps[last].id);
    let child = Command::new(&programs.backend)
        // Nothing of the author's: it would decide what is started and loaded on the host.
        .env_clear()
        .envs(std::env::var_os(LOG).map(|filter| (LOG, filter)))
        .envs(container.env.iter().map(|(name, value)| (name, value)))
        .env("WORKSHOP_DIR", &artifact)
        .env("WORKSHOP_RUNTIME_DIR", log)
        .env("WORKSHOP_SANDBOX", &sandbox)
        .env("WORKSHOP_GOSS", &programs.goss)
        .env("WORKSHOP_IMAGE_STEP", image_step)
        .env("WORKSHOP_LISTEN", format!("127.0.0.1:{}", container.labels.port))
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        // Ctrl-C is for this command, not for the workspace.
        .process_group(0)
        .spawn()
        .with_context(|| format!("cannot start {}", programs.backend.display()))?;
    if !Process::note(&folder, i32::try_from(child.id())?)? {
        bail!("{} {}", container.labels.workspace, last_words(&folder)?);
    }
    // Reaped while this command runs; after it, by the system.
    std::thread::spawn(move || {
        let mut child = child;
        let _ = child.wait();
    });
    Ok(())
}

fn last_words(folder: &Path) -> Result<String> {
    let path = folder.join("backend.log");
    let length = fs::metadata(&path).map(|file| file.len()).unwrap_or_default();
    let text = read_from(&path, length.saturating_sub(LAST_WORDS))?;
    Ok(with_last_words("ended by itself", &printed::end_of(&String::from_utf8_lossy(&text))))
}

/// Whether a folder's labels are there, or come within a moment.
fn is_labelled(folder: &Path) -> bool {
    (0..50).any(|look| {
        if look > 0 {
            std::thread::sleep(Duration::from_millis(20));
        }
        folder.join("labels.json").exists()
    })
}

/// Whether nothing is in a folder but what a command that was killed may have left of its labels.
fn is_unused(folder: &Path) -> Result<bool> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name())).collect::<Result<Vec<_>, _>>()?;
    Ok(names.iter().all(|name| name.to_string_lossy().starts_with(DRAFT)))
}

fn name(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// The folders in a folder; none when it is not there.
fn folders(path: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(path) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| path.display().to_string()),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            found.push(entry.path());
        }
    }
    Ok(found)
}

fn read_from(path: &Path, at: u64) -> Result<Vec<u8>> {
    let mut text = Vec::new();
    match File::open(path) {
        Ok(mut file) => {
            file.seek(SeekFrom::Start(at))?;
            file.take(1 << 20).read_to_end(&mut text)?;
            Ok(text)
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(text),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}
