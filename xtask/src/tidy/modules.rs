//! The modules of one target: what each defines, imports and names, read from parsed files.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Item, ItemMod, ItemUse, Macro, Meta, UseTree, Visibility};

use super::rust::{self, Sources};

/// A path as it stands in a file, such as `crate`, `log`, `Reader`.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) segments: Vec<String>,
    pub(super) line: usize,
}

/// One name that a `use` brings in, or with `name` unset, all of a module's.
pub(super) struct Import {
    pub(super) name: Option<String>,
    pub(super) path: Named,
    /// Passed on to others.
    pub(super) exported: bool,
}

/// A module: a file, or a `mod` block in one.
pub(super) struct Module {
    pub(super) file: PathBuf,
    pub(super) parent: Option<usize>,
    pub(super) children: HashMap<String, usize>,
    pub(super) items: HashSet<String>,
    pub(super) imports: Vec<Import>,
    /// The paths outside of `use`.
    pub(super) paths: Vec<Named>,
}

/// Reads the modules of the target that begins with the file `root`, which comes first. What is only for tests is left out.
pub(super) fn read(sources: &Sources, root: &Path) -> Vec<Module> {
    let folder = root.parent().unwrap_or(Path::new("")).to_owned();
    let mut reader = Reader { sources, modules: Vec::new(), module: 0, folder };
    reader.module(root.to_owned(), None, |reader| {
        if let Some(file) = sources.get(root) {
            reader.visit_file(file);
        }
    });
    reader.modules
}

struct Reader<'a> {
    sources: &'a Sources,
    modules: Vec<Module>,
    /// The one being read.
    module: usize,
    /// Where its child modules' files are.
    folder: PathBuf,
}

