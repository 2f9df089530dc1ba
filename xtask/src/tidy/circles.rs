//! No circles between the files of a crate: what a file uses must be readable without reading the file.
//!
//! An arrow goes from the file that uses a name to the file that defines it, whichever `pub use` it comes through. Neither
//! `mod child;` nor `pub use child::Name` is an arrow; using the name is.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::path::{Path, PathBuf};

use super::modules::{self, Module, Named};
use super::rust::Sources;

/// From each file to those it uses: the first line that does, and what stands there.
type Arrows = BTreeMap<PathBuf, BTreeMap<PathBuf, (usize, String)>>;

/// Looks at each target by its first file.
pub(super) fn check(sources: &Sources, roots: &[PathBuf]) -> Vec<String> {
    let mut findings: Vec<String> =
        roots.iter().flat_map(|root| circles(&arrows(&modules::read(sources, root)))).collect();
    findings.sort();
    findings.dedup();
    findings
}

fn arrows(modules: &[Module]) -> Arrows {
    let mut arrows = Arrows::new();
    for (at, module) in modules.iter().enumerate() {
        let imports = module.imports.iter().filter(|import| !import.exported).map(|import| &import.path);
        for named in imports.chain(&module.paths) {
            let Some(Place { module: to, item: true }) = resolve(modules, at, &named.segments, 0) else {
                continue;
            };
            let to = &modules[to].file;
            if *to != module.file {
                note(&mut arrows, &module.file, to, named);
            }
        }
    }
    arrows
}

fn note(arrows: &mut Arrows, from: &Path, to: &Path, named: &Named) {
    let use_ = (named.line, named.segments.join("::"));
    let first = arrows.entry(from.to_owned()).or_default().entry(to.to_owned()).or_insert(use_.clone());
    if use_.0 < first.0 {
        *first = use_;
    }
}

/// Where a path leads: to a module, or to an item in it.
#[derive(Clone, Copy)]
struct Place {
    module: usize,
    item: bool,
}

/// More `use`s in a row than anyone writes: they name each other.
const DEEPEST: usize = 32;

/// Where a path leads that stands in the module `at`; nowhere, if it leads out of the crate.
fn resolve(modules: &[Module], at: usize, path: &[String], depth: usize) -> Option<Place> {
    let (first, rest) = path.split_first()?;
    match first.as_str() {
        "crate" => follow(modules, 0, rest, depth),
        "self" => follow(modules, at, rest, depth),
        "super" => follow(modules, modules[at].parent?, rest, depth),
        // A name alone is a value or a type, and no module.
        name if modules[at].children.contains_key(name) && rest.is_empty() && !has(&modules[at], name) => {
            None
        }
        name if knows(modules, at, name, depth) => follow(modules, at, path, depth),
        _ => None,
    }
}

/// Where the rest of a path leads that has led to `module`.
fn follow(modules: &[Module], module: usize, path: &[String], depth: usize) -> Option<Place> {
    let Some((first, rest)) = path.split_first() else { return Some(Place { module, item: false }) };
    let here = &modules[module];
    if depth > DEEPEST {
        return None;
    }
    if first == "super" {
        return follow(modules, here.parent?, rest, depth);
    }
    let child = here.children.get(first);
    if let Some(child) = child.filter(|_| !rest.is_empty()) {
        return follow(modules, *child, rest, depth);
    }
    if here.items.contains(first) {
        return Some(Place { module, item: true });
    }
    if let Some(import) = here.imports.iter().find(|import| import.name.as_ref() == Some(first)) {
        // `use name::name` without such a module is of another crate.
        let foreign = import.path.segments.first() == Some(first) && child.is_none();
        let path = [&import.path.segments, rest].concat();
        return if foreign { None } else { resolve(modules, module, &path, depth + 1) };
    }
    if let Some(child) = child {
        return Some(Place { module: *child, item: false });
    }
    for import in here.imports.iter().filter(|import| import.name.is_none()) {
        if let Some(Place { module: from, item: false }) =
            resolve(modules, module, &import.path.segments, depth + 1)
            && from != module
            && knows(modules, from, first, depth + 1)
        {
            return follow(modules, from, path, depth + 1);
        }
    }
    // Here, or made here by a macro.
    Some(Place { module, item: true })
}

