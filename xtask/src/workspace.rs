//! A workshop made ready to be served without a container engine: its artifact, log volume and sandbox in one folder.

use std::collections::BTreeMap;
use std::fs;
use std::path::{self, Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use workshop_definition::Definition;
use workshop_sandbox::Programs;

use crate::checkout::Checkout;
use crate::setup;

#[derive(Args)]
pub(crate) struct Options {
    /// The folder of the workshop.
    workshop: PathBuf,
    /// The folder to make it ready in; one that was used goes on.
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Lay out the workspace as the steps before this one leave it.
    #[arg(long, value_name = "ID")]
    step: Option<String>,
}

/// Marks a folder as a workspace.
const MARKER: &str = ".workshop-workspace";

/// A workspace that a backend can be started on.
pub(crate) struct Workspace {
    /// What the backend's environment says of it.
    pub(crate) environment: BTreeMap<String, String>,
}

/// Makes a workspace ready and prints the backend's environment, a `NAME=value` a line.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    setup::packages(checkout, &[setup::DEMO])?;
    setup::goss(checkout)?;
    setup::programs(checkout)?;
    let definition = load(&options.workshop)?;
    let workspace =
        prepare(checkout, &definition, position(&definition, options.step.as_deref())?, &options.to)?;
    for (name, value) in &workspace.environment {
        println!("{name}={value}");
    }
    Ok(())
}

/// Everything that serving a workspace needs: packages, namespaces, goss, the pages and the backend.
pub(crate) fn set_up(checkout: &Checkout) -> Result<()> {
    setup::packages(checkout, &[setup::DEMO])?;
    setup::namespaces(checkout)?;
    setup::goss(checkout)?;
    setup::pages(checkout)?;
    setup::programs(checkout)
}

/// Compiles the artifact anew; lays out the sandbox as the first `done` steps leave it, none of them without a
/// number. One that is there goes on as it is, and then takes no number.
pub(crate) fn prepare(
    checkout: &Checkout,
    definition: &Definition,
    done: Option<usize>,
    folder: &Path,
) -> Result<Workspace> {
    let folder = path::absolute(folder)?;
    let [artifact, runtime, sandbox] = ["artifact", "runtime", "sandbox"].map(|name| folder.join(name));
    claim(&folder)?;
    fs::create_dir_all(&runtime).with_context(|| runtime.display().to_string())?;
    if artifact.exists() {
        fs::remove_dir_all(&artifact)?;
    }
    workshop_definition::compile_artifact(definition, &artifact)?;

    // Written once the workspace is laid out: a sandbox without it is half done.
    let laid_out = folder.join("image-step");
    let image_step = match fs::read_to_string(&laid_out) {
        Ok(_) if done.is_some() => {
            bail!("{} is in use already; to begin at a step, begin anew with --fresh", folder.display())
        }
        Ok(image_step) => image_step,
        Err(_) => {
            let done = done.unwrap_or(0);
            lay_out(checkout, definition, done, &sandbox)?;
            let image_step = done.checked_sub(1).map_or("step-0", |last| &definition.steps[last].id);
            fs::write(&laid_out, image_step)?;
            image_step.to_owned()
        }
    };
    let environment = [
        ("WORKSHOP_DIR", artifact.display().to_string()),
        ("WORKSHOP_RUNTIME_DIR", runtime.display().to_string()),
        ("WORKSHOP_SANDBOX", sandbox.display().to_string()),
        ("WORKSHOP_GOSS", checkout.goss().display().to_string()),
        ("WORKSHOP_IMAGE_STEP", image_step),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).into();
    Ok(Workspace { environment })
}

/// Marks a new or empty folder as a workspace. Its contents are replaced later, so a folder with other files is refused.
fn claim(folder: &Path) -> Result<()> {
    let marker = folder.join(MARKER);
    if marker.exists() {
        return Ok(());
    }
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let empty = fs::read_dir(folder).with_context(|| folder.display().to_string())?.next().is_none();
    ensure!(empty, "{} has other files in it: name a new or an empty folder", folder.display());
    fs::write(&marker, "").with_context(|| marker.display().to_string())
}

/// Reads the workshop, or says everything that is wrong with it.
pub(crate) fn load(workshop: &Path) -> Result<Definition> {
    workshop_definition::load(workshop).map_err(|problems| {
        let list: Vec<String> = problems.iter().map(|problem| format!("  {problem}")).collect();
        anyhow::anyhow!("{} cannot be used as it is:\n{}", workshop.display(), list.join("\n"))
    })
}

/// How many steps come before `step`, if one is named.
pub(crate) fn position(definition: &Definition, step: Option<&str>) -> Result<Option<usize>> {
    let Some(wanted) = step else { return Ok(None) };
    let ids: Vec<&str> = definition.steps.iter().map(|step| step.id.as_str()).collect();
    let found = ids.iter().position(|id| *id == wanted);
    ensure!(found.is_some(), "no step `{wanted}`; there are: {}", ids.join(", "));
    Ok(found)
}

/// The workspace as the first `done` steps leave it. One whose laying out broke off is thrown away first.
fn lay_out(checkout: &Checkout, definition: &Definition, done: usize, sandbox: &Path) -> Result<()> {
    if sandbox.exists() {
        fs::remove_dir_all(sandbox)?;
    }
    fs::create_dir_all(sandbox)?;
    let programs = Programs { backend: checkout.backend(), goss: checkout.goss() };
    workshop_sandbox::lay_out(definition, done, sandbox, &programs)
        .with_context(|| format!("laying out the workspace of {}", definition.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_anybody_else_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let theirs = folder.path().join("artifact/thesis.tex");
        fs::create_dir_all(theirs.parent().unwrap()).unwrap();
        fs::write(&theirs, "years of work").unwrap();
        let refused = claim(folder.path()).unwrap_err().to_string();
        assert!(refused.ends_with("has other files in it: name a new or an empty folder"), "{refused}");
        assert!(theirs.exists());

        let own = folder.path().join("own");
        claim(&own).unwrap();
        fs::create_dir(own.join("artifact")).unwrap();
        claim(&own).unwrap();
    }
}
