//! What an audit found: things that are wrong, and things to know. Of each file the first are kept, all are counted.

use std::collections::HashMap;

use serde::Serialize;

/// At most this many findings of a file are listed.
const KEEP: u64 = 100;

/// One thing about one place of a log.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Finding {
    /// The file.
    pub(super) file: String,
    /// Byte offset of the line that it is about; none when it is about the whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) offset: Option<u64>,
    /// A word for machines.
    pub(super) kind: &'static str,
    /// What it is.
    pub(super) message: String,
}

/// The findings so far.
#[derive(Debug, Default)]
pub(super) struct Findings {
    wrong: List,
    notes: List,
}

#[derive(Debug, Default)]
struct List {
    kept: Vec<Finding>,
    total: u64,
    of_file: HashMap<String, u64>,
}

impl Findings {
    /// Something that is not as it should be.
    pub(super) fn wrong(
        &mut self,
        file: &str,
        at: Option<u64>,
        kind: &'static str,
        message: impl Into<String>,
    ) {
        self.wrong.add(file, at, kind, message.into());
    }

    /// Something to know that is in order.
    pub(super) fn note(
        &mut self,
        file: &str,
        at: Option<u64>,
        kind: &'static str,
        message: impl Into<String>,
    ) {
        self.notes.add(file, at, kind, message.into());
    }

    /// Findings of a file that were counted and could not be given one by one.
    pub(super) fn more(&mut self, file: &str, number: u64) {
        self.wrong.total += number;
        *self.wrong.of_file.entry(file.to_owned()).or_default() += number;
    }

    /// How many things are wrong.
    pub(super) fn wrong_total(&self) -> u64 {
        self.wrong.total
    }

    /// How many things are wrong in a file.
    pub(super) fn wrong_in(&self, file: &str) -> u64 {
        self.wrong.of_file.get(file).copied().unwrap_or_default()
    }

    /// How many notes there are.
    pub(super) fn notes_total(&self) -> u64 {
        self.notes.total
    }

    /// What is wrong, and the notes, each by file and offset.
    pub(super) fn into_lists(self) -> (Vec<Finding>, Vec<Finding>) {
        let [mut wrong, mut notes] = [self.wrong.kept, self.notes.kept];
        for list in [&mut wrong, &mut notes] {
            list.sort_by(|a, b| (&a.file, a.offset).cmp(&(&b.file, b.offset)));
        }
        (wrong, notes)
    }
}

impl List {
    fn add(&mut self, file: &str, offset: Option<u64>, kind: &'static str, message: String) {
        self.total += 1;
        let of_file = self.of_file.entry(file.to_owned()).or_default();
        *of_file += 1;
        if *of_file <= KEEP {
            self.kept.push(Finding { file: file.to_owned(), offset, kind, message });
        }
    }
}
