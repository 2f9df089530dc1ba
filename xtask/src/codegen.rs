//! `cargo xtask codegen`: the generated files that are committed, and the check that they are not stale.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;
use serde_json::{Map, Value, json, map::Entry};

use crate::checkout::Checkout;
use crate::program;
use crate::setup;

#[derive(Args)]
pub(crate) struct Options {
    /// Write nothing; fail when a file is not what would be written.
    #[arg(long)]
    check: bool,
}

/// A generated file: its path in the repository, and its content.
type Generated = (PathBuf, String);

/// Writes every generated file, or checks them.
pub(crate) fn run(checkout: &Checkout, options: &Options) -> Result<()> {
    setup::node_modules(checkout)?;
    if options.check {
        return check(checkout);
    }
    for (path, content) in generated(checkout)? {
        let path = checkout.root.join(path);
        if fs::read_to_string(&path).is_ok_and(|old| old == content) {
            continue;
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&path, content).with_context(|| path.display().to_string())?;
        println!("wrote {}", checkout.relative(&path).display());
    }
    Ok(())
}

/// Fails when a committed file differs from what would be written, or belongs to nothing any more.
pub(crate) fn check(checkout: &Checkout) -> Result<()> {
    let generated = generated(checkout)?;
    let mut stale: Vec<String> = generated
        .iter()
        .filter(|(path, content)| {
            !fs::read_to_string(checkout.root.join(path)).is_ok_and(|old| old == *content)
        })
        .map(|(path, _)| path.display().to_string())
        .collect();
    for entry in fs::read_dir(checkout.root.join("schemas")).context("schemas")? {
        let path = Path::new("schemas").join(entry?.file_name());
        if !generated.iter().any(|(known, _)| *known == path) {
            stale.push(format!("{} (nothing generates it)", path.display()));
        }
    }
    if !stale.is_empty() {
        bail!("stale: {}. Run `cargo xtask codegen` and commit what it writes", stale.join(", "));
    }
    Ok(())
}

fn generated(checkout: &Checkout) -> Result<Vec<Generated>> {
    let mut files = Vec::new();
    let lines = workshop_events::schema::all();
    files.push(("web/src/api/log.d.ts".into(), client(checkout, &json(&document_of(&lines)?)?)?));
    for (name, schema) in lines {
        files.push((Path::new("schemas").join(name), json(&schema)?));
    }
    files.push(("schemas/workshop.schema.json".into(), json(&workshop_definition::schema())?));
    let Documents { backend, dashboard } = documents(checkout)?;
    files.push(("web/src/api/schema.d.ts".into(), client(checkout, &backend)?));
    files.push(("schemas/openapi.json".into(), backend.trim_end().to_owned() + "\n"));
    files.push(("web/src/api/dashboard.d.ts".into(), client(checkout, &dashboard)?));
    files.push(("schemas/dashboard.openapi.json".into(), dashboard.trim_end().to_owned() + "\n"));
    Ok(files)
}

/// The OpenAPI documents, as the services write them.
#[derive(Deserialize)]
struct Documents {
    backend: String,
    dashboard: String,
}

fn documents(checkout: &Checkout) -> Result<Documents> {
    // Built with the whole workspace's features, as the tests are: nothing is built twice.
    program::run(checkout.cargo().args(["build", "--quiet", "--workspace", "--example", "documents"]))?;
    let program = checkout.target.join("debug/examples/documents");
    Ok(serde_json::from_str(&program::output(&mut checkout.command(&program.to_string_lossy()))?)?)
}

/// The types of an OpenAPI document for the pages. A property with a default may be absent.
fn client(checkout: &Checkout, openapi: &str) -> Result<String> {
    let document = checkout.target.join("openapi.json");
    fs::write(&document, openapi).with_context(|| document.display().to_string())?;
    let command = ["--no-install", "openapi-typescript", "--default-non-nullable=false"];
    program::output(checkout.web_command("npx").args(command).arg(&document))
}

/// An OpenAPI document without paths whose components are JSON Schemas and what they define, each by its name.
fn document_of(schemas: &[(&str, Value)]) -> Result<Value> {
    let mut components = Map::new();
    for (file, schema) in schemas {
        let mut schema = schema.clone();
        point_to_components(&mut schema);
        let object = schema.as_object_mut().with_context(|| format!("{file} is not an object"))?;
        object.remove("$schema");
        let definitions = object.remove("$defs");
        let title = object.remove("title");
        let title = title.as_ref().and_then(Value::as_str).with_context(|| format!("{file} has no title"))?;
        let definitions = definitions.and_then(|definitions| definitions.as_object().cloned());
        for (name, component) in definitions.into_iter().flatten().chain([(title.to_owned(), schema)]) {
            match components.entry(name) {
                Entry::Vacant(free) => {
                    free.insert(component);
                }
                Entry::Occupied(known) if *known.get() == component => {}
                Entry::Occupied(known) => bail!("{file} defines another {}", known.key()),
            }
        }
    }
    Ok(json!({
        "openapi": "3.1.0",
        "info": { "title": "Lines of a log", "version": "1" },
        "paths": {},
        "components": { "schemas": components },
    }))
}

/// Makes each reference to a schema's own definitions one to the document's components.
fn point_to_components(value: &mut Value) {
    match value {
        Value::Object(object) => {
            for (key, value) in object {
                match value {
                    Value::String(target) if key == "$ref" => {
                        *target = target.replace("#/$defs/", "#/components/schemas/");
                    }
                    _ => point_to_components(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(point_to_components),
        _ => {}
    }
}

fn json(value: &Value) -> Result<String> {
    Ok(serde_json::to_string_pretty(value)? + "\n")
}
