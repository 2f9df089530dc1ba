//! From a workshop's directory to its definition, or to everything that is wrong with it.

use std::path::Path;
use std::rc::Rc;

use crate::definition::Definition;
use crate::files::Root;
use crate::problem::{Findings, Place, Problems};
use crate::source::WorkshopFile;
use crate::source::record::Read;
use crate::yaml::{self, Node};
use crate::{resolve, rules, steps};

/// The file in a workshop's directory that defines it.
const FILE_NAME: &str = "workshop.yaml";

/// Reads the workshop in a directory, or with this `workshop.yaml`. Nothing outside its directory is read.
///
/// # Errors
///
/// Every problem of the workshop at once. A file that is no YAML at all has one problem.
pub fn load(dir_or_file: &Path) -> Result<Definition, Problems> {
    let file = if dir_or_file.is_dir() { dir_or_file.join(FILE_NAME) } else { dir_or_file.to_path_buf() };
    let name = file.file_name().map_or(FILE_NAME.into(), |name| name.to_string_lossy());
    let root = Root::new(match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    });
    let mut findings = Findings::default();
    let definition = match yaml::read(&file) {
        Ok(node) => read_workshop(node, &name, &mut findings).map(|mut source| {
            let steps = steps::collect(&mut source, Some(&root), &mut findings);
            rules::check(&source, &steps, &mut findings);
            resolve::resolve(source, steps, &root, &mut findings)
        }),
        Err(refusal) => {
            note(&name, refusal, &mut findings);
            None
        }
    };
    findings.into_result(&name, definition)
}

/// Checks the bytes of a `workshop.yaml` by themselves: all rules that need no other file. `name` is the file's in
/// messages. Steps named by their id alone are taken as they are.
///
/// # Errors
///
/// Every problem found.
pub fn parse_bytes(name: &str, bytes: &[u8]) -> Result<(), Problems> {
    let mut findings = Findings::default();
    let read = match yaml::parse(bytes) {
        Ok(node) => read_workshop(node, name, &mut findings).map(|mut source| {
            let steps = steps::collect(&mut source, None, &mut findings);
            rules::check(&source, &steps, &mut findings);
        }),
        Err(refusal) => {
            note(name, refusal, &mut findings);
            None
        }
    };
    findings.into_result(name, read)
}

fn read_workshop(node: Option<Rc<Node>>, name: &str, findings: &mut Findings) -> Option<WorkshopFile> {
    let place = Place::start_of(name, "");
    match node {
        Some(node) if !node.is_null() => WorkshopFile::read(&node, place.at(node.pos), findings),
        _ => Some(WorkshopFile::empty(place)),
    }
}

fn note(name: &str, refusal: yaml::Refusal, findings: &mut Findings) {
    findings.add(&Place::start_of(name, "").at(refusal.pos), refusal.message, refusal.instead);
}
