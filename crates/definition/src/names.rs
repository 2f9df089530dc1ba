//! What the names in a workshop may look like: step ids, environment variables, image repositories.

use crate::problem::shown;

/// The longest step id, in bytes; a container label holds no more.
const MAX_STEP_ID: usize = 63;

/// The tag of the beginning, before step 1; no step may have it.
const RESERVED_STEP_ID: &str = "step-0";

/// Whether a step may have this id; if not, what is wrong with it.
pub(crate) fn check_step_id(id: &str) -> Result<(), String> {
    let is_word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if id == RESERVED_STEP_ID {
        return Err(format!("{RESERVED_STEP_ID:?} is reserved"));
    }
    if !id.bytes().all(|b| is_word(&b) || b == b'-') || !id.as_bytes().first().is_some_and(is_word) {
        return Err("must be lowercase alphanumeric and hyphens only".into());
    }
    if id.len() > MAX_STEP_ID {
        return Err(format!("must be at most {MAX_STEP_ID} characters"));
    }
    Ok(())
}

/// Whether this is the name of an environment variable: letters, digits and `_`, not beginning with a digit.
pub(crate) fn is_env_name(name: &str) -> bool {
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && name.as_bytes().first().is_some_and(|b| !b.is_ascii_digit())
}

/// What [`is_env_name`] asks for, as a message.
pub(crate) const ENV_NAME_RULE: &str = "must be the name of an environment variable";

/// Whether other containers can reach one by this name: a label of the name system, in lower case.
pub(crate) fn is_host_name(name: &str) -> bool {
    let is_word = |b: &u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=63).contains(&name.len())
        && name.bytes().all(|b| is_word(&b) || b == b'-')
        && name.as_bytes().first().is_some_and(is_word)
        && name.as_bytes().last().is_some_and(is_word)
}

/// What [`is_host_name`] asks for, as a message.
pub(crate) const HOST_NAME_RULE: &str =
    "must be lowercase alphanumeric and hyphens only, at most 63 characters";

/// What to write instead of a step id that is not allowed.
pub(crate) fn suggest_step_id(id: &str) -> String {
    let words: String =
        id.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    let parts: Vec<&str> = words.split('-').filter(|part| !part.is_empty()).collect();
    let mut suggestion = parts.join("-");
    suggestion.truncate(MAX_STEP_ID);
    if check_step_id(&suggestion).is_ok() {
        format!("write {suggestion:?}")
    } else {
        "write an id like \"step-1-intro\"".into()
    }
}

/// Whether this is an image repository without a tag; if not, what is wrong and what to write instead.
pub(crate) fn check_repository(image: &str) -> Result<(), (&'static str, String)> {
    let (host, path) = image.rsplit_once('/').unwrap_or(("", image));
    if let Some((name, _)) = path.split_once([':', '@']) {
        let repository = if host.is_empty() { name.to_owned() } else { format!("{host}/{name}") };
        return Err(("must be a repository without a tag", format!("write {:?}", shown(&repository))));
    }
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let is_part = |part: &str| {
        part.starts_with(is_word)
            && part.ends_with(is_word)
            && part.chars().all(|c| is_word(c) || "._-".contains(c))
    };
    let is_host = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.chars().all(|c| c.is_ascii_alphanumeric() || ".-:".contains(c))
    };
    let mut parts = image.split('/').enumerate();
    if parts.all(|(index, part)| is_part(part) || (index == 0 && !host.is_empty() && is_host(part))) {
        Ok(())
    } else {
        Err(("must be an image repository", "write it like \"myorg/name\", in lowercase".into()))
    }
}

/// The permission bits of an octal mode like `0755`.
pub(crate) fn parse_mode(mode: &str) -> Option<u32> {
    let octal = (3..=4).contains(&mode.len()) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b));
    octal.then(|| u32::from_str_radix(mode, 8).ok()).flatten()
}
