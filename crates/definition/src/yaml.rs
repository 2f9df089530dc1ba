//! YAML as a tree of nodes with positions, within limits: size, depth, and what aliases expand to.

use std::collections::HashMap;
use std::path::Path;
use std::rc::Rc;

use granit_parser::{ErrorKind, Event, Marker, Parser, ScalarStyle, Tag, options};

use crate::files::{self, MAX_TEXT_BYTES};
use crate::problem::{Pos, shown};

/// How deep nodes may be nested, aliases resolved.
const MAX_DEPTH: usize = 64;

/// What a document may weigh, aliases resolved: its text in bytes and [`NODE_WEIGHT`] for each node.
const MAX_WEIGHT: usize = 16 << 20;

/// What a node costs beside its text; it keeps the number of nodes below a quarter million.
const NODE_WEIGHT: usize = 64;

/// A value and where it stands. An aliased node is shared, and stands where its anchor is.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) pos: Pos,
    pub(crate) value: Value,
    depth: usize,
    weight: usize,
}

#[derive(Debug)]
pub(crate) enum Value {
    /// `quoted`: in quotes, as a block, or tagged `!!str`, and thus text whatever it looks like.
    Scalar {
        text: String,
        quoted: bool,
    },
    List(Vec<Rc<Node>>),
    Map(Vec<(Rc<Node>, Rc<Node>)>),
}

impl Node {
    /// Whether the value is left out: empty, `~` or `null`.
    pub(crate) fn is_null(&self) -> bool {
        match &self.value {
            Value::Scalar { text, quoted: false } => {
                matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }
}

/// Why a text is not taken as YAML at all.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) pos: Pos,
    pub(crate) message: String,
    pub(crate) instead: &'static str,
}

impl Refusal {
    fn new(pos: Pos, message: impl Into<String>, instead: &'static str) -> Self {
        Self { pos, message: message.into(), instead }
    }

    /// The refusal of a file that could not be read.
    fn unreadable(refusal: &files::Refusal) -> Self {
        let message = match refusal {
            files::Refusal::Io(error) => format!("cannot be read: {error}"),
            _ => "file not found".to_owned(),
        };
        Self::new(Pos::START, message, "")
    }
}

/// Reads a file as one YAML document; `None` when it is empty.
pub(crate) fn read(file: &Path) -> Result<Option<Rc<Node>>, Refusal> {
    match files::read_limited(file, MAX_TEXT_BYTES) {
        Ok(bytes) => parse(&bytes),
        Err(files::Refusal::TooLarge(_)) => Err(too_large()),
        Err(refusal) => Err(Refusal::unreadable(&refusal)),
    }
}

/// Reads bytes as one YAML document; `None` when it is empty.
pub(crate) fn parse(bytes: &[u8]) -> Result<Option<Rc<Node>>, Refusal> {
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        return Err(too_large());
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Refusal::new(Pos { line, column }, "not UTF-8 text", "save the file as UTF-8")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let options = options! { emit_comments: false, max_directive_bytes: 64 };
    let mut tree = Tree::default();
    for event in Parser::new_from_str_with_options(text, options) {
        let (event, span) = event.map_err(|error| match error.kind() {
            ErrorKind::RecursionLimitExceeded => too_deep(pos(error.marker())),
            _ => Refusal::new(pos(error.marker()), format!("not valid YAML: {}", error.info()), ""),
        })?;
        tree.take(event, pos(&span.start))?;
    }
    Ok(tree.root)
}

/// The refusal of a file of more than [`MAX_TEXT_BYTES`].
fn too_large() -> Refusal {
    Refusal::new(
        Pos::START,
        format!("larger than {} MiB", MAX_TEXT_BYTES >> 20),
        "move long texts into files of their own",
    )
}

fn pos(marker: &Marker) -> Pos {
    Pos { line: marker.line().max(1), column: marker.col() + 1 }
}

/// The tree as far as the events have built it.
#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    anchors: HashMap<usize, Rc<Node>>,
    root: Option<Rc<Node>>,
    documents: usize,
}

/// A list or mapping that has begun and not ended; a mapping's keys and values alternate.
struct Open {
    pos: Pos,
    anchor: usize,
    children: Vec<Rc<Node>>,
    depth: usize,
    weight: usize,
}

impl Tree {
    fn take(&mut self, event: Event<'_>, pos: Pos) -> Result<(), Refusal> {
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    return Err(Refusal::new(pos, "more than one document", "remove the line with ---"));
                }
                Ok(())
            }
            Event::Scalar(text, style, anchor, tag) => {
                if text.contains('\0') {
                    return Err(Refusal::new(pos, "a NUL character is not allowed", "remove it"));
                }
                let tagged = check_tag(tag.as_deref(), pos, true)?;
                let quoted = tagged || style != ScalarStyle::Plain;
                let node = Node {
                    pos,
                    depth: 1,
                    weight: NODE_WEIGHT + text.len(),
                    value: Value::Scalar { text: text.into_owned(), quoted },
                };
                self.add(Rc::new(node), anchor, pos)
            }
            Event::SequenceStart(_, anchor, tag) | Event::MappingStart(_, anchor, tag) => {
                check_tag(tag.as_deref(), pos, false)?;
                if self.open.len() >= MAX_DEPTH {
                    return Err(too_deep(pos));
                }
                self.open.push(Open { pos, anchor, children: Vec::new(), depth: 1, weight: NODE_WEIGHT });
                Ok(())
            }
            Event::SequenceEnd => self.close(pos, Value::List),
            Event::MappingEnd => self.close(pos, |children| {
                let mut children = children.into_iter();
                let pairs = std::iter::from_fn(|| Some((children.next()?, children.next()?)));
                Value::Map(pairs.collect())
            }),
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(node) => self.add(Rc::clone(node), 0, pos),
                None => Err(Refusal::new(pos, "the alias stands inside its own anchor", "")),
            },
            _ => Ok(()),
        }
    }

    fn close(&mut self, at: Pos, value: impl FnOnce(Vec<Rc<Node>>) -> Value) -> Result<(), Refusal> {
        let Some(Open { pos, anchor, children, depth, weight }) = self.open.pop() else { return Ok(()) };
        self.add(Rc::new(Node { pos, value: value(children), depth, weight }), anchor, at)
    }

    fn add(&mut self, node: Rc<Node>, anchor: usize, pos: Pos) -> Result<(), Refusal> {
        if anchor != 0 {
            self.anchors.insert(anchor, Rc::clone(&node));
        }
        let above = self.open.len();
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        if above + node.depth > MAX_DEPTH {
            return Err(too_deep(pos));
        }
        parent.depth = parent.depth.max(node.depth + 1);
        parent.weight += node.weight;
        if parent.weight > MAX_WEIGHT {
            let message = "too much content, counting every use of an alias";
            return Err(Refusal::new(pos, message, "write less, or move texts into files of their own"));
        }
        parent.children.push(node);
        Ok(())
    }
}

fn too_deep(pos: Pos) -> Refusal {
    Refusal::new(pos, format!("nested deeper than {MAX_DEPTH} levels"), "")
}

/// Whether the tag says that a scalar is text; any other tag is refused.
fn check_tag(tag: Option<&Tag>, pos: Pos, scalar: bool) -> Result<bool, Refusal> {
    match tag {
        None => Ok(false),
        Some(tag) if scalar && tag.core_suffix() == Some("str") => Ok(true),
        Some(tag) => {
            let message = format!("the tag {} is not supported", shown(&tag.original()));
            Err(Refusal::new(pos, message, "remove the tag"))
        }
    }
}
