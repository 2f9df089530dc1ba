//! Steps that require each other in a circle could never be begun.

use std::collections::HashMap;

use super::fields::items;
use crate::problem::{Findings, shown};
use crate::steps::StepSource;

/// Notes each circle once, at its first step.
pub(super) fn check(steps: &[StepSource], findings: &mut Findings) {
    let indices: HashMap<&str, usize> = steps
        .iter()
        .enumerate()
        .rev()
        .filter_map(|(index, step)| Some((step.id.as_ref()?.value.as_str(), index)))
        .collect();
    let required: Vec<Vec<usize>> = steps
        .iter()
        .map(|step| {
            let requires = step.body.as_ref().map(|body| &body.requires);
            requires
                .into_iter()
                .flat_map(items)
                .filter_map(|(_, id)| indices.get(id.value.as_str()).copied())
                .collect()
        })
        .collect();
    let stuck = never_begun(&required);
    for mut circle in circles(&required, &stuck) {
        // Begin the circle at its first step in the order of the workshop.
        if let Some(first) = (0..circle.len()).min_by_key(|&at| circle[at]) {
            circle.rotate_left(first);
        }
        let Some(requires) = circle
            .first()
            .and_then(|&index| steps[index].body.as_ref())
            .and_then(|body| body.requires.as_ref())
        else {
            continue;
        };
        let ids: Vec<&str> = circle
            .iter()
            .chain(circle.first())
            .filter_map(|&index| Some(steps[index].id.as_ref()?.value.as_str()))
            .collect();
        let instead = format!("remove one of {}", shown(&ids.join(" -> ")));
        findings.add(&requires.place, "circular dependency detected", instead);
    }
}

/// The steps that stay when all that can be begun are taken away, again and again.
fn never_begun(required: &[Vec<usize>]) -> Vec<bool> {
    let mut open: Vec<usize> = required.iter().map(Vec::len).collect();
    let mut requirers = vec![Vec::new(); required.len()];
    for (index, list) in required.iter().enumerate() {
        for &other in list {
            requirers[other].push(index);
        }
    }
    let mut ready: Vec<usize> = (0..required.len()).filter(|&index| open[index] == 0).collect();
    while let Some(index) = ready.pop() {
        for &requirer in &requirers[index] {
            open[requirer] -= 1;
            if open[requirer] == 0 {
                ready.push(requirer);
            }
        }
    }
    open.into_iter().map(|count| count > 0).collect()
}

/// Follows from each stuck step the first stuck one that it requires, until a walk meets itself.
fn circles(required: &[Vec<usize>], stuck: &[bool]) -> Vec<Vec<usize>> {
    let next = |index: usize| required[index].iter().copied().find(|&other| stuck[other]);
    let mut walk_of = vec![None; required.len()];
    let mut circles = Vec::new();
    for start in (0..required.len()).filter(|&index| stuck[index]) {
        let mut walk = Vec::new();
        let mut current = Some(start);
        while let Some(index) = current.filter(|&index| walk_of[index].is_none()) {
            walk_of[index] = Some(start);
            walk.push(index);
            current = next(index);
        }
        if let Some(meeting) = current.filter(|&index| walk_of[index] == Some(start))
            && let Some(begin) = walk.iter().position(|&index| index == meeting)
        {
            circles.push(walk.split_off(begin));
        }
    }
    circles
}
