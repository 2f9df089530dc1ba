//! Which steps may be opened, in the three modes.

use workshop_definition::artifact::Navigation;

use crate::Projection;

/// Whether a step may be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// Yes.
    Open,
    /// No, and why, in words for the student.
    Locked(String),
    /// The workshop has no such step.
    Unknown,
}

impl Projection {
    /// Whether `step` may be opened. Given steps open the way as completed ones do; what was once completed stays
    /// open, and so does the active step.
    pub fn access(&self, step: &str) -> Access {
        let Some(position) = self.position(step) else { return Access::Unknown };
        if self.active() == Some(step) || self.is_done(step) {
            return Access::Open;
        }
        let missing: Vec<&str> = match self.navigation {
            Navigation::Free => return Access::Open,
            Navigation::Linear => self.undone(self.steps[..position].iter().map(|s| s.id.as_str())),
            Navigation::Guided => {
                let required = self.undone(self.steps[position].requires.iter().map(String::as_str));
                if required.is_empty()
                    && let Some(group) = self.locking_group(position)
                {
                    return Access::Locked(format!("Complete the group \"{group}\" first."));
                }
                required
            }
        };
        match missing.first() {
            None => Access::Open,
            Some(first) => Access::Locked(format!("Complete \"{}\" first.", self.title(first))),
        }
    }

    /// The group before that of the step at `position`, unless all its steps are done.
    fn locking_group(&self, position: usize) -> Option<&str> {
        let own = self.steps[position].group.as_deref()?;
        let first_of_own = self.steps.iter().position(|s| s.group.as_deref() == Some(own))?;
        let before = self.steps[..first_of_own].iter().rev().find_map(|s| s.group.as_deref())?;
        let done =
            self.steps.iter().filter(|s| s.group.as_deref() == Some(before)).all(|s| self.is_done(&s.id));
        (!done).then_some(before)
    }

    fn undone<'a>(&self, steps: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
        steps.filter(|id| !self.is_done(id)).collect()
    }

    fn is_done(&self, step: &str) -> bool {
        self.is_completed(step) || self.is_given(step)
    }

    fn title<'a>(&'a self, step: &'a str) -> &'a str {
        self.steps.iter().find(|s| s.id == step && !s.title.is_empty()).map_or(step, |s| s.title.as_str())
    }
}
