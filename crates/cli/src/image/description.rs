//! What a step's image says of its workshop, in its labels: enough to run it without looking inside.

use std::collections::HashMap;

use workshop_definition::Definition;
use workshop_definition::artifact::ExtraContainer;

use crate::engine::is_name;

const NAME: &str = "workshop.name";
const IMAGE: &str = "workshop.image";
const STEPS: &str = "workshop.steps";
const EXTRAS: &str = "workshop.extras";
const LLM_KEY: &str = "workshop.llm-key";

/// A workshop, as the labels of its images describe it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Description {
    /// The workshop's name.
    pub(crate) name: String,
    /// The repository of its images.
    pub(crate) repository: String,
    /// The ids of its steps, in order.
    pub(crate) steps: Vec<String>,
    /// What runs beside it.
    pub(crate) extras: Vec<ExtraContainer>,
    /// The variable of the backend that holds the key of the LLM.
    pub(crate) llm_key: Option<String>,
}

impl Description {
    /// Of a definition.
    pub(crate) fn of(definition: &Definition) -> Self {
        Self {
            name: definition.name.clone(),
            repository: definition.image.clone(),
            steps: definition.steps.iter().map(|step| step.id.clone()).collect(),
            extras: definition
                .infrastructure
                .as_ref()
                .map(|infrastructure| infrastructure.extra_containers.clone())
                .unwrap_or_default(),
            llm_key: definition.llm.as_ref().map(|llm| llm.api_key_env.clone()),
        }
    }

    /// As labels, sorted by name.
    pub(crate) fn labels(&self) -> Vec<(&'static str, String)> {
        let mut labels = vec![(IMAGE, self.repository.clone()), (NAME, self.name.clone())];
        if !self.extras.is_empty() {
            labels.push((EXTRAS, serde_json::to_string(&self.extras).unwrap_or_default()));
        }
        if let Some(key) = &self.llm_key {
            labels.push((LLM_KEY, key.clone()));
        }
        labels.push((STEPS, self.steps.join(",")));
        labels.sort();
        labels
    }

    /// From labels; none when they are not those of a step's image. They are the word of whoever made the image: what
    /// becomes part of a name, and could not have come from a definition, makes them none.
    pub(crate) fn from_labels(labels: &HashMap<String, String>) -> Option<Self> {
        let steps: Vec<String> = labels.get(STEPS)?.split(',').map(ToOwned::to_owned).collect();
        let extras: Vec<ExtraContainer> = match labels.get(EXTRAS) {
            Some(text) => serde_json::from_str(text).ok()?,
            None => Vec::new(),
        };
        let names = extras.iter().map(|extra| &extra.name);
        if !steps.iter().all(|id| is_step(id)) || !names.into_iter().all(|name| is_name(name)) {
            return None;
        }
        Some(Self {
            name: labels.get(NAME)?.clone(),
            repository: labels.get(IMAGE)?.clone(),
            steps,
            extras,
            llm_key: labels.get(LLM_KEY).cloned(),
        })
    }

    /// The tag of the image in which a step begins: the step before it. None if there is no such step.
    pub(crate) fn tag_before(&self, step: &str) -> Option<&str> {
        match self.steps.iter().position(|id| id == step)? {
            0 => Some("step-0"),
            position => Some(&self.steps[position - 1]),
        }
    }

    /// The step that begins in the image with a tag: the one after it, and the last stays the last.
    pub(crate) fn step_after(&self, tag: &str) -> Option<&str> {
        let next = self.steps.iter().position(|id| id == tag).map_or(0, |position| position + 1);
        self.steps.get(next).or_else(|| self.steps.last()).map(String::as_str)
    }
}

/// Whether a text can be a step's id, and so an image's tag.
fn is_step(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&text.len())
        && text.bytes().all(|b| plain(b) || b == b'-')
        && text.bytes().next().is_some_and(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn description() -> Description {
        Description {
            name: "Git basics".into(),
            repository: "localhost/git-basics".into(),
            steps: vec!["one".into(), "two".into()],
            extras: vec![ExtraContainer {
                name: "db".into(),
                image: "postgres:16".into(),
                ports: vec![],
                env: [("A".to_owned(), "it's \"b\"\n".to_owned())].into(),
            }],
            llm_key: Some("KEY".into()),
        }
    }

    #[test]
    fn labels_come_back() {
        let labels =
            description().labels().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(Description::from_labels(&labels), Some(description()));
        assert_eq!(Description::from_labels(&HashMap::new()), None);
    }

    #[test]
    fn labels_that_lie_are_none() {
        let honest: HashMap<String, String> =
            description().labels().into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in [
            (STEPS, "../x"),
            (STEPS, "one,two three"),
            (STEPS, "one\n,two"),
            (STEPS, "one,,two"),
            (STEPS, ""),
            (EXTRAS, r#"[{"name": "../x", "image": "i"}]"#),
            (EXTRAS, r#"[{"name": "x\ny", "image": "i"}]"#),
            (EXTRAS, "{"),
        ] {
            let lie = honest.clone().into_iter().chain([(name.to_owned(), value.to_owned())]).collect();
            assert_eq!(Description::from_labels(&lie), None, "{name}={value:?}");
        }
    }

    #[test]
    fn a_step_begins_in_the_image_before_it() {
        let workshop = description();
        assert_eq!(
            ["one", "two", "three"].map(|step| workshop.tag_before(step)),
            [Some("step-0"), Some("one"), None]
        );
        let after = ["step-0", "latest", "one", "two"].map(|tag| workshop.step_after(tag));
        assert_eq!(after, [Some("one"), Some("one"), Some("two"), Some("two")]);
    }
}
