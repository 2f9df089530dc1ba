//! The rules of steps.

use std::collections::{HashMap, HashSet};

use super::fields::{check_env_names, given, items, require};
use super::requires;
use crate::artifact::Navigation;
use crate::names;
use crate::problem::{Findings, nearest, shown};
use crate::source::record::At;
use crate::source::{FileSection, InlineStep, StepLlmSection, WorkshopSection};
use crate::steps::StepSource;

/// Checks all steps, each for itself and against the others.
pub(super) fn check(workshop: &WorkshopSection, steps: &[StepSource], findings: &mut Findings) {
    let ids = check_ids(steps, findings);
    let navigation = workshop.navigation.as_ref().map(|navigation| navigation.value).unwrap_or_default();
    for step in steps {
        let Some(body) = &step.body else { continue };
        require(&body.place, "title", &body.title, findings);
        check_order(navigation, body, &ids, findings);
        check_texts(step, body, findings);
        for (_, file) in items(&body.files) {
            check_file(step.in_directory, file, findings);
        }
        check_env(workshop, body, findings);
        for (_, command) in items(&body.commands) {
            if command.value.trim().is_empty() {
                findings.add(&command.place, "must not be empty", "remove the item");
            }
        }
        if let Some(llm) = &body.llm {
            check_llm(workshop, llm, findings);
        }
    }
    if navigation == Navigation::Guided {
        requires::check(steps, findings);
    }
}

/// Checks that each step has an id of its own; gives all ids.
fn check_ids<'a>(steps: &'a [StepSource], findings: &mut Findings) -> HashSet<&'a str> {
    let mut first_uses: HashMap<&str, &StepSource> = HashMap::new();
    for step in steps {
        let Some(id) = require(&step.place, "id", &step.id, findings) else { continue };
        if let Err(message) = names::check_step_id(&id.value) {
            findings.add(&id.place, message, names::suggest_step_id(&id.value));
            continue;
        }
        if let Some(first) = first_uses.get(id.value.as_str()) {
            let message = format!("{:?} is already used by step {}", shown(&id.value), first.index);
            let instead = format!("choose another id; the first is in line {}", first.place.pos.line);
            findings.add(&id.place, message, instead);
            continue;
        }
        first_uses.insert(&id.value, step);
    }
    first_uses.into_keys().collect()
}

/// Checks group and requires: only for guided navigation, and of known steps.
fn check_order(navigation: Navigation, body: &InlineStep, ids: &HashSet<&str>, findings: &mut Findings) {
    if navigation != Navigation::Guided {
        let message = format!("not allowed in {} navigation mode", navigation.as_str());
        let instead = "remove it, or write navigation: guided";
        if let Some(group) = &body.group {
            findings.add(&group.place, &*message, instead);
        }
        if let Some(requires) = body.requires.as_ref().filter(|requires| !requires.items.is_empty()) {
            findings.add(&requires.place, message, instead);
        }
        return;
    }
    for (_, required) in items(&body.requires) {
        if !ids.contains(required.value.as_str())
            && let Some(requires) = &body.requires
        {
            let message = format!("unknown step {:?}", shown(&required.value));
            let instead = nearest(&required.value, ids.iter().copied())
                .map_or_else(|| "write the id of a step".into(), |near| format!("did you mean {near:?}?"));
            findings.add(&requires.place.clone().at(required.place.pos), message, instead);
        }
    }
}

/// Checks that each text is given once, and the step's own at all.
fn check_texts(step: &StepSource, body: &InlineStep, findings: &mut Findings) {
    for (key, text, file) in [
        ("markdown", &body.markdown, &body.markdown_file),
        ("goss", &body.goss, &body.goss_file),
        ("hints", &body.hints, &body.hints_file),
        ("explain", &body.explain, &body.explain_file),
        ("solve", &body.solve, &body.solve_file),
    ] {
        let file_key = format!("{key}File");
        match (text, file) {
            (Some(_), Some(file)) => findings.add(
                &body.place.clone().at(file.place.pos),
                format!("{key} and {file_key} are mutually exclusive"),
                "keep one of the two",
            ),
            (None, None)
                if key == "markdown"
                    && !step.in_directory
                    && !findings.was_misread(&body.place, key)
                    && !findings.was_misread(&body.place, &file_key) =>
            {
                findings.add(
                    &body.place,
                    "exactly one of markdown or markdownFile is required",
                    "add markdown: and the text of the step",
                );
            }
            _ => {}
        }
    }
}

