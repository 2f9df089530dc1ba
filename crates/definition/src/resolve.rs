//! From what the author wrote to a definition: files are read, defaults filled in.

use std::collections::BTreeMap;

use crate::artifact::{
    Cluster, ExtraContainer, ExtraPort, HelpMode, Infrastructure, Llm, LlmProvider, StepLlm,
};
use crate::definition::{Asset, Base, Definition, LlmHelp, Step, StepFile};
use crate::files::{Refusal, Root};
use crate::names;
use crate::problem::{Findings, Place};
use crate::source::record::{At, Entries, List};
use crate::source::{
    BaseSection, FileSection, InfrastructureSection, LlmSection, StepLlmSection, WorkshopFile,
};
use crate::steps::StepSource;

/// The mode of a file when its author says nothing.
const DEFAULT_MODE: u32 = 0o644;

/// The definition of a workshop that keeps the rules. Files that cannot be used are noted; where a rule was broken or
/// a file is missing the definition has an empty value, and must not be used.
pub(crate) fn resolve(
    file: WorkshopFile,
    steps: Vec<StepSource>,
    root: &Root,
    findings: &mut Findings,
) -> Definition {
    let mut reader = Reader { root, findings };
    let base = file.base.map_or_else(|| Base::Image(String::new()), |base| reader.base(base));
    let prompts = reader.prompts(&file.place);
    let (mut name, mut image, mut navigation, mut llm) = Default::default();
    if let Some(workshop) = file.workshop {
        name = text(workshop.name);
        image = text(workshop.image);
        navigation = value(workshop.navigation).unwrap_or_default();
        llm = workshop.llm.map(resolve_llm);
    }
    let steps = steps.into_iter().map(|step| reader.step(step, llm.is_some())).collect();
    let infrastructure = file.infrastructure.map(resolve_infrastructure);
    Definition { name, image, navigation, llm, infrastructure, base, prompts, steps }
}

fn resolve_llm(section: LlmSection) -> Llm {
    Llm {
        provider: value(section.provider).unwrap_or(LlmProvider::Anthropic),
        model: text(section.model),
        api_key_env: text(section.api_key_env),
        max_tokens: value(section.max_tokens).unwrap_or_else(Llm::default_max_tokens),
        default_mode: value(section.default_mode).unwrap_or_else(Llm::default_default_mode),
    }
}

fn resolve_infrastructure(section: InfrastructureSection) -> Infrastructure {
    let cluster = section.cluster.map(|cluster| Cluster {
        enabled: value(cluster.enabled).unwrap_or_default(),
        provider: value(cluster.provider).unwrap_or_default(),
    });
    let extra_containers = items(section.extra_containers)
        .map(|container| ExtraContainer {
            name: text(container.name),
            image: text(container.image),
            ports: items(container.ports)
                .map(|port| ExtraPort {
                    port: value(port.port).and_then(|port| port.try_into().ok()).unwrap_or_default(),
                    description: value(port.description),
                })
                .collect(),
            env: pairs(container.env).collect(),
        })
        .collect();
    Infrastructure { cluster, extra_containers }
}

/// Reads the files that fields name, and notes those it cannot.
struct Reader<'a> {
    root: &'a Root,
    findings: &'a mut Findings,
}

