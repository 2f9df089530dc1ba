//! The one direction of the arrows between crates, and what the pure ones must not reach.

use std::collections::{HashMap, HashSet};

use anyhow::{Context, Result};
use cargo_metadata::{DependencyKind, Metadata, Node, PackageId};

/// Each crate, and the crates of ours that it may depend on, without their common `workshop-`. ARCHITECTURE.md has the same
/// table with the reasons. Nobody may depend on `testing`, except for tests.
const ARROWS: &[(&str, &str)] = &[
    ("events", ""),
    ("journal", "events"),
    ("definition", ""),
    ("projector", "events definition"),
    ("wire", "events projector"),
    ("edge", "wire"),
    ("sandbox", "events definition"),
    ("pages", "edge"),
    ("backend", "events journal projector definition wire edge sandbox pages"),
    ("shipper", "events journal wire"),
    ("dashboard", "events projector definition wire edge pages"),
    ("cli", "events journal projector definition wire sandbox shipper"),
    ("simulator", "events journal"),
    (
        "testing",
        "events journal projector definition wire edge sandbox pages backend shipper dashboard cli simulator",
    ),
    ("fuzz", "events definition backend"),
    ("xtask", "events definition sandbox simulator"),
];

/// Crates that are functions of their input: no runtime, no file-system watching, no network, however far down.
const PURE: &[&str] = &["events", "projector", "wire"];

/// What a pure crate must not reach.
const IMPURE: &[&str] = &["tokio", "mio", "notify", "rustix", "socket2", "hyper", "getrandom"];

pub(super) fn check(metadata: &Metadata) -> Result<Vec<String>> {
    let resolve = metadata.resolve.as_ref().context("cargo metadata resolved nothing")?;
    let nodes: HashMap<&PackageId, &Node> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let name = |id: &PackageId| metadata[id].name.trim_start_matches("workshop-").to_owned();
    let members: HashSet<&PackageId> = metadata.workspace_members.iter().collect();
    let mut findings = Vec::new();
    for member in &metadata.workspace_members {
        let from = name(member);
        let Some((_, allowed)) = ARROWS.iter().find(|(known, _)| *known == from) else {
            findings.push(format!("{from}: a crate without arrows in xtask/src/tidy/arrows.rs"));
            continue;
        };
        for to in shipped(nodes[member]).filter(|id| members.contains(id)).map(name) {
            if !allowed.split(' ').any(|allowed| allowed == to) {
                findings.push(format!("{from} -> {to}: an arrow against ARCHITECTURE.md"));
            }
        }
        if PURE.contains(&from.as_str()) {
            let reached = reachable(member, &nodes);
            let impure = reached.into_iter().map(name).filter(|name| IMPURE.contains(&name.as_str()));
            findings.extend(impure.map(|impure| format!("{from} reaches {impure}, but is pure")));
        }
    }
    findings.sort();
    Ok(findings)
}

/// What a crate is built with when it is used; tests may depend on more.
fn shipped(node: &Node) -> impl Iterator<Item = &PackageId> {
    node.deps
        .iter()
        .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development))
        .map(|dep| &dep.pkg)
}

fn reachable<'a>(from: &'a PackageId, nodes: &HashMap<&'a PackageId, &'a Node>) -> HashSet<&'a PackageId> {
    let mut reached = HashSet::new();
    let mut next = vec![from];
    while let Some(id) = next.pop() {
        if reached.insert(id) {
            next.extend(shipped(nodes[id]));
        }
    }
    reached
}
