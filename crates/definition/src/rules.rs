//! The rules of `workshop.yaml` that need no other file: what is required, what excludes what, what names are allowed.

mod fields;
mod requires;
mod steps;

use std::collections::HashMap;

use crate::names;
use crate::problem::{Findings, shown};
use crate::source::{
    BaseSection, ContainerSection, InfrastructureSection, LlmSection, WorkshopFile, WorkshopSection,
};
use crate::steps::StepSource;
use fields::{check_env_names, given, items, require, require_field};

/// Checks the whole definition, its steps being read.
pub(crate) fn check(file: &WorkshopFile, steps: &[StepSource], findings: &mut Findings) {
    if file.version.is_none() && !findings.was_misread(&file.place, "version") {
        findings.add(&file.place.field("version"), "must be \"v1\"", "add the line version: v1");
    }
    let missing = WorkshopSection::empty(file.place.field("workshop"));
    let workshop = file.workshop.as_ref().unwrap_or(&missing);
    check_workshop(workshop, findings);
    let missing = BaseSection::empty(file.place.field("base"));
    check_base(file.base.as_ref().unwrap_or(&missing), findings);
    if let Some(infrastructure) = &file.infrastructure {
        check_infrastructure(infrastructure, findings);
    }
    if file.steps.as_ref().is_none_or(|list| list.len == 0) && !findings.was_misread(&file.place, "steps") {
        let place = file.steps.as_ref().map_or_else(|| file.place.field("steps"), |list| list.place.clone());
        findings.add(&place, "at least one step is required", "add a step with id, title and markdown");
    }
    steps::check(workshop, steps, findings);
}

fn check_workshop(workshop: &WorkshopSection, findings: &mut Findings) {
    require_field(&workshop.place, "name", &workshop.name, "add the name of the workshop", findings);
    if let Some(image) = require_field(
        &workshop.place,
        "image",
        &workshop.image,
        "add an image repository, like myorg/name",
        findings,
    ) && let Err((message, instead)) = names::check_repository(&image.value)
    {
        findings.add(&image.place, message, instead);
    }
    if let Some(llm) = &workshop.llm {
        check_llm(llm, findings);
    }
}

fn check_llm(llm: &LlmSection, findings: &mut Findings) {
    if llm.provider.is_none() && !findings.was_misread(&llm.place, "provider") {
        findings.add(&llm.place.field("provider"), "required", "add provider: anthropic or provider: openai");
    }
    require_field(&llm.place, "model", &llm.model, "add the model's name at the provider", findings);
    match given(&llm.api_key_env) {
        None if !findings.was_misread(&llm.place, "apiKeyEnv") => findings.add(
            &llm.place.field("apiKeyEnv"),
            "required when llm is configured",
            "add the name of the variable that holds the key, like WORKSHOP_LLM_API_KEY",
        ),
        // The value is not repeated: it may be the key itself.
        Some(name) if !names::is_env_name(&name.value) => {
            findings.add(
                &name.place,
                names::ENV_NAME_RULE,
                "write the variable's name, never the key itself",
            );
        }
        _ => {}
    }
    if let Some(max_tokens) = llm.max_tokens.as_ref().filter(|max_tokens| max_tokens.value == 0) {
        findings.add(&max_tokens.place, "must be at least 1", "");
    }
}

fn check_base(base: &BaseSection, findings: &mut Findings) {
    let misread = |findings: &Findings| {
        findings.was_misread(&base.place, "image") || findings.was_misread(&base.place, "containerFile")
    };
    match (given(&base.image), given(&base.container_file)) {
        (None, None) if !misread(findings) => findings.add(
            &base.place,
            "exactly one of image or containerFile is required",
            "add image: workshop-base:debian",
        ),
        (Some(_), Some(second)) => findings.add(
            &base.place.clone().at(second.place.pos),
            "image and containerFile are mutually exclusive",
            "keep one of the two",
        ),
        _ => {}
    }
}

fn check_infrastructure(infrastructure: &InfrastructureSection, findings: &mut Findings) {
    let mut names: HashMap<&str, usize> = HashMap::new();
    for (index, container) in items(&infrastructure.extra_containers) {
        if let Some(name) = require(&container.place, "name", &container.name, findings) {
            if !names::is_host_name(&name.value) {
                findings.add(&name.place, names::HOST_NAME_RULE, "write a name like \"db\"");
            }
            if let Some(first) = names.insert(&name.value, index) {
                let message = format!("{:?} is already used by extra container {first}", shown(&name.value));
                findings.add(&name.place, message, "choose another name");
            }
        }
        check_container(container, findings);
    }
}

fn check_container(container: &ContainerSection, findings: &mut Findings) {
    require(&container.place, "image", &container.image, findings);
    for (_, port) in items(&container.ports) {
        match &port.port {
            None if !findings.was_misread(&port.place, "port") => {
                findings.add(&port.place, "port is required", "add port: and its number");
            }
            Some(number) if !(1..=65535).contains(&number.value) => {
                findings.add(&number.place, "must be a port from 1 to 65535", "");
            }
            _ => {}
        }
    }
    check_env_names(container.env.as_ref().map_or(&[], |env| &env.items), findings);
}
