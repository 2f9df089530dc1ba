//! The steps of a definition, whichever way they are written: a directory becomes the step that it would be inline.

use crate::files::{Refusal, Root};
use crate::names;
use crate::problem::{Findings, Place, nearest, shown};
use crate::source::record::{At, List, Read};
use crate::source::{
    CopySection, DirectoryLlmSection, FileSection, InlineStep, StepEntry, StepFile, StepLlmSection,
    WorkshopFile,
};
use crate::yaml;

/// What may stand in a step's directory beside the two that must.
const KNOWN_NAMES: [&str; 9] = [
    "step.yaml",
    "content.md",
    "goss.yaml",
    "hints.md",
    "explain.md",
    "solve.md",
    "llm-docs",
    "assets",
    "files",
];

/// A step of the list, and what it says about itself.
#[derive(Debug)]
pub(crate) struct StepSource {
    /// The index in the list, from 0.
    pub(crate) index: usize,
    /// Where the list has it.
    pub(crate) place: Place,
    pub(crate) id: Option<At<String>>,
    /// `None` when there is no such directory, or it was not looked at.
    pub(crate) body: Option<InlineStep>,
    pub(crate) in_directory: bool,
    /// Where the sources of its files begin: empty, or its directory's `files/`.
    pub(crate) files_base: String,
    /// The paths of its pictures.
    pub(crate) assets: Vec<At<String>>,
}

/// The steps in order. Directories are read from `root`; without it, only what the file itself says is there.
pub(crate) fn collect(
    file: &mut WorkshopFile,
    root: Option<&Root>,
    findings: &mut Findings,
) -> Vec<StepSource> {
    let entries = file.steps.as_mut().map(|list| std::mem::take(&mut list.items)).unwrap_or_default();
    entries
        .into_iter()
        .map(|(index, entry)| match entry {
            StepEntry::Inline(mut body) => StepSource {
                index,
                place: body.place.clone(),
                id: body.id.take(),
                body: Some(*body),
                in_directory: false,
                files_base: String::new(),
                assets: Vec::new(),
            },
            StepEntry::Named(At { place, value }) => {
                let mut step = StepSource {
                    index,
                    id: Some(At { place: place.field("id"), value: value.clone() }),
                    place,
                    body: None,
                    in_directory: true,
                    files_base: format!("steps/{value}/files/"),
                    assets: Vec::new(),
                };
                if let Some(root) = root.filter(|_| names::check_step_id(&value).is_ok()) {
                    Directory { root, id: &value, entry: &step.place.clone(), findings }.read_into(&mut step);
                }
                step
            }
        })
        .collect()
}

/// The directory `steps/<id>/` and the list entry that names it.
struct Directory<'a> {
    root: &'a Root,
    id: &'a str,
    entry: &'a Place,
    findings: &'a mut Findings,
}