fn has(module: &Module, name: &str) -> bool {
    module.items.contains(name) || module.imports.iter().any(|import| import.name.as_deref() == Some(name))
}

/// Whether a name means something in a module.
fn knows(modules: &[Module], at: usize, name: &str, depth: usize) -> bool {
    let module = &modules[at];
    has(module, name)
        || module.children.contains_key(name)
        || depth <= DEEPEST
            && module.imports.iter().filter(|import| import.name.is_none()).any(|import| {
                matches!(
                    resolve(modules, at, &import.path.segments, depth + 1),
                    Some(Place { module: from, item: false })
                        if from != at && knows(modules, from, name, depth + 1)
                )
            })
}

/// For each arrow that is part of a circle the shortest one, each circle once.
fn circles(arrows: &Arrows) -> Vec<String> {
    let mut seen = HashSet::new();
    let mut findings = Vec::new();
    for (from, targets) in arrows {
        for to in targets.keys() {
            let Some(way) = shortest(arrows, to, from) else { continue };
            // Begun with its first file by name, a circle is the same wherever it was found.
            let first = way.iter().enumerate().min_by_key(|(_, file)| *file).map_or(0, |(index, _)| index);
            let circle: Vec<&PathBuf> = way[first..].iter().chain(&way[..first]).copied().collect();
            if seen.insert(circle.clone()) {
                findings.push(shown(arrows, &circle));
            }
        }
    }
    findings
}

/// The shortest way between two files, with both.
fn shortest<'a>(arrows: &'a Arrows, from: &'a PathBuf, to: &'a PathBuf) -> Option<Vec<&'a PathBuf>> {
    let mut before: HashMap<&PathBuf, Option<&PathBuf>> = HashMap::from([(from, None)]);
    let mut next = VecDeque::from([from]);
    while let Some(file) = next.pop_front() {
        if file == to {
            let mut way: Vec<_> =
                std::iter::successors(Some(file), |file| before.get(*file).copied().flatten()).collect();
            way.reverse();
            return Some(way);
        }
        for target in arrows.get(file).into_iter().flat_map(BTreeMap::keys) {
            before.entry(target).or_insert_with(|| {
                next.push_back(target);
                Some(file)
            });
        }
    }
    None
}

