//! What goss 0.4.8 answers with `--format json`, as far as it is used here.

use serde::Deserialize;
use serde_json::Value;

/// The whole answer.
#[derive(Debug, Deserialize)]
struct Answer {
    results: Vec<Outcome>,
}

/// One property of one resource.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Outcome {
    /// Such as `File`, `Command`, `HTTP`.
    pub(super) resource_type: String,
    /// The key in the spec; of a resource with another name also that, as `key: name`.
    pub(super) resource_id: String,
    /// Such as `mode`, `exit-status`, `Body`.
    pub(super) property: String,
    /// The author's own title of the resource, or empty.
    #[serde(default)]
    pub(super) title: String,
    pub(super) successful: bool,
    /// Not looked at: the author said so, or an earlier property of the resource makes it moot. Then also `successful`.
    #[serde(default)]
    pub(super) skipped: bool,
    /// Why it could not be looked at.
    pub(super) err: Option<String>,
    #[serde(default)]
    pub(super) matcher_result: Matched,
}

/// What was compared.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Matched {
    #[serde(default)]
    pub(super) actual: Value,
    #[serde(default)]
    pub(super) expected: Value,
    /// How they were compared, such as `to equal`.
    #[serde(default)]
    pub(super) message: String,
    pub(super) missing_elements: Option<Vec<Value>>,
    /// Conversions that came before, such as to a number.
    pub(super) transform_chain: Option<Vec<Value>>,
}

/// The outcomes in an answer, in goss's order, which is another each time. None if it is no answer of goss.
pub(super) fn parse(answer: &str) -> Option<Vec<Outcome>> {
    serde_json::from_str::<Answer>(answer).ok().map(|answer| answer.results)
}

impl Outcome {
    /// Why the spec itself is at fault, if it is: then there is nothing that a student could do.
    pub(super) fn fault_of_spec(&self) -> Option<&str> {
        let error = self.err.as_deref()?;
        let raw = self.matcher_result.transform_chain.is_none();
        (error.starts_with("Syntax Error: ")
            || error.contains("error parsing regexp: ")
            || error.contains("unsupported protocol scheme")
            // The kind of a property is known to the author, unless it was made from what the student wrote.
            || (raw && error.contains(" matcher expects ")))
        .then_some(error)
    }
}
