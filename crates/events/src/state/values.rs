//! What the fields of state events hold.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Text;

/// A step as `backend_started` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "StepInfo")]
#[serde(rename_all = "camelCase")]
pub struct StepInfo<'a> {
    /// The step's id.
    #[serde(borrow)]
    pub id: Text<'a>,
    /// Its title.
    #[serde(borrow, default)]
    pub title: Text<'a>,
    /// Its group, in guided workshops.
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Text<'a>>,
    /// The steps that it requires, in guided workshops.
    #[serde(borrow, default, skip_serializing_if = "Vec::is_empty")]
    pub requires: Vec<Text<'a>>,
    /// Whether a check completes it; otherwise the student marks it as done.
    #[serde(default)]
    pub has_check: bool,
}

/// The swap that a container was made for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "SwitchDone")]
pub struct SwitchDone<'a> {
    /// The request's id.
    #[serde(borrow)]
    pub request: Text<'a>,
    /// Switch or reset.
    pub kind: SwitchKind,
    /// The step that it begins at.
    #[serde(borrow)]
    pub step: Text<'a>,
}

/// Why a step became active.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// The workspace began with it.
    Initial,
    /// The student went there.
    #[default]
    Navigate,
    /// A swap to it.
    Switch,
    /// A reset of it.
    Reset,
    /// A cause of a later version.
    #[serde(other)]
    Other,
}

impl Cause {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Navigate => "navigate",
            Self::Switch => "switch",
            Self::Reset => "reset",
            Self::Other => "other",
        }
    }
}

/// Who asked for a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The student. The only one that completes a step.
    #[default]
    Student,
    /// The backend's own interval.
    Periodic,
    /// A trigger of a later version.
    #[serde(other)]
    Other,
}

impl Trigger {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Periodic => "periodic",
            Self::Other => "other",
        }
    }
}

/// The two kinds of image swap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SwitchKind {
    /// Go to another step.
    Switch,
    /// Begin a step again.
    Reset,
}

impl SwitchKind {
    /// The word used in all formats.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Reset => "reset",
        }
    }

    /// The kind of a word, if it is one.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Switch, Self::Reset].into_iter().find(|kind| kind.as_str() == word)
    }
}

/// How many tests a check has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckCount {
    /// All of them.
    pub total: u32,
    /// Those that passed.
    pub passed: u32,
}

/// A test that failed, in the student's words.
// A record borrows its texts from the line; wherever it is kept or sent it owns them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[schemars(rename = "FailedCheck", bound = "S: JsonSchema + Serialize + Default")]
pub struct FailedTest<S = String> {
    /// What was tested.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required))]
    pub title: S,
    /// What was found.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required))]
    #[serde(default)]
    pub found: S,
    /// What was expected.
    #[cfg_attr(feature = "openapi", schema(value_type = String, required))]
    #[serde(default)]
    pub expected: S,
}

impl From<&FailedTest<Text<'_>>> for FailedTest {
    fn from(test: &FailedTest<Text<'_>>) -> Self {
        let [title, found, expected] =
            [&test.title, &test.found, &test.expected].map(|text| text.as_str().to_owned());
        Self { title, found, expected }
    }
}