impl Reader<'_> {
    /// Adds a module that `content` reads.
    fn module(&mut self, file: PathBuf, parent: Option<usize>, content: impl FnOnce(&mut Self)) -> usize {
        let new = self.modules.len();
        self.modules.push(Module {
            file,
            parent,
            children: HashMap::new(),
            items: HashSet::new(),
            imports: Vec::new(),
            paths: Vec::new(),
        });
        let outer = std::mem::replace(&mut self.module, new);
        content(self);
        self.module = outer;
        new
    }

    fn current(&mut self) -> &mut Module {
        &mut self.modules[self.module]
    }

    /// The file of the module `name`, which is declared in the one being read.
    fn file(&self, declaration: &ItemMod, name: &str) -> Option<PathBuf> {
        let beside = self.modules[self.module].file.parent().unwrap_or(Path::new(""));
        let places = match given_path(&declaration.attrs) {
            Some(path) => vec![normal(&beside.join(path))],
            None => {
                vec![self.folder.join(format!("{name}.rs")), self.folder.join(name).join("mod.rs")]
            }
        };
        places.into_iter().find(|place| self.sources.contains_key(place))
    }

    fn import(&mut self, tree: &UseTree, prefix: &[String], exported: bool) {
        let with = |name: &syn::Ident| [prefix, &[text(name)]].concat();
        let (name, segments) = match tree {
            UseTree::Path(path) => return self.import(&path.tree, &with(&path.ident), exported),
            UseTree::Group(group) => {
                return group.items.iter().for_each(|tree| self.import(tree, prefix, exported));
            }
            UseTree::Name(name) if name.ident == "self" => (prefix.last().cloned(), prefix.to_vec()),
            UseTree::Name(name) => (Some(text(&name.ident)), with(&name.ident)),
            UseTree::Rename(rename) if rename.ident == "self" => {
                (Some(text(&rename.rename)), prefix.to_vec())
            }
            UseTree::Rename(rename) => (Some(text(&rename.rename)), with(&rename.ident)),
            UseTree::Glob(_) => (None, prefix.to_vec()),
        };
        let path = Named { segments, line: tree.span().start().line };
        self.current().imports.push(Import { name, path, exported });
    }

    /// Finds the paths in what is not parsed: a macro's input, or an attribute's, where a string may be a path too.
    fn tokens(&mut self, tokens: TokenStream, strings: bool) {
        let mut segments: Vec<String> = Vec::new();
        let mut colons = 0;
        let mut after_dot = false;
        let mut line = 0;
        for token in tokens {
            if let TokenTree::Punct(punct) = &token
                && punct.as_char() == ':'
                && !segments.is_empty()
            {
                colons += 1;
                continue;
            }
            let ident = match &token {
                TokenTree::Ident(ident) => Some(text(ident)),
                _ => None,
            };
            match ident {
                Some(ident) if colons == 2 && !segments.is_empty() => segments.push(ident),
                ident => {
                    self.path(std::mem::take(&mut segments), line);
                    if let Some(ident) = ident.filter(|_| !after_dot) {
                        segments.push(ident);
                        line = token.span().start().line;
                    }
                }
            }
            colons = 0;
            after_dot = matches!(&token, TokenTree::Punct(punct) if punct.as_char() == '.');
            match token {
                TokenTree::Group(group) => self.tokens(group.stream(), strings),
                TokenTree::Literal(literal) if strings => {
                    let text = literal.to_string();
                    if let Ok(path) = syn::parse_str::<syn::Path>(text.trim_matches('"')) {
                        let segments = path.segments.iter().map(text_of).collect();
                        self.path(segments, literal.span().start().line);
                    }
                }
                _ => {}
            }
        }
        self.path(segments, line);
    }

    fn path(&mut self, segments: Vec<String>, line: usize) {
        if !segments.is_empty() {
            self.current().paths.push(Named { segments, line });
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        if rust::only_for_tests(item) {
            return;
        }
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        if let Some(name) = name {
            let name = text(name);
            self.current().items.insert(name);
        }
        visit::visit_item(self, item);
    }

    fn visit_item_mod(&mut self, declaration: &'ast ItemMod) {
        let name = text(&declaration.ident);
        let parent = self.module;
        let child = if let Some((_, items)) = &declaration.content {
            let folder = self.folder.join(&name);
            let outer = std::mem::replace(&mut self.folder, folder);
            let file = self.current().file.clone();
            let child = self.module(file, Some(parent), |reader| {
                items.iter().for_each(|item| reader.visit_item(item));
            });
            self.folder = outer;
            child
        } else {
            let Some(file) = self.file(declaration, &name) else { return };
            let folder = if file.ends_with("mod.rs") || given_path(&declaration.attrs).is_some() {
                file.parent().unwrap_or(Path::new("")).to_owned()
            } else {
                file.with_extension("")
            };
            let outer = std::mem::replace(&mut self.folder, folder);
            let sources = self.sources;
            let child = self.module(file.clone(), Some(parent), |reader| {
                if let Some(file) = sources.get(&file) {
                    reader.visit_file(file);
                }
            });
            self.folder = outer;
            child
        };
        self.current().children.insert(name, child);
    }

    fn visit_item_use(&mut self, import: &'ast ItemUse) {
        if import.leading_colon.is_none() {
            self.import(&import.tree, &[], !matches!(import.vis, Visibility::Inherited));
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            let segments = path.segments.iter().map(text_of).collect();
            self.path(segments, path.span().start().line);
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.visit_path(&invocation.path);
        self.tokens(invocation.tokens.clone(), false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.tokens(list.tokens.clone(), true);
        }
    }
}

/// What `#[path = "…"]` says.
fn given_path(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    })
}

/// A path without `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        if part.as_os_str() == ".." {
            normal.pop();
        } else {
            normal.push(part);
        }
    }
    normal
}

fn text(ident: &syn::Ident) -> String {
    let text = ident.to_string();
    text.strip_prefix("r#").map(str::to_owned).unwrap_or(text)
}

fn text_of(segment: &syn::PathSegment) -> String {
    text(&segment.ident)
}
