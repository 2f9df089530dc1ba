//! The students of a class: who is quick, who is stuck, who never comes.

use crate::random::Random;

/// How a student works. The kinds come in a fixed order, the same in every class, so that a class of six has one of each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StudentKind {
    /// Works through the steps, with mistakes.
    Steady,
    /// Fails the check of the third step again and again, and never passes it.
    Stuck,
    /// Is done with everything early.
    Quick,
    /// Stops typing in the middle, with the page open.
    Idle,
    /// Closes the page in the middle, and does not come back.
    Leaves,
    /// Has a workspace and never opens it.
    Absent,
}

/// The kinds in order; after thirty students they begin again.
const KINDS: [StudentKind; 30] = {
    use StudentKind::{Absent, Idle, Leaves, Quick, Steady, Stuck};
    [
        Steady, Stuck, Quick, Idle, Leaves, Absent, Steady, Steady, Steady, Steady, //
        Steady, Quick, Steady, Steady, Stuck, Steady, Steady, Steady, Leaves, Steady, //
        Steady, Idle, Steady, Quick, Steady, Stuck, Steady, Steady, Absent, Steady,
    ]
};

impl StudentKind {
    /// The kind of a student, counted from 0.
    pub fn of_student(index: usize) -> Self {
        KINDS[index % KINDS.len()]
    }
}

/// What makes one student another than the next.
#[derive(Clone, Debug)]
pub(crate) struct Habits {
    /// How many times the usual time everything takes.
    pub(crate) pace: f64,
    /// From 0 to 1: how rarely a command or a check goes wrong.
    pub(crate) skill: f64,
    /// From 0 to 1: how readily help is opened.
    pub(crate) asks: f64,
    /// Seconds for one key.
    pub(crate) key: f64,
    /// Seconds after the beginning of the class at which the page is opened.
    pub(crate) comes: f64,
}

impl Habits {
    pub(crate) fn of(kind: StudentKind, random: &mut Random) -> Self {
        let quick = kind == StudentKind::Quick;
        Self {
            pace: if quick { random.between(0.35, 0.5) } else { random.between(0.9, 2.2) },
            skill: if quick { random.between(0.85, 0.98) } else { random.between(0.25, 0.85) },
            asks: random.between(0.1, 0.9),
            key: if quick { random.between(0.05, 0.1) } else { random.between(0.09, 0.3) },
            comes: random.between(2.0, 150.0),
        }
    }
}
