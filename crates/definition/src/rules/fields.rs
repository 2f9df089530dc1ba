//! What the rules ask of any field: that it is there, and what is in it.

use crate::names;
use crate::problem::{Findings, Place};
use crate::source::record::{At, List};

/// Checks that the names of environment variables are names.
pub(super) fn check_env_names(env: &[(String, At<String>)], findings: &mut Findings) {
    for (name, value) in env {
        if !names::is_env_name(name) {
            let instead = "use letters, digits and _, and begin with no digit";
            findings.add(&value.place, names::ENV_NAME_RULE, instead);
        }
    }
}

/// The items of a list that may be left out.
pub(super) fn items<T>(list: &Option<List<T>>) -> impl Iterator<Item = (usize, &T)> {
    list.iter().flat_map(|list| list.items.iter().map(|(index, item)| (*index, item)))
}

/// The text of a field that is there and not blank.
pub(super) fn given(field: &Option<At<String>>) -> Option<&At<String>> {
    field.as_ref().filter(|text| !text.value.trim().is_empty())
}

/// The text of a field that must be there, else `<path>.<key>: required`.
pub(super) fn require_field<'a>(
    around: &Place,
    key: &str,
    field: &'a Option<At<String>>,
    instead: &str,
    findings: &mut Findings,
) -> Option<&'a At<String>> {
    let text = given(field);
    if text.is_none() && !findings.was_misread(around, key) {
        findings.add(&around.field(key), "required", instead);
    }
    text
}

/// The text of an item's field that must be there, else `<path>: <key> is required`.
pub(super) fn require<'a>(
    around: &Place,
    key: &str,
    field: &'a Option<At<String>>,
    findings: &mut Findings,
) -> Option<&'a At<String>> {
    let text = given(field);
    if text.is_none() && !findings.was_misread(around, key) {
        findings.add(around, format!("{key} is required"), format!("add {key}: and its value"));
    }
    text
}