/// Checks one file of a step: where it goes, where it is from, its mode.
fn check_file(in_directory: bool, file: &FileSection, findings: &mut Findings) {
    let target_key = if in_directory { "target" } else { "path" };
    if let Some(target) = require(&file.place, target_key, &file.path, findings)
        && let Some((message, instead)) = wrong_target(&target.value)
    {
        findings.add(&target.place, message, instead);
    }
    let misread =
        |findings: &Findings| ["content", "source"].iter().any(|key| findings.was_misread(&file.place, key));
    match (&file.content, &file.source) {
        (None, None) if in_directory => {
            require(&file.place, "source", &file.source, findings);
        }
        (None, None) if !misread(findings) => findings.add(
            &file.place,
            "exactly one of content or source is required",
            "add content: and the text, or source: and a file",
        ),
        (Some(_), Some(source)) => findings.add(
            &file.place.clone().at(source.place.pos),
            "content and source are mutually exclusive",
            "keep one of the two",
        ),
        _ => {}
    }
    if let Some(mode) = &file.mode
        && names::parse_mode(&mode.value).is_none()
    {
        findings.add(&mode.place, "must be an octal mode", "write it like \"0644\" or \"0755\"");
    }
}

/// What is wrong with the path that a file goes to, if anything.
fn wrong_target(path: &str) -> Option<(&'static str, String)> {
    let Some(relative) = path.strip_prefix('/') else {
        return Some((
            "must be an absolute path",
            format!("write {:?}", format!("/workspace/{}", shown(path))),
        ));
    };
    if relative.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some((
            "must be the plain path of a file",
            "write it without //, . and .. and without a / at its end".into(),
        ));
    }
    if relative.split('/').next() == Some("workshop") {
        return Some(("must not be in /workshop, which belongs to the platform", "use /workspace".into()));
    }
    None
}

/// Checks the names of a step's variables: the platform's own, and the key's, are never in an image.
fn check_env(workshop: &WorkshopSection, body: &InlineStep, findings: &mut Findings) {
    let env = body.env.as_ref().map_or(&[][..], |env| &env.items);
    check_env_names(env, findings);
    let key_name = workshop.llm.as_ref().and_then(|llm| given(&llm.api_key_env));
    for (name, value) in env {
        if key_name.is_some_and(|key| key.value == *name) {
            let instead = "remove it; the key is given when the workshop runs and is never in an image";
            findings.add(&value.place, "reserved name", instead);
        } else if name.starts_with("WORKSHOP_") {
            findings.add(&value.place, "reserved name", "choose a name that does not begin with WORKSHOP_");
        }
    }
}

fn check_llm(workshop: &WorkshopSection, llm: &StepLlmSection, findings: &mut Findings) {
    if workshop.llm.is_none() && !findings.was_misread(&workshop.place, "llm") {
        findings.add(&llm.place, "not allowed without workshop.llm", "remove it, or add workshop.llm");
    }
    if let (Some(mode), Some(modes)) = (&llm.mode, &llm.modes)
        && !modes.items.iter().any(|(_, offered)| offered.value == mode.value)
    {
        let message = format!("{:?} is not one of the step's modes", mode.value.as_str());
        findings.add(&mode.place, message, "add it to modes, or choose one of them");
    }
    let mut names: HashSet<&str> = HashSet::new();
    for (_, doc) in items(&llm.docs) {
        let name = file_name(doc);
        if !names.insert(name) {
            let message = format!("another document is already named {:?}", shown(name));
            findings.add(&doc.place, message, "rename one of the two");
        }
    }
}

/// The last part of a path.
fn file_name(path: &At<String>) -> &str {
    path.value.rsplit('/').next().unwrap_or_default()
}