impl Reader<'_> {
    fn base(&mut self, section: BaseSection) -> Base {
        let Some(file) = section.container_file else { return Base::Image(text(section.image)) };
        let found = self.root.file(&file.value);
        Base::ContainerFile(self.note(found, &file.place, &file.value).unwrap_or_default())
    }

    /// The author's own prompts, from `prompts/<mode>.md`.
    fn prompts(&mut self, place: &Place) -> BTreeMap<HelpMode, String> {
        let mut prompts = BTreeMap::new();
        for mode in HelpMode::ALL {
            let path = format!("prompts/{}.md", mode.as_str());
            match self.root.text(&path) {
                Err(Refusal::NotFound) => {}
                read => {
                    if let Some(text) = self.note(read, &place.named("prompts/"), &path) {
                        prompts.insert(mode, text);
                    }
                }
            }
        }
        prompts
    }

    fn step(&mut self, source: StepSource, has_llm: bool) -> Step {
        let Some(body) = source.body else { return Step::default() };
        let mut help = BTreeMap::new();
        for (mode, inline, file) in [
            (HelpMode::Hints, body.hints, body.hints_file),
            (HelpMode::Explain, body.explain, body.explain_file),
            (HelpMode::Solve, body.solve, body.solve_file),
        ] {
            if let Some(text) = self.text(inline, file) {
                help.insert(mode, text);
            }
        }
        Step {
            id: text(source.id),
            title: text(body.title),
            group: value(body.group),
            requires: items(body.requires).map(|id| id.value).collect(),
            markdown: self.text(body.markdown, body.markdown_file).unwrap_or_default(),
            goss: self.text(body.goss, body.goss_file),
            check_user: value(body.check_user).unwrap_or_default(),
            help,
            llm: self.llm(body.llm, has_llm),
            assets: source.assets.iter().filter_map(|path| self.asset(path)).collect(),
            files: items(body.files).filter_map(|file| self.file(file, &source.files_base)).collect(),
            env: pairs(body.env).collect(),
            commands: items(body.commands).map(|command| command.value).collect(),
            sudo: value(body.sudo).unwrap_or_default(),
        }
    }

    /// A text that is written in place or in a file.
    fn text(&mut self, inline: Option<At<String>>, file: Option<At<String>>) -> Option<String> {
        match (inline, file) {
            (Some(inline), _) => Some(inline.value),
            (None, Some(file)) => self.read_text(&file),
            (None, None) => None,
        }
    }

    fn read_text(&mut self, file: &At<String>) -> Option<String> {
        let read = self.root.text(&file.value);
        self.note(read, &file.place, &file.value)
    }

    /// Every step of a workshop with an LLM has its help, unless the step offers no mode.
    fn llm(&mut self, section: Option<StepLlmSection>, has_llm: bool) -> Option<LlmHelp> {
        if !has_llm {
            return None;
        }
        let Some(section) = section else { return Some(LlmHelp::default()) };
        let modes = section.modes.map(|modes| items(Some(modes)).map(|mode| mode.value).collect::<Vec<_>>());
        let docs: Vec<_> = items(section.docs)
            .filter_map(|path| Some((file_name(&path.value), self.read_text(&path)?)))
            .collect();
        let settings = StepLlm {
            mode: value(section.mode),
            context: value(section.context),
            has_docs: !docs.is_empty(),
            modes: modes.clone(),
        };
        (modes.is_none_or(|modes| !modes.is_empty())).then_some(LlmHelp { settings, docs })
    }

    fn asset(&mut self, path: &At<String>) -> Option<Asset> {
        let read = self.root.bytes(&path.value);
        let content = self.note(read, &path.place, &path.value)?;
        Some(Asset { name: file_name(&path.value), content })
    }

    fn file(&mut self, section: FileSection, base: &str) -> Option<StepFile> {
        let content = match (section.content, section.source) {
            (Some(content), _) => content.value.into_bytes(),
            (None, Some(source)) => {
                let outside = source.value.starts_with('/');
                let path = format!("{base}{}", source.value);
                let read = if outside { Err(Refusal::Outside) } else { self.root.bytes(&path) };
                self.note(read, &source.place, &source.value)?
            }
            (None, None) => return None,
        };
        let mode = section.mode.and_then(|mode| names::parse_mode(&mode.value)).unwrap_or(DEFAULT_MODE);
        Some(StepFile { target: text(section.path), content, mode })
    }

    fn note<T>(&mut self, read: Result<T, Refusal>, place: &Place, path: &str) -> Option<T> {
        read.map_err(|refusal| {
            let (message, instead) = refusal.explain(path);
            self.findings.add(place, message, instead);
        })
        .ok()
    }
}

fn file_name(path: &str) -> String {
    path.rsplit('/').next().unwrap_or_default().to_owned()
}

fn value<T>(field: Option<At<T>>) -> Option<T> {
    field.map(|field| field.value)
}

fn text(field: Option<At<String>>) -> String {
    value(field).unwrap_or_default()
}

fn items<T>(list: Option<List<T>>) -> impl Iterator<Item = T> {
    list.into_iter().flat_map(|list| list.items).map(|(_, item)| item)
}

fn pairs(entries: Option<Entries>) -> impl Iterator<Item = (String, String)> {
    entries.into_iter().flat_map(|entries| entries.items).map(|(name, at)| (name, at.value))
}
