//! The schema of `workshop.yaml` knows and requires what the reader does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed expectation is the point"
)]

use std::collections::BTreeSet;

use serde_json::Value;
use workshop_definition::{parse_bytes, schema};

/// The keys of a record of the schema, by the pointer to it.
fn keys(pointer: &str) -> BTreeSet<String> {
    let schema = schema();
    let record = schema.pointer(pointer).unwrap();
    assert_eq!(record["additionalProperties"], Value::Bool(false));
    record["properties"].as_object().unwrap().keys().cloned().collect()
}

/// The keys that the reader names when it meets one it does not know.
fn known(yaml: &str) -> BTreeSet<String> {
    let problems = parse_bytes("workshop.yaml", yaml.as_bytes()).unwrap_err();
    let listed =
        problems.iter().find_map(|problem| problem.instead.as_ref()?.strip_prefix("known keys are: "));
    listed.unwrap().split(", ").map(str::to_owned).collect()
}

#[test]
fn the_reader_and_the_schema_know_the_same_keys() {
    for (pointer, yaml) in [
        ("", "'?': 1"),
        ("/properties/workshop", "workshop: {'?': 1}"),
        ("/$defs/LlmSection", "workshop: {llm: {'?': 1}}"),
        ("/properties/base", "base: {'?': 1}"),
        ("/$defs/InfrastructureSection", "infrastructure: {'?': 1}"),
        ("/$defs/ClusterSection", "infrastructure: {cluster: {'?': 1}}"),
        ("/$defs/ContainerSection", "infrastructure: {extraContainers: [{'?': 1}]}"),
        ("/$defs/PortSection", "infrastructure: {extraContainers: [{ports: [{'?': 1}]}]}"),
        ("/$defs/InlineStep", "steps: [{'?': 1}]"),
        ("/$defs/FileSection", "steps: [{files: [{'?': 1}]}]"),
        ("/$defs/StepLlmSection", "steps: [{llm: {'?': 1}}]"),
    ] {
        assert_eq!(keys(pointer), known(yaml), "{pointer}");
    }
}

#[test]
fn the_schema_requires_what_the_rules_do() {
    let required = |value: &Value| value["required"].as_array().cloned().unwrap_or_default();
    assert_eq!(required(&schema()), ["version", "workshop", "base", "steps"]);
    assert_eq!(required(&schema()["properties"]["workshop"]), ["name", "image"]);
    assert_eq!(required(&schema()["$defs"]["InlineStep"]), ["id", "title"]);
}