fn shown(arrows: &Arrows, circle: &[&PathBuf]) -> String {
    let mut lines = Vec::new();
    for (index, from) in circle.iter().enumerate() {
        let to = circle[(index + 1) % circle.len()];
        let (line, path) = &arrows[*from][to];
        if index == 0 {
            lines.push(format!("{}:{line}: a circle of {} files", from.display(), circle.len()));
        }
        lines.push(format!("    {}:{line} uses {} (`{path}`)", from.display(), to.display()));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};

    /// Files of a crate, each with its text.
    fn check(files: &[(&str, &str)], expected: Expect) {
        let parsed = |(path, text): &(&str, &str)| (PathBuf::from(path), syn::parse_file(text).unwrap());
        let sources: Sources = files.iter().map(parsed).collect();
        expected.assert_eq(&super::check(&sources, &[PathBuf::from(files[0].0)]).join("\n"));
    }

    #[test]
    fn declarations_and_exports_are_no_arrows() {
        check(
            &[
                ("lib.rs", "mod a;\nmod b;\npub use a::{A, Other};\npub use b::*;"),
                ("a.rs", "use std::fs;\npub struct A(crate::B);\npub struct Other;"),
                ("b.rs", "pub struct B;"),
            ],
            expect![""],
        );
    }

    #[test]
    fn files_that_use_each_other_are_a_circle() {
        check(
            &[
                ("lib.rs", "mod a;\nmod b;"),
                ("a.rs", "//! A.\nuse crate::b::{self, B};\npub struct A;"),
                ("b.rs", "use super::a::A;\npub struct B;"),
            ],
            expect![[r#"
                a.rs:2: a circle of 2 files
                    a.rs:2 uses b.rs (`crate::b::B`)
                    b.rs:1 uses a.rs (`super::a::A`)"#]],
        );
    }

    #[test]
    fn a_child_that_uses_its_parent_is_not_used_by_it() {
        let child = ("a/child.rs", "use super::A;\npub fn child() {}");
        check(
            &[("lib.rs", "mod a;"), ("a.rs", "mod child;\npub use child::child;\npub struct A;"), child],
            expect![""],
        );
        check(
            &[("lib.rs", "mod a;"), ("a.rs", "mod child;\nuse child::child;\npub struct A;"), child],
            expect![[r#"
                a/child.rs:1: a circle of 2 files
                    a/child.rs:1 uses a.rs (`super::A`)
                    a.rs:2 uses a/child.rs (`child::child`)"#]],
        );
        check(
            &[("lib.rs", "mod a;"), ("a.rs", "mod child;\nfn a() { child::child() }\npub struct A;"), child],
            expect![[r#"
                a/child.rs:1: a circle of 2 files
                    a/child.rs:1 uses a.rs (`super::A`)
                    a.rs:2 uses a/child.rs (`child::child`)"#]],
        );
        check(
            &[
                ("lib.rs", "mod a;"),
                ("a.rs", "mod child;\npub use child::child;\npub struct A; fn a() { child() }"),
                child,
            ],
            expect![[r#"
                a/child.rs:1: a circle of 2 files
                    a/child.rs:1 uses a.rs (`super::A`)
                    a.rs:3 uses a/child.rs (`child`)"#]],
        );
    }

    #[test]
    fn a_name_is_followed_to_its_definition() {
        check(
            &[
                ("lib.rs", "mod a;\nmod b;\nmod c;\npub use b::B;"),
                ("a.rs", "pub fn a() { let _ = crate::B; }"),
                ("b.rs", "use crate::c::*;\npub struct B(C);"),
                ("c/mod.rs", "mod inner;\npub(crate) use inner::C;"),
                ("c/inner.rs", "pub struct C;\nmod block {\n    fn c() { super::super::super::a::a() }\n}"),
            ],
            expect![[r#"
                a.rs:1: a circle of 3 files
                    a.rs:1 uses b.rs (`crate::B`)
                    b.rs:2 uses c/inner.rs (`C`)
                    c/inner.rs:3 uses a.rs (`super::super::super::a::a`)"#]],
        );
    }

    #[test]
    fn macros_and_attributes_name_paths_too() {
        check(
            &[
                ("main.rs", "mod a;\nmod b;\n"),
                ("a.rs", "pub fn a() {\n    println!(\"{}\", crate::b::b());\n}"),
                (
                    "b.rs",
                    "#[derive(D)]\nstruct S {\n    #[serde(default = \"crate::a::a\")]\n    s: u8,\n}\npub fn b() {}",
                ),
            ],
            expect![[r#"
                a.rs:2: a circle of 2 files
                    a.rs:2 uses b.rs (`crate::b::b`)
                    b.rs:3 uses a.rs (`crate::a::a`)"#]],
        );
    }

    #[test]
    fn tests_may_use_whatever_they_test() {
        check(
            &[
                ("lib.rs", "mod a;\nmod b;"),
                ("a.rs", "pub struct A;\n#[cfg(test)]\nmod tests {\n    use crate::b::B;\n}"),
                ("b.rs", "use crate::a::A;\npub struct B(A);"),
            ],
            expect![""],
        );
    }
}
