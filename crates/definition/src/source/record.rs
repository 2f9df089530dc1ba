//! Reading nodes into records: one declaration gives a record's type, its known keys and its JSON schema.

use std::borrow::Cow;
use std::collections::HashMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use crate::artifact::{CheckUser, ClusterProvider, HelpMode, LlmProvider, Navigation};
use crate::problem::{Findings, Place, Pos, nearest, shown};
use crate::yaml::{Node, Value};

/// A type that a node can be read as. What cannot be read is noted and `None`.
pub(crate) trait Read: Sized {
    fn read(node: &Node, place: Place, findings: &mut Findings) -> Option<Self>;
}

/// A scalar and where it stands.
#[derive(Debug, Clone)]
pub(crate) struct At<T> {
    pub(crate) place: Place,
    pub(crate) value: T,
}

/// A list and where it stands; each item with its index, as unreadable items are left out.
#[derive(Debug)]
pub(crate) struct List<T> {
    pub(crate) place: Place,
    pub(crate) len: usize,
    pub(crate) items: Vec<(usize, T)>,
}

/// A mapping with keys of the author's own, in their order.
#[derive(Debug)]
pub(crate) struct Entries {
    pub(crate) items: Vec<(String, At<String>)>,
}

/// A type written as one scalar.
pub(crate) trait Scalar: Sized {
    /// The value of a scalar, `quoted` or plain; `None` if it has none.
    fn from_text(text: &str, quoted: bool) -> Option<Self>;

    /// What the scalar must be, as a message.
    fn expectation() -> String;

    /// What to write instead of `text`; may be empty.
    fn suggestion(_text: &str) -> String {
        String::new()
    }
}

/// A type that is one of a few words.
pub(crate) trait Word: Copy + 'static {
    const WORDS: &'static [(&'static str, Self)];
}

impl<T: Word> Scalar for T {
    fn from_text(text: &str, _quoted: bool) -> Option<Self> {
        T::WORDS.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }

    fn expectation() -> String {
        let words: Vec<_> = T::WORDS.iter().map(|(word, _)| *word).collect();
        format!("must be one of: {}", words.join(", "))
    }

    fn suggestion(text: &str) -> String {
        nearest(text, T::WORDS.iter().map(|(word, _)| *word))
            .map_or_else(String::new, |word| format!("did you mean {word:?}?"))
    }
}

impl Word for Navigation {
    const WORDS: &'static [(&'static str, Self)] =
        &[("linear", Self::Linear), ("free", Self::Free), ("guided", Self::Guided)];
}

impl Word for HelpMode {
    const WORDS: &'static [(&'static str, Self)] =
        &[("hints", Self::Hints), ("explain", Self::Explain), ("solve", Self::Solve)];
}

impl Word for CheckUser {
    const WORDS: &'static [(&'static str, Self)] = &[("student", Self::Student), ("root", Self::Root)];
}

impl Word for LlmProvider {
    const WORDS: &'static [(&'static str, Self)] =
        &[("anthropic", Self::Anthropic), ("openai", Self::Openai)];
}

impl Word for ClusterProvider {
    const WORDS: &'static [(&'static str, Self)] = &[("k3d", Self::K3d), ("vcluster", Self::Vcluster)];
}

impl Scalar for String {
    fn from_text(text: &str, quoted: bool) -> Option<Self> {
        (quoted || !looks_typed(text)).then(|| text.to_owned())
    }

    fn expectation() -> String {
        "must be text".into()
    }

    fn suggestion(text: &str) -> String {
        format!("put it in quotes: {:?}", shown(text))
    }
}

impl Scalar for bool {
    fn from_text(text: &str, quoted: bool) -> Option<Self> {
        match text {
            "true" | "True" | "TRUE" if !quoted => Some(true),
            "false" | "False" | "FALSE" if !quoted => Some(false),
            _ => None,
        }
    }

    fn expectation() -> String {
        "must be true or false".into()
    }
}

impl Scalar for u32 {
    fn from_text(text: &str, quoted: bool) -> Option<Self> {
        if quoted { None } else { text.parse().ok() }
    }

    fn expectation() -> String {
        "must be a whole number, without quotes".into()
    }
}

/// Whether a plain scalar is a number or truth value to YAML and not text.
fn looks_typed(text: &str) -> bool {
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    let prefixed = |prefix, radix| {
        text.strip_prefix(prefix).is_some_and(|rest: &str| i128::from_str_radix(rest, radix).is_ok())
    };
    bool::from_text(text, false).is_some()
        || matches!(text.trim_start_matches(['+', '-']), ".inf" | ".Inf" | ".INF" | ".nan" | ".NaN" | ".NAN")
        || (text.chars().all(numeric) && text.parse::<f64>().is_ok())
        || prefixed("0x", 16)
        || prefixed("0o", 8)
}

impl<T: Scalar> Read for At<T> {
    fn read(node: &Node, place: Place, findings: &mut Findings) -> Option<Self> {
        let Value::Scalar { text, quoted } = &node.value else {
            findings.add_misread(&place, T::expectation(), "write a single value, no list and no mapping");
            return None;
        };
        match T::from_text(text, *quoted) {
            Some(value) if !node.is_null() => Some(Self { place, value }),
            _ => {
                let suggestion = if node.is_null() { String::new() } else { T::suggestion(text) };
                findings.add_misread(&place, T::expectation(), suggestion);
                None
            }
        }
    }
}