impl Directory<'_> {
    fn read_into(mut self, step: &mut StepSource) {
        let dir = self.path("");
        let names = match self.root.list(&dir) {
            Ok(names) => names,
            Err(Refusal::NotFound) => {
                let instead = format!("make {dir} with step.yaml and content.md, or write the step here");
                self.findings.add(self.entry, format!("directory not found: {dir}"), instead);
                return;
            }
            Err(refusal) => {
                let (message, instead) = refusal.explain(&dir);
                self.findings.add(self.entry, message, instead);
                return;
            }
        };
        self.note_misnamed(&names);
        let has = |name: &str| names.iter().any(|known| known == name);
        if !has("content.md") {
            let instead = "add the file with the text of the step";
            self.findings.add(&self.entry.named(&*dir), "content.md not found", instead);
        }
        if !has("step.yaml") {
            let instead = "add the file with at least the line title: and its value";
            self.findings.add(&self.entry.named(&*dir), "step.yaml not found", instead);
            return;
        }
        let Some(file) = self.step_file() else { return };
        let text = |name: &str| has(name).then(|| self.at(name));
        let mut body = InlineStep::empty(file.place.clone());
        body.markdown_file = text("content.md");
        body.goss_file = text("goss.yaml");
        body.hints_file = text("hints.md");
        body.explain_file = text("explain.md");
        body.solve_file = text("solve.md");
        let docs = if has("llm-docs") { self.list("llm-docs") } else { Vec::new() };
        step.assets = if has("assets") { self.list("assets") } else { Vec::new() };
        body.llm = self.llm(file.llm, docs);
        body.title = file.title;
        body.group = file.group;
        body.requires = file.requires;
        body.files = file.files.map(|list| List {
            place: list.place,
            len: list.len,
            items: list.items.into_iter().map(|(index, copy)| (index, file_section(copy))).collect(),
        });
        body.env = file.env;
        body.commands = file.commands;
        body.check_user = file.check_user;
        body.sudo = file.sudo;
        step.body = Some(body);
    }

    /// `step.yaml` as a record; its fields keep the step's path in the list, so that a message has one wording.
    fn step_file(&mut self) -> Option<StepFile> {
        let path = self.path("step.yaml");
        let place = Place::start_of(&path, &self.entry.path);
        let file = match self.root.file(&path) {
            Ok(file) => file,
            Err(refusal) => {
                let (message, instead) = refusal.explain(&path);
                self.findings.add(self.entry, message, instead);
                return None;
            }
        };
        match yaml::read(&file) {
            Ok(Some(node)) => StepFile::read(&node, place.at(node.pos), self.findings),
            Ok(None) => Some(StepFile::empty(place)),
            Err(yaml::Refusal { pos, message, instead }) => {
                self.findings.add(&place.at(pos), message, instead);
                None
            }
        }
    }

    /// Notes names that are nearly those that have a meaning: `goss.yml` would else mean that there is no check.
    fn note_misnamed(&mut self, names: &[String]) {
        for name in names.iter().filter(|name| !KNOWN_NAMES.contains(&name.as_str())) {
            if let Some(near) = nearest(name, KNOWN_NAMES) {
                let place = self.entry.named(self.path(""));
                let message = format!("unknown file {:?}", shown(name));
                self.findings.add(&place, message, format!("did you mean {near:?}?"));
            }
        }
    }

    fn llm(&self, section: Option<DirectoryLlmSection>, docs: Vec<At<String>>) -> Option<StepLlmSection> {
        if section.is_none() && docs.is_empty() {
            return None;
        }
        let place = self.entry.field("llm");
        let mut llm = StepLlmSection::empty(section.as_ref().map_or(place, |section| section.place.clone()));
        if let Some(section) = section {
            llm.mode = section.mode;
            llm.modes = section.modes;
            llm.context = section.context;
        }
        let items: Vec<_> = docs.into_iter().enumerate().collect();
        llm.docs = Some(List { place: llm.place.field("docs"), len: items.len(), items });
        Some(llm)
    }

    /// The files of a directory beside `step.yaml`.
    fn list(&mut self, name: &str) -> Vec<At<String>> {
        let path = self.path(name);
        match self.root.list(&path) {
            Ok(names) => names.iter().map(|file| self.at(&format!("{name}/{file}"))).collect(),
            Err(refusal) => {
                let (message, instead) = refusal.explain(&path);
                self.findings.add(&self.entry.named(self.path("")), message, instead);
                Vec::new()
            }
        }
    }

    /// A file of the directory as the value of a field; what is wrong with it is said of the directory.
    fn at(&self, name: &str) -> At<String> {
        At { place: self.entry.named(self.path("")), value: self.path(name) }
    }

    fn path(&self, name: &str) -> String {
        format!("steps/{}/{name}", self.id)
    }
}

fn file_section(copy: CopySection) -> FileSection {
    let mut file = FileSection::empty(copy.place);
    file.path = copy.target;
    file.source = copy.source;
    file.mode = copy.mode;
    file
}
