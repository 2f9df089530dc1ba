//! What is wrong with a definition, and where: every problem has its file, line, column and field.

use std::collections::HashSet;
use std::fmt;
use std::rc::Rc;

/// The longest piece of the author's text that a message repeats, in characters.
const MAX_SHOWN: usize = 60;

/// One thing that the author has to mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file, relative to the workshop's directory.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The path of the field, like `steps[1].id`; empty when the problem is the file itself.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub instead: Option<String>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: ", self.file, self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.instead {
            Some(instead) => write!(f, "; {instead}"),
            None => Ok(()),
        }
    }
}

/// All problems of a definition, in the order of files and lines; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// The problems in order.
    pub fn iter(&self) -> std::slice::Iter<'_, Problem> {
        self.0.iter()
    }

    /// How many there are, at least one.
    #[expect(clippy::len_without_is_empty, reason = "never empty")]
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl IntoIterator for Problems {
    type Item = Problem;
    type IntoIter = std::vec::IntoIter<Problem>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A line and a column, both from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pos {
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Pos {
    /// The beginning of a file.
    pub(crate) const START: Self = Self { line: 1, column: 1 };
}

/// Where a value stands: in which file, at which position, as which field.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: Rc<str>,
    pub(crate) pos: Pos,
    pub(crate) path: String,
}

impl Place {
    /// The beginning of a file, as the field `path`.
    pub(crate) fn start_of(file: &str, path: &str) -> Self {
        Self { file: file.into(), pos: Pos::START, path: path.to_owned() }
    }

    /// The field `key` of the value here, at the same position.
    pub(crate) fn field(&self, key: &str) -> Self {
        let key = shown(key);
        let path = if self.path.is_empty() { key } else { format!("{}.{key}", self.path) };
        Self { path, ..self.clone() }
    }

    /// The item `index` of the list here, at the same position.
    pub(crate) fn item(&self, index: usize) -> Self {
        Self { path: format!("{}[{index}]", self.path), ..self.clone() }
    }

    /// The same file and field at another position.
    pub(crate) fn at(self, pos: Pos) -> Self {
        Self { pos, ..self }
    }

    /// The same file and position under another path.
    pub(crate) fn named(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    problems: Vec<Problem>,
    misread: HashSet<String>,
}

impl Findings {
    /// Notes a problem; `instead` may be empty.
    pub(crate) fn add(&mut self, place: &Place, message: impl Into<String>, instead: impl Into<String>) {
        let instead = instead.into();
        self.problems.push(Problem {
            file: place.file.to_string(),
            line: place.pos.line,
            column: place.pos.column,
            path: place.path.clone(),
            message: message.into(),
            instead: (!instead.is_empty()).then_some(instead),
        });
    }

    /// Notes a value of a wrong type. It is then read as missing, which [`Self::was_misread`] tells apart.
    pub(crate) fn add_misread(
        &mut self,
        place: &Place,
        message: impl Into<String>,
        instead: impl Into<String>,
    ) {
        self.misread.insert(place.path.clone());
        self.add(place, message, instead);
    }

    /// Whether the value of this field, or the one around it, was there but could not be read: that it is missing
    /// would be a second message for one fault.
    pub(crate) fn was_misread(&self, around: &Place, key: &str) -> bool {
        self.misread.contains(&around.path) || self.misread.contains(&around.field(key).path)
    }

    /// What was read if nothing was found wrong, else all problems: those of `first_file` before the other files'.
    /// Whoever reads nothing must have noted why.
    pub(crate) fn into_result<T>(mut self, first_file: &str, read: Option<T>) -> Result<T, Problems> {
        match read {
            Some(read) if self.problems.is_empty() => Ok(read),
            _ => {
                let order = |p: &Problem| (p.file != first_file, p.file.clone(), p.line, p.column);
                self.problems.sort_by_cached_key(order);
                Err(Problems(self.problems))
            }
        }
    }
}

/// The author's text as a message repeats it: on one line and not too long.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String =
        text.chars().take(MAX_SHOWN).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(MAX_SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

/// The word that the author may have meant, if one is near enough.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = shown(word).to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(&word, &candidate.to_lowercase()), candidate))
        .filter(|(likeness, _)| *likeness >= 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}
