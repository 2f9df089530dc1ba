//! The example workshops as tests: a step's check fails where the step begins and passes where it ends.

use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use workshop_definition::Definition;

use crate::backend::{Backend, Door};
use crate::checkout::Checkout;
use crate::count::Count;
use crate::workspace::{self, Workspace};

/// Lays out every image of every example, in a sandbox, and asks a real backend there.
pub(crate) fn test(checkout: &Checkout) -> Result<Count> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let scratch = checkout.target.join("examples-test");
    let mut count = Count::default();
    for entry in fs::read_dir(checkout.root.join("examples"))? {
        let folder = entry?.path();
        if !folder.is_dir() {
            continue;
        }
        let definition = workspace::load(&folder)?;
        for done in 0..=definition.steps.len() {
            if scratch.exists() {
                fs::remove_dir_all(&scratch)?;
            }
            let result = workspace::prepare(checkout, &definition, Some(done), &scratch)
                .and_then(|workspace| runtime.block_on(image(checkout, &workspace, &definition, done)));
            count.add(result.is_ok());
            let name = done.checked_sub(1).map_or("step-0", |last| &definition.steps[last].id);
            match result {
                Ok(()) => println!("{}:{name}: ok", definition.name),
                Err(error) => println!("{}:{name}: {error:#}", definition.name),
            }
        }
    }
    Ok(count)
}

/// Asks a backend on image `done`: that step passes, the one after it does not yet.
async fn image(
    checkout: &Checkout,
    workspace: &Workspace,
    definition: &Definition,
    done: usize,
) -> Result<()> {
    let door = Door::new(0)?;
    let mut backend = Backend::start(checkout, workspace, &door)?;
    backend.ready(&door).await?;
    let checked = |index: usize| definition.steps.get(index).filter(|step| step.goss.is_some());
    let result = async {
        if let Some(step) = done.checked_sub(1).and_then(checked) {
            let report = validate(&door, &step.id).await?;
            ensure!(report.passed, "the check of {} fails where it should pass: {}", step.id, report.body);
        }
        if let Some(step) = checked(done) {
            let report = validate(&door, &step.id).await?;
            ensure!(!report.passed, "the check of {} passes before anything was done", step.id);
        }
        Ok(())
    };
    let result = result.await;
    backend.stop().await?;
    result
}

struct Report {
    passed: bool,
    body: String,
}

async fn validate(door: &Door, step: &str) -> Result<Report> {
    #[derive(Deserialize)]
    struct Answer {
        passed: bool,
    }
    let (status, body) = door.request("POST", &format!("/api/steps/{step}/validate")).await?;
    if status != 200 {
        bail!("the check of {step} cannot run: {body}");
    }
    let Answer { passed } = serde_json::from_str(&body).with_context(|| body.clone())?;
    Ok(Report { passed, body })
}