impl<T: Read> Read for List<T> {
    fn read(node: &Node, place: Place, findings: &mut Findings) -> Option<Self> {
        let Value::List(nodes) = &node.value else {
            findings.add_misread(
                &place,
                "must be a list",
                "write each item on a line of its own, after \"- \"",
            );
            return None;
        };
        let items = nodes
            .iter()
            .enumerate()
            .filter_map(|(index, node)| {
                Some((index, T::read(node, place.item(index).at(node.pos), findings)?))
            })
            .collect();
        Some(Self { place, len: nodes.len(), items })
    }
}

impl Read for Entries {
    fn read(node: &Node, place: Place, findings: &mut Findings) -> Option<Self> {
        let mut items = Vec::new();
        for Entry { key, value, .. } in keys(node, &place, findings)? {
            let place = place.field(key).at(value.pos);
            // The value is taken as it is written: 8080 and true are the texts "8080" and "true".
            match &value.value {
                Value::Scalar { text, .. } if !value.is_null() => {
                    items.push((key.to_owned(), At { place, value: text.clone() }));
                }
                _ => findings.add_misread(&place, "must be text", "write \"\" for an empty value"),
            }
        }
        Some(Self { items })
    }
}

/// A key of a mapping with its value.
struct Entry<'a> {
    key: &'a str,
    key_pos: Pos,
    value: &'a Node,
}

/// The keys and values of a mapping, in order; keys that are no text or come twice are noted and left out.
fn keys<'a>(node: &'a Node, place: &Place, findings: &mut Findings) -> Option<Vec<Entry<'a>>> {
    let Value::Map(pairs) = &node.value else {
        findings.add_misread(
            place,
            "must be a mapping",
            "write each field on a line of its own, as \"key: value\"",
        );
        return None;
    };
    let mut lines = HashMap::new();
    let mut found = Vec::with_capacity(pairs.len());
    for (key_node, value) in pairs {
        let Value::Scalar { text: key, .. } = &key_node.value else {
            findings.add(&place.clone().at(key_node.pos), "a key must be text", "");
            continue;
        };
        let line = key_node.pos.line;
        if let Some(first) = lines.insert(key.as_str(), line) {
            let place = place.field(key).at(key_node.pos);
            findings.add(
                &place,
                format!("the key is already given in line {first}"),
                "remove one of the two",
            );
            continue;
        }
        found.push(Entry { key, key_pos: key_node.pos, value });
    }
    Some(found)
}

/// The fields of a record, each taken once.
pub(crate) struct Fields<'a> {
    nodes: HashMap<&'a str, &'a Node>,
}

impl<'a> Fields<'a> {
    /// The fields of a mapping; keys other than `known` are noted.
    pub(crate) fn of(
        node: &'a Node,
        place: &Place,
        known: &[&'static str],
        findings: &mut Findings,
    ) -> Option<Self> {
        let mut nodes = HashMap::new();
        for Entry { key, key_pos, value } in keys(node, place, findings)? {
            if known.contains(&key) {
                nodes.insert(key, value);
                continue;
            }
            let instead = match nearest(key, known.iter().copied()) {
                Some(near) => format!("did you mean {near:?}?"),
                None => format!("known keys are: {}", known.join(", ")),
            };
            findings.add(&place.field(key).at(key_pos), "unknown key", instead);
        }
        Some(Self { nodes })
    }

    /// One field; `None` when it is missing, empty, or cannot be read, which is noted.
    pub(crate) fn take<T: Read>(&mut self, key: &str, place: &Place, findings: &mut Findings) -> Option<T> {
        let node = self.nodes.remove(key)?;
        if node.is_null() {
            return None;
        }
        T::read(node, place.field(key).at(node.pos), findings)
    }
}

impl<T: JsonSchema> JsonSchema for At<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("List_of_{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        <Vec<T>>::json_schema(generator)
    }
}

impl JsonSchema for Entries {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Entries".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean"] }
        })
    }
}

/// Declares a mapping of the format: its Rust name, and for each field its key and type. All fields are optional
/// here; what is required, the rules say.
macro_rules! record {
    ($(#[$attr:meta])* $name:ident { $($(#[$field_attr:meta])* $field:ident = $key:tt: $type:ty,)* }) => {
        $(#[$attr])*
        #[derive(Debug, schemars::JsonSchema)]
        #[schemars(deny_unknown_fields)]
        pub(crate) struct $name {
            #[schemars(skip)]
            #[allow(dead_code, reason = "not every record is itself named in a message")]
            pub(crate) place: $crate::problem::Place,
            $($(#[$field_attr])* #[schemars(rename = $key)] pub(crate) $field: Option<$type>,)*
        }

        impl $name {
            /// The record with nothing in it.
            #[allow(dead_code, reason = "not every record may be left out")]
            pub(crate) fn empty(place: $crate::problem::Place) -> Self {
                Self { place, $($field: None,)* }
            }
        }

        impl $crate::source::record::Read for $name {
            fn read(
                node: &$crate::yaml::Node,
                place: $crate::problem::Place,
                findings: &mut $crate::problem::Findings,
            ) -> Option<Self> {
                let mut fields = $crate::source::record::Fields::of(node, &place, &[$($key),*], findings)?;
                Some(Self { $($field: fields.take($key, &place, findings),)* place })
            }
        }
    };
}
pub(crate) use record;
